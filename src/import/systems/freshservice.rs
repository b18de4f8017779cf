//! Freshservice: tickets with their conversations, solution articles with their folders. Its
//! numbers count the other way round; the tables know. Shapes by Freshservice's API reference and by
//! a recording.

use serde_json::Value;

use super::super::draft::{
    Draft, WITH, at, category, gone, items_at, keep, keep_text, key_of, names_at, person,
    restricted, some, text_at, text_of,
};
use super::super::joined::inner_of;
use super::super::mapping::Status;
use super::super::{Refused, Taken};
use super::{Joins, Object, Role};
use crate::model::{ArticleState, Comment, Kind, Ticket, Visibility, Votes};

pub(super) const JOINS: Joins = Joins {
    documents: &["tickets", "articles"],
    rows: &[
        ("requester_id", "people"),
        ("responder_id", "people"),
        ("group_id", "groups"),
        ("department_id", "departments"),
        ("folder_id", "folders"),
        ("category_id", "categories"),
    ],
    parts: &[("conversations", "id")],
    author: Some(("user_id", "people")),
    names_fields: false,
};

pub(super) fn role(list: Option<&str>, record: &Object) -> Role {
    let inner = inner_of(record);
    let has = |name: &str| inner.contains_key(name);
    match list {
        Some("tickets" | "articles") => Role::Document,
        Some("agents" | "requesters" | "users") => Role::Row("people"),
        Some("groups") => Role::Row("groups"),
        Some("departments") => Role::Row("departments"),
        Some("folders") => Role::Row("folders"),
        Some("categories") => Role::Row("categories"),
        Some("conversations") => Role::Part("conversations", "ticket_id"),
        Some(_) | None if has("body_text") && has("ticket_id") => {
            Role::Part("conversations", "ticket_id")
        }
        Some(_) | None if has("subject") || has("folder_id") => Role::Document,
        Some(_) | None => Role::Skip("neither a ticket nor an article"),
    }
}

pub(super) fn convert(draft: Draft<'_>, record: &Object) -> Result<Taken, Refused> {
    let none = Object::new();
    let with = record.get(WITH).and_then(Value::as_object).unwrap_or(&none);
    let inner = inner_of(record);
    if inner.contains_key("folder_id") {
        article(draft, inner, with)
    } else {
        ticket(draft, inner, with)
    }
}

fn ticket(mut draft: Draft<'_>, record: &Object, with: &Object) -> Result<Taken, Refused> {
    let id = text_at(record, &["id"]);
    for (flag, reason) in [("spam", "spam"), ("deleted", "deleted")] {
        if at(record, &[flag]) == &Value::Bool(true) {
            return Ok(gone(key_of(&draft, Kind::Ticket, &id)?, reason));
        }
    }
    let mut ticket = draft.ticket(&id)?;
    ticket.subject = text_at(record, &["subject"]);
    ticket.description = match at(record, &["description"]).as_str() {
        Some(html) => draft.html("description", html),
        None => text_at(record, &["description_text"]),
    };
    let status = draft.status(&mut ticket, &[&text_at(record, &["status"])]);
    draft.priority(&mut ticket, &text_at(record, &["priority"]));
    draft.impact(&mut ticket, &text_at(record, &["impact"]));
    draft.urgency(&mut ticket, &text_at(record, &["urgency"]));
    let levels = ["category", "sub_category", "item_category"];
    ticket.category = category(&levels.map(|level| text_at(record, &[level])));
    ticket.tags = names_at(record, &["tags"]);
    ticket.queue = some(text_at(with, &["group_id", "name"]));
    ticket.requester = someone(with, "requester_id")
        .or_else(|| person(&text_at(record, &["name"]), &text_at(record, &["email"])));
    ticket.channel = channel(record);
    ticket.created_at = draft.time("created_at", at(record, &["created_at"]));
    ticket.updated_at = draft.time("updated_at", at(record, &["updated_at"]));
    ticket.resolved_at = draft.time("resolved_at", at(record, &["stats", "resolved_at"]));
    let text = add_conversations(&mut draft, &mut ticket, record, with);
    let note = text_at(record, &["resolution_notes"]);
    let text = some(note).map_or(text, |note| draft.html("resolution", &note));
    draft.resolution(&mut ticket, status, "", &text);
    keep_rest(&mut ticket, record, with, &id);
    if !status.is_some_and(Status::is_done) {
        ticket.resolved_at = None;
    }
    draft.done_ticket(ticket, status)
}

fn keep_rest(ticket: &mut Ticket, record: &Object, with: &Object, id: &str) {
    let extra = &mut ticket.extra;
    keep_text(extra, "key", id);
    keep_text(extra, "ticket_type", &text_at(record, &["type"]));
    keep_text(
        extra,
        "department",
        &text_at(with, &["department_id", "name"]),
    );
    keep(extra, "custom_fields", at(record, &["custom_fields"]));
    if let Some(responder) = someone(with, "responder_id") {
        keep_text(extra, "assignee", &responder);
    }
}

fn someone(with: &Object, field: &str) -> Option<String> {
    let text = |name: &str| text_at(with, &[field, name]);
    let name = format!("{} {}", text("first_name"), text("last_name"));
    let email = some(text("email")).unwrap_or_else(|| text("primary_email"));
    person(&name, &email)
}

fn channel(record: &Object) -> Option<String> {
    let channel = match text_at(record, &["source"]).as_str() {
        "1" => "email",
        "2" | "5" => "portal",
        "3" => "phone",
        "4" | "6" | "10" => "chat",
        "7" | "8" => "monitoring",
        "9" => "walk-up",
        _ => return None,
    };
    Some(channel.to_owned())
}

/// Adds the conversations; gives the last public answer of an agent.
fn add_conversations(
    draft: &mut Draft<'_>,
    ticket: &mut Ticket,
    record: &Object,
    with: &Object,
) -> String {
    let mut answer = String::new();
    let given = items_at(record, &["conversations"]);
    for entry in items_at(with, &["conversations"]).iter().chain(given) {
        let Value::Object(entry) = entry else {
            continue;
        };
        let body = match some(text_at(entry, &["body_text"])) {
            Some(text) => text,
            None => draft.html("comments.body", &text_at(entry, &["body"])),
        };
        if body.trim().is_empty() {
            continue;
        }
        let public = at(entry, &["private"]) == &Value::Bool(false);
        if public && at(entry, &["incoming"]) == &Value::Bool(false) {
            answer.clone_from(&body);
        }
        ticket.comments.push(Comment {
            author: entry
                .get(WITH)
                .and_then(Value::as_object)
                .and_then(|with| someone(with, "user_id"))
                .or_else(|| some(text_at(entry, &["user_id"]))),
            created_at: draft.time("comments.created_at", at(entry, &["created_at"])),
            body,
            public,
        });
    }
    answer
}

fn article(mut draft: Draft<'_>, record: &Object, with: &Object) -> Result<Taken, Refused> {
    let id = text_at(record, &["id"]);
    let mut article = draft.article(&id)?;
    article.title = text_at(record, &["title"]);
    article.body = match at(record, &["description"]).as_str() {
        Some(html) => draft.html("body", html),
        None => text_at(record, &["description_text"]),
    };
    article.tags = names_at(record, &["tags"]);
    article.tags.extend(names_at(record, &["keywords"]));
    let category_name = [
        text_at(with, &["folder_id", WITH, "category_id", "name"]),
        text_at(with, &["category_id", "name"]),
    ];
    let top = category_name.into_iter().find(|name| !name.is_empty());
    let folder = text_at(with, &["folder_id", "name"]);
    article.category = category(&[top.unwrap_or_default(), folder]);
    article.created_at = draft.time("created_at", at(record, &["created_at"]));
    article.updated_at = draft.time("updated_at", at(record, &["updated_at"]));
    let modified = draft.time("updated_at", at(record, &["modified_at"]));
    article.updated_at = article.updated_at.max(modified);
    article.review_date = draft.time("review_date", at(record, &["review_date"]));
    article.url = some(text_at(record, &["url"]));
    let count = |name: &str| {
        let number = at(record, &[name]).as_u64().unwrap_or(0);
        u32::try_from(number).unwrap_or(u32::MAX)
    };
    article.votes = Votes {
        helpful: count("thumbs_up"),
        not_helpful: count("thumbs_down"),
    };
    if text_at(record, &["status"]) != "2" {
        article.state = ArticleState::Draft;
    }
    article.visibility = visibility(record, with);
    keep_text(&mut article.extra, "key", &id);
    keep(
        &mut article.extra,
        "inserted_into_tickets",
        at(record, &["inserted_into_tickets"]),
    );
    draft.done_article(article)
}

/// The folder decides: 1 is everybody, anything else names some, and nothing said is nothing open.
fn visibility(record: &Object, with: &Object) -> Visibility {
    let folder = at(with, &["folder_id"]);
    let of_article = text_at(record, &["folder_visibility"]);
    let of_folder = folder.get("visibility").map(text_of).unwrap_or_default();
    let said: Vec<&str> = [of_article.as_str(), of_folder.as_str()]
        .into_iter()
        .filter(|visibility| !visibility.is_empty())
        .collect();
    if said.is_empty() {
        return Visibility::Internal;
    }
    if said.iter().all(|visibility| *visibility == "1") {
        return Visibility::Public;
    }
    let mut groups = Vec::new();
    for (field, kind) in [
        ("department_ids", "department"),
        ("group_ids", "group"),
        ("requester_group_ids", "requester-group"),
    ] {
        let own = at(record, &[&format!("folder_{field}")]).as_array();
        let of_folder = folder.get(field).and_then(Value::as_array);
        let ids = own.into_iter().chain(of_folder).flatten();
        groups.extend(ids.map(|id| format!("freshservice-{kind}-{}", text_of(id))));
    }
    restricted(groups)
}
