//! Learns from the desk's resolved tickets, when asked and by itself when enough has changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use serde::Serialize;

use super::clock::{Stopwatch, instant};
use super::desk_file::DeskFile;
use super::models::Models;
use super::past_tickets::past_tickets;
use super::rule_file::RuleFile;
use super::{Engine, Error};
use crate::config;
use crate::model::{Kind, Ticket, TicketText};
use crate::store::StoreReader;
use crate::triage::{
    FieldName, FieldValue, Model, PastTicket, TrainedField, Training, final_value,
};

/// How often it is looked whether enough has changed.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(30);

/// How often a learner that waits looks whether the engine closes.
const NAP: Duration = Duration::from_millis(200);

/// The share of the tickets learned from that must have changed before a model is learned anew.
const CHANGED_SHARE: u64 = 10;

/// What came of learning.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainReport {
    /// Names the model.
    pub model_version: String,
    /// The resolved tickets that it was learned from: those that every analyst may see.
    pub tickets: usize,
    /// What was learned about each field.
    pub fields: Vec<TrainedField>,
    /// The size of the model on disk.
    pub size_bytes: usize,
    /// Milliseconds that it took.
    pub took_ms: u64,
}

/// All that learning needs.
pub(super) struct Learner {
    pub(super) store: StoreReader,
    pub(super) rules: Arc<DeskFile<RuleFile>>,
    pub(super) models: Arc<Models>,
    pub(super) settings: config::Triage,
}

impl Engine {
    /// Learns a model from the resolved tickets of the store that every analyst may see, and puts it in use.
    ///
    /// # Errors
    /// [`Error::Rules`] while the rule file is wrong, for learning starts from it;
    /// [`Error::NothingToLearn`] where too few tickets are resolved or have a value; an error of the
    /// store; a model that cannot be written.
    pub fn train(&self) -> Result<TrainReport, Error> {
        self.learner().learn()
    }

    pub(super) fn learner(&self) -> Learner {
        Learner {
            store: self.store.clone(),
            rules: Arc::clone(&self.rules),
            models: Arc::clone(&self.models),
            settings: self.settings.triage.clone(),
        }
    }
}

impl Learner {
    fn learn(&self) -> Result<TrainReport, Error> {
        let watch = Stopwatch::start();
        if let Some(problem) = self.rules.problem() {
            return Err(Error::Rules { problem });
        }
        let lessons = Lessons::new(&self.settings.learn, &self.settings.out_of_scope);
        let seq = self.store.newest_seq()?;
        let told = self.store.told()?;
        let mut tickets = Vec::new();
        past_tickets(&self.store, None, |some| {
            let is_taught = |seq, ticket| teaches(ticket, told.contains(seq));
            let taught = some.iter().filter(|(seq, ticket)| is_taught(seq, ticket));
            tickets.extend(taught.map(|(_, ticket)| lessons.past_ticket(ticket)));
        })?;
        let training = Training {
            rules: &self.rules.content().rules,
            fields: &lessons.fields,
            precision: self.settings.precision,
            seq,
        };
        let model = Model::train(&tickets, training).map_err(Error::Model)?;
        let trained = model.trained();
        if trained.is_empty() {
            return Err(Error::NothingToLearn {
                n_tickets: tickets.len(),
            });
        }
        let version = model.version().to_owned();
        let size_bytes = self.models.put(model)?;
        Ok(TrainReport {
            model_version: version,
            tickets: tickets.len(),
            fields: trained,
            size_bytes,
            took_ms: watch.elapsed_us() / 1_000,
        })
    }

    /// Whether so much has changed since the model in use was learned that it is worth learning
    /// anew, or there is one that cannot be read: it is damaged or of another version of Firstline.
    /// The first model is learned when somebody asks for it, and none while the rule file is wrong.
    fn is_worth_it(&self) -> Result<bool, Error> {
        let after = u64::from(self.settings.relearn_after);
        if after == 0 || self.rules.problem().is_some() {
            return Ok(false);
        }
        let Some(model) = self.models.current() else {
            return Ok(self.models.problem().is_some());
        };
        let enough = after.max(model.tickets() as u64 / CHANGED_SHARE);
        Ok(self.store.newest_seq()?.saturating_sub(model.seq()) >= enough)
    }

    pub(super) fn learn_if_worth_it(&self) {
        let is_worth_it = self.is_worth_it();
        match is_worth_it.and_then(|is_worth_it| is_worth_it.then(|| self.learn()).transpose()) {
            Ok(Some(report)) => tracing::info!(
                model = report.model_version,
                tickets = report.tickets,
                took_ms = report.took_ms,
                "learned from the tickets that have changed"
            ),
            Ok(None) => {}
            Err(error) => {
                let error = super::chain(&error);
                tracing::warn!(error, "nothing could be learned");
            }
        }
    }

    /// Learns in the background whenever enough has changed, until `closing` is set.
    pub(super) fn start(self, closing: Arc<AtomicBool>, look_every: Duration) -> Result<(), Error> {
        let body = move || {
            let mut looked = instant();
            while !closing.load(Ordering::Relaxed) {
                sleep(NAP);
                if instant().saturating_duration_since(looked) >= look_every {
                    looked = instant();
                    self.learn_if_worth_it();
                }
            }
        };
        let thread = std::thread::Builder::new().name("learner".to_owned());
        thread.spawn(body).map_err(Error::Thread)?;
        Ok(())
    }
}

/// Whether something is learned from a ticket: it is resolved or its right values were told, and every
/// analyst may see it, for what is learned is shown to all who ask for decisions.
pub(super) fn teaches(ticket: &Ticket, is_told: bool) -> bool {
    (ticket.is_resolved() || is_told) && is_for_every_analyst(ticket)
}

/// Whether every analyst may see a ticket.
pub(super) fn is_for_every_analyst(ticket: &Ticket) -> bool {
    ticket.visibility.is_for_every_analyst(Kind::Ticket)
}

/// What tickets teach.
pub(super) struct Lessons<'a> {
    /// The fields that are learned: those of triage, and further ones of the desk.
    fields: Vec<&'a str>,
    /// The values that mean none of the others.
    out_of_scope: &'a [String],
}

impl<'a> Lessons<'a> {
    pub(super) fn new(further: &'a [String], out_of_scope: &'a [String]) -> Self {
        let further = further.iter().map(String::as_str);
        let fields = FieldName::ALL.map(FieldName::as_str).into_iter();
        Self {
            fields: fields.chain(further).collect(),
            out_of_scope,
        }
    }

    /// Whether it is a field that is decided and learned.
    pub(super) fn is_learned(&self, field: &str) -> bool {
        self.fields.contains(&field)
    }

    /// Whether a value means none of the others.
    pub(super) fn is_out_of_scope(&self, value: &FieldValue) -> bool {
        matches!(value, FieldValue::Name(name) if self.out_of_scope.contains(name))
    }

    /// What a ticket has of the decided fields.
    pub(super) fn values(&self, ticket: &Ticket) -> BTreeMap<String, FieldValue> {
        let fields = self.fields.iter();
        let value = |name: &str| Some((name.to_owned(), learned_value(name, ticket)?));
        let values = fields.filter_map(|name| value(name));
        values.collect()
    }

    /// A ticket as it came in, with what was right.
    pub(super) fn past_ticket(&self, ticket: &Ticket) -> PastTicket {
        let mut past = PastTicket {
            id: Some(ticket.id.clone()),
            ticket: TicketText::from(ticket),
            created_at: ticket.created_at,
            ..PastTicket::default()
        };
        for (name, value) in self.values(ticket) {
            if self.is_out_of_scope(&value) {
                past.out_of_scope.insert(name);
            } else {
                past.values.insert(name, value);
            }
        }
        // A field that is to be found out is not read in the question.
        for (name, told) in [
            ("channel", &mut past.ticket.channel),
            ("organisation", &mut past.ticket.organisation),
            ("product", &mut past.ticket.product),
        ] {
            if self.fields.contains(&name) {
                *told = None;
            }
        }
        past
    }
}

/// The value that a ticket has in a field of triage or a further one.
pub(super) fn learned_value(name: &str, ticket: &Ticket) -> Option<FieldValue> {
    match FieldName::of(name) {
        Some(field) => final_value(field, ticket),
        None => further_value(ticket, name).map(|text| FieldValue::Name(text.to_owned())),
    }
}

fn further_value<'t>(ticket: &'t Ticket, name: &str) -> Option<&'t str> {
    let value = match name {
        "product" => ticket.product.as_deref(),
        other => ticket.extra.get(other).and_then(serde_json::Value::as_str),
    };
    value.filter(|value| !value.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Otherwise a product would be learned from itself.
    #[test]
    fn a_field_that_is_learned_is_not_told_in_the_question() {
        let ticket: Ticket = serde_json::from_str(
            r#"{"id": "T-1", "subject": "slow", "product": "Outlook", "channel": "email"}"#,
        )
        .unwrap();
        let further = ["product".to_owned()];
        let lessons = Lessons::new(&further, &[]);
        let past = lessons.past_ticket(&ticket);
        assert_eq!(past.ticket.product, None);
        assert_eq!(past.ticket.channel.as_deref(), Some("email"));
        let product = FieldValue::Name("Outlook".to_owned());
        assert_eq!(past.values.get("product"), Some(&product));
    }
}
