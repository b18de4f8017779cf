//! Tickets: the cases of requesters, open or resolved.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Fields, Impact, Priority, TicketId, Time, Urgency, Visibility};

/// One message on a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comment {
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    /// What it says.
    pub body: String,
    /// Whether the requester sees it; false when not said.
    #[serde(default)]
    pub public: bool,
}

/// A requester's case. Unknown fields survive in `extra`. A ticket is never public.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// The desk's own id, for example `INC0000060`.
    pub id: TicketId,
    /// What it is about, in one line. Subject or description must have text.
    #[serde(default)]
    pub subject: String,
    /// What the requester wrote.
    #[serde(default)]
    pub description: String,
    /// The text that closed the ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
    /// The desk's own word for the state of the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// A leaf of the taxonomy, for example `network/vpn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The team inbox it is routed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// The extent of the damage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<Impact>,
    /// How soon it hurts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<Urgency>,
    /// The order of work as the source system had it; a new decision derives it by the matrix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// The product it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Free labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// How it came: email, portal, phone, chat, monitoring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<String>,
    /// ISO 639-1 code; detected from the text when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Who may see it; internal when not given or not understood.
    #[serde(default)]
    pub visibility: Visibility,
    /// When it was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    /// When it was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Time>,
    /// When it was resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Time>,
    /// The articles that were used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub linked_articles: Vec<String>,
    /// The messages on it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<Comment>,
    /// Every other field, kept as it came.
    #[serde(flatten)]
    pub extra: Fields,
}

/// Words of desks for the state of a ticket that needs no more work.
const RESOLVED: [&str; 6] = ["resolved", "closed", "solved", "done", "fixed", "completed"];

/// Words of desks for the state of a ticket that needs work again.
const REOPENED: [&str; 2] = ["reopened", "re-opened"];

impl Ticket {
    /// Whether the case is over: the desk's word for its state says so, or it has a time of its
    /// resolution and was not opened again.
    #[must_use]
    pub fn is_resolved(&self) -> bool {
        self.is_in_state(&RESOLVED) || self.resolved_at.is_some() && !self.is_in_state(&REOPENED)
    }

    /// Whether a first resolution did not hold: its state says so, or a count or a mark under the
    /// usual names among the fields that the model does not know.
    #[must_use]
    pub fn is_reopened(&self) -> bool {
        let is_marked = |name: &str| match self.extra.get(name) {
            Some(Value::Bool(is_reopened)) => *is_reopened,
            Some(Value::Number(n_times)) => n_times.as_f64() > Some(0.0),
            Some(Value::String(n_times)) => n_times.trim().parse::<u64>().is_ok_and(|n| n > 0),
            _ => false,
        };
        self.is_in_state(&REOPENED) || ["reopened", "reopen_count"].into_iter().any(is_marked)
    }

    fn is_in_state(&self, words: &[&str]) -> bool {
        let status = self.status.as_deref().unwrap_or_default().trim();
        words.iter().any(|word| status.eq_ignore_ascii_case(word))
    }
}

/// A new ticket as far as it is known when it comes in: what similar and triage are asked with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TicketText {
    /// What it is about, in one line.
    pub subject: String,
    /// What the requester wrote.
    pub description: String,
    /// How it came, when known.
    pub channel: Option<String>,
    /// Who asked, when known.
    pub requester: Option<String>,
    /// The organisation of the requester, when known.
    pub organisation: Option<String>,
    /// The product it is about, when known.
    pub product: Option<String>,
    /// When it came, for rules that ask for the time.
    pub created_at: Option<Time>,
    /// The names of the attached files.
    pub attachments: Vec<String>,
    /// Further fields of the desk, for rules that ask for them.
    pub fields: Fields,
}

impl TicketText {
    /// The text as one: subject, line break, description.
    #[must_use]
    pub fn whole(&self) -> String {
        format!("{}\n{}", self.subject, self.description)
    }

    /// Whether there is nothing to read.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.subject.trim().is_empty() && self.description.trim().is_empty()
    }
}

impl From<&Ticket> for TicketText {
    /// The ticket as it came in: without what was decided and done since.
    fn from(ticket: &Ticket) -> Self {
        let text = |names: [&str; 2]| {
            let value = names.iter().find_map(|name| ticket.extra.get(*name));
            value.and_then(Value::as_str).map(str::to_owned)
        };
        Self {
            subject: ticket.subject.clone(),
            description: ticket.description.clone(),
            channel: ticket.channel.clone(),
            requester: ticket.requester.clone(),
            organisation: text(["organisation", "organization"]),
            product: ticket.product.clone(),
            created_at: ticket.created_at,
            attachments: attachment_names(ticket.extra.get("attachments")),
            fields: ticket.extra.clone(),
        }
    }
}

/// The names in a list of attachments, each a name or an object with one.
fn attachment_names(list: Option<&Value>) -> Vec<String> {
    let name = |attachment: &Value| {
        let keys = ["name", "filename", "file_name"];
        let named = keys.iter().find_map(|key| attachment.get(key));
        named.unwrap_or(attachment).as_str().map(str::to_owned)
    };
    let list = list.and_then(Value::as_array);
    list.into_iter().flatten().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_ticket_is_asked_with_as_it_came_in() {
        let ticket: Ticket = serde_json::from_str(
            r#"{"id": "T-1", "subject": "VPN", "category": "network/vpn", "organization": "Acme",
                "attachments": ["a.exe", {"filename": "b.pdf"}, 7], "site": "LYS"}"#,
        )
        .unwrap();
        let text = TicketText::from(&ticket);
        assert_eq!(text.organisation.as_deref(), Some("Acme"));
        assert_eq!(text.attachments, ["a.exe", "b.pdf"]);
        assert_eq!(text.fields.get("site"), Some(&Value::from("LYS")));
        assert!(!text.fields.contains_key("category"), "that was decided");
    }
}
