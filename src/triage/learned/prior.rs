//! What the rules say before anything is learned: where the fit starts, and what holds it back.

use std::collections::BTreeMap;

use crate::triage::rules::{Fired, Rules};
use crate::triage::{FieldName, FieldValue};

/// Tickets in which a rule must have fired before its weights are corrected.
const MIN_FIRED: usize = 3;

/// What the rules state about a field.
pub(super) struct Prior<'a> {
    field: Option<FieldName>,
    bias: Vec<f32>,
    numbers: &'a BTreeMap<&'a FieldValue, u32>,
}

impl<'a> Prior<'a> {
    pub(super) fn new(
        field: Option<FieldName>,
        rules: &Rules,
        numbers: &'a BTreeMap<&'a FieldValue, u32>,
        n_classes: usize,
    ) -> Self {
        let prior = Self {
            field,
            bias: Vec::new(),
            numbers,
        };
        let mut bias = vec![0.0; n_classes];
        prior.add(&rules.bias, 1.0, &mut bias);
        Self { bias, ..prior }
    }

    #[expect(clippy::cast_possible_truncation, reason = "scores are 32 bits wide")]
    fn add(&self, weights: &[(FieldName, FieldValue, f64)], times: f32, scores: &mut [f32]) {
        for (_, value, weight) in weights.iter().filter(|(of, ..)| Some(*of) == self.field) {
            let number = self.numbers.get(value);
            if let Some(score) = number.and_then(|number| scores.get_mut(*number as usize)) {
                *score += times * *weight as f32;
            }
        }
    }

    /// The score of every class by these rules: they say nothing of tickets that are about no value.
    pub(super) fn scores(&self, fired: &[Fired<'_>]) -> Vec<f32> {
        let mut scores = self.bias.clone();
        for fired in fired {
            self.add(&fired.rule.weights, count(fired), &mut scores);
        }
        scores
    }

    /// The rules that speak of the field and have fired often enough in these tickets to be
    /// corrected, with their columns, counted from the first.
    pub(super) fn learned_rules<'f>(
        &self,
        fired: &'f [Vec<Fired<'f>>],
        tickets: &[usize],
        first: usize,
    ) -> BTreeMap<&'f str, u32> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let of_tickets = tickets.iter().filter_map(|number| fired.get(*number));
        for fired in of_tickets.flatten() {
            let mut weights = fired.rule.weights.iter();
            if weights.any(|(of, ..)| Some(*of) == self.field) {
                *counts.entry(&fired.rule.id).or_default() += 1;
            }
        }
        counts.retain(|_, n_tickets| *n_tickets >= MIN_FIRED);
        let columns = u32::try_from(first).unwrap_or(u32::MAX)..;
        counts.into_keys().zip(columns).collect()
    }
}

/// How often a rule fires in a ticket.
#[expect(clippy::cast_precision_loss, reason = "firings are few")]
pub(super) fn count(fired: &Fired<'_>) -> f32 {
    fired.firings.len() as f32
}
