//! ServiceNow: incidents and knowledge articles of the Table API in its three shapes (values,
//! display values, both), of the Knowledge API, and of CSV exports with names or labels as headers.
//! Shapes by ServiceNow's REST reference and by recordings.

use serde_json::Value;

use super::super::draft::{
    Draft, WITH, at, category, items_at, keep_text, person, restricted, skipped, some, text_at,
    text_of,
};
use super::super::mapping::Status;
use super::super::servicenow_xml::TABLE;
use super::super::{Refused, Taken};
use super::{Joins, Object, Role};
use crate::model::{ArticleState, Comment, Ticket, Visibility};

pub(super) const JOINS: Joins = Joins {
    documents: &[],
    rows: &[
        ("assignment_group", "rows"),
        ("caller_id", "rows"),
        ("assigned_to", "rows"),
        ("cmdb_ci", "rows"),
        ("business_service", "rows"),
        ("kb_category", "rows"),
        ("kb_knowledge_base", "rows"),
    ],
    parts: &[("journal", "sys_id")],
    author: None,
    names_fields: false,
};

pub(super) fn role(record: &Object) -> Role {
    let has = |name: &str| record.contains_key(name);
    let is_of = |tables: &[&str]| {
        let table = text_at(record, &[TABLE]);
        tables.contains(&table.as_str())
    };
    if has("element_id") && has("value") {
        Role::Part("journal", "element_id")
    } else if is_of(&["sys_user", "sys_user_group"]) {
        Role::Row("rows")
    } else if has("short_description") || has("Short description") || has("number") {
        Role::Document
    } else if has("sys_id") && (has("name") || has("title") || has("label") || has("user_name")) {
        Role::Row("rows")
    } else if has("incident_state") || has("sys_created_on") && has("state") {
        Role::Document
    } else {
        Role::Skip("neither an incident nor an article")
    }
}

pub(super) fn convert(draft: Draft<'_>, record: &Object) -> Result<Taken, Refused> {
    let row = Row::new(record);
    if row.is_article() {
        article(draft, &row)
    } else {
        ticket(draft, &row)
    }
}

/// A record by the names of its columns, whatever shape its values have.
struct Row {
    columns: Object,
    with: Object,
}

impl Row {
    fn new(record: &Object) -> Self {
        let with = record.get(WITH).and_then(Value::as_object).cloned();
        let mut columns = Object::new();
        for (name, value) in record.iter().filter(|(name, _)| name.as_str() != WITH) {
            // "Short description" as a header is the column short_description.
            let mut name = name.trim().to_lowercase().replace(' ', "_");
            if let Some(of_label) = LABELS.iter().find(|(label, _)| *label == name) {
                of_label.1.clone_into(&mut name);
            }
            columns.insert(name, value.clone());
        }
        // The Knowledge API keeps columns one level down.
        if let Some(Value::Object(fields)) = record.get("fields") {
            for (name, value) in fields {
                columns.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        Self {
            columns,
            with: with.unwrap_or_default(),
        }
    }

    fn is_article(&self) -> bool {
        let has = |name: &str| self.columns.contains_key(name);
        let class = self.value("sys_class_name");
        class.starts_with("kb_")
            || self.value("id").starts_with("kb_knowledge:")
            || has("workflow_state")
            || has("kb_knowledge_base")
            || has("article_type")
            || self.value("number").starts_with("KB")
    }

    /// The value that programs use: the code of a choice, the id of a reference.
    fn value(&self, column: &str) -> String {
        match self.columns.get(column) {
            Some(Value::Object(both)) => {
                let value = both.get("value").or_else(|| both.get("display_value"));
                value.map(text_of).unwrap_or_default()
            }
            Some(value) => text_of(value),
            None => String::new(),
        }
    }

    /// The value that people see: a name in place of an id, where it is known.
    fn shown(&self, column: &str) -> String {
        if let Some(Value::Object(both)) = self.columns.get(column)
            && let Some(shown) = both.get("display_value")
        {
            return text_of(shown);
        }
        let name = shown_of(at(&self.with, &[column, "name"]));
        if !name.is_empty() {
            return name;
        }
        let value = self.value(column);
        // A bare id says nothing to anybody.
        let is_id = value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id { String::new() } else { value }
    }

    fn person(&self, column: &str) -> Option<String> {
        person(
            &self.shown(column),
            &shown_of(at(&self.with, &[column, "email"])),
        )
    }
}

/// What people see of a value, whatever its shape.
fn shown_of(value: &Value) -> String {
    text_of(value.get("display_value").unwrap_or(value))
}

/// Labels in CSV headers that differ from the names of their columns.
const LABELS: [(&str, &str); 9] = [
    ("caller", "caller_id"),
    ("created", "sys_created_on"),
    ("updated", "sys_updated_on"),
    ("opened", "opened_at"),
    ("resolved", "resolved_at"),
    ("resolution_code", "close_code"),
    ("resolution_notes", "close_notes"),
    ("configuration_item", "cmdb_ci"),
    ("workflow", "workflow_state"),
];

fn ticket(mut draft: Draft<'_>, row: &Row) -> Result<Taken, Refused> {
    let key = some(row.value("number")).unwrap_or_else(|| row.value("sys_id"));
    let mut ticket = draft.ticket(&key)?;
    ticket.subject = row.value("short_description");
    ticket.description = row.value("description");
    let state = some(row.value("state")).unwrap_or_else(|| row.value("incident_state"));
    let status = status(&mut draft, &mut ticket, row, &state);
    draft.priority(&mut ticket, &row.value("priority"));
    draft.impact(&mut ticket, &row.value("impact"));
    draft.urgency(&mut ticket, &row.value("urgency"));
    ticket.category = category(&[row.value("category"), row.value("subcategory")]);
    ticket.queue = some(row.shown("assignment_group"));
    ticket.requester = row.person("caller_id");
    ticket.product = some(row.shown("cmdb_ci")).or_else(|| some(row.shown("business_service")));
    ticket.channel = some(row.value("contact_type")).map(|channel| match channel.as_str() {
        "self-service" => "portal".to_owned(),
        _ => channel,
    });
    let opened = Value::from(row.value("opened_at"));
    let created = Value::from(row.value("sys_created_on"));
    ticket.created_at = draft.time("created_at", &opened);
    if ticket.created_at.is_none() {
        ticket.created_at = draft.time("created_at", &created);
    }
    let updated = Value::from(row.value("sys_updated_on"));
    ticket.updated_at = draft.time("updated_at", &updated);
    for column in ["closed_at", "resolved_at"] {
        let time = draft.time("resolved_at", &Value::from(row.value(column)));
        ticket.resolved_at = time.or(ticket.resolved_at);
    }
    ticket.comments = journal(&mut draft, row);
    let code = row.shown("close_code");
    draft.resolution(&mut ticket, status, &code, &row.value("close_notes"));
    let extra = &mut ticket.extra;
    keep_text(extra, "key", &key);
    for column in [
        "sys_id",
        "hold_reason",
        "cause",
        "company",
        "location",
        "assigned_to",
        "sys_domain",
    ] {
        keep_text(extra, column, &row.shown(column));
    }
    if !status.is_some_and(Status::is_done) {
        ticket.resolved_at = None;
    }
    if ticket.subject.trim().is_empty() && ticket.description.trim().is_empty() {
        return Ok(skipped("a record without text"));
    }
    draft.done_ticket(ticket, status)
}

/// The status by its state; a ticket on hold may be one that waits for the caller.
fn status(draft: &mut Draft<'_>, ticket: &mut Ticket, row: &Row, state: &str) -> Option<Status> {
    let status = draft.status(ticket, &[state])?;
    let reasons = [row.value("hold_reason"), row.shown("hold_reason")];
    let mut by_reason = reasons
        .iter()
        .filter_map(|reason| draft.mapping.status(&format!("on hold: {reason}")));
    let status = match by_reason.next() {
        Some(by_reason) if status == Status::OnHold => by_reason,
        Some(_) | None => status,
    };
    ticket.status = Some(status.as_str().to_owned());
    Some(status)
}

/// Comments and work notes: entries of the journal table, or the text that display values give.
fn journal(draft: &mut Draft<'_>, row: &Row) -> Vec<Comment> {
    let mut comments = Vec::new();
    for entry in items_at(&row.with, &["journal"]) {
        let Value::Object(entry) = entry else {
            continue;
        };
        comments.push(Comment {
            author: some(text_at(entry, &["sys_created_by"])),
            created_at: draft.time("comments.created_at", at(entry, &["sys_created_on"])),
            body: text_at(entry, &["value"]),
            public: text_at(entry, &["element"]) == "comments",
        });
    }
    comments.sort_by_key(|comment| comment.created_at);
    if !comments.is_empty() {
        return comments;
    }
    for (column, public) in [("comments", true), ("work_notes", false)] {
        let body = row.shown(column);
        if !body.trim().is_empty() {
            comments.push(Comment {
                author: None,
                created_at: None,
                body,
                public,
            });
        }
    }
    comments
}

fn article(mut draft: Draft<'_>, row: &Row) -> Result<Taken, Refused> {
    let key = some(row.value("number")).unwrap_or_else(|| row.value("sys_id"));
    let mut article = draft.article(&key)?;
    article.title = collapsed(&row.value("short_description"));
    if article.title.is_empty() {
        article.title = collapsed(&row.value("title"));
    }
    let text = some(row.value("text")).or_else(|| some(row.value("wiki")));
    // A single article of the Knowledge API has its content, a search a passage of it.
    let text = text.or_else(|| some(row.value("content")));
    let text = text.unwrap_or_else(|| row.value("snippet"));
    article.body = draft.html("body", &text);
    article.category = category(&[row.shown("kb_knowledge_base"), row.shown("kb_category")]);
    article.language = some(row.value("language")).filter(|code| code.len() == 2);
    let keywords = row.value("meta");
    article.tags = keywords
        .split(',')
        .filter_map(|tag| some(tag.trim().to_owned()))
        .collect();
    let time = |draft: &mut Draft<'_>, field: &str, column: &str| {
        draft.time(field, &Value::from(row.value(column)))
    };
    article.created_at = time(&mut draft, "created_at", "sys_created_on");
    article.updated_at = time(&mut draft, "updated_at", "sys_updated_on");
    article.review_date = time(&mut draft, "review_date", "valid_to");
    let state = row.value("workflow_state").to_lowercase();
    // The Knowledge API gives published articles, and does not say so.
    let is_found = row.value("id").starts_with("kb_knowledge:");
    article.state = match state.as_str() {
        "published" => ArticleState::Published,
        "" if is_found => ArticleState::Published,
        "retired" | "outdated" => ArticleState::Archived,
        _ => ArticleState::Draft,
    };
    article.visibility = visibility(row, &state);
    let extra = &mut article.extra;
    keep_text(extra, "key", &key);
    for column in [
        "sys_id",
        "workflow_state",
        "article_type",
        "author",
        "replacement_article",
    ] {
        keep_text(extra, column, &row.shown(column));
    }
    draft.done_article(article)
}

fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Public when published and the record itself says that nobody is named for it: a column that was
/// not exported says nothing.
fn visibility(row: &Row, state: &str) -> Visibility {
    let mut groups = Vec::new();
    let mut is_said = true;
    for column in [
        "can_read_user_criteria",
        "cannot_read_user_criteria",
        "roles",
    ] {
        is_said &= row.columns.contains_key(column);
        let value = row.value(column);
        groups.extend(
            value
                .split(',')
                .filter_map(|group| some(group.trim().to_owned())),
        );
        // Who must not read it is no group of readers: nobody but admins, then.
        if column == "cannot_read_user_criteria" && !value.is_empty() {
            return restricted([]);
        }
    }
    match (groups.is_empty(), is_said && state == "published") {
        (false, _) => restricted(groups),
        (true, true) => Visibility::Public,
        (true, false) => Visibility::Internal,
    }
}
