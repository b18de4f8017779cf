//! Prometheus Alertmanager: each alert of a webhook (version 4) is a ticket, the same one whenever
//! it fires again, and resolved by the webhook that says so. Shape by Alertmanager's configuration
//! reference (`webhook_config`).
//!
//! An alert is told by its labels, which is what its fingerprint stands for: senders that give none,
//! or the same for different labels, are not confused.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::super::draft::{Draft, at, category, first_text, keep_text, some, text_at, text_of};
use super::super::{Refused, Taken};
use super::Object;
use crate::model::Ticket;

/// The alerts of a webhook as records of their own.
///
/// # Errors
/// When it has no list of alerts.
pub fn alerts(webhook: &Map<String, Value>) -> Result<Vec<Map<String, Value>>, Refused> {
    let Some(Value::Array(alerts)) = webhook.get("alerts") else {
        return Err(Refused::field("alerts", "a webhook has a list of alerts"));
    };
    let around = webhook.iter().filter(|(name, _)| name.as_str() != "alerts");
    let around: Object = around
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let each = alerts.iter().map(|alert| {
        let mut record = around.clone();
        record.insert("alert".to_owned(), alert.clone());
        record
    });
    Ok(each.collect())
}

pub(super) fn convert(mut draft: Draft<'_>, record: &Object) -> Result<Taken, Refused> {
    let Some(Value::Object(alert)) = record.get("alert") else {
        return Err(Refused::field("alerts", "an alert is an object"));
    };
    let labels = object_at(alert, "labels");
    let annotations = object_at(alert, "annotations");
    let mut ticket = draft.ticket(&key(&labels, alert)?)?;
    let name = text_at(&labels, &["alertname"]);
    ticket.subject = some(text_at(&annotations, &["summary"]))
        .or_else(|| some(name.clone()))
        .unwrap_or_else(|| "an alert without a name".to_owned());
    ticket.description = description(&labels, &annotations);
    let level = first_text(&labels, &[&["service"], &["job"]]);
    ticket.category = category(&["monitoring".to_owned(), some(level).unwrap_or(name)]);
    ticket.channel = Some("monitoring".to_owned());
    let severity = text_at(&labels, &["severity"]);
    draft.impact(&mut ticket, &severity);
    draft.urgency(&mut ticket, &severity);
    let state = first_text(alert, &[&["status"]]);
    let state = some(state).unwrap_or_else(|| text_at(record, &["status"]));
    let is_resolved = state == "resolved";
    ticket.status = Some(if is_resolved { "resolved" } else { "open" }.to_owned());
    ticket.created_at = draft.time("created_at", at(alert, &["startsAt"]));
    let ended = draft.time("resolved_at", at(alert, &["endsAt"]));
    ticket.resolved_at = ended.filter(|_| is_resolved);
    ticket.updated_at = ticket.resolved_at.or(ticket.created_at);
    keep_rest(&mut ticket, record, alert, &annotations);
    draft.done_ticket(ticket, None)
}

fn keep_rest(ticket: &mut Ticket, record: &Object, alert: &Object, annotations: &Object) {
    let url = some(text_at(alert, &["generatorURL"]));
    let url = url.unwrap_or_else(|| text_at(record, &["externalURL"]));
    let runbook = first_text(annotations, &[&["runbook_url"], &["runbook"]]);
    let extra = &mut ticket.extra;
    keep_text(extra, "url", &url);
    keep_text(extra, "runbook", &runbook);
    keep_text(extra, "key", &text_at(alert, &["fingerprint"]));
    keep_text(extra, "receiver", &text_at(record, &["receiver"]));
    ticket.linked_articles.extend(some(runbook));
}

fn object_at(alert: &Object, name: &str) -> Object {
    let found = alert.get(name).and_then(Value::as_object);
    found.cloned().unwrap_or_default()
}

/// A digest of the labels, in order; of the fingerprint where there are none.
fn key(labels: &Object, alert: &Object) -> Result<String, Refused> {
    let mut named: Vec<(&String, String)> = labels
        .iter()
        .map(|(name, value)| (name, text_of(value)))
        .collect();
    named.sort();
    let mut text = String::new();
    for (name, value) in named {
        // Lengths keep neighbours apart; writing to a string does not fail.
        write!(text, "{}:{name}{}:{value}", name.len(), value.len()).unwrap_or_default();
    }
    if text.is_empty() {
        text = text_at(alert, &["fingerprint"]);
    }
    if text.is_empty() {
        return Err(Refused::field(
            "labels",
            "the alert has neither labels nor a fingerprint",
        ));
    }
    Ok(blake3::hash(text.as_bytes())
        .to_hex()
        .chars()
        .take(16)
        .collect())
}

/// What the annotations say, then the labels, one a line.
fn description(labels: &Object, annotations: &Object) -> String {
    let mut lines = Vec::new();
    for name in ["description", "message"] {
        lines.extend(some(text_at(annotations, &[name])));
    }
    let mut named: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}: {}", text_of(value)))
        .collect();
    named.sort();
    lines.extend(named);
    lines.join("\n")
}
