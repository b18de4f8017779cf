//! Rows of Jira's CSV export: columns by their English names, repeated where a field has several
//! values, comments as `date;author;text`.

use serde_json::Value;

use super::super::draft::{Draft, at, category, keep_text, restricted, some, text_of};
use super::super::{Refused, Taken};
use super::Object;
use crate::model::Comment;

pub(super) fn convert(mut draft: Draft<'_>, row: &Object) -> Result<Taken, Refused> {
    let key = cell(row, "Issue key");
    let mut ticket = draft.ticket(&key)?;
    ticket.subject = cell(row, "Summary");
    ticket.description = draft.wiki("description", &cell(row, "Description"));
    let status_name = cell(row, "Status");
    let of_category = cell(row, "Status Category").to_lowercase();
    let status = draft.status(&mut ticket, &[&status_name, &of_category]);
    draft.priority(&mut ticket, &cell(row, "Priority"));
    draft.impact(&mut ticket, &own(&draft, row, "impact"));
    draft.urgency(&mut ticket, &own(&draft, row, "urgency"));
    let request_type = own(&draft, row, "category");
    let component = cells(row, &["Component/s", "Components", "Component"])
        .into_iter()
        .next();
    let level = some(request_type).or(component.clone());
    ticket.category = category(&[level.unwrap_or_else(|| cell(row, "Issue Type"))]);
    ticket.product = component;
    ticket.tags = cells(row, &["Labels"]);
    ticket.requester = some(cell(row, "Reporter"));
    ticket.created_at = draft.time("created_at", at(row, &["Created"]));
    ticket.updated_at = draft.time("updated_at", at(row, &["Updated"]));
    ticket.resolved_at = draft.time("resolved_at", at(row, &["Resolved"]));
    let security = cell(row, "Security Level");
    if !security.is_empty() {
        ticket.visibility = restricted([format!("jira-security-{security}")]);
    }
    // Only in a service desk are there comments that the requester does not see, and the export
    // does not say which: none of those is open, and none is a resolution.
    let is_open = matches!(cell(row, "Project type").as_str(), "software" | "business");
    let reporters = [cell(row, "Reporter"), cell(row, "Reporter Id")];
    let mut answer = String::new();
    for comment in cells(row, &["Comment", "Comments"]) {
        let mut comment = comment_of(&mut draft, &comment);
        comment.public = is_open;
        let is_reporters = comment
            .author
            .as_ref()
            .is_some_and(|author| reporters.contains(author));
        if is_open && !is_reporters {
            comment.body.clone_into(&mut answer);
        }
        ticket.comments.push(comment);
    }
    draft.resolution(&mut ticket, status, &cell(row, "Resolution"), &answer);
    let extra = &mut ticket.extra;
    keep_text(extra, "key", &key);
    for (column, name) in [
        ("Issue id", "native_id"),
        ("Issue Type", "ticket_type"),
        ("Project key", "project"),
        ("Assignee", "assignee"),
        ("Environment", "environment"),
    ] {
        keep_text(extra, name, &cell(row, column));
    }
    draft.done_ticket(ticket, status)
}

/// The first value of a column.
fn cell(row: &Object, column: &str) -> String {
    match row.get(column) {
        Some(Value::Array(values)) => values.first().map(text_of).unwrap_or_default(),
        Some(value) => text_of(value),
        None => String::new(),
    }
}

/// All values of the first of these columns that is there.
fn cells(row: &Object, columns: &[&str]) -> Vec<String> {
    match columns.iter().find_map(|column| row.get(*column)) {
        Some(Value::Array(values)) => values.iter().map(text_of).collect(),
        Some(value) => some(text_of(value)).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The column of a field that the mapping names.
fn own(draft: &Draft<'_>, row: &Object, name: &str) -> String {
    let label = draft.mapping.field(name).unwrap_or_default();
    cell(row, &format!("Custom field ({label})"))
}

fn comment_of(draft: &mut Draft<'_>, text: &str) -> Comment {
    let mut parts = text.splitn(3, ';');
    let (date, author, body) = (parts.next(), parts.next(), parts.next());
    let (Some(date), Some(author), Some(body)) = (date, author, body) else {
        return Comment {
            author: None,
            created_at: None,
            body: draft.wiki("comments.body", text),
            public: false,
        };
    };
    Comment {
        author: some(author.to_owned()),
        created_at: draft.time("comments.created_at", &Value::from(date)),
        body: draft.wiki("comments.body", body),
        public: false,
    }
}
