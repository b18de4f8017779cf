//! How desks name and write things: from a JSON object to a document.
//!
//! The document's own fields are taken as they are. Besides: other usual names (`title` and `body`
//! of a ticket), numbers written as text, impact and urgency in words, a list written with commas.
//! What a field of a scale says and is not understood is kept under `FIELD_raw`. A field of the
//! wrong type, a date that is none or a missing text refuses the line.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::lines::MAX_FIELD_BYTES;
use super::ndjson::name_of;
use super::{Mapped, Note, NoteKind, Options, Refused};
use crate::model::{Article, Document, Kind, Ticket, Time, Visibility};
use crate::text::Language;

type Object = Map<String, Value>;

/// The longest title made from a body, in characters.
const MAX_MADE_TITLE_CHARS: usize = 120;

/// The document that an object describes, with the names and values of other desks understood.
///
/// # Errors
/// What is wrong with it.
pub fn document_of_object(mut object: Object, options: Options) -> Result<Mapped, Refused> {
    // Absent and null are the same to every system that exports both.
    object.retain(|_, value| !value.is_null());
    check_texts(&object)?;
    let kind = take_kind(&mut object, options)?;
    let mut notes = Vec::new();
    understand_id(&mut object)?;
    understand_common(&mut object, kind, &mut notes);
    let document: Document = match kind {
        Kind::Article => article(object, &mut notes)?.into(),
        Kind::Ticket => ticket(object, &mut notes)?.into(),
    };
    Ok(Mapped::new(document, notes))
}

fn article(mut object: Object, notes: &mut Vec<Note>) -> Result<Article, Refused> {
    understand_updated(&mut object, notes);
    rename(&mut object, "description", "body");
    let is_state =
        |value: &Value| matches!(value.as_str(), Some("draft" | "published" | "archived"));
    keep_raw_unless(&mut object, "state", is_state, notes);
    if object.get("state_raw").is_some() {
        // An unknown state may be one that nobody should read yet.
        object.insert("state".to_owned(), Value::from("draft"));
    }
    keep_raw_unless(&mut object, "votes", Value::is_object, notes);
    if is_blank(&object, "title") && !is_blank(&object, "body") {
        let title = first_line(
            object
                .get("body")
                .and_then(Value::as_str)
                .unwrap_or_default(),
        );
        object.insert("title".to_owned(), Value::from(title));
        notes.push(note("title", "made from the first line of the body"));
    }
    if is_blank(&object, "title") {
        return Err(Refused::field(
            "title",
            "an article needs a title or a body",
        ));
    }
    read(object)
}

fn ticket(mut object: Object, notes: &mut Vec<Note>) -> Result<Ticket, Refused> {
    rename(&mut object, "title", "subject");
    rename(&mut object, "body", "description");
    if object.contains_key("resolution_note") {
        // Where both are there, `resolution` is a code such as "Won't Do".
        if let Some(code) = object.remove("resolution") {
            object.insert("resolution_code".to_owned(), code);
        }
        rename(&mut object, "resolution_note", "resolution");
    }
    if object.get("comments").is_some_and(Value::is_number) {
        rename(&mut object, "comments", "comment_count");
    }
    for (field, highest) in [("impact", 3), ("urgency", 3), ("priority", 5)] {
        understand_scale(&mut object, field, highest);
        let is_number = |value: &Value| {
            value
                .as_u64()
                .is_some_and(|number| (1..=highest).contains(&number))
        };
        keep_raw_unless(&mut object, field, is_number, notes);
    }
    keep_raw_unless(&mut object, "comments", Value::is_array, notes);
    if is_blank(&object, "subject") && is_blank(&object, "description") {
        let says_more = |field: &String| !is_blank(&object, field) && field != "id";
        if !object.keys().any(says_more) {
            let detail = "a ticket needs a subject or a description";
            return Err(Refused::field("subject", detail));
        }
        // Real exports have a few; what else they say is worth keeping.
        notes.push(note("subject", "neither subject nor description"));
    }
    read(object)
}

/// The document as the model reads it; an error names its field.
fn read<T: DeserializeOwned>(object: Object) -> Result<T, Refused> {
    serde_path_to_error::deserialize(Value::Object(object)).map_err(|error| {
        let path = error.path().to_string();
        let detail = error.inner().to_string();
        match path.as_str() {
            "." => Refused::new(detail),
            _ => Refused::field(path, detail),
        }
    })
}

fn take_kind(object: &mut Object, options: Options) -> Result<Kind, Refused> {
    match object.remove("kind") {
        Some(Value::String(name)) => Kind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or_else(|| {
                Refused::field("kind", format!("a kind is article or ticket, not {name:?}"))
            }),
        Some(other) => Err(Refused::field(
            "kind",
            format!("a kind is a text, not {}", name_of(&other)),
        )),
        None => options
            .default_kind
            .ok_or_else(|| Refused::field("kind", "the document does not say its kind")),
    }
}

fn understand_id(object: &mut Object) -> Result<(), Refused> {
    let id = object.get("id");
    if let Some(Value::Number(number)) = id {
        let id = number.to_string();
        object.insert("id".to_owned(), Value::from(id));
    } else if id.is_none() {
        return Err(Refused::field("id", "the document has no id"));
    }
    Ok(())
}

fn understand_common(object: &mut Object, kind: Kind, notes: &mut Vec<Note>) {
    if let Some(Value::String(list)) = object.get("tags") {
        let tags: Vec<Value> = list
            .split(',')
            .map(str::trim)
            .filter(|tag| !tag.is_empty())
            .map(Value::from)
            .collect();
        object.insert("tags".to_owned(), Value::from(tags));
    }
    let is_language = |value: &Value| {
        value
            .as_str()
            .is_some_and(|code| Language::from_code(code).is_ok())
    };
    keep_raw_unless(object, "language", is_language, notes);
    let is_understood = |value: &Value| match Visibility::from_json(value) {
        (Visibility::Public, _) => kind == Kind::Article,
        (_, is_understood) => is_understood,
    };
    keep_raw_unless(object, "visibility", is_understood, notes);
}

/// Reads numbers written as text, and the usual words of the scales.
fn understand_scale(object: &mut Object, field: &str, highest: u64) {
    let Some(Value::String(text)) = object.get(field) else {
        return;
    };
    let word = text.trim().to_lowercase();
    let number = word.parse::<u64>().ok().or(match (word.as_str(), highest) {
        ("critical", 5) | ("high", 3) => Some(1),
        ("high", 5) | ("medium" | "moderate" | "normal", 3) => Some(2),
        ("medium" | "moderate" | "normal", 5) | ("low", 3) => Some(3),
        ("low", 5) => Some(4),
        ("planning" | "trivial", 5) => Some(5),
        _ => None,
    });
    if let Some(number) = number {
        object.insert(field.to_owned(), Value::from(number));
    }
}

/// Takes `updated` of other systems as `updated_at` when it is a date that is written without
/// doubt; otherwise it is kept as it came: `01/02/2024` is two different days.
fn understand_updated(object: &mut Object, notes: &mut Vec<Note>) {
    let is_time = |value: &Value| value.as_str().is_some_and(|text| Time::parse(text).is_ok());
    match object.get("updated") {
        Some(value) if is_time(value) => rename(object, "updated", "updated_at"),
        Some(_) => notes.push(note(
            "updated",
            "not a date that is written without doubt, kept as it came",
        )),
        None => {}
    }
}

/// Moves a value that is not understood to `FIELD_raw`, and says so.
fn keep_raw_unless(
    object: &mut Object,
    field: &str,
    is_understood: impl Fn(&Value) -> bool,
    notes: &mut Vec<Note>,
) {
    if object.get(field).is_some_and(|value| !is_understood(value))
        && let Some(value) = object.remove(field)
    {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let shown: String = text.chars().take(40).collect();
        notes.push(Note {
            kind: NoteKind::UnknownValue,
            field: field.to_owned(),
            detail: format!("{shown:?} is not understood, kept as {field}_raw"),
        });
        object.insert(format!("{field}_raw"), value);
    }
}

/// Gives a field its name in the model, unless that one is there too.
fn rename(object: &mut Object, from: &str, to: &str) {
    if !object.contains_key(to)
        && let Some(value) = object.remove(from)
    {
        object.insert(to.to_owned(), value);
    }
}

fn is_blank(object: &Object, field: &str) -> bool {
    match object.get(field) {
        None => true,
        Some(Value::String(text)) => text.trim().is_empty(),
        // Of the wrong type: the model refuses it with its name.
        Some(_) => false,
    }
}

fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    line.chars().take(MAX_MADE_TITLE_CHARS).collect()
}

fn note(field: &str, detail: &str) -> Note {
    Note {
        kind: NoteKind::Filled,
        field: field.to_owned(),
        detail: detail.to_owned(),
    }
}

/// Refuses NUL characters and overlong texts, wherever they are.
fn check_texts(object: &Object) -> Result<(), Refused> {
    let mut waiting: Vec<(String, &Value)> = object
        .iter()
        .map(|(name, value)| (name.clone(), value))
        .collect();
    while let Some((path, value)) = waiting.pop() {
        match value {
            Value::String(text) if text.contains('\0') => {
                return Err(Refused::field(path, "the text has a NUL character"));
            }
            Value::String(text) if text.len() > MAX_FIELD_BYTES => {
                let detail = format!(
                    "the text has {} bytes, more than {MAX_FIELD_BYTES}",
                    text.len()
                );
                return Err(Refused::field(path, detail));
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                waiting.extend(items.map(|(at, item)| (format!("{path}[{at}]"), item)));
            }
            Value::Object(fields) => {
                let fields = fields.iter();
                waiting.extend(fields.map(|(name, field)| (format!("{path}.{name}"), field)));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::document_of_json;
    use super::*;

    fn mapped(json: &str) -> Mapped {
        document_of_json(json, Options::default()).unwrap()
    }

    fn refused(json: &str) -> (String, String) {
        let refused = document_of_json(json, Options::default()).unwrap_err();
        (refused.field.unwrap_or_default(), refused.detail)
    }

    #[test]
    fn other_names_and_words_are_understood() {
        let mapped = mapped(
            r#"{"kind":"ticket","id":7,"title":"VPN","body":"drops","priority":"Critical",
                "impact":"2","urgency":"low","comments":3,"resolution":"Done",
                "resolution_note":"Restarted","tags":"a, b","assignee":"x"}"#,
        );
        let Document::Ticket(ticket) = mapped.document else {
            panic!("a ticket")
        };
        assert_eq!((ticket.id.as_str(), ticket.subject.as_str()), ("7", "VPN"));
        assert_eq!(ticket.priority.map(u8::from), Some(1));
        assert_eq!(
            (ticket.impact.map(u8::from), ticket.urgency.map(u8::from)),
            (Some(2), Some(3))
        );
        assert_eq!(ticket.resolution.as_deref(), Some("Restarted"));
        assert_eq!(ticket.tags, ["a", "b"]);
        let extra: Vec<&str> = ticket.extra.keys().map(String::as_str).collect();
        assert_eq!(extra, ["assignee", "comment_count", "resolution_code"]);
        assert_eq!(mapped.notes, []);
    }

    #[test]
    fn what_is_not_understood_is_kept_and_said() {
        let mapped = mapped(
            r#"{"kind":"ticket","id":"a","subject":"x","impact":"huge","visibility":"public"}"#,
        );
        let Document::Ticket(ticket) = mapped.document else {
            panic!("a ticket")
        };
        assert_eq!(ticket.impact, None);
        assert_eq!(ticket.visibility, Visibility::Internal);
        assert_eq!(ticket.extra["impact_raw"], "huge");
        let fields: Vec<&str> = mapped
            .notes
            .iter()
            .map(|note| note.field.as_str())
            .collect();
        assert_eq!(fields, ["visibility", "impact"]);
    }

    #[test]
    fn an_article_of_unknown_state_is_a_draft() {
        let mapped = mapped(
            r#"{"kind":"article","id":"a","title":"x","visibility":"public","state":"retired"}"#,
        );
        assert_eq!(*mapped.document.visibility(), Visibility::Internal);
    }

    #[test]
    fn bad_lines_name_field_and_reason() {
        let check = |json: &str, field: &str, says: &str| {
            let (at, detail) = refused(json);
            assert_eq!(at, field, "{json}: {detail}");
            assert!(detail.contains(says), "{json}: {detail}");
        };
        check(r#"{"id":"a"}"#, "kind", "does not say its kind");
        check(r#"{"kind":"page","id":"a"}"#, "kind", "not \"page\"");
        check(
            r#"{"kind":"ticket","id":"","subject":"x"}"#,
            "id",
            "must not be empty",
        );
        check(
            r#"{"kind":"ticket","id":"a/b","subject":"x"}"#,
            "id",
            "has '/'",
        );
        check(r#"{"kind":"ticket","subject":"x"}"#, "id", "has no id");
        check(
            r#"{"kind":"ticket","id":"a"}"#,
            "subject",
            "needs a subject",
        );
        check(
            r#"{"kind":"ticket","id":"a","subject":5}"#,
            "subject",
            "expected a string",
        );
        check(
            r#"{"kind":"ticket","id":"a","subject":"x\u0000"}"#,
            "subject",
            "NUL",
        );
        check(
            r#"{"kind":"ticket","id":"a","subject":"x","m":{"n":["\u0000"]}}"#,
            "m.n[0]",
            "NUL",
        );
        check(
            r#"{"kind":"ticket","id":"a","subject":"x","created_at":"soon"}"#,
            "created_at",
            "\"soon\" is no date",
        );
        check("[1]", "", "not a list");
        check(r#"{"kind""#, "", "this is no JSON");
        check(&"[".repeat(5_000), "", "recursion limit");
    }
}
