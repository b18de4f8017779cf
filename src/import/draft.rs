//! A document in the making: what every mapping does in the same way. Values that no table knows
//! are kept raw and noted, dates that do not read are noted, markup becomes text, a resolution is
//! one only when something was solved.
//!
//! What belongs to a record stands in it under `_with`: comments, people and groups from other
//! files.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::mapping::{Status, SystemMapping};
use super::markup::{self, Text};
use super::{Mapped, Note, NoteKind, Refused, Skipped, System, Taken, dates};
use crate::model::{
    Article, ArticleId, ArticleState, DocumentKey, Fields, Impact, Kind, Priority, Ticket,
    TicketId, Time, Urgency, Visibility, Votes,
};

/// The member under which a record carries what belongs to it.
pub(super) const WITH: &str = "_with";

/// Characters of an unknown value that a note shows.
const MAX_SHOWN: usize = 40;

type Object = Map<String, Value>;

/// What a mapping has besides its record: the tables, and where its notes go.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) system: System,
    pub(super) mapping: &'a SystemMapping,
    notes: BTreeSet<Note>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(system: System, mapping: &'a SystemMapping) -> Self {
        Self {
            system,
            mapping,
            notes: BTreeSet::new(),
        }
    }

    pub(super) fn note(&mut self, kind: NoteKind, field: &str, detail: impl Into<String>) {
        self.notes.insert(Note {
            kind,
            field: field.to_owned(),
            detail: detail.into(),
        });
    }

    fn unknown(&mut self, field: &str, raw: &str) {
        let shown: String = raw.chars().take(MAX_SHOWN).collect();
        self.note(
            NoteKind::UnknownValue,
            field,
            format!("{shown:?} stands in no table, kept as {field}_raw"),
        );
    }

    /// A new ticket with the system's own key; a key that is no id is replaced by its digest.
    pub(super) fn ticket(&self, key: &str) -> Result<Ticket, Refused> {
        let id = TicketId::new(self.id(key)?)
            .map_err(|error| Refused::field("id", error.to_string()))?;
        Ok(blank_ticket(id))
    }

    /// A new article, internal until something says otherwise.
    pub(super) fn article(&self, key: &str) -> Result<Article, Refused> {
        let id = ArticleId::new(self.id(key)?)
            .map_err(|error| Refused::field("id", error.to_string()))?;
        Ok(blank_article(id))
    }

    fn id(&self, key: &str) -> Result<String, Refused> {
        if key.trim().is_empty() {
            return Err(Refused::field("id", "the record has no id"));
        }
        let id = format!("{}:{}", self.system, key.trim());
        if TicketId::new(id.as_str()).is_ok() {
            return Ok(id);
        }
        let digest = blake3::hash(key.trim().as_bytes()).to_hex();
        let short: String = digest.chars().take(24).collect();
        Ok(format!("{}:{short}", self.system))
    }

    /// A date of the record.
    pub(super) fn time(&mut self, field: &str, value: &Value) -> Option<Time> {
        match dates::read(value, &self.mapping.dates()) {
            Ok(time) => time,
            Err(raw) => {
                let detail = format!("{raw:?} is no date, or one with two readings");
                self.note(NoteKind::BadDate, field, detail);
                None
            }
        }
    }

    /// Sets the status of a ticket from the first of these words that a table knows.
    pub(super) fn status(&mut self, ticket: &mut Ticket, words: &[&str]) -> Option<Status> {
        let mut said = words.iter().copied().filter(|word| !word.trim().is_empty());
        let raw = said.clone().next()?;
        let status = said.find_map(|word| self.mapping.status(word));
        match status {
            Some(status) => ticket.status = Some(status.as_str().to_owned()),
            None => self.unknown("status", raw),
        }
        if status.map(Status::as_str) != Some(raw) {
            keep(&mut ticket.extra, "status_raw", &Value::from(raw));
        }
        status
    }

    pub(super) fn priority(&mut self, ticket: &mut Ticket, raw: &str) {
        let known = self.mapping.priority(raw);
        ticket.priority = known.and_then(|number| Priority::try_from(number).ok());
        self.keep_raw(&mut ticket.extra, "priority", raw, known.is_some());
    }

    pub(super) fn impact(&mut self, ticket: &mut Ticket, raw: &str) {
        let known = self.mapping.impact(raw);
        ticket.impact = known.and_then(|number| Impact::try_from(number).ok());
        self.keep_raw(&mut ticket.extra, "impact", raw, known.is_some());
    }

    pub(super) fn urgency(&mut self, ticket: &mut Ticket, raw: &str) {
        let known = self.mapping.urgency(raw);
        ticket.urgency = known.and_then(|number| Urgency::try_from(number).ok());
        self.keep_raw(&mut ticket.extra, "urgency", raw, known.is_some());
    }

    fn keep_raw(&mut self, extra: &mut Fields, field: &str, raw: &str, is_known: bool) {
        if raw.trim().is_empty() {
            return;
        }
        keep(extra, &format!("{field}_raw"), &Value::from(raw));
        if !is_known {
            self.unknown(field, raw);
        }
    }

    /// Sets the resolution when the ticket is done and its code says that something was solved;
    /// otherwise the text is kept where no answer shows it as one.
    pub(super) fn resolution(
        &self,
        ticket: &mut Ticket,
        status: Option<Status>,
        code: &str,
        text: &str,
    ) {
        keep_text(&mut ticket.extra, "resolution_code", code);
        if text.trim().is_empty() {
            return;
        }
        let is_done = status.is_some_and(Status::is_done);
        if is_done && !self.mapping.is_not_solved(code) {
            ticket.resolution = Some(text.trim().to_owned());
        } else {
            keep_text(&mut ticket.extra, "resolution_unsolved", text.trim());
        }
    }

    /// The text of HTML, or of Confluence's storage format.
    pub(super) fn html(&mut self, field: &str, html: &str) -> String {
        self.take(field, markup::html(html))
    }

    /// The text of Jira's wiki markup.
    pub(super) fn wiki(&mut self, field: &str, wiki: &str) -> String {
        self.take(field, markup::wiki(wiki))
    }

    /// The text of an Atlassian document.
    pub(super) fn adf(&mut self, field: &str, document: &Value) -> String {
        self.take(field, markup::adf(document))
    }

    /// The text of Markdown.
    pub(super) fn markdown(&mut self, field: &str, markdown: &str) -> String {
        self.take(field, markup::markdown(markdown))
    }

    fn take(&mut self, field: &str, text: Text) -> String {
        for name in text.dropped {
            self.note(
                NoteKind::Markup,
                field,
                format!("{name} has no text, dropped"),
            );
        }
        text.text
    }

    /// The ticket as it goes on, unless its source has deleted it.
    pub(super) fn done_ticket(
        self,
        ticket: Ticket,
        status: Option<Status>,
    ) -> Result<Taken, Refused> {
        if status == Some(Status::Deleted) {
            let key = DocumentKey::Ticket(ticket.id);
            return Ok(gone(key, "deleted"));
        }
        if ticket.subject.trim().is_empty() && ticket.description.trim().is_empty() {
            return Err(Refused::field("subject", "the ticket has no text at all"));
        }
        Ok(Mapped::new(ticket, self.notes.into_iter().collect()).into())
    }

    pub(super) fn done_article(mut self, mut article: Article) -> Result<Taken, Refused> {
        if article.title.trim().is_empty() {
            let first = article.body.trim().lines().next().unwrap_or_default();
            article.title = first.chars().take(120).collect();
            self.note(
                NoteKind::Filled,
                "title",
                "made from the first line of the body",
            );
        }
        if article.title.trim().is_empty() {
            return Err(Refused::field("title", "the article has no text at all"));
        }
        Ok(Mapped::new(article, self.notes.into_iter().collect()).into())
    }
}

/// A record that is not kept, and must not stay from an earlier import.
pub(super) fn gone(key: DocumentKey, reason: &str) -> Taken {
    Taken::Skipped(Skipped {
        reason: reason.to_owned(),
        removes: Some(key),
    })
}

/// A record that is none of a desk's documents.
pub(super) fn skipped(reason: impl Into<String>) -> Taken {
    Taken::Skipped(Skipped {
        reason: reason.into(),
        removes: None,
    })
}

/// The key of the document that a system's key stands for.
pub(super) fn key_of(draft: &Draft<'_>, kind: Kind, key: &str) -> Result<DocumentKey, Refused> {
    let id = draft.id(key)?;
    DocumentKey::new(kind, id).map_err(|error| Refused::field("id", error.to_string()))
}

fn blank_ticket(id: TicketId) -> Ticket {
    Ticket {
        id,
        subject: String::new(),
        description: String::new(),
        resolution: None,
        status: None,
        category: None,
        queue: None,
        impact: None,
        urgency: None,
        priority: None,
        product: None,
        tags: Vec::new(),
        channel: None,
        requester: None,
        language: None,
        visibility: Visibility::Internal,
        created_at: None,
        updated_at: None,
        resolved_at: None,
        linked_articles: Vec::new(),
        comments: Vec::new(),
        extra: Fields::new(),
    }
}

fn blank_article(id: ArticleId) -> Article {
    Article {
        id,
        title: String::new(),
        body: String::new(),
        summary: None,
        category: None,
        product: None,
        tags: Vec::new(),
        language: None,
        visibility: Visibility::Internal,
        state: ArticleState::Published,
        created_at: None,
        updated_at: None,
        review_date: None,
        url: None,
        votes: Votes::default(),
        extra: Fields::new(),
    }
}

/// Keeps a value that says something.
pub(super) fn keep(extra: &mut Fields, name: &str, value: &Value) {
    let says_nothing = match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    if !says_nothing {
        extra.insert(name.to_owned(), value.clone());
    }
}

pub(super) fn keep_text(extra: &mut Fields, name: &str, text: &str) {
    if !text.trim().is_empty() {
        extra.insert(name.to_owned(), Value::from(text));
    }
}

/// The value at a path of members; null when there is none.
pub(super) fn at<'v>(record: &'v Object, path: &[&str]) -> &'v Value {
    let Some((first, rest)) = path.split_first() else {
        return &Value::Null;
    };
    let mut value = record.get(*first).unwrap_or(&Value::Null);
    for name in rest {
        value = value.get(*name).unwrap_or(&Value::Null);
    }
    value
}

/// The text at a path of members; numbers as they are written, nothing for anything else.
pub(super) fn text_at(record: &Object, path: &[&str]) -> String {
    text_of(at(record, path))
}

/// A text, or a number as it is written.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

/// The first of these texts that says something.
pub(super) fn first_text(record: &Object, paths: &[&[&str]]) -> String {
    let texts = paths.iter().map(|path| text_at(record, path));
    texts
        .into_iter()
        .find(|text| !text.trim().is_empty())
        .unwrap_or_default()
}

/// The items at a path; none when it is no list.
pub(super) fn items_at<'v>(record: &'v Object, path: &[&str]) -> &'v [Value] {
    at(record, path).as_array().map_or(&[], Vec::as_slice)
}

/// The texts in a list: strings, or the `name` of objects.
pub(super) fn names_at(record: &Object, path: &[&str]) -> Vec<String> {
    items_at(record, path)
        .iter()
        .map(|item| match item.get("name") {
            Some(name) => text_of(name),
            None => text_of(item),
        })
        .filter(|name| !name.is_empty())
        .collect()
}

/// Levels of a category as one path, `software > email`; empty ones are left out.
pub(super) fn category(levels: &[String]) -> Option<String> {
    let said: Vec<&str> = levels
        .iter()
        .map(|level| level.trim())
        .filter(|level| !level.is_empty())
        .collect();
    // A slash is the separator of Firstline's own category paths.
    (!said.is_empty()).then(|| said.join("/"))
}

/// `Name <mail@example.com>`, or the one of them that is there.
pub(super) fn person(name: &str, email: &str) -> Option<String> {
    match (name.trim(), email.trim()) {
        ("", "") => None,
        (name, "") => Some(name.to_owned()),
        ("", email) => Some(email.to_owned()),
        (name, email) if name == email => Some(email.to_owned()),
        (name, email) => Some(format!("{name} <{email}>")),
    }
}

/// Visibility for the groups with these names; without any, for admins only.
pub(super) fn restricted(groups: impl IntoIterator<Item = String>) -> Visibility {
    Visibility::Restricted(groups.into_iter().collect())
}

/// A text that says something, or nothing.
pub(super) fn some(text: String) -> Option<String> {
    (!text.trim().is_empty()).then_some(text)
}
