//! Weights as they are kept: 8 bits each with a unit for every row, and only what matters.
//!
//! A row has a number for every value, or where that is shorter only those that are not tiny, each
//! after the count of those left out before it. Where there are a hundred values most features speak of few.

use serde::{Deserialize, Serialize};

/// A row whose largest weight is smaller than this, in log-odds, is left out: features count a
/// fraction of one in a ticket.
const SMALL: f32 = 0.02;

/// In a row that is kept short, smaller weights than this, in log-odds, are left out, and those that
/// would be kept as 0.
const TINY: f32 = 0.005;

/// Numbers that the processor adds at a time.
const LANES: usize = 8;

/// Rows of weights, one number a value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Weights {
    width: usize,
    /// For each row what its numbers are to be multiplied with, for the largest is 127, and where it
    /// ends.
    rows: Vec<(f32, u32)>,
    /// Rows of `width` numbers, shorter rows of pairs of a count and a number, and empty rows.
    bytes: Vec<u8>,
}

impl Weights {
    pub(super) fn new(width: usize, weights: &[f32]) -> Self {
        let mut kept = Self {
            width,
            ..Self::default()
        };
        for row in weights.chunks(width) {
            let size = |most: f32, weight: &f32| weight.abs().max(most);
            let largest = row.iter().fold(0.0, size);
            let unit = largest / f32::from(i8::MAX);
            if largest >= SMALL {
                let short = short(row, unit);
                match short.len() < width {
                    true => kept.bytes.extend(short),
                    false => kept.bytes.extend(row.iter().map(|one| number(*one, unit))),
                }
            }
            let end = u32::try_from(kept.bytes.len()).unwrap_or(u32::MAX);
            kept.rows.push((unit, end));
        }
        kept
    }

    /// The weights of a column.
    #[inline]
    pub(super) fn row(&self, column: u32) -> Row<'_> {
        let column = column as usize;
        let at = |column: usize| self.rows.get(column).copied().unwrap_or_default();
        let (unit, end) = at(column);
        let (_, start) = column.checked_sub(1).map(at).unwrap_or_default();
        let bytes = self.bytes.get(start as usize..end as usize);
        let bytes = bytes.unwrap_or_default();
        Row {
            unit,
            bytes,
            is_short: bytes.len() != self.width,
        }
    }
}

/// The weights of one column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    unit: f32,
    bytes: &'a [u8],
    /// Whether it has pairs of a count and a number, or nothing.
    is_short: bool,
}

impl Row<'_> {
    /// Adds so much of it to the scores of all values.
    #[inline]
    pub(super) fn add(&self, amount: f32, scores: &mut [f32]) {
        let amount = amount * self.unit;
        if self.is_short {
            for (value, byte) in pairs(self.bytes) {
                if let Some(score) = scores.get_mut(value) {
                    *score += amount * f32::from(byte.cast_signed());
                }
            }
            return;
        }
        // Many at a time.
        let (bytes, last_bytes) = self.bytes.as_chunks::<LANES>();
        let (scores, last_scores) = scores.as_chunks_mut::<LANES>();
        for (scores, bytes) in scores.iter_mut().zip(bytes) {
            for (score, byte) in scores.iter_mut().zip(bytes) {
                *score += amount * f32::from(byte.cast_signed());
            }
        }
        for (score, byte) in last_scores.iter_mut().zip(last_bytes) {
            *score += amount * f32::from(byte.cast_signed());
        }
    }

    /// What so much of it gives to one value.
    #[inline]
    pub(super) fn one(&self, amount: f32, value: usize) -> f64 {
        let byte = match self.is_short {
            true => pairs(self.bytes)
                .find(|(of, _)| *of == value)
                .map(|(_, byte)| byte),
            false => self.bytes.get(value).copied(),
        };
        let number = byte.unwrap_or_default().cast_signed();
        f64::from(amount) * f64::from(self.unit) * f64::from(number)
    }
}

/// The values that a short row speaks of, with its numbers.
#[inline]
fn pairs(row: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    let mut next = 0;
    row.as_chunks::<2>()
        .0
        .iter()
        .map(move |[n_left_out, byte]| {
            let value = next + usize::from(*n_left_out);
            next = value + 1;
            (value, *byte)
        })
}

/// The weights of a row that are not tiny, each after the count of those that are left out before.
fn short(row: &[f32], unit: f32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut n_left_out = 0;
    let least = TINY.max(unit / 2.0);
    for weight in row {
        // More cannot be counted in a byte.
        if weight.abs() < least && n_left_out < u8::MAX {
            n_left_out += 1;
            continue;
        }
        bytes.extend([n_left_out, number(*weight, unit)]);
        n_left_out = 0;
    }
    bytes
}

/// A weight in units, as the byte of a number with a sign.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the largest number is that of 8 bits"
)]
fn number(weight: f32, unit: f32) -> u8 {
    ((weight / unit).round() as i8).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_was_learned() {
        let learned = [1.5, -3.0, 0.01, -0.005, 0.0, 0.2];
        let weights = Weights::new(2, &learned);
        let mut scores = [0.0, 0.0];
        for column in 0..3 {
            weights.row(column).add(2.0, &mut scores);
        }
        // To half a unit of the row: a 254th part of its largest weight.
        assert!((scores[0] - 3.0).abs() < 0.024, "{scores:?}");
        assert!((scores[1] + 5.6).abs() < 0.002, "{scores:?}");
        assert!((weights.row(0).one(2.0, 1) + 6.0).abs() < 1e-6);
        assert_eq!(weights.bytes.len(), 4, "the small row is left out");
        assert!(weights.row(9).one(1.0, 0).abs() < f64::EPSILON);
    }

    #[test]
    fn rows_that_speak_of_few_values_are_short() {
        let mut learned = vec![0.0; 2 * 600];
        for (value, weight) in [(0, 1.27), (3, -0.5), (599, 0.25), (600, 1.0), (601, -1.0)] {
            learned[value] = weight;
        }
        let weights = Weights::new(600, &learned);
        assert!(weights.bytes.len() < 24, "{}", weights.bytes.len());
        let one = |column, value| weights.row(column).one(1.0, value);
        for (value, weight) in [(0, 1.27), (1, 0.0), (3, -0.5), (300, 0.0), (599, 0.25)] {
            assert!((one(0, value) - weight).abs() < 0.005, "{value}");
        }
        assert!((one(1, 0) - 1.0).abs() < 1e-6 && (one(1, 1) + 1.0).abs() < 1e-6);
        assert!(one(1, 2).abs() < f64::EPSILON);
        let mut scores = vec![0.0; 600];
        weights.row(0).add(2.0, &mut scores);
        assert!((scores[599] - 0.5).abs() < 0.01 && scores[598].abs() < f32::EPSILON);
    }

    #[test]
    fn gaps_of_any_length_are_counted() {
        for gap in [254, 255, 256, 257, 511, 512, 513] {
            let mut learned = vec![0.0; 1_000];
            (learned[0], learned[gap + 1], learned[999]) = (1.0, 0.5, -1.0);
            let weights = Weights::new(1_000, &learned);
            let one = |value| weights.row(0).one(1.0, value);
            assert!((one(gap + 1) - 0.5).abs() < 0.005, "{gap}");
            assert!((one(999) + 1.0).abs() < 1e-6, "{gap}");
            assert!(one(gap).abs() + one(gap + 2).abs() < f64::EPSILON, "{gap}");
        }
    }

    #[test]
    fn a_row_is_short_only_where_that_takes_less_room() {
        let bytes = |learned: &[f32]| Weights::new(4, learned).bytes.len();
        assert_eq!(bytes(&[1.0, 0.0, 0.0, 0.0]), 2);
        assert_eq!(bytes(&[1.0, 0.0, 0.5, 0.0]), 4, "as many as all");
        assert_eq!(bytes(&[5.0, 0.01, 0.0, 0.0]), 2, "0.01 is kept as 0");
        let weights = Weights::new(4, &[1.0, 0.0, 0.5, 0.0]);
        assert!((weights.row(0).one(1.0, 2) - 0.5).abs() < 0.005);
        assert!(weights.row(0).one(1.0, 1).abs() < f64::EPSILON);
    }
}
