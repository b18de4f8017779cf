//! What was learned from a desk's past tickets: for every field the weights of what stands in a ticket.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::super::decision::{FieldName, FieldValue, LearnedKind};
use super::super::share::Share;
use super::calibrate::{Calibration, lead};
use super::features::Features;
use super::likeness::Traits;
use super::train::PastTicket;
use super::vocabulary::{FIELD, Vector, Vocabulary};
use super::weights::{Row, Weights};
use crate::model::TicketText;

/// A value with fewer tickets is decided by rules, as far as it goes.
const MIN_EXAMPLES: u32 = 3;

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
    /// The marks of those of them that have an id, in order.
    pub(super) learned: Vec<u64>,
    /// Names the model: the digest of its file.
    #[serde(skip)]
    pub(super) version: String,
}

/// What was learned about a field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FieldModel {
    /// In order.
    #[serde(skip)]
    pub(super) values: Vec<FieldValue>,
    /// The same as they are stored.
    pub(super) names: Vec<String>,
    /// How many tickets have each.
    pub(super) counts: Vec<u32>,
    /// A number for each value, and one for being about none of them where that was learned.
    pub(super) bias: Vec<f32>,
    /// Over features, shapes and rules; as wide as `bias`.
    pub(super) weights: Weights,
    /// The rules that fired in past tickets, with their columns.
    pub(super) rules: BTreeMap<String, u32>,
    pub(super) calibration: Calibration,
    /// What the stated weights of rules are multiplied with, 0 to 1.
    pub(super) trust: f32,
}

/// What was learned about a field, in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainedField {
    /// The field.
    pub field: String,
    /// Its values.
    pub values: usize,
    /// The tickets that had one.
    pub tickets: u32,
    /// The share of unseen tickets that got the right value, 0 to 1.
    pub accuracy: f64,
    /// By how much the confidence differs from the share that is right, 0 to 1.
    pub calibration_error: f64,
    /// The share of unseen tickets whose value was sure enough to be applied, 0 to 1.
    pub coverage: f64,
    /// The share of unseen tickets that can be decided by taking the surest first while this share of
    /// them is right, by that share.
    pub coverage_at_precision: BTreeMap<&'static str, Share>,
    /// Values with too few tickets to learn from: rules decide on them.
    pub rare: Vec<String>,
}

/// A ticket as a model reads it, for all fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reading {
    pub(super) features: Features,
    pub(super) vector: Vector,
}

impl Reading {
    /// Reads a ticket, once for all fields.
    pub(crate) fn of(ticket: &TicketText, model: Option<&Model>) -> Self {
        let features = Features::of(ticket);
        let vector = model.map(|model| model.vocabulary.vector(&features));
        Self {
            features,
            vector: vector.unwrap_or_default(),
        }
    }

    /// What the ticket is compared by with others, one by one.
    pub(crate) fn traits(&self, model: Option<&Model>) -> Traits {
        Traits::of(&self.features, model.map(|model| &model.vocabulary))
    }
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

    /// Whether it was learned from this very ticket, with the values that it has.
    pub(crate) fn has_learned(&self, told: &PastTicket) -> bool {
        let mark = told.mark();
        mark.is_some_and(|mark| self.learned.binary_search(&mark).is_ok())
    }

    /// The fields that it knows.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// What was learned about each field, in numbers.
    #[must_use]
    pub fn trained(&self) -> Vec<TrainedField> {
        let fields = self.fields.iter();
        fields.map(|(name, field)| field.trained(name)).collect()
    }

    /// The values of a field, in order.
    #[must_use]
    pub fn values(&self, field: &str) -> &[FieldValue] {
        let field = self.fields.get(field);
        field.map_or(&[], |field| field.values.as_slice())
    }
}

impl Model {
    /// What a linear model sees of a ticket: columns and amounts, each column once, in order. The
    /// n-grams of words are spelt out, so that other ways to learn can be measured on the same.
    #[must_use]
    pub fn columns(&self, ticket: &TicketText) -> Vec<(u32, f32)> {
        let features = Features::of(ticket);
        let vector = self.vocabulary.vector(&features);
        self.vocabulary.spelt_out(&features, &vector)
    }

    /// What was learned about a field, for a ticket in which these rules fire so many times.
    pub(crate) fn of_field<'a>(
        &'a self,
        field: &str,
        reading: &'a Reading,
        fired: impl Iterator<Item = (&'a str, usize)>,
    ) -> Option<FieldReading<'a>> {
        let model = self.fields.get(field)?;
        let rows = reading.vector.entries.iter().map(|entry| Weighted {
            place: entry.feature,
            amount: entry.amount,
            row: model.weights.row(entry.number),
        });
        let rows: Rc<[Weighted<'a>]> = rows.collect();
        Some(FieldReading {
            model,
            reading,
            vocabulary: &self.vocabulary,
            scores: model.scores(rows.iter(), fired),
            rows,
        })
    }
}

/// What was learned about a field, for one ticket. All numbers are log-odds, calibrated.
#[derive(Debug, Clone)]
pub(crate) struct FieldReading<'a> {
    model: &'a FieldModel,
    reading: &'a Reading,
    vocabulary: &'a Vocabulary,
    /// All that stands in the ticket, those of one place together.
    rows: Rc<[Weighted<'a>]>,
    scores: Vec<f32>,
}

/// Something that stands in a ticket, with its weights.
#[derive(Debug, Clone, Copy)]
struct Weighted<'a> {
    place: usize,
    amount: f32,
    row: Row<'a>,
}

/// What something in a ticket gives to a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Contribution {
    /// Where it stands in the list of what the ticket has.
    pub(crate) place: usize,
    /// Log-odds.
    pub(crate) weight: f64,
}

impl<'a> FieldReading<'a> {
    /// The same for a ticket without what stands at these places, in order, and in which these rules
    /// fire so many times.
    pub(crate) fn without<'b>(
        &self,
        places: &[usize],
        fired: impl Iterator<Item = (&'b str, usize)>,
    ) -> Self {
        let rows = self.rows.iter();
        let left = rows.filter(|one| places.binary_search(&one.place).is_err());
        Self {
            scores: self.model.scores(left, fired),
            rows: Rc::clone(&self.rows),
            ..*self
        }
    }

    /// The values that were learned, in order.
    pub(crate) fn values(&self) -> &'a [FieldValue] {
        &self.model.values
    }

    /// The number of a value among those that were learned.
    pub(crate) fn number(&self, value: &FieldValue) -> Option<usize> {
        self.model.values.binary_search(value).ok()
    }

    /// What all weights are multiplied with, stated ones too.
    pub(crate) fn sharpness(&self) -> f64 {
        self.model.calibration.sharpness
    }

    /// What stated weights are multiplied with besides: how far the rules are trusted, 0 to 1.
    pub(crate) fn trust(&self) -> f64 {
        f64::from(self.model.trust)
    }

    /// All that was learned about the value with this number among those that were, as one sum. A
    /// value that was never seen is as rare as the rarest.
    pub(crate) fn score(&self, number: Option<usize>) -> f64 {
        let score = number.and_then(|number| self.scores.get(number));
        self.sharpness() * score.map_or_else(|| self.model.unseen_bias(), |score| f64::from(*score))
    }

    /// What speaks for a value before anything is read.
    pub(crate) fn bias(&self, value: &FieldValue) -> f64 {
        let bias = self
            .number(value)
            .and_then(|number| self.model.bias.get(number));
        self.sharpness() * bias.map_or_else(|| self.model.unseen_bias(), |bias| f64::from(*bias))
    }

    /// What has been added to the weight of a rule.
    pub(crate) fn rule(&self, rule: &str, value: &FieldValue) -> f64 {
        let (column, number) = (self.model.rules.get(rule), self.number(value));
        let weight = column.zip(number);
        let weight =
            weight.map(|(column, number)| self.model.weights.row(*column).one(1.0, number));
        self.sharpness() * weight.unwrap_or_default()
    }

    /// What has been added to the weight of a rule for every value, by number; none where nothing was.
    pub(crate) fn rule_for_all(&self, rule: &str) -> Option<Vec<f64>> {
        let column = self.model.rules.get(rule)?;
        let mut weights = vec![0.0; self.scores.len()];
        self.model.weights.row(*column).add(1.0, &mut weights);
        let weights = weights.into_iter();
        Some(
            weights
                .map(|one| self.sharpness() * f64::from(one))
                .collect(),
        )
    }

    /// What everything in the ticket gives to the value with this number, less what it gives to another
    /// one; always the same things, in the same order.
    pub(crate) fn contributions(
        &self,
        number: Option<usize>,
        other: Option<usize>,
    ) -> Vec<Contribution> {
        let mut contributions: Vec<Contribution> = Vec::with_capacity(self.rows.len());
        for one in self.rows.iter() {
            let to = |number| one.row.one(one.amount, number);
            let weight = number.map_or(0.0, to) - other.map_or(0.0, to);
            let weight = self.sharpness() * weight;
            match contributions.last_mut() {
                // The n-grams of a word stand together.
                Some(last) if last.place == one.place => last.weight += weight,
                _ => contributions.push(Contribution {
                    place: one.place,
                    weight,
                }),
            }
        }
        contributions
    }

    /// For every value by its number: by how much what stands in the ticket gives more than this to
    /// one value than to it, all of it together. Cost: that of the scores of all values.
    pub(crate) fn excess(&self, number: Option<usize>, threshold: f64) -> Vec<f64> {
        #[expect(clippy::cast_possible_truncation, reason = "32 bits, as the scores")]
        let threshold = (threshold / self.sharpness()) as f32;
        let mut excess = vec![0.0_f32; self.scores.len()];
        let mut row = excess.clone();
        for of_place in self.rows.chunk_by(|a, b| a.place == b.place) {
            row.fill(0.0);
            for one in of_place {
                one.row.add(one.amount, &mut row);
            }
            let own = number.and_then(|number| row.get(number).copied());
            let more_than = own.unwrap_or_default() - threshold;
            for (excess, other) in excess.iter_mut().zip(&row) {
                *excess += (more_than - other).max(0.0);
            }
        }
        let excess = excess.into_iter();
        excess
            .map(|one| self.sharpness() * f64::from(one))
            .collect()
    }

    /// What it is that stands at a place of the ticket, in words.
    pub(crate) fn named(&self, place: usize) -> Option<(LearnedKind, String)> {
        let Reading { features, vector } = self.reading;
        let Some(behind) = place.checked_sub(features.list.len()) else {
            let feature = features.list.get(place)?;
            return Some((feature.kind, features.name(feature)));
        };
        let pair = vector.together.get(behind)?;
        let name = features.name_together(pair.first, pair.second);
        Some((LearnedKind::Together, name))
    }

    /// From which confidence on the value is right as often as wanted; none where too little is
    /// known.
    pub(crate) fn threshold(&self, value: &FieldValue) -> Option<f64> {
        let calibration = &self.model.calibration;
        let threshold = calibration.thresholds.get(self.number(value)?).copied();
        threshold.filter(|_| calibration.tickets > 0)
    }

    /// The score from which on a ticket is likely about the best of the values, whose mean score
    /// this is.
    pub(crate) fn in_scope_from(&self, mean: f64) -> f64 {
        let none_of_them = self.scores.get(self.model.names.len());
        let none_of_them = none_of_them.map(|score| self.sharpness() * f64::from(*score));
        self.model.calibration.scope_lead - lead(0.0, mean, none_of_them)
    }

    /// How many past tickets had the value.
    pub(crate) fn examples(&self, value: &FieldValue) -> u32 {
        let count = self
            .number(value)
            .and_then(|number| self.model.counts.get(number));
        count.copied().unwrap_or_default()
    }

    /// The field of a ticket, among those that the ticket does not tell, that would tell most
    /// between two values, in log-odds.
    pub(crate) fn telling_field(&self, a: &FieldValue, b: &FieldValue) -> Option<(&str, f64)> {
        let (a, b) = (self.number(a)?, self.number(b)?);
        let told = &self.reading.features;
        let fields = self.vocabulary.fields().iter();
        let open = fields.filter(|(name, _)| !told.tells(name));
        let telling = open.map(|(name, numbers)| {
            let tells = numbers.iter().map(|number| {
                let one = |value| self.model.weights.row(*number).one(FIELD, value);
                (one(a) - one(b)).abs()
            });
            (name.as_str(), self.sharpness() * tells.fold(0.0, f64::max))
        });
        telling.max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

impl FieldModel {
    /// The sums for every value where this stands in a ticket and these rules fire so many times.
    fn scores<'r, 'f>(
        &self,
        rows: impl Iterator<Item = &'r Weighted<'r>>,
        fired: impl Iterator<Item = (&'f str, usize)>,
    ) -> Vec<f32> {
        let mut scores = self.bias.clone();
        for one in rows {
            one.row.add(one.amount, &mut scores);
        }
        for (rule, n_firings) in fired {
            if let Some(column) = self.rules.get(rule) {
                #[expect(clippy::cast_precision_loss, reason = "firings are few")]
                self.weights.row(*column).add(n_firings as f32, &mut scores);
            }
        }
        scores
    }

    fn trained(&self, name: &str) -> TrainedField {
        let values = self.names.iter().zip(&self.counts);
        let rare = values.clone().filter(|(_, count)| **count < MIN_EXAMPLES);
        TrainedField {
            field: name.to_owned(),
            values: self.names.len(),
            tickets: self.counts.iter().sum(),
            accuracy: self.calibration.accuracy,
            calibration_error: self.calibration.error,
            coverage: self.calibration.coverage,
            coverage_at_precision: self.calibration.coverage_at_precision(),
            rare: rare.map(|(name, _)| name.clone()).collect(),
        }
    }

    /// Makes values of the stored names.
    pub(super) fn name_values(&mut self, field: &str) {
        let field = FieldName::of(field);
        let value = |name: &String| match field {
            Some(field) => FieldValue::new(field, name),
            None => FieldValue::Name(name.clone()),
        };
        self.values = self.names.iter().map(value).collect();
    }

    /// The bias of a value that no past ticket had: it is as usual as the rarest that one had, and
    /// what rules and corrections say of it counts like what they say of any other.
    fn unseen_bias(&self) -> f64 {
        let values = self.bias.iter().take(self.names.len());
        values.copied().map(f64::from).fold(0.0, f64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_spelt_out_in_words_and_their_n_grams() {
        let of = |subject: &str| {
            Features::of(&TicketText {
                subject: subject.to_owned(),
                ..TicketText::default()
            })
        };
        let model = Model {
            vocabulary: Vocabulary::learn(&[of("toner"), of("toner"), of("vpn")]),
            ..Model::default()
        };
        let columns = |subject: &str| {
            model.columns(&TicketText {
                subject: subject.to_owned(),
                ..TicketText::default()
            })
        };
        // Blank, toner, blank: 5, 4 and 3 n-grams; the word, and the word in the subject.
        let toner = columns("toner");
        assert_eq!(toner.len(), 2 + 5 + 4 + 3);
        assert!(toner.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(columns("vpn").is_empty(), "seen once, it shares no n-gram");
        assert!(!columns("toners").is_empty(), "it shares some");
    }
}
