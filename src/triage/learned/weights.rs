//! Weights as they are kept: 8 bits each with a unit for every row, and only rows that matter.

use serde::{Deserialize, Serialize};

/// A row whose largest weight is smaller than this, in log-odds, is left out: features count a
/// fraction of one in a ticket.
const SMALL: f32 = 0.02;

/// Rows of weights, one number a value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Weights {
    width: usize,
    /// The row of every column, counted from 1; 0 where it was left out.
    rows: Vec<u32>,
    /// What the numbers of each row are to be multiplied with: the largest is 127.
    units: Vec<f32>,
    numbers: Vec<i8>,
}

impl Weights {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the largest number is that of 8 bits"
    )]
    pub(super) fn new(width: usize, weights: &[f32]) -> Self {
        let mut kept = Self {
            width,
            ..Self::default()
        };
        for row in weights.chunks(width) {
            let largest = row
                .iter()
                .fold(0.0_f32, |most, weight| weight.abs().max(most));
            if largest < SMALL {
                kept.rows.push(0);
                continue;
            }
            let unit = largest / f32::from(i8::MAX);
            kept.units.push(unit);
            let n_rows = u32::try_from(kept.units.len()).unwrap_or(u32::MAX);
            kept.rows.push(n_rows);
            let numbers = row.iter().map(|weight| (weight / unit).round() as i8);
            kept.numbers.extend(numbers);
        }
        kept
    }

    /// The row of a column, with its unit.
    fn row(&self, column: u32) -> Option<(f32, &[i8])> {
        let row = self.rows.get(column as usize)?.checked_sub(1)? as usize;
        let numbers = self.numbers.get(row * self.width..(row + 1) * self.width);
        self.units.get(row).copied().zip(numbers)
    }

    /// Adds so much of a column to the scores of all values.
    pub(super) fn add(&self, column: u32, amount: f32, scores: &mut [f32]) {
        if let Some((unit, row)) = self.row(column) {
            let amount = amount * unit;
            for (score, number) in scores.iter_mut().zip(row) {
                *score += amount * f32::from(*number);
            }
        }
    }

    /// What so much of a column gives to one value.
    pub(super) fn one(&self, column: u32, amount: f32, value: usize) -> f64 {
        self.row(column).map_or(0.0, |(unit, row)| {
            let number = row.get(value).copied().unwrap_or_default();
            f64::from(amount) * f64::from(unit) * f64::from(number)
        })
    }
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
            weights.add(column, 2.0, &mut scores);
        }
        // To half a unit of the row: a 254th part of its largest weight.
        assert!((scores[0] - 3.0).abs() < 0.024, "{scores:?}");
        assert!((scores[1] + 5.6).abs() < 0.002, "{scores:?}");
        assert!((weights.one(0, 2.0, 1) + 6.0).abs() < 1e-6);
        assert_eq!(weights.numbers.len(), 4, "the small row is left out");
        assert!(weights.one(9, 1.0, 0).abs() < f64::EPSILON);
    }
}
