//! What comes in alone and at once: the webhook of a monitoring system, a message by e-mail.
//!
//! It goes through the same mappings as an import. A new e-mail is triaged: what the decision is
//! sure of is set, and the decision is stored with the ticket, unless texts are masked, for it would
//! tell what the ticket no longer does. What a desk has decided on a ticket stays when the next
//! message comes. What an alert is about its labels say: nothing is decided on it.

use std::sync::mpsc::sync_channel;

use serde::Serialize;
use serde_json::{Map, Value};

use super::import::{change_of, original_of};
use super::{Asked, Engine, Error, TriageAnswer, Wanted};
use crate::import::{
    self, Mapped, Refused, Skipped, Taken, alerts, convert, convert_alert, incoming,
};
use crate::model::{Audience, Document, DocumentKey, Impact, Ticket, TicketText, Urgency};
use crate::store::{Change, Outcome, WriteStatus};
use crate::triage::{Decision, FieldDecision, FieldValue, TriageDecision};

/// What became of something that came in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IntakeOutcome {
    /// The ticket; none when it is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What happened to it; none when it is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<WriteStatus>,
    /// Where the ticket stands, in the words of the desk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket_status: Option<String>,
    /// The sequence number of its last change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Why it is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// What was kept raw or filled in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The decision on a new ticket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub triage: Option<TriageAnswer>,
}

impl Engine {
    /// Takes a webhook of Alertmanager: each alert fires its ticket, or resolves it. All of them
    /// are stored, or none.
    ///
    /// # Errors
    /// [`Error::Refused`] when the webhook does not read; an error of the store.
    pub fn take_alerts(&self, webhook: &Map<String, Value>) -> Result<Vec<IntakeOutcome>, Error> {
        let mapping = self.mapping()?;
        let mut mapped = Vec::new();
        for alert in alerts(webhook).map_err(refused)? {
            if let Taken::Document(alert) = convert_alert(&alert, &mapping).map_err(refused)? {
                mapped.push(self.masked(*alert));
            }
        }
        let told: Vec<IntakeOutcome> = mapped.iter().map(told).collect();
        let outcomes = self.write_all(mapped.into_iter().map(change_of).collect())?;
        let told = told.into_iter().zip(outcomes);
        Ok(told.map(|(told, outcome)| stored(told, outcome)).collect())
    }

    /// Takes a message: a new ticket, or the next message of one. What a new one is about is
    /// decided for `audience`.
    ///
    /// # Errors
    /// [`Error::Refused`] when it is no message; an error of store or index.
    pub fn take_email(&self, message: &[u8], audience: &Audience) -> Result<IntakeOutcome, Error> {
        let mapping = self.mapping()?;
        let message = incoming(message).map_err(refused)?;
        let known = self.known_ticket(&message.key)?;
        let thread = self.store.original(&message.key)?;
        let has_thread = thread.is_some();
        let thread = thread.map(original_of).transpose().map_err(refused)?;
        let original = message.after(thread);
        let mut mapped = match convert(&original, &mapping).map_err(refused)? {
            Taken::Document(mapped) => *mapped,
            Taken::Skipped(Skipped { reason, .. }) => return Ok(skipped(reason)),
        };
        let (mut triage, mut decision) = (None, None);
        if let Document::Ticket(ticket) = &mut mapped.document {
            match known {
                Some(known) if has_thread => keep_decided(ticket, known),
                // The thread was not kept, as with masked texts: the message is one more comment.
                Some(known) => *ticket = with_comment(known, ticket),
                None => {
                    let (answer, change) = self.triage_email(ticket, audience)?;
                    apply(ticket, &answer.decided.decision);
                    (triage, decision) = (Some(answer), change);
                }
            }
        }
        let mapped = self.masked(mapped);
        let told = told(&mapped);
        let changes = std::iter::once(change_of(mapped)).chain(decision);
        let outcomes = self.write_all(changes.collect())?;
        let outcome = outcomes.first().copied().ok_or(Error::Closed)?;
        if let Some(answer) = &mut triage {
            let decision = outcomes.get(1);
            answer.decided.decision_id = decision.and_then(|outcome| outcome.decision);
        }
        Ok(IntakeOutcome {
            triage,
            ..stored(told, outcome)
        })
    }

    /// Decides on the ticket of a new message.
    fn triage_email(
        &self,
        ticket: &Ticket,
        audience: &Audience,
    ) -> Result<(TriageAnswer, Option<Change>), Error> {
        let asked = Asked {
            ticket: TicketText::from(ticket),
            ticket_id: Some(ticket.id.clone()),
        };
        let wanted = Wanted {
            evidence: true,
            store: !self.settings.import.mask,
        };
        self.triage_one(asked, wanted, audience)
    }

    fn known_ticket(&self, key: &DocumentKey) -> Result<Option<Ticket>, Error> {
        Ok(match self.store.document(key)? {
            Some(Document::Ticket(ticket)) => Some(ticket),
            Some(Document::Article(_)) | None => None,
        })
    }

    fn masked(&self, mut mapped: Mapped) -> Mapped {
        if self.settings.import.mask {
            import::mask_document(&mut mapped.document, &mut mapped.masked);
            mapped.original = None;
        }
        mapped
    }

    /// Writes changes in one transaction and waits until they are on disk.
    fn write_all(&self, changes: Vec<Change>) -> Result<Vec<Outcome>, Error> {
        let (sender, answer) = sync_channel(1);
        let reply = Box::new(move |outcomes| drop(sender.send(outcomes)));
        self.writes()?.submit(changes, reply)?;
        answer
            .recv()
            .map_err(|_| Error::Closed)?
            .map_err(Error::Write)
    }
}

fn refused(refused: Refused) -> Error {
    Error::Refused { refused }
}

fn skipped(reason: String) -> IntakeOutcome {
    IntakeOutcome {
        id: None,
        status: None,
        ticket_status: None,
        seq: None,
        skipped: Some(reason),
        warnings: Vec::new(),
        triage: None,
    }
}

/// What is told of a document before it is written.
fn told(mapped: &Mapped) -> IntakeOutcome {
    let key = mapped.document.key();
    let warnings = mapped.notes.iter();
    let warnings = warnings.map(|note| format!("{}: {}", note.field, note.detail));
    IntakeOutcome {
        id: Some(key.id().to_owned()),
        status: None,
        ticket_status: match &mapped.document {
            Document::Ticket(ticket) => ticket.status.clone(),
            Document::Article(_) => None,
        },
        seq: None,
        skipped: None,
        warnings: warnings.collect(),
        triage: None,
    }
}

fn stored(told: IntakeOutcome, outcome: Outcome) -> IntakeOutcome {
    IntakeOutcome {
        status: Some(outcome.status),
        seq: Some(outcome.seq),
        ..told
    }
}

/// Sets what the decision is sure of.
fn apply(ticket: &mut Ticket, decision: &TriageDecision) {
    ticket.status = Some("new".to_owned());
    ticket.category = name(&decision.category);
    ticket.queue = name(&decision.queue);
    ticket.impact = number(&decision.impact).and_then(|number| Impact::try_from(number).ok());
    ticket.urgency = number(&decision.urgency).and_then(|number| Urgency::try_from(number).ok());
    if let (Some(_), Some(_), Some(priority)) = (ticket.impact, ticket.urgency, decision.priority) {
        ticket.priority = Some(priority.value);
    }
}

fn sure(decision: &FieldDecision) -> Option<&FieldValue> {
    let value = decision.value.as_ref();
    value.filter(|_| decision.decision == Decision::Apply)
}

fn name(decision: &FieldDecision) -> Option<String> {
    match sure(decision)? {
        FieldValue::Name(name) => Some(name.clone()),
        FieldValue::Number(_) => None,
    }
}

fn number(decision: &FieldDecision) -> Option<u8> {
    match sure(decision)? {
        FieldValue::Number(number) => Some(*number),
        FieldValue::Name(_) => None,
    }
}

/// Keeps what was decided on a ticket.
pub(super) fn keep_decided(ticket: &mut Ticket, known: Ticket) {
    ticket.status = known.status;
    ticket.category = known.category;
    ticket.queue = known.queue;
    ticket.impact = known.impact;
    ticket.urgency = known.urgency;
    ticket.priority = known.priority;
    ticket.resolution = known.resolution;
    ticket.resolved_at = known.resolved_at;
    ticket.visibility = known.visibility;
}

/// The known ticket with a message as its newest comment, unless it is there already.
fn with_comment(mut known: Ticket, message: &Ticket) -> Ticket {
    let comment = crate::model::Comment {
        author: message.requester.clone(),
        created_at: message.created_at,
        body: message.description.clone(),
        public: true,
    };
    let is_first = known.description == message.description;
    if !is_first && !known.comments.contains(&comment) {
        known.comments.push(comment);
        known.updated_at = known.updated_at.max(message.updated_at);
    }
    known
}
