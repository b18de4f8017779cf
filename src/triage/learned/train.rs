//! Learns a model from past tickets.
//!
//! The same tickets in the same order give the same bytes. How sure the model may be of itself is learned from
//! tickets that the weights were not fitted to: the newest fifth where all tickets have a date,
//! because those of tomorrow will differ from those of yesterday in the same way; otherwise every fifth, or
//! where there are few, each fifth in turn. The weights that are kept are fitted to all.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::calibrate::{Calibration, Unseen};
use super::features::Features;
use super::fit::{Examples, Fitted, Layout, fit};
use super::model::{FieldModel, Model};
use super::sparse::Sparse;
use super::vocabulary::Vocabulary;
use super::weights::Weights;
use crate::model::{TicketText, Time};

/// Fewer tickets with a value teach nothing about a field.
const MIN_TICKETS: usize = 10;

/// Tickets are held back to learn how sure to be in so many parts.
const FOLDS: usize = 5;

/// From so many tickets on one part of them is enough.
const ENOUGH_FOR_ONE_FOLD: usize = 5_000;

/// A ticket of the past, with what was right.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PastTicket {
    /// The ticket as it came in.
    pub ticket: TicketText,
    /// When.
    pub created_at: Option<Time>,
    /// The value of every field that has one.
    pub values: BTreeMap<String, String>,
}

/// How to learn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainOptions {
    /// How often a value that is applied should be right, 0 to 1.
    pub precision: f64,
}

impl Model {
    /// Learns the values of these fields.
    #[must_use]
    pub fn train(tickets: &[PastTicket], fields: &[&str], options: TrainOptions) -> Self {
        let read: Vec<Features> = tickets
            .par_iter()
            .map(|past| Features::of(&past.ticket))
            .collect();
        let vocabulary = Vocabulary::learn(&read);
        let mut rows = Sparse::new(vocabulary.len());
        let vectors: Vec<_> = read
            .par_iter()
            .map(|ticket| vocabulary.vector(ticket))
            .collect();
        for vector in vectors {
            let entries = vector.entries.iter();
            rows.push(entries.map(|entry| (entry.number, entry.amount)));
        }
        let shapes = vocabulary.shapes(&read);
        let fields = fields.iter().filter_map(|field| {
            let model = learn_field(field, tickets, (&rows, &shapes), options)?;
            Some(((*field).to_owned(), model))
        });
        Self {
            fields: fields.collect(),
            vocabulary,
            tickets: tickets.len(),
            ..Self::default()
        }
    }
}

fn learn_field(
    field: &str,
    tickets: &[PastTicket],
    (rows, shapes): (&Sparse, &Sparse),
    options: TrainOptions,
) -> Option<FieldModel> {
    let with_value =
        |number: &usize| -> Option<&String> { tickets.get(*number)?.values.get(field) };
    let mut judged: Vec<usize> = (0..tickets.len()).collect();
    judged.retain(|number| with_value(number).is_some());
    let mut counts: BTreeMap<&String, u32> = BTreeMap::new();
    for value in judged.iter().filter_map(with_value) {
        *counts.entry(value).or_default() += 1;
    }
    if judged.len() < MIN_TICKETS || counts.len() < 2 {
        return None;
    }
    let created = |number: &usize| tickets.get(*number).and_then(|past| past.created_at);
    let have_dates = judged.iter().all(|number| created(number).is_some());
    if have_dates {
        judged.sort_by_key(created);
    }
    let numbers: BTreeMap<&String, u32> = counts.keys().copied().zip(0..).collect();
    let values = judged.iter().filter_map(with_value);
    let examples = Examples {
        tickets: rows.pick(&judged),
        values: values
            .filter_map(|value| numbers.get(value).copied())
            .collect(),
        offsets: vec![0.0; judged.len() * counts.len()],
    };
    let layout = Layout::new(counts.len(), rows.n_columns(), shapes.clone());
    let parts = parts(judged.len(), have_dates);
    let (calibration, fitted) = hold_back(&layout, &examples, &parts, options);
    let fitted = fit(&layout, &examples, fitted.as_ref());
    let (weights, bias) = fitted.weights(&layout);
    Some(FieldModel {
        values: counts.keys().map(|value| (*value).clone()).collect(),
        counts: counts.values().copied().collect(),
        bias,
        weights: Weights::new(counts.len(), &weights),
        rules: BTreeMap::new(),
        calibration,
    })
}

/// The tickets that are held back, in turn.
fn parts(n_tickets: usize, have_dates: bool) -> Vec<Vec<usize>> {
    let every = |part: usize| (part..n_tickets).step_by(FOLDS).collect();
    if have_dates {
        vec![(n_tickets - n_tickets / FOLDS..n_tickets).collect()]
    } else if n_tickets >= ENOUGH_FOR_ONE_FOLD {
        vec![every(0)]
    } else {
        (0..FOLDS).map(every).collect()
    }
}

/// Learns how sure to be from tickets that are held back. Gives the weights of the last part too.
fn hold_back(
    layout: &Layout,
    examples: &Examples,
    parts: &[Vec<usize>],
    options: TrainOptions,
) -> (Calibration, Option<Fitted>) {
    let (mut scores, mut values, mut last) = (Vec::new(), Vec::new(), None);
    for part in parts {
        let mut is_held_back = vec![false; examples.values.len()];
        for number in part {
            if let Some(is_held_back) = is_held_back.get_mut(*number) {
                *is_held_back = true;
            }
        }
        let numbers = is_held_back.iter().enumerate();
        let others: Vec<usize> = numbers
            .filter(|(_, held)| !**held)
            .map(|(n, _)| n)
            .collect();
        let unseen = examples.pick(part, layout.n_values);
        let fitted = fit(layout, &examples.pick(&others, layout.n_values), None);
        scores.extend(fitted.scores(layout, &unseen));
        values.extend(unseen.values);
        last = Some(fitted);
    }
    let unseen = Unseen {
        scores: &scores,
        values: &values,
        n_values: layout.n_values,
    };
    (Calibration::learn(&unseen, options.precision), last)
}
