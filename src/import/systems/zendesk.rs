//! Zendesk: tickets with their audits or comments, Help Center articles with their sections.
//! Shapes by Zendesk's API reference ("Tickets", "Ticket Audits", "Articles") and by recordings.

use serde_json::Value;

use super::super::draft::{
    Draft, WITH, at, category, first_text, gone, items_at, keep, keep_text, key_of, names_at,
    person, restricted, some, text_at, text_of,
};
use super::super::joined::inner_of;
use super::super::mapping::Status;
use super::super::{Refused, Taken};
use super::{Joins, Object, Role};
use crate::model::{Article, ArticleState, Comment, Kind, Ticket, Time, Visibility, Votes};

pub(super) const JOINS: Joins = Joins {
    documents: &["tickets", "articles"],
    rows: &[
        ("requester_id", "users"),
        ("assignee_id", "users"),
        ("group_id", "groups"),
        ("organization_id", "organizations"),
        ("section_id", "sections"),
        ("parent_section_id", "sections"),
        ("category_id", "categories"),
    ],
    parts: &[("audits", "id"), ("comments", "id"), ("metrics", "id")],
    author: Some(("author_id", "users")),
    names_fields: false,
};

pub(super) fn role(list: Option<&str>, record: &Object) -> Role {
    let has = |name: &str| record.contains_key(name);
    match list {
        Some("tickets" | "articles") => return Role::Document,
        Some("users") => return Role::Row("users"),
        Some("groups") => return Role::Row("groups"),
        Some("organizations") => return Role::Row("organizations"),
        Some("sections") => return Role::Row("sections"),
        Some("categories") => return Role::Row("categories"),
        Some("audits" | "ticket_events") => return Role::Part("audits", "ticket_id"),
        Some("ticket_metrics" | "metric_sets") => return Role::Part("metrics", "ticket_id"),
        Some("ticket_fields") => return Role::Skip("a description of a ticket field"),
        Some("suspended_tickets") => return Role::Skip("a suspended ticket"),
        Some(_) | None => {}
    }
    let record = inner_of(record);
    let has_inner = |name: &str| record.contains_key(name);
    if has_inner("cause") && has_inner("content") {
        Role::Skip("a suspended ticket")
    } else if has("events") && has("ticket_id") {
        Role::Part("audits", "ticket_id")
    } else if has("ticket_id") && (has("solved_at") || has("reopens")) {
        Role::Part("metrics", "ticket_id")
    } else if has("ticket_id") && has("body") {
        Role::Part("comments", "ticket_id")
    } else if has("parent_section_id") || (has("category_id") && has("name") && !has("body")) {
        Role::Row("sections")
    } else if has("email") && has("role") {
        Role::Row("users")
    } else if has("source_id") && has("source_type") {
        Role::Skip("a translation; the article itself is imported")
    } else if has_inner("subject")
        || has_inner("description") && has_inner("requester_id")
        || has_inner("section_id")
    {
        Role::Document
    } else if has("source_locale") && has("name") && !has("body") {
        Role::Row("categories")
    } else {
        Role::Skip("neither a ticket nor an article")
    }
}

pub(super) fn convert(draft: Draft<'_>, record: &Object) -> Result<Taken, Refused> {
    let with = with_of(record);
    let inner = inner_of(record);
    if inner.contains_key("section_id") || inner.contains_key("user_segment_id") {
        article(draft, inner, &with)
    } else {
        ticket(draft, inner, &with)
    }
}

fn with_of(record: &Object) -> Object {
    let with = record.get(WITH).and_then(Value::as_object);
    with.cloned().unwrap_or_default()
}

fn ticket(mut draft: Draft<'_>, record: &Object, with: &Object) -> Result<Taken, Refused> {
    let id = text_at(record, &["id"]);
    let raw_status = text_at(record, &["status"]);
    if raw_status == "deleted" {
        return Ok(gone(key_of(&draft, Kind::Ticket, &id)?, "deleted"));
    }
    let mut ticket = draft.ticket(&id)?;
    ticket.subject = first_text(record, &[&["subject"], &["raw_subject"]]);
    ticket.description = text_at(record, &["description"]).trim().to_owned();
    let status = draft.status(&mut ticket, &[&raw_status]);
    draft.priority(&mut ticket, &text_at(record, &["priority"]));
    ticket.tags = names_at(record, &["tags"]);
    ticket.channel = channel(&text_at(record, &["via", "channel"]));
    let of_requester = |field: &str| {
        let of_row = some(text_at(with, &["requester_id", field]));
        // The account's own export writes people out.
        of_row.unwrap_or_else(|| text_at(record, &["requester", field]))
    };
    ticket.requester = person(&of_requester("name"), &of_requester("email"));
    let group = some(text_at(with, &["group_id", "name"]));
    ticket.queue = group.or_else(|| some(text_at(record, &["group", "name"])));
    ticket.category = own_category(&draft, record);
    ticket.created_at = draft.time("created_at", at(record, &["created_at"]));
    ticket.updated_at = draft.time("updated_at", at(record, &["updated_at"]));
    let solved = add_comments(&mut draft, &mut ticket, record, with);
    ticket.resolved_at = metrics_solved_at(&mut draft, with).or(solved);
    if !status.is_some_and(Status::is_done) {
        ticket.resolved_at = None;
    }
    let requester = first_text(record, &[&["requester_id"], &["requester", "id"]]);
    let text = last_answer(record, with, &requester);
    let code = unsolved_tag(&draft, &ticket);
    draft.resolution(&mut ticket, status, &code, &text);
    keep_rest(&mut ticket, record, with, &id);
    draft.done_ticket(ticket, status)
}

fn keep_rest(ticket: &mut Ticket, record: &Object, with: &Object, id: &str) {
    let extra = &mut ticket.extra;
    keep_text(extra, "key", id);
    keep_text(extra, "ticket_type", &text_at(record, &["type"]));
    let assignee = some(text_at(with, &["assignee_id", "name"]));
    let assignee = assignee.unwrap_or_else(|| text_at(record, &["assignee", "name"]));
    keep_text(extra, "assignee", &assignee);
    keep_text(
        extra,
        "organization",
        &text_at(with, &["organization_id", "name"]),
    );
    keep(extra, "problem_id", at(record, &["problem_id"]));
    let url = text_at(record, &["url"]);
    if let Some((host, _)) = url.split_once("/api/v2/") {
        keep_text(extra, "url", &format!("{host}/agent/tickets/{id}"));
    }
}

/// The ways of Zendesk in the words that all systems share.
fn channel(via: &str) -> Option<String> {
    let channel = match via {
        "email" => "email",
        "web" | "help_center" | "mobile" | "mobile_sdk" => "portal",
        "voice" | "phone" => "phone",
        "chat" | "native_messaging" | "messaging" => "chat",
        "" => return None,
        other => other,
    };
    Some(channel.to_owned())
}

/// The value of the field that the desk names as its category.
fn own_category(draft: &Draft<'_>, record: &Object) -> Option<String> {
    let id = draft.mapping.field("category")?;
    let field = items_at(record, &["custom_fields"])
        .iter()
        .find(|field| field.get("id").is_some_and(|own| text_of(own) == id))?;
    let value = text_of(field.get("value")?);
    // Nested choices are written `software::email`.
    category(&value.split("::").map(str::to_owned).collect::<Vec<_>>())
}

/// A tag that says that nothing was solved: merged tickets have one.
fn unsolved_tag(draft: &Draft<'_>, ticket: &Ticket) -> String {
    let tags = ticket.tags.iter();
    let found = tags
        .into_iter()
        .find(|tag| draft.mapping.is_not_solved(tag));
    found.cloned().unwrap_or_default()
}

/// A comment as its ticket's history or a list of comments gives it.
struct Said<'r> {
    comment: &'r Value,
    created: &'r Value,
    author: Option<String>,
}

impl<'r> Said<'r> {
    /// `around` is what carries the comment's time and the row of its author.
    fn new(comment: &'r Value, around: &'r Value) -> Self {
        let id = comment.get("author_id").or_else(|| around.get("author_id"));
        let id = id.map(text_of).unwrap_or_default();
        let known = around.get(WITH).and_then(|with| with.get("author_id"));
        let known = known.filter(|_| around.get("author_id").map(text_of).as_deref() == Some(&id));
        let text = |name: &str| known.and_then(|row| row.get(name)).map(text_of);
        let named = person(
            &text("name").unwrap_or_default(),
            &text("email").unwrap_or_default(),
        );
        Self {
            comment,
            created: around.get("created_at").unwrap_or(&Value::Null),
            author: named.or_else(|| some(id)),
        }
    }

    fn body(&self) -> String {
        let bodies = ["body", "plain_body"].iter();
        let mut bodies = bodies.filter_map(|name| self.comment.get(name).map(text_of));
        bodies.next().unwrap_or_default()
    }

    fn is_public(&self) -> bool {
        self.comment.get("public") == Some(&Value::Bool(true))
    }

    fn is_by(&self, id: &str) -> bool {
        self.comment.get("author_id").map(text_of).as_deref() == Some(id)
    }
}

/// What an audit, or an event of the incremental export, says was done.
fn events_of(audit: &Value) -> impl Iterator<Item = &Value> {
    let events = audit.get("events").or_else(|| audit.get("child_events"));
    events.and_then(Value::as_array).into_iter().flatten()
}

fn is_comment(event: &Value) -> bool {
    let kind = event.get("type").or_else(|| event.get("event_type"));
    kind.is_some_and(|kind| kind == "Comment")
}

/// All comments of a ticket, oldest first: those of its audits, or those given with it.
fn comments_of<'r>(record: &'r Object, with: &'r Object) -> Vec<Said<'r>> {
    let audits = items_at(with, &["audits"]).iter();
    let of_audits = audits.flat_map(|audit| {
        let comments = events_of(audit).filter(|event| is_comment(event));
        comments.map(move |event| Said::new(event, audit))
    });
    let given = items_at(with, &["comments"])
        .iter()
        .chain(items_at(record, &["comments"]));
    let given = given.map(|comment| Said::new(comment, comment));
    of_audits.chain(given).collect()
}

/// Adds the comments after the first, which is the description; gives the time of the last change
/// to solved.
fn add_comments(
    draft: &mut Draft<'_>,
    ticket: &mut Ticket,
    record: &Object,
    with: &Object,
) -> Option<Time> {
    for (at, said) in comments_of(record, with).into_iter().enumerate() {
        let body = said.body();
        if at == 0 && ticket.description.trim().is_empty() {
            ticket.description = body;
            continue;
        }
        if body.trim().is_empty() || (at == 0 && ticket.description.trim() == body.trim()) {
            continue;
        }
        ticket.comments.push(Comment {
            created_at: draft.time("comments.created_at", said.created),
            public: said.is_public(),
            author: said.author,
            body,
        });
    }
    let is_solving = |event: &Value| {
        let is = |name: &str, value: &str| event.get(name).is_some_and(|own| own == value);
        (is("field_name", "status") && is("value", "solved")) || is("status", "solved")
    };
    let mut audits = items_at(with, &["audits"]).iter().rev();
    let solved = audits.find(|audit| events_of(audit).any(is_solving));
    let created = solved?.get("created_at")?;
    draft.time("resolved_at", created)
}

/// The last public comment that the requester did not write.
fn last_answer(record: &Object, with: &Object, requester: &str) -> String {
    let comments = comments_of(record, with);
    let mut comments = comments.iter().skip(1).rev();
    let by_agent = comments.find(|said| said.is_public() && !said.is_by(requester));
    by_agent.map(Said::body).unwrap_or_default()
}

fn metrics_solved_at(draft: &mut Draft<'_>, with: &Object) -> Option<Time> {
    let metrics = items_at(with, &["metrics"]).last()?;
    draft.time("resolved_at", metrics.get("solved_at")?)
}

fn article(mut draft: Draft<'_>, record: &Object, with: &Object) -> Result<Taken, Refused> {
    let mut article = draft.article(&text_at(record, &["id"]))?;
    article.title = first_text(record, &[&["title"], &["name"]]);
    article.body = draft.html("body", &text_at(record, &["body"]));
    article.tags = names_at(record, &["label_names"]);
    article.language = locale(&text_at(record, &["locale"]));
    article.created_at = draft.time("created_at", at(record, &["created_at"]));
    article.updated_at = draft.time("updated_at", at(record, &["updated_at"]));
    article.url = some(text_at(record, &["html_url"]));
    article.category = category(&path_of(with));
    article.votes = votes(record);
    // Only an article that says that it is none is no draft.
    if at(record, &["draft"]) != &Value::Bool(false) {
        article.state = ArticleState::Draft;
    }
    article.visibility = visibility(record, with);
    keep_article(&mut article, record);
    draft.done_article(article)
}

fn keep_article(article: &mut Article, record: &Object) {
    let extra = &mut article.extra;
    keep_text(extra, "key", &text_at(record, &["id"]));
    keep(extra, "outdated", at(record, &["outdated"]));
    keep(extra, "promoted", at(record, &["promoted"]));
}

/// `en-us` is English.
fn locale(locale: &str) -> Option<String> {
    let code: String = locale
        .chars()
        .take_while(char::is_ascii_alphabetic)
        .collect();
    some(code.to_lowercase())
}

/// The names on the way from the category to the section.
fn path_of(with: &Object) -> Vec<String> {
    let mut names = Vec::new();
    let mut row = with.get("section_id");
    while let Some(Value::Object(section)) = row {
        names.push(text_at(section, &["name"]));
        let further = section.get(WITH);
        let parent = further.and_then(|further| further.get("parent_section_id"));
        row = parent.or_else(|| further.and_then(|further| further.get("category_id")));
    }
    names.reverse();
    names
}

fn votes(record: &Object) -> Votes {
    let number = |name: &str| at(record, &[name]).as_i64().unwrap_or(0);
    let (sum, count) = (number("vote_sum"), number("vote_count"));
    let positive = (count + sum) / 2;
    let count_of = |number: i64| u32::try_from(number.max(0)).unwrap_or(u32::MAX);
    Votes {
        helpful: count_of(positive),
        not_helpful: count_of(count - positive),
    }
}

/// Public only when the article and all that it stands in say that everybody may see it.
fn visibility(record: &Object, with: &Object) -> Visibility {
    let mut segments = Vec::new();
    let mut is_said = false;
    if let Some(segment) = record.get("user_segment_id") {
        is_said = true;
        segments.push(text_of(segment));
    }
    for segment in items_at(record, &["user_segment_ids"]) {
        segments.push(text_of(segment));
    }
    let mut row = with.get("section_id");
    while let Some(Value::Object(section)) = row {
        segments.push(text_at(section, &["user_segment_id"]));
        row = section
            .get(WITH)
            .and_then(|further| further.get("parent_section_id"));
    }
    segments.retain(|segment| !segment.is_empty());
    match (is_said, segments.is_empty()) {
        (_, false) => restricted(segments.iter().map(|id| format!("zendesk-segment-{id}"))),
        (true, true) => Visibility::Public,
        (false, true) => Visibility::Internal,
    }
}
