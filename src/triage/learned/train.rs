//! Learns a model from past tickets.
//!
//! The same tickets in the same order give the same bytes. How sure the model may be of itself is
//! learned from tickets that the weights were not fitted to. Where all tickets have a date, these are
//! the newest fifth and the two before it, each by weights fitted to what came before: those of
//! tomorrow will differ from those of yesterday in the same way. Otherwise it is every fifth ticket,
//! or where there are few, each fifth in turn. The weights that are kept are fitted to all.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use twox_hash::XxHash64;

use super::calibrate::{Calibration, Unseen};
use super::features::Features;
use super::file::ModelError;
use super::fit::{Examples, Fitted, Layout, fit};
use super::manner::{Manner, goodness};
use super::model::{FieldModel, Model};
use super::prior::{Prior, count};
use super::sparse::Sparse;
use super::vocabulary::Vocabulary;
use super::weights::Weights;
use crate::model::{TicketId, TicketText, Time};
use crate::triage::rules::{Fired, Rules};
use crate::triage::{FieldName, FieldValue};

/// Fewer tickets with a value teach nothing about a field.
const MIN_TICKETS: usize = 10;

/// Fewer tickets that are about none of the values teach nothing about such tickets.
const MIN_OUT_OF_SCOPE: usize = 10;

/// Tickets are held back to learn how sure to be in so many parts.
const FOLDS: usize = 5;

/// From so many tickets on one part of them is enough.
const ENOUGH_FOR_ONE_FOLD: usize = 5_000;

/// From so many tickets on the search for the weights goes on from those that were found for most of
/// them. That takes half the steps; with 700 tickets it costs 0.3 points of accuracy, with 10,000 to
/// 30,000 it gains 0.1.
const ENOUGH_TO_GO_ON: usize = 5_000;

/// Where tickets have dates, so many of the newest fifths tell how sure to be. By one alone the
/// tickets that come after them have a calibration error of 0.073 and 0.048 (two fields whose values come
/// and go over five years), by three 0.041 and 0.030; where little changes, it differs by up to 0.02
/// either way.
const NEWEST_FIFTHS: usize = 3;

/// Where tickets have dates, a ticket counts half as much as one that came when this part of all was
/// still to come. Usual values are 0.1 to 1: 0.3 gains half a point of accuracy and of macro-F1
/// where what tickets are about changes over the years.
const HALF_LIFE: f64 = 0.3;

/// So much the newest ticket counts, beside one without a date.
const NEWEST: f64 = 1.5;

const CATEGORY: &str = FieldName::Category.as_str();

/// A ticket of the past, with what was right.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PastTicket {
    /// The desk's own id, where it is known.
    pub id: Option<TicketId>,
    /// The ticket as it came in.
    pub ticket: TicketText,
    /// When.
    pub created_at: Option<Time>,
    /// The value of every field that has one.
    pub values: BTreeMap<String, FieldValue>,
    /// The fields of which it is known to have none of the values.
    pub out_of_scope: BTreeSet<String>,
}

impl PastTicket {
    /// Names the ticket with all that it teaches; nothing where it has no id.
    pub(super) fn mark(&self) -> Option<u64> {
        let id = self.id.as_ref()?;
        let content = (id, &self.ticket, &self.values, &self.out_of_scope);
        let content = serde_json::to_vec(&content).ok()?;
        Some(XxHash64::oneshot(0, &content))
    }
}

/// What to learn, and from where to start.
#[derive(Debug, Clone, Copy)]
pub struct Training<'a> {
    /// The prior: what past tickets are to correct.
    pub rules: &'a Rules,
    /// The fields to learn.
    pub fields: &'a [&'a str],
    /// How often a value that is applied should be right, 0 to 1.
    pub precision: f64,
    /// The newest change of the store among the tickets.
    pub seq: u64,
}

impl Model {
    /// Learns the values of fields. A field with too few tickets is left to the rules.
    ///
    /// # Errors
    /// None that is known: a model is plain data.
    pub fn train(tickets: &[PastTicket], training: Training<'_>) -> Result<Self, ModelError> {
        let read = tickets.par_iter().map(|past| Features::of(&past.ticket));
        let read: Vec<Features> = read.collect();
        let vocabulary = Vocabulary::learn(&read);
        let mut rows = Sparse::new(vocabulary.len());
        let vectors = read.par_iter().map(|ticket| vocabulary.vector(ticket));
        for vector in vectors.collect::<Vec<_>>() {
            let entries = vector.entries.iter();
            rows.push(entries.map(|entry| (entry.number, entry.amount)));
        }
        let fired = tickets.par_iter();
        let fired: Vec<_> = fired
            .map(|past| training.rules.fired(&past.ticket))
            .collect();
        let past = Past {
            tickets,
            fired: &fired,
            rows: &rows,
            shapes: &vocabulary.shapes(&read),
        };
        let mut fields = BTreeMap::new();
        for field in training.fields {
            let follows = fields.contains_key(CATEGORY) && past.follows_category(field, training);
            let learned = if follows {
                None
            } else {
                past.learn(field, training)
            };
            fields.extend(learned.map(|learned| ((*field).to_owned(), learned)));
        }
        let mut marks: Vec<u64> = tickets.par_iter().filter_map(PastTicket::mark).collect();
        marks.sort_unstable();
        Self {
            fields,
            vocabulary,
            learned: marks,
            tickets: tickets.len(),
            seq: training.seq,
            ..Self::default()
        }
        .with_version()
    }
}

/// Past tickets, and what was found in them.
struct Past<'a> {
    tickets: &'a [PastTicket],
    fired: &'a [Vec<Fired<'a>>],
    rows: &'a Sparse,
    shapes: &'a Sparse,
}

impl Past<'_> {
    /// Whether a field is the queue and always that of the category: the taxonomy names one for every
    /// category. Nobody would ask what was learned about it.
    fn follows_category(&self, field: &str, training: Training<'_>) -> bool {
        let taxonomy = training.rules.values.of(FieldName::Category);
        let categories = self.tickets.iter();
        field == FieldName::Queue.as_str()
            && categories
                .filter_map(|past| past.values.get(CATEGORY))
                .all(|category| taxonomy.binary_search(category).is_ok())
    }

    fn learn(&self, field: &str, training: Training<'_>) -> Option<FieldModel> {
        let mut counts: BTreeMap<&FieldValue, u32> = BTreeMap::new();
        let values = self.tickets.iter();
        for value in values.filter_map(|past| past.values.get(field)) {
            *counts.entry(value).or_default() += 1;
        }
        let n_judged: u32 = counts.values().sum();
        if (n_judged as usize) < MIN_TICKETS || counts.len() < 2 {
            return None;
        }
        // To be about none of the values is one more, the last.
        let none_of_them = u32::try_from(counts.len()).unwrap_or(u32::MAX);
        let (mut judged, n_classes) = self.judged(field, counts.len());
        let created = |number: &usize| self.tickets.get(*number)?.created_at;
        let mut valued = judged.iter();
        let have_dates =
            valued.all(|number| created(number).is_some() || self.value(field, *number).is_none());
        if have_dates {
            judged.sort_by_key(created);
        }
        let numbers: BTreeMap<&FieldValue, u32> = counts.keys().copied().zip(0..).collect();
        let values = judged.iter().map(|number| {
            let value = self.value(field, *number);
            let number = value.and_then(|value| numbers.get(value));
            number.copied().unwrap_or(none_of_them)
        });
        let prior = Prior::new(FieldName::of(field), training.rules, &numbers, n_classes);
        let rules = prior.learned_rules(self.fired, &judged, self.rows.n_columns());
        let mut examples = self.examples(&judged, values.collect(), (&prior, &rules));
        examples.weights = weights(judged.len(), have_dates);
        let n_columns = examples.tickets.n_columns();
        let layout = Layout::new(n_classes, n_columns, self.shapes.clone());
        let held_back = HeldBack::new(&layout, &examples, have_dates, none_of_them);
        let (manner, calibration, fitted) = held_back.calibrated(counts.len(), training.precision);
        let fitted = fit(&layout, &examples, manner, fitted);
        let (weights, bias) = fitted.weights(&layout);
        let rules = rules.into_iter();
        Some(FieldModel {
            values: counts.keys().copied().cloned().collect(),
            names: counts.keys().map(ToString::to_string).collect(),
            bias,
            weights: Weights::new(n_classes, &weights),
            rules: rules.map(|(id, column)| (id.to_owned(), column)).collect(),
            counts: counts.into_values().collect(),
            calibration,
            trust: manner.trust,
        })
    }

    /// The right value of a ticket.
    fn value(&self, field: &str, number: usize) -> Option<&FieldValue> {
        self.tickets.get(number)?.values.get(field)
    }

    /// The tickets that teach something about a field, and between how many classes: its values, and
    /// to be about none of them, where enough tickets are.
    fn judged(&self, field: &str, n_values: usize) -> (Vec<usize>, usize) {
        let tickets = self.tickets.iter();
        let outside = tickets.filter(|past| past.out_of_scope.contains(field));
        let learns_scope = outside.count() >= MIN_OUT_OF_SCOPE;
        let tickets = self.tickets.iter().enumerate();
        let judged = tickets.filter(|(_, past)| {
            let is_outside = past.out_of_scope.contains(field);
            past.values.contains_key(field) || (learns_scope && is_outside)
        });
        let judged = judged.map(|(number, _)| number).collect();
        (judged, n_values + usize::from(learns_scope))
    }

    /// The tickets with these numbers and values, and what the rules say of them.
    fn examples(
        &self,
        judged: &[usize],
        values: Vec<u32>,
        (prior, rules): (&Prior<'_>, &BTreeMap<&str, u32>),
    ) -> Examples {
        let mut examples = Examples {
            tickets: Sparse::new(self.rows.n_columns() + rules.len()),
            values,
            offsets: Vec::new(),
            has_rules: false,
            weights: Vec::new(),
        };
        for number in judged {
            let fired = self.fired.get(*number).map_or(&[][..], Vec::as_slice);
            let of_rules = fired.iter().filter_map(|fired| {
                let column = rules.get(fired.rule.id.as_str())?;
                Some((*column, count(fired)))
            });
            examples
                .tickets
                .push(self.rows.row(*number).chain(of_rules));
            examples.offsets.extend(prior.scores(fired));
        }
        examples.has_rules = examples.offsets.iter().any(|stated| stated.abs() > 0.0);
        examples
    }
}

/// How much each ticket counts, the oldest first.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "tickets are counted, and 32 bits are enough for a factor"
)]
fn weights(n_tickets: usize, have_dates: bool) -> Vec<f32> {
    if !have_dates {
        return vec![1.0; n_tickets];
    }
    let age = |number: usize| (n_tickets - 1 - number) as f64 / n_tickets as f64;
    let weights = (0..n_tickets).map(|number| NEWEST * 0.5_f64.powf(age(number) / HALF_LIFE));
    weights.map(|weight| weight as f32).collect()
}

/// Tickets that are held back, and those that weights are fitted to meanwhile: numbers in order.
#[derive(Debug, PartialEq)]
struct Part {
    learned: Vec<usize>,
    held_back: Vec<usize>,
}

/// Every fifth ticket, or where there are few, each fifth in turn.
fn folds(n_tickets: usize) -> Vec<Part> {
    let every = |fold: usize| {
        let is_held_back = |number: &usize| number % FOLDS == fold;
        let (held_back, learned) = (0..n_tickets).partition(is_held_back);
        Part { learned, held_back }
    };
    if n_tickets >= ENOUGH_FOR_ONE_FOLD {
        vec![every(0)]
    } else {
        (0..FOLDS).map(every).collect()
    }
}

/// Each of the newest fifths with all that came before it, the newest first. Tickets with a value and
/// those about none are counted each for themselves: a desk that has just begun to mark them has
/// marked none of the older ones.
fn newest_fifths(values: &[u32], none_of_them: u32) -> Vec<Part> {
    let numbers = 0..values.len();
    let is_valued = |number: &usize| values.get(*number).is_some_and(|one| *one != none_of_them);
    let kinds: (Vec<usize>, Vec<usize>) = numbers.partition(is_valued);
    let newest = (0..NEWEST_FIFTHS).map(|age| {
        let (mut learned, mut held_back) = (Vec::new(), Vec::new());
        for kind in [&kinds.0, &kinds.1] {
            let fifth = kind.len() / FOLDS;
            let (before, _) = kind.split_at(kind.len() - age * fifth);
            let (before, newest) = before.split_at(before.len() - fifth);
            learned.extend(before);
            held_back.extend(newest);
        }
        learned.sort_unstable();
        held_back.sort_unstable();
        Part { learned, held_back }
    });
    newest.collect()
}

/// Tickets that are held back, part by part.
struct HeldBack<'a> {
    layout: &'a Layout,
    examples: &'a Examples,
    have_dates: bool,
    parts: Vec<Part>,
}

impl<'a> HeldBack<'a> {
    fn new(
        layout: &'a Layout,
        examples: &'a Examples,
        have_dates: bool,
        none_of_them: u32,
    ) -> Self {
        let parts = if have_dates {
            newest_fifths(&examples.values, none_of_them)
        } else {
            folds(examples.values.len())
        };
        Self {
            layout,
            examples,
            have_dates,
            parts,
        }
    }

    /// Adds what tickets get, each by weights that were fitted without it. Gives the last weights.
    fn judge(&self, parts: &[Part], manner: Manner, unseen: &mut Unseen) -> Option<Fitted> {
        let n_classes = self.layout.n_classes;
        let mut last = None;
        for part in parts {
            let mut learned = self.examples.pick(&part.learned, n_classes);
            learned.weights = weights(part.learned.len(), self.have_dates);
            let held_back = self.examples.pick(&part.held_back, n_classes);
            let fitted = fit(self.layout, &learned, manner, None);
            let scores = fitted.scores(self.layout, &held_back);
            unseen.add(&scores, &held_back.values, n_classes);
            last = Some(fitted);
        }
        last
    }

    /// The manner that is best on unseen tickets, where these have dates on the newest part of them,
    /// how sure to be of what it gives, and weights to go on from: those that were found in that manner
    /// for most of the tickets.
    fn calibrated(&self, n_values: usize, precision: f64) -> (Manner, Calibration, Option<Fitted>) {
        let n_chosen_by = if self.have_dates { 1 } else { self.parts.len() };
        let (chosen_by, older) = self.parts.split_at(n_chosen_by.min(self.parts.len()));
        let n_tickets = self.examples.values.len();
        let attempt = |manner| {
            let mut unseen = Unseen::new(n_values);
            let fitted = self.judge(chosen_by, manner, &mut unseen);
            let goodness = goodness(&unseen.scores, &unseen.values, n_values);
            (goodness, (unseen, fitted))
        };
        let (manner, (mut unseen, fitted)) =
            Manner::best(self.examples.has_rules, n_tickets, attempt);
        self.judge(older, manner, &mut unseen);
        let start = fitted.filter(|_| n_tickets >= ENOUGH_TO_GO_ON);
        (manner, Calibration::learn(&unseen, precision), start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_fifths_of_both_kinds_are_held_back_in_turn() {
        // Ten with a value, then five about none.
        let values = [vec![0; 10], vec![1; 5]].concat();
        let parts = newest_fifths(&values, 1);
        let held_back: Vec<&[usize]> = parts.iter().map(|part| &part.held_back[..]).collect();
        assert_eq!(held_back, [[8, 9, 14], [6, 7, 13], [4, 5, 12]]);
        assert_eq!(parts[0].learned, [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13]);
        assert_eq!(parts[2].learned, [0, 1, 2, 3, 10, 11]);
        assert_eq!(newest_fifths(&values[..10], 1)[0].held_back, [8, 9]);
    }

    #[test]
    fn each_fifth_is_held_back_once_where_tickets_are_few() {
        let parts = folds(7);
        let held_back: Vec<&[usize]> = parts.iter().map(|part| &part.held_back[..]).collect();
        assert_eq!(held_back, [&[0, 5][..], &[1, 6], &[2], &[3], &[4]]);
        assert_eq!(parts[0].learned, [1, 2, 3, 4, 6]);
        assert_eq!(folds(ENOUGH_FOR_ONE_FOLD).len(), 1);
    }

    #[test]
    fn newer_tickets_count_more_where_dates_are_known() {
        assert_eq!(weights(3, false), [1.0; 3]);
        let weights = weights(10, true);
        assert!((weights[9] - 1.5).abs() < 1e-6, "{weights:?}");
        assert!((weights[6] - 0.75).abs() < 1e-6, "{weights:?}");
    }
}
