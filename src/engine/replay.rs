//! Tries a rule file on the desk's own past tickets before it goes live.
//!
//! Every ticket is decided as it came in, by the rules in use and by the new ones, each with the model
//! in use and what was told since, as live triage would; or by the rules alone where there is no model
//! or that is wanted. Both answers are held against the value that the ticket has now. Where the new
//! rules were written from the same tickets, or the model was learned from them, the figures flatter:
//! leave newer tickets to judge by (`since`). It is said how many tickets are known to the model.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use super::{Engine, Error};
use crate::model::{Ticket, TicketText, Time};
use crate::triage::{
    Decision, FieldDecision, FieldName, FieldValue, Reason, Rules, Share, TriageDecision,
    final_value,
};

/// What to try a rule file on.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayOptions {
    /// Only tickets created since then.
    pub since: Option<Time>,
    /// The fields to compare.
    pub fields: Vec<FieldName>,
    /// Whether the model and what was told since are left out.
    pub rules_alone: bool,
    /// How many changed tickets are listed for a field.
    pub limit: usize,
}

/// What new rules would have changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RulesReplay {
    /// The tickets that were decided.
    pub tickets: u64,
    /// Names the rules in use.
    pub before_digest: String,
    /// Names the new rules.
    pub after_digest: String,
    /// Names the model that decided with both; none where the rules did alone.
    pub model_version: Option<String>,
    /// How many tickets, told of since the model was learned, decided with both.
    pub corrections: usize,
    /// Of the tickets that were decided, those that the model was learned from or that were told of
    /// since: about them it knows more than about new ones.
    pub known: u64,
    /// What the asker should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What changes in each field.
    pub fields: Vec<FieldReplay>,
}

/// What new rules would have changed in a field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldReplay {
    /// The field.
    pub field: FieldName,
    /// The tickets that have a value to compare with.
    pub judged: u64,
    /// The tickets, judged or not, whose decided value changes.
    pub changed: u64,
    /// Those that become right.
    pub mended: u64,
    /// Those that were right.
    pub broken: u64,
    /// The rules in use, on all values.
    pub before: Measures,
    /// The new rules, on all values.
    pub after: Measures,
    /// Each value.
    pub values: Vec<ValueReplay>,
    /// Tickets whose decided value changes: first those that were right, the surest errors first.
    pub changes: Vec<ChangedTicket>,
}

/// How new rules would have done on a value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValueReplay {
    /// The value.
    pub value: FieldValue,
    /// The rules in use.
    pub before: Measures,
    /// The new rules.
    pub after: Measures,
}

/// How good decisions are. A value counts as decided when it is applied or suggested.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Measures {
    /// Of the tickets that get the value, those that have it.
    pub precision: Share,
    /// Of the tickets that have the value, those that get it.
    pub recall: Share,
    /// Of the tickets that have the value, those that get any.
    pub coverage: Share,
}

/// A ticket whose decided value changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangedTicket {
    /// The ticket.
    pub id: String,
    /// Its subject.
    pub subject: String,
    /// What the ticket has now.
    pub final_value: Option<FieldValue>,
    /// What the rules in use decide; none when they leave it to a human.
    pub before: Option<FieldValue>,
    /// What the new rules decide; none when they leave it to a human.
    pub after: Option<FieldValue>,
    /// The confidence of the new rules in their best value.
    pub confidence: f64,
    /// The effect.
    pub effect: Effect,
    /// The rules behind the value that the new rules find best, the heaviest first.
    pub rules: Vec<String>,
}

/// What a change does to a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It was right, and is no longer.
    Broken,
    /// It was not right, and is not now, or that cannot be told.
    Other,
    /// It becomes right.
    Mended,
}

/// Rules that are named for a change.
const MAX_RULES: usize = 3;

impl Engine {
    /// Decides all past tickets by the rules in use and by new ones, with the same model, and compares.
    ///
    /// # Errors
    /// An error of the store.
    pub fn replay_rules(&self, new: Rules, options: &ReplayOptions) -> Result<RulesReplay, Error> {
        let mut old = self.decider()?;
        if options.rules_alone {
            old = old.rules_alone();
        }
        let mut new = self.decider_by(new, &old)?;
        if options.rules_alone {
            new = new.rules_alone();
        }
        let mut tallies: Vec<Tally> = options.fields.iter().map(|_| Tally::default()).collect();
        let (mut n_tickets, mut n_known) = (0, 0);
        self.past_tickets(options.since, |tickets| {
            n_tickets += tickets.len() as u64;
            let decided = tickets.par_iter().map(|(_, ticket)| {
                let text = TicketText::from(ticket);
                (old.decide(&text), new.decide(&text))
            });
            let decided: Vec<_> = decided.collect();
            for ((seq, ticket), (before, after)) in tickets.iter().zip(&decided) {
                n_known += u64::from(old.knows(*seq, ticket));
                for (field, tally) in options.fields.iter().zip(&mut tallies) {
                    tally.add(*field, ticket, (before, after), options.limit);
                }
            }
        })?;
        let ((before_digest, version), (after_digest, _)) = (old.names(), new.names());
        let fields = options.fields.iter().zip(tallies);
        Ok(RulesReplay {
            tickets: n_tickets,
            before_digest,
            after_digest,
            model_version: (!version.is_empty()).then_some(version),
            corrections: old.corrections().len(),
            known: n_known,
            warnings: flattery(n_known, n_tickets).into_iter().collect(),
            fields: fields
                .map(|(field, tally)| tally.replay(*field, options.limit))
                .collect(),
        })
    }
}

/// What to say of tickets that the model knows.
fn flattery(n_known: u64, n_tickets: u64) -> Option<String> {
    (n_known > 0).then(|| {
        format!(
            "the model knows {n_known} of these {n_tickets} tickets: it was learned from them, or they \
             were told of since; on new tickets both are less often right and rules matter more, so \
             judge by newer ones (--since) or by the rules alone (--rules-alone)"
        )
    })
}

/// What is counted of a value, by the one rules and the other.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    /// Tickets that have the value.
    has: u64,
    /// Of these, those that get any value.
    covered: u64,
    /// Judged tickets that get the value.
    gets: u64,
    /// Of these, those that have it.
    right: u64,
}

impl Counts {
    fn measures(self) -> Measures {
        Measures {
            precision: Share::new(self.right, self.gets),
            recall: Share::new(self.right, self.has),
            coverage: Share::new(self.covered, self.has),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            has: self.has + other.has,
            covered: self.covered + other.covered,
            gets: self.gets + other.gets,
            right: self.right + other.right,
        }
    }
}

#[derive(Debug, Default)]
struct Tally {
    judged: u64,
    changed: u64,
    mended: u64,
    broken: u64,
    values: BTreeMap<FieldValue, [Counts; 2]>,
    changes: Vec<ChangedTicket>,
}

impl Tally {
    fn add(
        &mut self,
        field: FieldName,
        ticket: &Ticket,
        (before, after): (&TriageDecision, &TriageDecision),
        limit: usize,
    ) {
        let (before, after) = (before.field(field), after.field(field));
        let final_value = final_value(field, ticket);
        if let Some(value) = &final_value {
            self.judged += 1;
            for (side, decision) in [before, after].into_iter().enumerate() {
                self.count(value, decided(decision), side);
            }
        }
        let (was, is) = (decided(before), decided(after));
        if was == is {
            return;
        }
        self.changed += 1;
        let effect = match &final_value {
            Some(value) if was == Some(value) => Effect::Broken,
            Some(value) if is == Some(value) => Effect::Mended,
            Some(_) | None => Effect::Other,
        };
        self.broken += u64::from(effect == Effect::Broken);
        self.mended += u64::from(effect == Effect::Mended);
        self.changes.push(ChangedTicket {
            id: ticket.id.to_string(),
            subject: ticket.subject.clone(),
            before: was.cloned(),
            after: is.cloned(),
            confidence: after.confidence,
            rules: rules_of(after),
            final_value,
            effect,
        });
        if self.changes.len() > 2 * limit + 1_000 {
            self.keep_worst(limit);
        }
    }

    fn count(&mut self, value: &FieldValue, decided: Option<&FieldValue>, side: usize) {
        let mut change = |value: &FieldValue, change: &dyn Fn(&mut Counts)| {
            let counts = self.values.entry(value.clone()).or_default();
            counts.get_mut(side).map(change);
        };
        change(value, &|counts| {
            counts.has += 1;
            counts.covered += u64::from(decided.is_some());
        });
        if let Some(decided) = decided {
            change(decided, &|counts| {
                counts.gets += 1;
                counts.right += u64::from(decided == value);
            });
        }
    }

    /// First what was right; of these the surest wrong decisions, then what is left to a human.
    fn keep_worst(&mut self, limit: usize) {
        self.changes.sort_by(|a, b| {
            let order = |change: &ChangedTicket| (change.effect, change.after.is_none());
            let by_confidence = b.confidence.total_cmp(&a.confidence);
            order(a)
                .cmp(&order(b))
                .then(by_confidence)
                .then_with(|| a.id.cmp(&b.id))
        });
        self.changes.truncate(limit);
    }

    fn replay(mut self, field: FieldName, limit: usize) -> FieldReplay {
        self.keep_worst(limit);
        let of_all = |side: usize| {
            let counts = self.values.values().filter_map(|counts| counts.get(side));
            counts
                .fold(Counts::default(), |sum, counts| sum.plus(*counts))
                .measures()
        };
        let values = self
            .values
            .iter()
            .map(|(value, [before, after])| ValueReplay {
                value: value.clone(),
                before: before.measures(),
                after: after.measures(),
            });
        FieldReplay {
            field,
            judged: self.judged,
            changed: self.changed,
            mended: self.mended,
            broken: self.broken,
            before: of_all(0),
            after: of_all(1),
            values: values.collect(),
            changes: self.changes,
        }
    }
}

/// The value, unless it is left to a human.
fn decided(field: &FieldDecision) -> Option<&FieldValue> {
    match field.decision {
        Decision::Apply | Decision::Suggest => field.value.as_ref(),
        Decision::Abstain => None,
    }
}

fn rules_of(field: &FieldDecision) -> Vec<String> {
    let mut rules: Vec<String> = Vec::new();
    for reason in &field.reasons {
        if let Reason::Rule { rule, .. } | Reason::Set { rule, .. } = reason
            && !rules.contains(rule)
            && rules.len() < MAX_RULES
        {
            rules.push(rule.clone());
        }
    }
    rules
}
