//! What was learned from a desk's past tickets: for every field the weights of what stands in a ticket.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::calibrate::{Calibration, Judged, judge};
use super::features::Features;
use super::fit::softmax;
use super::vocabulary::{Vector, Vocabulary};
use super::weights::Weights;
use crate::model::TicketText;

/// What was learned from past tickets. The same model and rules give the same decision on a ticket.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub(super) vocabulary: Vocabulary,
    /// By name of the field.
    pub(super) fields: BTreeMap<String, FieldModel>,
    /// The newest change of the store that it was learned from.
    pub(super) seq: u64,
    /// The tickets that it was learned from.
    pub(super) tickets: usize,
    /// Names the model: the digest of its file.
    #[serde(skip)]
    pub(super) version: String,
}

/// What was learned about a field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FieldModel {
    /// In order.
    pub(super) values: Vec<String>,
    /// How many tickets have each.
    pub(super) counts: Vec<u32>,
    pub(super) bias: Vec<f32>,
    /// Over features, shapes and rules.
    pub(super) weights: Weights,
    /// The rules that fired in past tickets, with their columns.
    pub(super) rules: BTreeMap<String, u32>,
    pub(super) calibration: Calibration,
}

/// A ticket as a model reads it, for all fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reading {
    pub(super) features: Features,
    pub(super) vector: Vector,
}

impl Model {
    /// Names the model; nothing where nothing was learned.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The newest change of the store that it was learned from.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The tickets that it was learned from.
    #[must_use]
    pub fn tickets(&self) -> usize {
        self.tickets
    }

    /// The fields that it knows.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// Reads a ticket, once for all fields.
    pub(crate) fn read(&self, ticket: &TicketText) -> Reading {
        let features = Features::of(ticket);
        let vector = self.vocabulary.vector(&features);
        Reading { features, vector }
    }

    /// The likeliest value of a field by what was learned alone, without rules, with its number in
    /// the order of [`Model::values`].
    #[must_use]
    pub fn judge(&self, field: &str, ticket: &TicketText) -> Option<Judged> {
        let model = self.fields.get(field)?;
        let mut scores = model.scores(&self.read(ticket).vector);
        softmax(&mut scores);
        let probabilities: Vec<f64> = scores.into_iter().map(f64::from).collect();
        let judged = judge(&probabilities, None);
        let threshold = model.calibration.thresholds.get(judged.value);
        let is_sure = threshold.is_some_and(|threshold| judged.confidence >= *threshold);
        Some(Judged {
            is_applied: is_sure && self.is_in_scope(field, judged),
            ..judged
        })
    }

    /// Whether the best value leads by as much as it does for tickets that are about a known value.
    #[must_use]
    pub fn is_in_scope(&self, field: &str, judged: Judged) -> bool {
        let field = self.fields.get(field);
        field.is_none_or(|field| judged.lead >= field.calibration.scope_lead)
    }

    /// The values of a field, in order.
    #[must_use]
    pub fn values(&self, field: &str) -> &[String] {
        let field = self.fields.get(field);
        field.map_or(&[], |field| field.values.as_slice())
    }
}

impl FieldModel {
    /// The calibrated scores of all values, without rules.
    #[expect(clippy::cast_possible_truncation, reason = "scores are 32 bits wide")]
    pub(super) fn scores(&self, vector: &Vector) -> Vec<f32> {
        let mut scores = self.bias.clone();
        for entry in &vector.entries {
            self.weights.add(entry.number, entry.amount, &mut scores);
        }
        let sharpness = self.calibration.sharpness as f32;
        for score in &mut scores {
            *score *= sharpness;
        }
        scores
    }
}
