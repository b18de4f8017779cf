//! Looks for better settings of similar tickets in a desk's own judgments.
//!
//! Coordinate ascent: one setting after the other is tried at the values around it, and kept where
//! the mean nDCG@10 of one half of the queries rises. The other half, which was not looked at, tells
//! whether that was worth anything: the gain there must be above its own standard error.

use serde::Serialize;

use super::similar::asked;
use super::{JudgedQuery, JudgedSet, QueryMeasures};
use crate::Engine;
use crate::config::Similar;
use crate::engine;
use crate::model::Audience;
use crate::similar::SimilarQuery;

/// Smaller gains on the half that is learned from are not followed, in points of nDCG@10.
const MIN_STEP: f64 = 0.05;

/// All settings are tried so often at most.
const MAX_ROUNDS: usize = 3;

/// What tuning found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tuning {
    /// The name of the set.
    pub set: String,
    /// Queries that were learned from.
    pub learned_from: usize,
    /// Their nDCG@10 before and after, 0 to 100.
    pub learned: BeforeAfter,
    /// Queries that were held out.
    pub held_out: usize,
    /// Their nDCG@10 before and after, 0 to 100.
    pub checked: BeforeAfter,
    /// The standard error of the gain on them, in points.
    pub standard_error: f64,
    /// Whether that gain is above its standard error.
    pub gains: bool,
    /// How often all queries were asked.
    pub n_trials: usize,
    /// The settings that were found.
    pub settings: Similar,
}

/// A figure with the settings as they were and as they were found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BeforeAfter {
    /// With the settings as they were.
    pub before: f64,
    /// With the settings that were found.
    pub after: f64,
}

/// Looks for better settings than `start`. Learned from are the queries of the split `dev` and
/// checked those of `test`; where a set has no splits, every other query.
///
/// # Errors
/// An error of store or index.
pub fn tune(
    engine: &Engine,
    set: &JudgedSet,
    start: &Similar,
    past_only: bool,
) -> Result<Tuning, engine::Error> {
    let (learned_from, held_out) = halves(set);
    let learned_from = questions(engine, &learned_from, past_only)?;
    let held_out = questions(engine, &held_out, past_only)?;
    let mut best = *start;
    let before = mean(&measured(engine, &learned_from, &best)?);
    let (mut after, mut n_trials) = (before, 1);
    for _ in 0..MAX_ROUNDS {
        let at_start = after;
        for setting in Setting::ALL {
            for value in setting.values_around(&best) {
                let trial = setting.with(&best, value);
                let points = mean(&measured(engine, &learned_from, &trial)?);
                n_trials += 1;
                if points > after + MIN_STEP {
                    (best, after) = (trial, points);
                }
            }
        }
        if after <= at_start {
            break;
        }
    }
    let (old, new) = (
        measured(engine, &held_out, start)?,
        measured(engine, &held_out, &best)?,
    );
    let gains: Vec<f64> = old.iter().zip(&new).map(|(old, new)| new - old).collect();
    let error = standard_error(&gains);
    Ok(Tuning {
        set: set.name.clone(),
        learned_from: learned_from.len(),
        learned: BeforeAfter::new(before, after),
        held_out: held_out.len(),
        checked: BeforeAfter::new(mean(&old), mean(&new)),
        standard_error: rounded(error),
        gains: mean(&gains) > error,
        n_trials,
        settings: best,
    })
}

impl BeforeAfter {
    fn new(before: f64, after: f64) -> Self {
        Self {
            before: rounded(before),
            after: rounded(after),
        }
    }
}

/// A setting that is tuned.
#[derive(Debug, Clone, Copy)]
enum Setting {
    Recency,
    RecencyDays,
    SubjectWeight,
    TitleWeight,
    IdfPower,
    Length,
    Agreement,
}

impl Setting {
    const ALL: [Self; 7] = [
        Self::Recency,
        Self::RecencyDays,
        Self::SubjectWeight,
        Self::TitleWeight,
        Self::IdfPower,
        Self::Length,
        Self::Agreement,
    ];

    fn of(self, settings: &mut Similar) -> &mut f32 {
        match self {
            Self::Recency => &mut settings.recency,
            Self::RecencyDays => &mut settings.recency_days,
            Self::SubjectWeight => &mut settings.subject_weight,
            Self::TitleWeight => &mut settings.title_weight,
            Self::IdfPower => &mut settings.idf_power,
            Self::Length => &mut settings.length,
            Self::Agreement => &mut settings.agreement,
        }
    }

    fn with(self, settings: &Similar, value: f32) -> Similar {
        let mut changed = *settings;
        *self.of(&mut changed) = value;
        changed
    }

    /// What is tried when the setting is as it is.
    fn values_around(self, settings: &Similar) -> Vec<f32> {
        let value = *self.of(&mut settings.clone());
        match self {
            Self::Recency | Self::Agreement => vec![0.0, value * 0.5, value * 2.0],
            Self::RecencyDays => vec![value / 3.0, value * 3.0],
            Self::SubjectWeight | Self::TitleWeight => vec![value * 0.6, value * 1.6],
            Self::IdfPower => vec![value - 0.2, value + 0.2],
            Self::Length => vec![(value - 0.2).max(0.0), (value + 0.2).min(1.0)],
        }
        .into_iter()
        .map(|value| (value * 1_000.0).round() / 1_000.0)
        .collect()
    }
}

/// A question with what answers it.
struct Question<'a> {
    asked: SimilarQuery,
    query: &'a JudgedQuery,
}

fn halves(set: &JudgedSet) -> (Vec<&JudgedQuery>, Vec<&JudgedQuery>) {
    let of_split = |split: &str| {
        let queries = set.queries.iter();
        queries
            .filter(|query| query.split.as_deref() == Some(split))
            .collect::<Vec<_>>()
    };
    let (dev, test) = (of_split("dev"), of_split("test"));
    if !dev.is_empty() && !test.is_empty() {
        return (dev, test);
    }
    let every_other = |first: usize| set.queries.iter().skip(first).step_by(2).collect();
    (every_other(0), every_other(1))
}

fn questions<'a>(
    engine: &Engine,
    queries: &[&'a JudgedQuery],
    past_only: bool,
) -> Result<Vec<Question<'a>>, engine::Error> {
    let question = |&query: &&'a JudgedQuery| {
        Ok(Question {
            asked: SimilarQuery {
                min_similarity: Some(0.0),
                ..asked(engine, query, past_only)?
            },
            query,
        })
    };
    queries.iter().map(question).collect()
}

/// The nDCG@10 of every question, 0 to 100.
fn measured(
    engine: &Engine,
    questions: &[Question<'_>],
    settings: &Similar,
) -> Result<Vec<f64>, engine::Error> {
    let measure = |question: &Question<'_>| {
        let ranked = engine.similar_ids(&question.asked, settings, &Audience::Everything)?;
        let measures = QueryMeasures::new(&ranked, &question.query.relevant);
        Ok(measures.ndcg_at_10() * 100.0)
    };
    questions.iter().map(measure).collect()
}

#[expect(clippy::cast_precision_loss, reason = "numbers of queries are small")]
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "numbers of queries are small")]
fn standard_error(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let n = values.len().max(2) as f64;
    (squares / (n - 1.0) / n).sqrt()
}

fn rounded(points: f64) -> f64 {
    (points * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_error_is_that_of_a_mean() {
        assert!((standard_error(&[1.0, 3.0]) - 1.0).abs() < 1e-12);
        assert!(standard_error(&[]).abs() < 1e-12);
    }

    /// A trial that changed nothing, or left the allowed range, would be wasted or refused later.
    #[test]
    fn what_is_tried_differs_and_is_in_range() {
        let settings = crate::Settings::default().similar;
        for setting in Setting::ALL {
            for value in setting.values_around(&settings) {
                let trial = setting.with(&settings, value);
                assert_ne!(trial, settings, "{setting:?}");
                assert_eq!(trial.problems(), Vec::<String>::new(), "{setting:?}");
            }
        }
    }
}
