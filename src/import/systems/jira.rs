//! Jira and Jira Service Management: issues of REST v2 (wiki markup) and v3 (Atlassian documents),
//! requests of the service desk API, and rows of the CSV export.
//! Shapes by Atlassian's REST references and by recordings.

use serde_json::Value;

use super::super::draft::{
    Draft, WITH, at, category, first_text, items_at, keep, keep_text, names_at, person, restricted,
    text_at, text_of,
};
use super::super::joined::inner_of;
use super::super::mapping::Status;
use super::super::{Refused, Taken};
use super::{Joins, Object, Role, jira_csv};
use crate::model::{Comment, Ticket};

pub(super) const JOINS: Joins = Joins {
    documents: &["issues"],
    rows: &[],
    parts: &[],
    author: None,
    names_fields: true,
};

pub(super) fn role(list: Option<&str>, record: &Object) -> Role {
    let inner = inner_of(record);
    let has = |name: &str| inner.contains_key(name);
    if list == Some("issues") || has("fields") || has("issueKey") || has("Issue key") {
        Role::Document
    } else if has("custom") && has("name") && has("id") {
        Role::Row("fields")
    } else {
        Role::Skip("neither an issue nor a request")
    }
}

pub(super) fn convert(mut draft: Draft<'_>, record: &Object) -> Result<Taken, Refused> {
    let inner = inner_of(record);
    if inner.contains_key("issueKey") {
        return request(draft, inner);
    }
    if inner.contains_key("Issue key") {
        return jira_csv::convert(draft, inner);
    }
    let Value::Object(fields) = at(inner, &["fields"]) else {
        let detail = "the issue has no fields; ask for them with fields=*all";
        return Err(Refused::field("fields", detail));
    };
    let key = first_text(inner, &[&["key"], &["id"]]);
    let mut ticket = draft.ticket(&key)?;
    ticket.subject = text_at(fields, &["summary"]);
    ticket.description = rich(&mut draft, "description", at(fields, &["description"]));
    let environment = rich(&mut draft, "environment", at(fields, &["environment"]));
    keep_text(&mut ticket.extra, "environment", &environment);
    let status = status(&mut draft, &mut ticket, fields);
    draft.priority(&mut ticket, &text_at(fields, &["priority", "name"]));
    let names = at(record, &[WITH, "names"]);
    let own = |name: &str| own_field(&draft, fields, names, name);
    let (impact, urgency, request_type) = (own("impact"), own("urgency"), own("category"));
    draft.impact(&mut ticket, &impact);
    draft.urgency(&mut ticket, &urgency);
    ticket.category = category(&levels(fields, request_type));
    ticket.tags = names_at(fields, &["labels"]);
    ticket.requester = person_at(fields, "reporter").or_else(|| person_at(fields, "creator"));
    ticket.product = names_at(fields, &["components"]).into_iter().next();
    ticket.created_at = draft.time("created_at", at(fields, &["created"]));
    ticket.updated_at = draft.time("updated_at", at(fields, &["updated"]));
    ticket.resolved_at = draft.time("resolved_at", at(fields, &["resolutiondate"]));
    if !at(fields, &["security"]).is_null() {
        ticket.visibility = restricted([security(fields)]);
    }
    add_comments(
        &mut draft,
        &mut ticket,
        items_at(fields, &["comment", "comments"]),
    );
    let code = text_at(fields, &["resolution", "name"]);
    let answer = last_public(&ticket);
    draft.resolution(&mut ticket, status, &code, &answer);
    keep_rest(&mut ticket, inner, fields);
    draft.done_ticket(ticket, status)
}

fn keep_rest(ticket: &mut Ticket, record: &Object, fields: &Object) {
    let key = text_at(record, &["key"]);
    let extra = &mut ticket.extra;
    keep_text(extra, "key", &key);
    keep_text(extra, "native_id", &text_at(record, &["id"]));
    keep_text(
        extra,
        "ticket_type",
        &text_at(fields, &["issuetype", "name"]),
    );
    keep_text(extra, "project", &text_at(fields, &["project", "key"]));
    keep(extra, "due_at", at(fields, &["duedate"]));
    if let Some(assignee) = person_at(fields, "assignee") {
        keep_text(extra, "assignee", &assignee);
    }
    let itself = text_at(record, &["self"]);
    if let Some((host, _)) = itself.split_once("/rest/") {
        keep_text(extra, "url", &format!("{host}/browse/{key}"));
    }
}

/// The group of a security level.
fn security(fields: &Object) -> String {
    format!(
        "jira-security-{}",
        first_text(fields, &[&["security", "name"], &["security", "id"]])
    )
}

/// A text in wiki markup, or an Atlassian document.
fn rich(draft: &mut Draft<'_>, field: &str, value: &Value) -> String {
    match value {
        Value::String(wiki) => draft.wiki(field, wiki),
        Value::Object(_) => draft.adf(field, value),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => String::new(),
    }
}

/// The status by its name, else by its category: names are translated and renamed.
fn status(draft: &mut Draft<'_>, ticket: &mut Ticket, fields: &Object) -> Option<Status> {
    let name = text_at(fields, &["status", "name"]);
    let category = text_at(fields, &["status", "statusCategory", "key"]);
    draft.status(ticket, &[&name, &category])
}

/// The value of the field that the mapping names by label or by id.
fn own_field(draft: &Draft<'_>, fields: &Object, names: &Value, name: &str) -> String {
    let Some(label) = draft.mapping.field(name) else {
        return String::new();
    };
    let by_name = names.get(label).and_then(Value::as_array);
    let ids = by_name.into_iter().flatten().filter_map(Value::as_str);
    let values = ids.chain([label]).filter_map(|id| fields.get(id));
    let texts = values.map(choice);
    texts
        .into_iter()
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

/// What a field shows: a text, a choice, or the request type of a service desk.
fn choice(value: &Value) -> String {
    let Value::Object(object) = value else {
        return match value.as_array().and_then(|items| items.first()) {
            Some(first) => choice(first),
            None => text_of(value),
        };
    };
    first_text(object, &[&["value"], &["name"], &["requestType", "name"]])
}

/// Request type or component, else the kind of issue.
fn levels(fields: &Object, request_type: String) -> Vec<String> {
    if !request_type.is_empty() {
        return vec![request_type];
    }
    let component = names_at(fields, &["components"]).into_iter().next();
    vec![component.unwrap_or_else(|| text_at(fields, &["issuetype", "name"]))]
}

fn person_at(fields: &Object, field: &str) -> Option<String> {
    let Value::Object(user) = at(fields, &[field]) else {
        return None;
    };
    let name = first_text(user, &[&["displayName"], &["name"], &["accountId"]]);
    person(&name, &text_at(user, &["emailAddress"]))
}

fn add_comments(draft: &mut Draft<'_>, ticket: &mut Ticket, comments: &[Value]) {
    for comment in comments {
        let Value::Object(comment) = comment else {
            continue;
        };
        let body = rich(draft, "comments.body", at(comment, &["body"]));
        if body.trim().is_empty() {
            continue;
        }
        // Open to the requester only when nothing says otherwise and no group is named.
        let is_internal = at(comment, &["jsdPublic"]) == &Value::Bool(false)
            || at(comment, &["public"]) == &Value::Bool(false)
            || !at(comment, &["visibility"]).is_null()
            || items_at(comment, &["properties"]).iter().any(says_internal);
        ticket.comments.push(Comment {
            author: person_at(comment, "author"),
            created_at: draft.time("comments.created_at", at(comment, &["created"])),
            body,
            public: !is_internal,
        });
    }
}

/// `{"key": "sd.public.comment", "value": {"internal": true}}`
fn says_internal(property: &Value) -> bool {
    let value = property
        .get("value")
        .and_then(|value| value.get("internal"));
    value.is_some_and(|internal| internal == true || internal == "true")
}

/// The last public comment that the requester did not write.
pub(super) fn last_public(ticket: &Ticket) -> String {
    let requester = ticket.requester.as_deref();
    let answers = ticket
        .comments
        .iter()
        .rev()
        .filter(|comment| comment.public);
    let mut answers = answers.filter(|comment| comment.author.as_deref() != requester);
    answers
        .next()
        .map(|comment| comment.body.clone())
        .unwrap_or_default()
}

/// A request of the service desk API.
fn request(mut draft: Draft<'_>, record: &Object) -> Result<Taken, Refused> {
    let key = text_at(record, &["issueKey"]);
    let mut ticket = draft.ticket(&key)?;
    for field in items_at(record, &["requestFieldValues"]) {
        let Value::Object(field) = field else {
            continue;
        };
        let value = at(field, &["value"]);
        match text_at(field, &["fieldId"]).as_str() {
            "summary" => ticket.subject = text_of(value),
            "description" => ticket.description = rich(&mut draft, "description", value),
            "priority" => draft.priority(&mut ticket, &choice(value)),
            _ => {
                let label = text_at(field, &["label"]);
                let is = |name: &str| draft.mapping.field(name) == Some(label.as_str());
                if is("impact") {
                    draft.impact(&mut ticket, &choice(value));
                } else if is("urgency") {
                    draft.urgency(&mut ticket, &choice(value));
                } else {
                    keep_text(&mut ticket.extra, &label.to_lowercase(), &choice(value));
                }
            }
        }
    }
    let name = text_at(record, &["currentStatus", "status"]);
    let of_category = text_at(record, &["currentStatus", "statusCategory"]).to_lowercase();
    let status = draft.status(&mut ticket, &[&name, &of_category]);
    let status_date = at(record, &["currentStatus", "statusDate"]);
    let status_date = draft.time("updated_at", date_of(status_date));
    ticket.updated_at = status_date;
    ticket.resolved_at = status_date.filter(|_| status.is_some_and(Status::is_done));
    ticket.created_at = draft.time("created_at", date_of(at(record, &["createdDate"])));
    ticket.requester = person_at(record, "reporter");
    ticket.channel = Some("portal".to_owned());
    ticket.category = category(&[text_at(record, &["requestType", "name"])]);
    keep_text(&mut ticket.extra, "key", &key);
    keep_text(
        &mut ticket.extra,
        "native_id",
        &text_at(record, &["issueId"]),
    );
    keep_text(
        &mut ticket.extra,
        "url",
        &text_at(record, &["_links", "web"]),
    );
    draft.done_ticket(ticket, status)
}

/// `{"iso8601", "epochMillis", ...}`
fn date_of(date: &Value) -> &Value {
    date.get("iso8601")
        .or_else(|| date.get("epochMillis"))
        .unwrap_or(date)
}
