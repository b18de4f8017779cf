//! Whose record some JSON is: by fields that only records of one system have, and by the names of the
//! lists that only it uses.

use std::io::BufRead;

use serde_json::{Map, Value};

use super::System;
use super::json_stream::JsonStream;
use super::pieces::Piece;

/// Records of a list that are looked at before giving up.
const MAX_LOOKED_AT: usize = 20;

/// Whose export a stream of JSON is, as its first records tell.
pub(super) fn system_of_json(reader: impl BufRead) -> Option<System> {
    let mut pieces = JsonStream::new(reader);
    for piece in pieces.by_ref().take(MAX_LOOKED_AT) {
        let Ok(Piece::Record { list, json }) = piece else {
            continue;
        };
        let Ok(Value::Object(record)) = serde_json::from_slice::<Value>(&json) else {
            continue;
        };
        let found = system_of_record(list.as_deref(), &record);
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Fields that only records of one system have, and names of lists that only it uses; the first
/// system that is met is it. Confluence and some of Jira's need a closer look: `is_jira` and
/// `is_confluence`.
const TELLING: [(System, &[&str], &[&str]); 5] = [
    (
        System::ServiceNow,
        &[
            "sys_id",
            "short_description",
            "sys_created_on",
            "element_id",
        ],
        &[],
    ),
    (
        System::ConnectWise,
        &[
            "recordType",
            "detailDescriptionFlag",
            "closedStatus",
            "boardId",
        ],
        &[],
    ),
    (
        System::Zendesk,
        &[
            "submitter_id",
            "section_id",
            "user_segment_id",
            "raw_subject",
            "brand_id",
            "parent_section_id",
            "audit_id",
        ],
        &[
            "audits",
            "ticket_events",
            "ticket_metrics",
            "suspended_tickets",
        ],
    ),
    (
        System::Freshservice,
        &[
            "responder_id",
            "fr_escalated",
            "fr_due_by",
            "folder_id",
            "requested_for_id",
            "conversation_id",
            "folder_visibility",
            "has_logged_in",
        ],
        &["conversations", "folders", "requesters"],
    ),
    (
        System::SharePoint,
        &["webUrl", "canvasLayout", "pageLayout"],
        &[],
    ),
];

/// Whose record it is, by fields that no other system has.
fn system_of_record(list: Option<&str>, record: &Map<String, Value>) -> Option<System> {
    // `{"ticket": {...}}`
    if record.len() == 1
        && let Some((name, Value::Object(inner))) = record.iter().next()
    {
        return system_of_record(Some(name), inner);
    }
    let has = |name: &str| record.contains_key(name);
    let kind = record.get("kind").and_then(Value::as_str);
    if matches!(kind, Some("article" | "ticket")) {
        return Some(System::Ndjson);
    }
    if has("alerts") && (has("receiver") || has("groupKey") || has("commonLabels")) {
        return Some(System::Alertmanager);
    }
    if is_jira(list, record) {
        return Some(System::Jira);
    }
    if has("number") && has("link") && has("rank") {
        return Some(System::ServiceNow);
    }
    if has("summary") && has("board") {
        return Some(System::ConnectWise);
    }
    let url = record.get("url").and_then(Value::as_str);
    let is_hosted = url.is_some_and(|url| url.contains(".zendesk.com/"));
    if is_hosted || (has("events") && has("ticket_id")) {
        return Some(System::Zendesk);
    }
    let told = TELLING.iter().find(|(_, fields, lists)| {
        fields.iter().any(|field| has(field)) || list.is_some_and(|list| lists.contains(&list))
    });
    if let Some((system, _, _)) = told {
        return Some(*system);
    }
    let of_list_item = |name: &str| record.get("fields").and_then(|fields| fields.get(name));
    if of_list_item("WikiField")
        .or_else(|| of_list_item("CanvasContent1"))
        .is_some()
    {
        return Some(System::SharePoint);
    }
    is_confluence(record).then_some(System::Confluence)
}

fn is_jira(list: Option<&str>, record: &Map<String, Value>) -> bool {
    let has = |name: &str| record.contains_key(name);
    (has("fields") && has("key")) || has("issueKey") || has("clauseNames") || list == Some("issues")
}

fn is_confluence(record: &Map<String, Value>) -> bool {
    let has = |name: &str| record.contains_key(name);
    let is_content = matches!(
        record.get("type").and_then(Value::as_str),
        Some("page" | "blogpost" | "comment" | "global" | "personal")
    );
    let body = record.get("body").unwrap_or(&Value::Null);
    has("spaceId")
        || (is_content && (has("_expandable") || has("_links") || has("body")))
        || body
            .get("storage")
            .or(body.get("atlas_doc_format"))
            .is_some()
        || (has("content") && has("resultGlobalContainer"))
        || (has("prefix") && has("name") && has("id"))
}
