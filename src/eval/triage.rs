//! How good triage is: learned from one part of a set, measured on the other.
//!
//! A set is a folder with `train.jsonl` and `test.jsonl` (plain or gzip): tickets with `title` or
//! `subject`, `body` or `description`, and the field that is asked for. Nothing else of a ticket is
//! read but `channel` and `organisation`, so no answer leaks into the question.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value};

use super::percentile;
use super::set::{Error, find, lines};
use crate::engine::instant;
use crate::model::{PriorityMatrix, TicketText, Time};
use crate::triage::{
    Basis, Decision, FieldName, FieldValue, Judged, Model, PRECISIONS, PastTicket, Rules,
    Thresholds, Training, calibration_error, coverage_at,
};

/// What sets write for a ticket that is about none of the values.
const OUT_OF_SCOPE: &str = "oos";

/// From which confidence on to decide where the model does not know better.
const USUAL: Thresholds = Thresholds {
    apply: 0.9,
    suggest: 0.5,
};

/// How good decisions on a field were.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TriageReport {
    /// The name of the set.
    pub set: String,
    /// The field.
    pub field: String,
    /// Tickets that were learned from.
    pub train: usize,
    /// Tickets that were decided, without those that are out of scope.
    pub test: usize,
    /// Values that were learned.
    pub values: usize,
    /// Of the decided tickets those that got the right value, 0 to 100.
    pub accuracy: f64,
    /// The mean over all values, right or given, of their F1, 0 to 100.
    pub macro_f1: f64,
    /// The expected calibration error of the confidence, 0 to 1, over 15 bins.
    pub ece: f64,
    /// The largest share of tickets, 0 to 1, that can be decided by taking the surest first while
    /// this share of them is right.
    pub coverage_at_precision: BTreeMap<String, f64>,
    /// Decisions at the thresholds that were learned for a precision of 0.90: what came of them.
    pub applied: Applied,
    /// Where the set has tickets that are about none of the values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_scope: Option<OutOfScope>,
    /// Wall time of learning.
    pub train_seconds: f64,
    /// The median time of a decision, in microseconds, on one thread.
    pub predict_us_p50: u64,
    /// The time that one decision of a hundred exceeds, in microseconds.
    pub predict_us_p99: u64,
    /// The size of the model on disk.
    pub model_bytes: usize,
}

/// What came of decisions that were sure enough to be applied.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Applied {
    /// The share of the tickets, 0 to 1.
    pub coverage: f64,
    /// The share of them that was right, 0 to 1; none of none.
    pub precision: Option<f64>,
}

/// How tickets were told that are about none of the values, by the lead of the best value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OutOfScope {
    /// Of the tickets that are about a value those that were given it and not held to be out of
    /// scope, 0 to 100.
    pub in_scope_accuracy: f64,
    /// Of the tickets that are out of scope those that were held to be so, 0 to 100.
    pub recall: f64,
}

/// A ticket that was decided.
struct Decided {
    /// What is right; none out of scope.
    right: Option<FieldValue>,
    given: FieldValue,
    judged: Judged,
    is_in_scope: bool,
    took_us: u64,
}

/// Learns from the first part of a set and decides on the second, by the rules too when there are
/// any.
///
/// # Errors
/// A file that is missing or wrong, with the line; a set without two values to tell apart.
pub fn triage(
    folder: &Path,
    field: &str,
    rules: &Rules,
    precision: f64,
) -> Result<TriageReport, Error> {
    let read = |name| past_tickets(folder, name, field);
    let (mut train, test) = (read("train.jsonl")?, read("test.jsonl")?);
    train.retain(|past| !past.values.is_empty() || !past.out_of_scope.is_empty());
    let training = Training {
        rules,
        fields: &[field],
        precision,
        seq: 0,
    };
    let started = instant();
    let model = Model::train(&train, training)?;
    let train_seconds = started.elapsed().as_secs_f64();
    let n_values = model.values(field).len();
    if n_values == 0 {
        return Err(Error::NothingToLearn {
            folder: folder.to_owned(),
            field: field.to_owned(),
        });
    }
    let basis = Basis {
        rules,
        model: Some(&model),
        corrections: None,
        thresholds: USUAL,
        matrix: &PriorityMatrix::default(),
    };
    let decided = test.iter().filter_map(|past| decide(basis, field, past));
    let name = folder.file_name().unwrap_or(folder.as_os_str());
    Ok(TriageReport {
        set: name.to_string_lossy().into_owned(),
        field: field.to_owned(),
        train: train.len(),
        values: n_values,
        train_seconds,
        model_bytes: model.to_bytes()?.len(),
        ..measured(&decided.collect::<Vec<_>>())
    })
}

fn decide(basis: Basis<'_>, field: &str, past: &PastTicket) -> Option<Decided> {
    let started = instant();
    let decision = basis.decide(&past.ticket);
    let took_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let of_field = match FieldName::of(field) {
        Some(field) => decision.field(field),
        None => decision.fields.get(field)?,
    };
    let given = of_field.value.clone()?;
    let right = past.values.get(field).cloned();
    Some(Decided {
        judged: Judged {
            confidence: of_field.confidence,
            is_applied: of_field.decision == Decision::Apply,
            is_right: right.as_ref() == Some(&given),
        },
        is_in_scope: !of_field.out_of_scope,
        right,
        given,
        took_us,
    })
}

fn measured(decided: &[Decided]) -> TriageReport {
    let in_scope: Vec<&Decided> = decided.iter().filter(|one| one.right.is_some()).collect();
    let judged: Vec<Judged> = in_scope.iter().map(|decided| decided.judged).collect();
    let n_right = judged.iter().filter(|judged| judged.is_right).count();
    let applied: Vec<&Judged> = judged.iter().filter(|judged| judged.is_applied).collect();
    let n_applied_right = applied.iter().filter(|judged| judged.is_right).count();
    let coverage = PRECISIONS.map(|(name, precision)| {
        let share = coverage_at(&judged, precision);
        (name.to_owned(), share.value.unwrap_or_default())
    });
    let mut times: Vec<u64> = decided.iter().map(|decided| decided.took_us).collect();
    TriageReport {
        set: String::new(),
        field: String::new(),
        train: 0,
        test: in_scope.len(),
        values: 0,
        accuracy: percent(n_right, judged.len()),
        macro_f1: macro_f1(&in_scope),
        ece: calibration_error(&judged),
        coverage_at_precision: coverage.into_iter().collect(),
        applied: Applied {
            coverage: percent(applied.len(), judged.len()) / 100.0,
            precision: (!applied.is_empty())
                .then(|| percent(n_applied_right, applied.len()) / 100.0),
        },
        out_of_scope: out_of_scope(decided, in_scope.len()),
        train_seconds: 0.0,
        predict_us_p50: percentile(&mut times, 50),
        predict_us_p99: percentile(&mut times, 99),
        model_bytes: 0,
    }
}

fn out_of_scope(decided: &[Decided], n_in_scope: usize) -> Option<OutOfScope> {
    let n_outside = decided.len() - n_in_scope;
    let n_kept = decided
        .iter()
        .filter(|one| one.is_in_scope && one.judged.is_right);
    let n_told = decided
        .iter()
        .filter(|one| !one.is_in_scope && one.right.is_none());
    (n_outside > 0).then(|| OutOfScope {
        in_scope_accuracy: percent(n_kept.count(), n_in_scope),
        recall: percent(n_told.count(), n_outside),
    })
}

/// The mean over all values of the harmonic mean of precision and recall, 0 to 100. Values that
/// nobody has and nobody got do not count.
#[expect(clippy::cast_precision_loss, reason = "values are counted")]
fn macro_f1(decided: &[&Decided]) -> f64 {
    // Right and given, right, given.
    let mut counts: BTreeMap<&FieldValue, (usize, usize, usize)> = BTreeMap::new();
    for decided in decided {
        counts.entry(&decided.given).or_default().2 += 1;
        if let Some(right) = &decided.right {
            let count = counts.entry(right).or_default();
            count.0 += usize::from(decided.judged.is_right);
            count.1 += 1;
        }
    }
    let f1 = counts
        .values()
        .map(|(both, right, given)| percent(2 * both, right + given));
    f1.sum::<f64>() / counts.len().max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "tickets are counted")]
fn percent(n: usize, of: usize) -> f64 {
    100.0 * n as f64 / of.max(1) as f64
}

/// The tickets of a file of a set that have the field. That of one that is out of scope has no value.
///
/// # Errors
/// A file that is missing or wrong, with the line.
pub fn past_tickets(
    folder: &Path,
    name: &'static str,
    field: &str,
) -> Result<Vec<PastTicket>, Error> {
    let path = find(folder, name)?;
    let lines = lines(&path)?;
    let tickets = lines.par_iter().map(|(line, text)| {
        let object: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| Error::Line {
                path: path.clone(),
                line: *line,
                detail: error.to_string(),
            })?;
        Ok(past_ticket(&object, field))
    });
    let tickets: Result<Vec<Option<PastTicket>>, Error> = tickets.collect();
    Ok(tickets?.into_iter().flatten().collect())
}

/// A ticket of a set; none when it does not have the field at all.
fn past_ticket(object: &Map<String, Value>, field: &str) -> Option<PastTicket> {
    let text = |names: &[&str]| {
        let text = names.iter().find_map(|name| object.get(*name)?.as_str());
        text.map(str::to_owned)
    };
    let given = object.get(field)?;
    let is_out_of_scope = given.as_str() == Some(OUT_OF_SCOPE);
    let value = match given {
        Value::String(_) if is_out_of_scope => None,
        Value::String(value) => Some(value.clone()),
        Value::Number(value) => Some(value.to_string()),
        Value::Null => None,
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let value = value.map(|value| {
        let value = match FieldName::of(field) {
            Some(name) => FieldValue::new(name, &value),
            None => FieldValue::Name(value),
        };
        (field.to_owned(), value)
    });
    Some(PastTicket {
        ticket: TicketText {
            subject: text(&["subject", "title"]).unwrap_or_default(),
            description: text(&["description", "body"]).unwrap_or_default(),
            channel: text(&["channel"]),
            organisation: text(&["organisation", "organization"]),
            ..TicketText::default()
        },
        created_at: text(&["created_at"]).and_then(|text| Time::parse(&text).ok()),
        values: value.into_iter().collect(),
        out_of_scope: is_out_of_scope
            .then(|| field.to_owned())
            .into_iter()
            .collect(),
        ..PastTicket::default()
    })
}
