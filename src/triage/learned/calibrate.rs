//! From scores to honest probabilities and decisions, on tickets that the weights were not fitted to.
//!
//! One temperature divides all scores (Guo and others, "On Calibration of Modern Neural Networks",
//! 2017). With it, the confidence from which on a value is right often enough is looked up for
//! every value, and the lead below which a ticket is likely about none of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::share::Share;
use super::fit::softmax;

/// The coolest and the hottest temperature.
const TEMPERATURES: (f64, f64) = (0.2, 5.0);

/// The search for the temperature narrows it down so many times by a third.
const NARROWINGS: usize = 40;

/// Judged tickets that a value needs for a threshold of its own.
const MIN_JUDGED: usize = 30;

/// Of the tickets that are about a known value so many stand out less than is asked for. On short
/// requests about 150 things 0.02 finds 65 of 100 that are about none, 0.04 76 and 0.05 80, at the cost of
/// 1.1, 1.9 and 2.5 points of accuracy on the others.
const SCOPE_QUANTILE: f64 = 0.04;

/// The same where tickets that are about none were learned from: with 100 of them, on the same
/// requests, 0.01 finds 67 of 100, 0.015 finds 75, 0.02 finds 80 and 0.03 finds 86, at the cost of 0.8, 1.3,
/// 1.8 and 2.4 points.
const TAUGHT_SCOPE_QUANTILE: f64 = 0.02;

/// What an unseen ticket got.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// The probability of the likeliest value, 0 to 1.
    pub confidence: f64,
    /// Whether that is sure enough to be applied.
    pub is_applied: bool,
    /// Whether it is the right one.
    pub is_right: bool,
}

/// When to trust a model, learned from tickets that it had not seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Calibration {
    /// Scores are multiplied by this: one over the temperature.
    pub(super) sharpness: f64,
    /// For every value the confidence from which on it is right as often as wanted.
    pub(super) thresholds: Vec<f64>,
    /// A smaller lead in log-odds is a sign of a ticket that is about nothing known.
    pub(super) scope_lead: f64,
    /// The expected calibration error, 0 to 1.
    pub(super) error: f64,
    /// The tickets it was learned from.
    pub(super) tickets: usize,
    /// The share of them that got the right value, 0 to 1.
    pub(super) accuracy: f64,
    /// The share of them whose value was sure enough to be applied, 0 to 1.
    pub(super) coverage: f64,
    /// How many of them can be decided at each of [`PRECISIONS`], the surest first.
    pub(super) decided_at: Vec<u64>,
}

/// The precisions at which it is told how much can be decided.
pub const PRECISIONS: [(&str, f64); 3] = [("0.80", 0.8), ("0.90", 0.9), ("0.95", 0.95)];

/// Unseen tickets that are about a known value.
pub(super) struct Unseen {
    /// The scores of all values, one row a ticket.
    pub(super) scores: Vec<f32>,
    /// The number of the right value.
    pub(super) values: Vec<u32>,
    n_values: usize,
    /// The scores of being about none of the values, where that was learned.
    none_of_them: Vec<f32>,
}

/// An unseen ticket with what it got.
struct Guess {
    /// The number of the likeliest value.
    value: usize,
    /// See [`lead`].
    lead: f64,
    judged: Judged,
}

impl Calibration {
    /// Learns from unseen tickets when a value is right with this precision.
    pub(super) fn learn(unseen: &Unseen, precision: f64) -> Self {
        let sharpness = 1.0 / unseen.temperature();
        let guesses = unseen.guesses(sharpness);
        let all: Vec<Judged> = guesses.iter().map(|guess| guess.judged).collect();
        let of_all = threshold(&all, precision);
        let thresholds = (0..unseen.n_values).map(|value| {
            let of_value = guesses.iter().filter(|guess| guess.value == value);
            let of_value: Vec<Judged> = of_value.map(|guess| guess.judged).collect();
            match of_value.len() {
                0..MIN_JUDGED => of_all,
                _ => threshold(&of_value, precision),
            }
        });
        let thresholds: Vec<f64> = thresholds.collect();
        let is_sure = |guess: &&Guess| {
            let threshold = thresholds.get(guess.value);
            threshold.is_some_and(|threshold| guess.judged.confidence >= *threshold)
        };
        let n_sure = guesses.iter().filter(is_sure).count() as u64;
        let n_right = all.iter().filter(|judged| judged.is_right).count() as u64;
        let share = |n| Share::new(n, all.len() as u64).value.unwrap_or_default();
        Self {
            sharpness,
            accuracy: share(n_right),
            coverage: share(n_sure),
            decided_at: PRECISIONS
                .map(|(_, precision)| coverage_at(&all, precision).n)
                .to_vec(),
            thresholds,
            scope_lead: quantile(
                guesses.iter().map(|guess| guess.lead),
                unseen.scope_quantile(),
            ),
            error: calibration_error(&all),
            tickets: all.len(),
        }
    }

    /// How much can be decided at each of [`PRECISIONS`].
    pub(super) fn coverage_at_precision(&self) -> BTreeMap<&'static str, Share> {
        let names = PRECISIONS.iter().map(|(name, _)| *name);
        let shares = self.decided_at.iter();
        let shares = shares.map(|n| Share::new(*n, self.tickets as u64));
        names.zip(shares).collect()
    }
}

impl Unseen {
    pub(super) const fn new(n_values: usize) -> Self {
        Self {
            scores: Vec::new(),
            values: Vec::new(),
            n_values,
            none_of_them: Vec::new(),
        }
    }

    /// Adds tickets by their scores for all classes, values and perhaps to be about none of them, one row a
    /// ticket, and the numbers of the right ones.
    pub(super) fn add(&mut self, scores: &[f32], right: &[u32], n_classes: usize) {
        for (scores, right) in scores.chunks(n_classes).zip(right) {
            if (*right as usize) < self.n_values {
                let (of_values, of_none) = scores.split_at(self.n_values.min(scores.len()));
                self.scores.extend(of_values);
                self.none_of_them.extend(of_none);
                self.values.push(*right);
            }
        }
    }

    fn scope_quantile(&self) -> f64 {
        if self.none_of_them.is_empty() {
            SCOPE_QUANTILE
        } else {
            TAUGHT_SCOPE_QUANTILE
        }
    }

    /// The temperature that makes the right values likeliest, by golden-section search over its
    /// logarithm; 1 where there is no ticket.
    fn temperature(&self) -> f64 {
        if self.values.is_empty() {
            return 1.0;
        }
        let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
        let (mut low, mut high) = (TEMPERATURES.0.ln(), TEMPERATURES.1.ln());
        for _ in 0..NARROWINGS {
            let (a, b) = (high - ratio * (high - low), low + ratio * (high - low));
            if self.surprise(1.0 / a.exp()) < self.surprise(1.0 / b.exp()) {
                high = b;
            } else {
                low = a;
            }
        }
        f64::midpoint(low, high).exp()
    }

    /// How unlikely the right values are.
    #[expect(clippy::cast_possible_truncation, reason = "scores are 32 bits wide")]
    fn surprise(&self, sharpness: f64) -> f64 {
        let rows = self.scores.chunks(self.n_values).zip(&self.values);
        rows.map(|(scores, value)| {
            let mut scores: Vec<f32> = scores
                .iter()
                .map(|score| score * sharpness as f32)
                .collect();
            let of_value = scores.get(*value as usize).copied().unwrap_or_default();
            f64::from(softmax(&mut scores) - of_value)
        })
        .sum()
    }

    #[expect(clippy::cast_possible_truncation, reason = "scores are 32 bits wide")]
    fn guesses(&self, sharpness: f64) -> Vec<Guess> {
        let rows = self.scores.chunks(self.n_values).zip(&self.values);
        rows.enumerate()
            .map(|(ticket, (scores, right))| {
                let sharpness = sharpness as f32;
                let scores = scores.iter().map(|score| score * sharpness);
                let none_of_them = self.none_of_them.get(ticket);
                let none_of_them = none_of_them.map(|score| score * sharpness);
                guess(scores.collect(), none_of_them, *right as usize)
            })
            .collect()
    }
}

/// The value with the highest score, and whether it is right.
fn guess(mut scores: Vec<f32>, none_of_them: Option<f32>, right: usize) -> Guess {
    let higher = |best: (usize, f32), one: (usize, f32)| if one.1 > best.1 { one } else { best };
    let best = scores.iter().copied().enumerate();
    let (value, highest) = best.fold((0, f32::MIN), higher);
    #[expect(clippy::cast_precision_loss, reason = "values are few")]
    let mean = f64::from(scores.iter().sum::<f32>() / scores.len().max(1) as f32);
    softmax(&mut scores);
    let confidence = scores.get(value).copied().unwrap_or_default();
    Guess {
        value,
        lead: lead(f64::from(highest), mean, none_of_them.map(f64::from)),
        judged: Judged {
            confidence: f64::from(confidence),
            is_applied: false,
            is_right: right == value,
        },
    }
}

/// By how much the best value leads, in log-odds: before the mean of all values, and where it was
/// learned what a ticket about none of them is like, before the middle between that and the mean. What
/// is out of scope is not always like what was before: on short requests, at the same cost, 80 of 100
/// that are like those learned from are found without the mean and 75 with it, 61 and 67 of those that
/// are not, and 60 without what was learned.
pub(super) fn lead(highest: f64, mean: f64, none_of_them: Option<f64>) -> f64 {
    highest - none_of_them.map_or(mean, |none| f64::midpoint(none, mean))
}

/// The lowest confidence from which on so many are right; above 1 where they never are. Where even
/// all are right often enough, a lower confidence than any seen will do when it promises as much.
fn threshold(judged: &[Judged], precision: f64) -> f64 {
    let mut judged = judged.to_vec();
    judged.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let (mut n_right, mut lowest, mut are_all_enough) = (0.0, None, false);
    for (n, judged) in (1_u32..).zip(&judged) {
        n_right += f64::from(u8::from(judged.is_right));
        are_all_enough = n_right / f64::from(n) >= precision;
        if are_all_enough {
            lowest = Some(judged.confidence);
        }
    }
    match lowest {
        Some(lowest) if are_all_enough => lowest.min(precision),
        lowest => lowest.unwrap_or(NEVER),
    }
}

/// A threshold that no confidence reaches.
const NEVER: f64 = 1.01;

fn quantile(leads: impl Iterator<Item = f64>, share: f64) -> f64 {
    let mut leads: Vec<f64> = leads.collect();
    leads.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list"
    )]
    let place = (leads.len() as f64 * share) as usize;
    leads.get(place).copied().unwrap_or_default()
}

/// Bins of equal width for the calibration error. The usual number is 10 or 15.
const BINS: usize = 15;

/// The expected calibration error: by how much the confidence differs from the share that is
/// right, over bins of confidence (Naeini and others, 2015), 0 to 1.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tickets are counted; a confidence gives the number of a bin"
)]
pub fn calibration_error(judged: &[Judged]) -> f64 {
    let mut bins = [0.0_f64; BINS];
    for judged in judged {
        let bin = ((judged.confidence * BINS as f64) as usize).min(BINS - 1);
        if let Some(bin) = bins.get_mut(bin) {
            *bin += judged.confidence - f64::from(u8::from(judged.is_right));
        }
    }
    let off: f64 = bins.iter().map(|bin| bin.abs()).sum();
    off / (judged.len().max(1) as f64)
}

/// The largest share of tickets that can be decided by taking the surest first while so many of
/// them are right.
#[must_use]
pub fn coverage_at(judged: &[Judged], precision: f64) -> Share {
    let from = threshold(judged, precision);
    let n = judged.iter().filter(|judged| judged.confidence >= from);
    Share::new(n.count() as u64, judged.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(confidence: f64, is_right: bool) -> Judged {
        Judged {
            confidence,
            is_applied: false,
            is_right,
        }
    }

    #[test]
    fn scores_that_are_too_sure_are_cooled() {
        // Three of four are right, with a lead that says 20 to 1.
        let scores = [3.0, 0.0].repeat(400);
        let values: Vec<u32> = (0..400).map(|n| u32::from(n % 4 == 0)).collect();
        let mut unseen = Unseen::new(2);
        unseen.add(&scores, &values, 2);
        let calibration = Calibration::learn(&unseen, 0.9);
        let confidence = 1.0 / (1.0 + (-3.0 * calibration.sharpness).exp());
        assert!((confidence - 0.75).abs() < 0.01, "{calibration:?}");
        assert!(calibration.error < 0.01, "{calibration:?}");
        assert!(calibration.thresholds[0] > 1.0, "never 90 of 100");
        let coverage = calibration.coverage_at_precision();
        assert_eq!(
            (coverage["0.80"].n, coverage["0.80"].of),
            (0, 400),
            "{coverage:?}"
        );
        assert!(
            coverage["0.80"].high > 0.005,
            "400 are not all: {coverage:?}"
        );
    }

    #[test]
    fn scores_stay_as_they_are_where_nothing_was_held_back() {
        let sharpness = Calibration::learn(&Unseen::new(2), 0.9).sharpness;
        assert!((sharpness - 1.0).abs() < f64::EPSILON, "{sharpness}");
    }

    #[test]
    fn coverage_takes_the_surest_first() {
        let tickets = [
            (0.9, true),
            (0.8, true),
            (0.7, false),
            (0.6, true),
            (0.5, false),
        ];
        let tickets: Vec<Judged> = tickets.iter().map(|(c, r)| judged(*c, *r)).collect();
        let share = |precision| coverage_at(&tickets, precision).n;
        assert_eq!((share(1.0), share(0.75), share(0.6)), (2, 4, 5));
        assert!((calibration_error(&tickets) - (0.1 + 0.2 + 0.7 + 0.4 + 0.5) / 5.0).abs() < 1e-9);
    }
}
