//! How good triage is where it counts: what was decided on new tickets, held against what the
//! tickets have when they are resolved.
//!
//! Counted is the last stored decision of the period on each ticket that is linked to it, and only
//! tickets that the audience may see: figures must not tell of others. A value that nobody
//! corrected counts as right, which flatters decisions that nobody looks at. A ticket whose value
//! means none of the others (`triage.out_of_scope`) counts only where one was to be set or suggested:
//! that was wrong. Source of the calibration error: Naeini, Cooper, Hauskrecht, "Obtaining Well
//! Calibrated Probabilities Using Bayesian Binning", 2015, with ten bins of equal width.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::clock::Stopwatch;
use super::learning::{Lessons, learned_value};
use super::{Engine, Error};
use crate::model::{Audience, Day, Kind};
use crate::store::{self, DecidedTicket};
use crate::triage::{FieldName, FieldValue, Share, final_value};

/// Bins of the calibration curve.
const BINS: usize = 10;

/// How decisions of a period turned out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TriageAnalytics {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
    /// Tickets with a stored decision of the period.
    pub tickets: u64,
    /// Those of them that are resolved; only they are judged.
    pub resolved: u64,
    /// Each field.
    pub fields: Vec<FieldAnalytics>,
    /// Microseconds from question to answer, inside the engine.
    pub took_us: u64,
}

/// How decisions on a field turned out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldAnalytics {
    /// The field: one of triage, or a further one that was learned when it was decided.
    pub field: String,
    /// All values together.
    #[serde(flatten)]
    pub measures: TriageMeasures,
    /// Each value that was decided or that a ticket has.
    pub values: Vec<ValueAnalytics>,
}

/// How decisions on a value turned out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValueAnalytics {
    /// The value.
    pub value: FieldValue,
    /// Its figures.
    #[serde(flatten)]
    pub measures: TriageMeasures,
}

/// How good decisions are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TriageMeasures {
    /// Decisions for the value, whatever was to be done with it; for a field, all decisions on
    /// tickets that have a value.
    pub decided: u64,
    /// Of those that were to be set, the right ones.
    pub applied: Share,
    /// Of those that were to be suggested, the right ones.
    pub suggested: Share,
    /// Those that were left to a human.
    pub abstained: u64,
    /// Of the tickets that have the value, those for which any was to be set or suggested.
    pub coverage: Share,
    /// Of the tickets that have the value, those that were left to a human.
    pub abstention: Share,
    /// How often confidences came true, from 0 to 1 in ten bins.
    pub calibration: Vec<CalibrationBin>,
    /// The mean distance of confidence and truth over the bins; none when nothing was decided.
    pub ece: Option<f64>,
}

/// Decisions of about the same confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CalibrationBin {
    /// The lowest confidence.
    pub from: f64,
    /// The confidence below which it ends; the last bin has 1 too.
    pub to: f64,
    /// Decisions with a value.
    pub n: u64,
    /// Their mean confidence.
    pub confidence: Option<f64>,
    /// The share of them that was right.
    pub right: Option<f64>,
}

/// What is read of a stored decision.
#[derive(Debug, Deserialize)]
struct StoredFields {
    category: StoredField,
    queue: StoredField,
    impact: StoredField,
    urgency: StoredField,
    /// Further ones.
    #[serde(default)]
    fields: BTreeMap<String, StoredField>,
}

#[derive(Debug, Deserialize)]
struct StoredField {
    value: Value,
    confidence: f64,
    decision: Act,
}

/// What was to be done with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Act {
    Apply,
    Suggest,
    Abstain,
}

impl StoredFields {
    fn field(&self, field: FieldName) -> &StoredField {
        match field {
            FieldName::Category => &self.category,
            FieldName::Queue => &self.queue,
            FieldName::Impact => &self.impact,
            FieldName::Urgency => &self.urgency,
        }
    }
}

impl StoredField {
    fn value(&self) -> Option<FieldValue> {
        match (self.value.as_str(), self.value.as_u64()) {
            (Some(name), _) => Some(FieldValue::Name(name.to_owned())),
            (None, Some(number)) => u8::try_from(number).ok().map(FieldValue::Number),
            (None, None) => None,
        }
    }
}

impl Engine {
    /// How the decisions of a period turned out, both days included, as far as this audience may
    /// know. Cost: a scan of the decisions of the period and their tickets.
    ///
    /// # Errors
    /// An error of the store.
    pub fn triage_analytics(
        &self,
        from: Day,
        to: Day,
        audience: &Audience,
    ) -> Result<TriageAnalytics, Error> {
        let started = Stopwatch::start();
        let settings = &self.settings.triage;
        let lessons = Lessons::new(&settings.learn, &settings.out_of_scope);
        let mut tallies = Tallies::default();
        let (mut n_tickets, mut n_resolved) = (0, 0);
        let mut damaged = None;
        self.store.decided_tickets((from, to), &mut |decided| {
            if !audience.may_see(Kind::Ticket, &decided.ticket.visibility) {
                return;
            }
            n_tickets += 1;
            if !decided.ticket.is_resolved() {
                return;
            }
            n_resolved += 1;
            if let Err(error) = judge(&decided, &lessons, &mut tallies) {
                damaged.get_or_insert(error);
            }
        })?;
        match damaged {
            Some(error) => Err(error.into()),
            None => Ok(TriageAnalytics {
                from,
                to,
                tickets: n_tickets,
                resolved: n_resolved,
                fields: tallies.analytics(),
                took_us: started.elapsed_us(),
            }),
        }
    }
}

/// Holds a decision against the ticket in every field that the ticket has.
fn judge(
    decided: &DecidedTicket,
    lessons: &Lessons<'_>,
    tallies: &mut Tallies,
) -> Result<(), store::Error> {
    let fields: StoredFields =
        serde_json::from_str(&decided.decision).map_err(|error| store::Error::DamagedDecision {
            what: format!("the decision {}", decided.id),
            detail: error.to_string(),
        })?;
    let judge = |tally: &mut FieldTally, stored, truth| match truth {
        None => {}
        Some(value) if lessons.is_out_of_scope(&value) => tally.add_out_of_scope(stored),
        Some(truth) => tally.add(stored, truth),
    };
    for (field, tally) in FieldName::ALL.into_iter().zip(&mut tallies.of_triage) {
        let truth = final_value(field, &decided.ticket);
        judge(tally, fields.field(field), truth);
    }
    for (name, stored) in &fields.fields {
        let tally = tallies.further.entry(name.clone()).or_default();
        judge(tally, stored, learned_value(name, &decided.ticket));
    }
    Ok(())
}

/// What is counted of every field.
#[derive(Debug, Default)]
struct Tallies {
    /// In the order of the fields.
    of_triage: [FieldTally; FieldName::ALL.len()],
    further: BTreeMap<String, FieldTally>,
}

impl Tallies {
    fn analytics(self) -> Vec<FieldAnalytics> {
        let names = FieldName::ALL.map(|field| field.to_string());
        let of_triage = names.into_iter().zip(self.of_triage);
        let all = of_triage.chain(self.further);
        all.map(FieldTally::analytics).collect()
    }
}

/// What is counted of a field.
#[derive(Debug, Clone, Default)]
struct FieldTally {
    all: Tally,
    values: BTreeMap<FieldValue, Tally>,
}

impl FieldTally {
    fn add(&mut self, stored: &StoredField, truth: FieldValue) {
        self.decide(stored, Some(&truth));
        self.all.had(stored.decision);
        self.values.entry(truth).or_default().had(stored.decision);
    }

    /// A ticket that is about none of the values: to set or suggest one was wrong, not to was right.
    fn add_out_of_scope(&mut self, stored: &StoredField) {
        if stored.decision != Act::Abstain {
            self.decide(stored, None);
        }
    }

    fn decide(&mut self, stored: &StoredField, truth: Option<&FieldValue>) {
        let value = stored.value();
        let is_right = value.is_some() && value.as_ref() == truth;
        self.all.decide(stored, value.is_some(), is_right);
        if let Some(value) = value {
            let tally = self.values.entry(value).or_default();
            tally.decide(stored, true, is_right);
        }
    }

    fn analytics((field, tally): (String, Self)) -> FieldAnalytics {
        let values = tally.values.iter().map(|(value, tally)| ValueAnalytics {
            value: value.clone(),
            measures: tally.measures(),
        });
        FieldAnalytics {
            field,
            measures: tally.all.measures(),
            values: values.collect(),
        }
    }
}

/// What is counted of a value, or of all values of a field.
#[derive(Debug, Clone, Default)]
struct Tally {
    applied: Right,
    suggested: Right,
    abstained: u64,
    /// Tickets that have the value.
    had: u64,
    /// Of these, those for which any was to be set or suggested.
    covered: u64,
    bins: [Bin; BINS],
}

/// How many of how many were right.
#[derive(Debug, Clone, Copy, Default)]
struct Right {
    n: u64,
    of: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Bin {
    right: Right,
    confidence_sum: f64,
}

impl Right {
    fn add(&mut self, is_right: bool) {
        self.n += u64::from(is_right);
        self.of += 1;
    }

    fn share(self) -> Share {
        Share::new(self.n, self.of)
    }
}

impl Tally {
    fn decide(&mut self, stored: &StoredField, has_value: bool, is_right: bool) {
        match stored.decision {
            Act::Apply => self.applied.add(is_right),
            Act::Suggest => self.suggested.add(is_right),
            Act::Abstain => self.abstained += 1,
        }
        if has_value && let Some(bin) = self.bins.get_mut(bin_of(stored.confidence)) {
            bin.right.add(is_right);
            bin.confidence_sum += stored.confidence;
        }
    }

    fn had(&mut self, decision: Act) {
        self.had += 1;
        self.covered += u64::from(decision != Act::Abstain);
    }

    fn measures(&self) -> TriageMeasures {
        let calibration: Vec<CalibrationBin> = self.bins.iter().enumerate().map(curve).collect();
        TriageMeasures {
            decided: self.applied.of + self.suggested.of + self.abstained,
            applied: self.applied.share(),
            suggested: self.suggested.share(),
            abstained: self.abstained,
            coverage: Share::new(self.covered, self.had),
            abstention: Share::new(self.had - self.covered, self.had),
            ece: calibration_error(&calibration),
            calibration,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a confidence is 0 to 1, and a number of bins is small"
)]
fn bin_of(confidence: f64) -> usize {
    ((confidence * 10.0) as usize).min(BINS - 1)
}

#[expect(clippy::cast_precision_loss, reason = "a number of bins is small")]
fn curve((at, bin): (usize, &Bin)) -> CalibrationBin {
    let Right { n, of } = bin.right;
    CalibrationBin {
        from: at as f64 / 10.0,
        to: (at + 1) as f64 / 10.0,
        n: of,
        confidence: (of > 0).then(|| bin.confidence_sum / as_float(of)),
        right: (of > 0).then(|| as_float(n) / as_float(of)),
    }
}

/// The distances of the bins from the truth, weighted by their decisions.
fn calibration_error(curve: &[CalibrationBin]) -> Option<f64> {
    let total: u64 = curve.iter().map(|bin| bin.n).sum();
    let distances = curve.iter().filter_map(|bin| {
        let distance = (bin.confidence? - bin.right?).abs();
        Some(distance * as_float(bin.n))
    });
    (total > 0).then(|| distances.sum::<f64>() / as_float(total))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "decisions are counted, far below 2^52"
)]
fn as_float(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confidence_of_one_is_in_the_last_bin() {
        let check = |confidence: f64, bin: usize| assert_eq!(bin_of(confidence), bin);
        check(0.0, 0);
        check(0.0999, 0);
        check(0.1, 1);
        check(0.95, 9);
        check(1.0, 9);
    }
}
