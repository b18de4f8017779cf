//! What people told since the model was learned: tickets that were written by hand (`PUT`), as they
//! are now, and resolved, and those whose right values somebody told, open or not. Nothing of it is
//! kept but the tickets themselves: whoever changes or removes one, or opens it again, withdraws what
//! it said, but from decisions that are stored already: these keep what was said in them. Learning
//! anew takes the place of all.
//!
//! Only tickets that every analyst may see count, for what they say is shown to all of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value};

use super::clock::now;
use super::learning::{Lessons, teaches};
use super::triage::Decider;
use super::{Engine, Error};
use crate::import::{Mapped, Options, Refused, document_of_object};
use crate::model::{Audience, DocumentKey, Fields, Kind, TicketId};
use crate::store::{
    self, Author, Change, StoreReader, TicketCorrection, WriteStatus, WrittenTicket,
};
use crate::triage::{Corrections, FieldValue};

/// The newest so many count: learning anew is near then.
const MAX_KEPT: usize = 1_000;

/// Only when there are so many the oldest are left out, so that not every change makes all anew.
const MAX_BEFORE_CUT: usize = 2 * MAX_KEPT;

/// What somebody told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Correction {
    /// Its number: that of the change that told it. Reasons name it.
    pub correction: u64,
    /// The ticket that was written.
    pub ticket_id: TicketId,
    /// Who wrote it, and when.
    #[serde(flatten)]
    pub author: Author,
    /// The values that it speaks for, by field.
    pub values: BTreeMap<String, CorrectedValue>,
}

/// A value that a correction speaks for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CorrectedValue {
    /// The value.
    pub value: FieldValue,
    /// By how much on the ticket itself, in log-odds; 0 where rules and model were sure of it without.
    pub weight: f64,
}

/// The corrections in use.
#[derive(Debug, Default)]
pub(super) struct CorrectionBox(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The rules and the model that they are for.
    made_for: (String, String),
    /// The newest change of the store that is in them.
    seq: u64,
    /// The changes that they were made from, counting or not.
    changes: Vec<u64>,
    corrections: Arc<Corrections>,
}

impl CorrectionBox {
    /// The corrections of rules and model, up to the newest change of the store.
    pub(super) fn current(
        &self,
        (store, newest_seq): (&StoreReader, u64),
        decider: &Decider,
    ) -> Result<Arc<Corrections>, Error> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let made_for = decider.names();
        if state.made_for == made_for && state.seq >= newest_seq {
            return Ok(Arc::clone(&state.corrections));
        }
        // Taken out, so that nothing half made stays behind an error.
        let mut last = std::mem::take(&mut *state);
        if last.made_for != made_for {
            last = State::default();
        }
        let from = match last.changes.first() {
            Some(first) => first - 1,
            None => decider.model_seq(),
        };
        let mut changes = store.written_after(from)?;
        if changes.len() >= MAX_BEFORE_CUT {
            changes.drain(..changes.len() - MAX_KEPT);
        }
        if !changes.starts_with(&last.changes) {
            last = State::default();
        }
        let new = changes.get(last.changes.len()..).unwrap_or_default();
        let mut corrections = last.corrections;
        if !new.is_empty() {
            let corrections = Arc::make_mut(&mut corrections);
            add(corrections, (store, new), decider)?;
        }
        *state = State {
            made_for,
            seq: newest_seq,
            changes,
            corrections: Arc::clone(&corrections),
        };
        Ok(corrections)
    }
}

/// The ticket that a change wrote. A damaged row is passed over, for it must not take the decisions
/// from all tickets.
fn written_ticket(reader: &StoreReader, seq: u64) -> Result<Option<WrittenTicket>, Error> {
    match reader.written_ticket(seq) {
        Err(error @ store::Error::Unreadable { .. }) => {
            let error = super::chain(&error);
            tracing::warn!(error, "it does not count as a correction");
            Ok(None)
        }
        written => Ok(written?),
    }
}

/// Takes into account what these changes told.
fn add(
    corrections: &mut Corrections,
    (reader, changes): (&StoreReader, &[u64]),
    decider: &Decider,
) -> Result<(), Error> {
    let lessons = decider.lessons();
    let told = reader.told()?;
    for seq in changes {
        if let Some(WrittenTicket { ticket, .. }) = written_ticket(reader, *seq)?
            && teaches(&ticket, told.contains(seq))
        {
            corrections.add(decider.basis(), *seq, &lessons.past_ticket(&ticket));
        }
    }
    Ok(())
}

impl Engine {
    /// Keeps what somebody says are the right values of a ticket that the audience may see, open or
    /// not: the ticket has them from now on, and they count at once. The fields are those that triage
    /// decides, and further ones that are learned. Gives the number of the correction; when it returns
    /// it is on disk.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such ticket or it must not be seen; [`Error::Refused`] when
    /// there is no value, or one of a field that is not decided, or that the field cannot have; an
    /// error of the store.
    pub fn correct(
        &self,
        ticket_id: TicketId,
        values: Fields,
        (author, audience): (&str, &Audience),
    ) -> Result<u64, Error> {
        let key = DocumentKey::Ticket(ticket_id.clone());
        self.document(&key, audience)?;
        let fields = self.right_values(&ticket_id, values)?;
        let author = Author {
            name: author.to_owned(),
            at: now(),
        };
        let correction = TicketCorrection {
            ticket_id,
            fields,
            author,
        };
        let outcome = self.write(vec![Change::Correct(Box::new(correction))])?;
        if outcome.status == WriteStatus::Missing {
            // Removed in this moment.
            return Err(Error::NotFound {
                kind: key.kind().as_str(),
                id: key.id().to_owned(),
            });
        }
        Ok(outcome.seq)
    }

    /// Values as a stored ticket has them, read as those of any other ticket are.
    fn right_values(&self, id: &TicketId, values: Fields) -> Result<Fields, Error> {
        let refused = |field: &str, detail: &str| Error::Refused {
            refused: Refused::field(field, detail),
        };
        let settings = &self.settings.triage;
        let lessons = Lessons::new(&settings.learn, &settings.out_of_scope);
        if values.is_empty() {
            return Err(refused("values", "has none"));
        }
        if let Some(other) = values.keys().find(|name| !lessons.is_learned(name)) {
            return Err(refused(other, "is no field that triage decides"));
        }
        let names: Vec<String> = values.keys().cloned().collect();
        let mut ticket: Map<String, Value> = values.into_iter().collect();
        ticket.insert("kind".to_owned(), Kind::Ticket.as_str().into());
        ticket.insert("id".to_owned(), id.to_string().into());
        ticket.insert("subject".to_owned(), id.to_string().into());
        let read = document_of_object(ticket, Options::default());
        let Mapped {
            document, notes, ..
        } = read.map_err(|refused| Error::Refused { refused })?;
        if let Some(note) = notes.iter().find(|note| names.contains(&note.field)) {
            return Err(refused(&note.field, &note.detail));
        }
        let mut read = serde_json::to_value(&document)?;
        let of_name = |name: String| match read.get_mut(&name).map(Value::take) {
            Some(value) => Ok((name, value)),
            None => Err(refused(&name, "has no value")),
        };
        names.into_iter().map(of_name).collect()
    }

    /// What was told since the model was learned and counts, the newest first.
    ///
    /// # Errors
    /// An error of the store.
    pub fn corrections(&self, limit: usize) -> Result<Vec<Correction>, Error> {
        let corrections = self.decider()?.corrections();
        let mut listed = Vec::new();
        for (seq, values) in corrections.iter().rev().take(limit) {
            // Changed in this moment: it does not count any more.
            let Some(written) = written_ticket(&self.store, seq)? else {
                continue;
            };
            let values = values.iter().map(|(field, (value, weight))| {
                let value = CorrectedValue {
                    value: value.clone(),
                    weight: *weight,
                };
                (field.clone(), value)
            });
            listed.push(Correction {
                correction: seq,
                ticket_id: written.ticket.id,
                author: written.author,
                values: values.collect(),
            });
        }
        Ok(listed)
    }
}
