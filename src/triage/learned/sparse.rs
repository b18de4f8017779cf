//! Sparse matrices, just what fitting needs: rows of numbered entries, times dense rows.
//!
//! Dense matrices are slices of rows, one number per value of the field. Every row of a product is
//! worked out by one thread in a fixed order, so the result does not depend on how many there are.

use rayon::prelude::*;

/// Rows that one thread takes at a time.
const ROWS_AT_A_TIME: usize = 64;

/// A sparse matrix by rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Sparse {
    /// Where each row ends among the entries.
    ends: Vec<usize>,
    columns: Vec<u32>,
    numbers: Vec<f32>,
    n_columns: usize,
}

impl Sparse {
    pub(super) fn new(n_columns: usize) -> Self {
        Self {
            n_columns,
            ..Self::default()
        }
    }

    pub(super) fn from_rows(n_columns: usize, rows: &[Vec<(u32, f32)>]) -> Self {
        let mut matrix = Self::new(n_columns);
        for row in rows {
            matrix.push(row.iter().copied());
        }
        matrix
    }

    /// Adds a row.
    pub(super) fn push(&mut self, row: impl IntoIterator<Item = (u32, f32)>) {
        for (column, number) in row {
            self.columns.push(column);
            self.numbers.push(number);
        }
        self.ends.push(self.columns.len());
    }

    pub(super) fn n_rows(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// The entries of a row.
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = (u32, f32)> + '_ {
        let start = row.checked_sub(1).and_then(|before| self.ends.get(before));
        let range = start.copied().unwrap_or(0)..self.ends.get(row).copied().unwrap_or(0);
        let columns = self.columns.get(range.clone()).unwrap_or_default();
        let numbers = self.numbers.get(range).unwrap_or_default();
        columns.iter().copied().zip(numbers.iter().copied())
    }

    /// The rows with these numbers, in this order.
    pub(super) fn pick(&self, rows: &[usize]) -> Self {
        let mut picked = Self::new(self.n_columns);
        for &row in rows {
            picked.push(self.row(row));
        }
        picked
    }

    /// Rows become columns.
    pub(super) fn transposed(&self) -> Self {
        let mut rows: Vec<Vec<(u32, f32)>> = vec![Vec::new(); self.n_columns];
        for (number, row) in (0_u32..).zip(0..self.n_rows()) {
            for (column, entry) in self.row(row) {
                if let Some(of_column) = rows.get_mut(column as usize) {
                    of_column.push((number, entry));
                }
            }
        }
        Self::from_rows(self.n_rows(), &rows)
    }

    /// Adds this matrix times a dense one, whose rows are `width` wide, to a third one.
    pub(super) fn add_product(&self, dense: &[f32], width: usize, sum: &mut [f32]) {
        let rows = sum.par_chunks_mut(width).with_min_len(ROWS_AT_A_TIME);
        rows.enumerate().for_each(|(row, sum)| {
            for (column, number) in self.row(row) {
                let start = column as usize * width;
                let from = dense.get(start..start + width).unwrap_or_default();
                add_times(sum, number, from);
            }
        });
    }
}

/// Adds a multiple of one vector to another.
pub(super) fn add_times(sum: &mut [f32], factor: f32, of: &[f32]) {
    for (sum, of) in sum.iter_mut().zip(of) {
        *sum += factor * of;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_and_transposition_agree() {
        let matrix = Sparse::from_rows(3, &[vec![(0, 1.0), (2, 2.0)], vec![], vec![(1, -1.0)]]);
        let dense = [1.0, 10.0, 2.0, 20.0, 3.0, 30.0];
        let mut product = [0.0; 6];
        matrix.add_product(&dense, 2, &mut product);
        assert!(product.iter().eq(&[7.0, 70.0, 0.0, 0.0, -2.0, -20.0]));
        let back = matrix.transposed();
        assert_eq!(back.n_rows(), 3);
        assert!(back.row(2).eq([(0, 2.0)]));
        assert!(back.transposed().row(0).eq(matrix.row(0)));
        assert!(matrix.pick(&[2, 0]).row(1).eq(matrix.row(0)));
    }
}
