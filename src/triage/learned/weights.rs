//! Weights as they are kept: 16 bits each, and only rows that matter.

use serde::{Deserialize, Serialize};

/// A row whose largest weight is smaller than this, in log-odds, is left out: features count a
/// fraction of one in a ticket.
const SMALL: f32 = 0.02;

/// Rows of weights, one number a value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Weights {
    width: usize,
    /// What a number is to be multiplied with.
    unit: f32,
    /// The row of every column, counted from 1; 0 where it was left out.
    rows: Vec<u32>,
    numbers: Vec<i16>,
}

impl Weights {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the largest number is that of 16 bits"
    )]
    pub(super) fn new(width: usize, weights: &[f32]) -> Self {
        let largest = weights
            .iter()
            .fold(SMALL, |most, weight| weight.abs().max(most));
        let unit = largest / f32::from(i16::MAX);
        let mut kept = Self {
            width,
            unit,
            ..Self::default()
        };
        let mut n_rows = 0;
        for row in weights.chunks(width) {
            if row.iter().all(|weight| weight.abs() < SMALL) {
                kept.rows.push(0);
                continue;
            }
            n_rows += 1;
            kept.rows.push(n_rows);
            let numbers = row.iter().map(|weight| (weight / unit).round() as i16);
            kept.numbers.extend(numbers);
        }
        kept
    }

    /// The row of a column.
    fn row(&self, column: u32) -> Option<&[i16]> {
        let row = self.rows.get(column as usize)?.checked_sub(1)? as usize;
        self.numbers.get(row * self.width..(row + 1) * self.width)
    }

    /// Adds so much of a column to the scores of all values.
    pub(super) fn add(&self, column: u32, amount: f32, scores: &mut [f32]) {
        if let Some(row) = self.row(column) {
            let amount = amount * self.unit;
            for (score, number) in scores.iter_mut().zip(row) {
                *score += amount * f32::from(*number);
            }
        }
    }

    /// What so much of a column gives to one value.
    pub(super) fn one(&self, column: u32, amount: f32, value: usize) -> f64 {
        let number = self.row(column).and_then(|row| row.get(value));
        number.map_or(0.0, |number| {
            f64::from(amount) * f64::from(self.unit) * f64::from(*number)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_was_learned() {
        let weights = Weights::new(2, &[1.5, -3.0, 0.01, -0.005, 0.0, 0.2]);
        let mut scores = [0.0, 0.0];
        for column in 0..3 {
            weights.add(column, 2.0, &mut scores);
        }
        assert!(
            (scores[0] - 3.0).abs() < 1e-3 && (scores[1] + 5.6).abs() < 1e-3,
            "{scores:?}"
        );
        assert!((weights.one(0, 2.0, 1) + 6.0).abs() < 1e-3);
        assert_eq!(weights.numbers.len(), 4, "the small row is left out");
        assert!(weights.one(9, 1.0, 0).abs() < f64::EPSILON);
    }
}
