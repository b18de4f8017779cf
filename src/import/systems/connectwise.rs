//! ConnectWise PSA (Manage): service tickets with their notes. Shapes by recordings of API v3.0.

use serde_json::Value;

use super::super::draft::{
    Draft, WITH, at, category, first_text, items_at, keep_text, person, some, text_at, text_of,
};
use super::super::mapping::Status;
use super::super::{NoteKind, Refused, Taken};
use super::{Joins, Object, Role};
use crate::model::{Comment, Priority, Ticket};

pub(super) const JOINS: Joins = Joins {
    documents: &[],
    rows: &[("status", "statuses")],
    parts: &[("notes", "id")],
    author: None,
    names_fields: false,
};

pub(super) fn role(record: &Object) -> Role {
    let has = |name: &str| record.contains_key(name);
    if has("ticketId") && (has("detailDescriptionFlag") || has("text")) {
        Role::Part("notes", "ticketId")
    } else if has("closedStatus") {
        Role::Row("statuses")
    } else if has("summary") && (has("board") || has("status") || has("recordType")) {
        Role::Document
    } else {
        Role::Skip("not a service ticket")
    }
}

pub(super) fn convert(mut draft: Draft<'_>, record: &Object) -> Result<Taken, Refused> {
    let none = Object::new();
    let with = record.get(WITH).and_then(Value::as_object).unwrap_or(&none);
    let id = text_at(record, &["id"]);
    let mut ticket = draft.ticket(&id)?;
    ticket.subject = text_at(record, &["summary"]);
    ticket.description = text_at(record, &["initialDescription"]);
    let status = status(&mut draft, &mut ticket, record, with);
    priority(&mut draft, &mut ticket, record);
    draft.impact(&mut ticket, &text_at(record, &["impact"]));
    draft.urgency(&mut ticket, &text_at(record, &["severity"]));
    let levels = ["board", "type", "subType", "item"];
    ticket.category = category(&levels.map(|level| text_at(record, &[level, "name"])));
    let queue = first_text(record, &[&["team", "name"], &["board", "name"]]);
    ticket.queue = some(queue);
    ticket.requester = person(
        &first_text(record, &[&["contactName"], &["contact", "name"]]),
        &text_at(record, &["contactEmailAddress"]),
    );
    ticket.channel = some(text_at(record, &["source", "name"]).to_lowercase());
    ticket.created_at = draft.time("created_at", at(record, &["_info", "dateEntered"]));
    ticket.updated_at = draft.time("updated_at", at(record, &["_info", "lastUpdated"]));
    for field in ["closedDate", "dateResolved"] {
        let time = draft.time("resolved_at", at(record, &[field]));
        ticket.resolved_at = time.or(ticket.resolved_at);
    }
    let initial = text_at(record, &["initialResolution"]);
    let resolution = add_notes(&mut draft, &mut ticket, with).unwrap_or(initial);
    let code = ticket
        .extra
        .get("status_raw")
        .map(text_of)
        .unwrap_or_default();
    let code = Some(code)
        .filter(|code| draft.mapping.is_not_solved(code))
        .unwrap_or_default();
    draft.resolution(&mut ticket, status, &code, &resolution);
    let extra = &mut ticket.extra;
    keep_text(extra, "key", &id);
    keep_text(extra, "ticket_type", &text_at(record, &["recordType"]));
    keep_text(extra, "company", &text_at(record, &["company", "name"]));
    keep_text(
        extra,
        "assignee",
        &first_text(record, &[&["owner", "name"], &["owner", "identifier"]]),
    );
    if !status.is_some_and(Status::is_done) {
        ticket.resolved_at = None;
    }
    draft.done_ticket(ticket, status)
}

/// By the name of the status; where no table knows it, by whether the ticket is closed, or the
/// board's list of statuses says that this is one of closed tickets.
fn status(
    draft: &mut Draft<'_>,
    ticket: &mut Ticket,
    record: &Object,
    with: &Object,
) -> Option<Status> {
    let name = text_at(record, &["status", "name"]);
    let is_closed = at(record, &["closedFlag"]) == &Value::Bool(true)
        || at(with, &["status", "closedStatus"]) == &Value::Bool(true);
    draft.status(ticket, &[&name, if is_closed { "closed" } else { "" }])
}

/// `Priority 2 - Quick Response`: the number in the name; the word of a table beats it.
fn priority(draft: &mut Draft<'_>, ticket: &mut Ticket, record: &Object) {
    let name = text_at(record, &["priority", "name"]);
    if name.is_empty() {
        return;
    }
    let digit = name.chars().find_map(|c| c.to_digit(10));
    let order = at(record, &["priority", "sortOrder"]).as_u64();
    let number = draft
        .mapping
        .priority(&name)
        .map(u64::from)
        .or(digit.map(u64::from))
        .or(order)
        .and_then(|number| u8::try_from(number).ok());
    ticket.priority = number.and_then(|number| Priority::try_from(number).ok());
    keep_text(&mut ticket.extra, "priority_raw", &name);
    if ticket.priority.is_none() {
        draft.note(
            NoteKind::UnknownValue,
            "priority",
            format!("{name:?} has no number"),
        );
    }
}

/// Adds the notes; gives the text of those that say what solved it.
fn add_notes(draft: &mut Draft<'_>, ticket: &mut Ticket, with: &Object) -> Option<String> {
    let mut resolution = Vec::new();
    for note in items_at(with, &["notes"]) {
        let Value::Object(note) = note else {
            continue;
        };
        let text = text_at(note, &["text"]);
        let is = |flag: &str| at(note, &[flag]) == &Value::Bool(true);
        if text.trim().is_empty() {
            continue;
        }
        if is("resolutionFlag") && !is("internalFlag") {
            resolution.push(text.clone());
        }
        if is("detailDescriptionFlag") && ticket.description.trim().is_empty() {
            ticket.description = text;
            continue;
        }
        ticket.comments.push(Comment {
            author: some(first_text(
                note,
                &[&["member", "identifier"], &["createdBy"]],
            )),
            created_at: draft.time("comments.created_at", at(note, &["dateCreated"])),
            body: text,
            public: is("externalFlag") && !is("internalFlag") && !is("internalAnalysisFlag"),
        });
    }
    (!resolution.is_empty()).then(|| resolution.join("\n\n"))
}
