//! What is measured: the usual figures of information retrieval.

use std::collections::BTreeMap;

use serde::Serialize;

/// Means over all queries, 0 to 100, rounded to two places.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Measures {
    /// Normalised discounted cumulative gain of the first ten; gain is 2^relevance - 1.
    pub ndcg_at_10: f64,
    /// Mean average precision over the first thousand.
    pub map: f64,
    /// Mean reciprocal rank of the first relevant document, 0 beyond the tenth.
    pub mrr_at_10: f64,
    /// The share of the relevant documents that is among the first ten.
    pub recall_at_10: f64,
    /// The share of the relevant documents that is among the first hundred.
    pub recall_at_100: f64,
}

impl Measures {
    /// The means of what was measured for every query; 0 for none.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "numbers of queries are small")]
    pub fn mean(queries: &[QueryMeasures]) -> Self {
        let mean = |of: fn(&QueryMeasures) -> f64| {
            let sum: f64 = queries.iter().map(of).sum();
            (sum / queries.len().max(1) as f64 * 10_000.0).round() / 100.0
        };
        Self {
            ndcg_at_10: mean(|query| query.ndcg_at_10),
            map: mean(|query| query.average_precision),
            mrr_at_10: mean(|query| query.reciprocal_rank),
            recall_at_10: mean(|query| query.recall_at_10),
            recall_at_100: mean(|query| query.recall_at_100),
        }
    }
}

/// What is measured for one query, 0 to 1; see [`Measures`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QueryMeasures {
    ndcg_at_10: f64,
    average_precision: f64,
    reciprocal_rank: f64,
    recall_at_10: f64,
    recall_at_100: f64,
}

impl QueryMeasures {
    /// The gain of the first ten, 0 to 1.
    #[must_use]
    pub fn ndcg_at_10(&self) -> f64 {
        self.ndcg_at_10
    }

    /// Measures an answer, best first, against the relevance of documents (0 is not relevant).
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "ranks are small")]
    pub fn new(ranked: &[String], relevant: &BTreeMap<String, u32>) -> Self {
        let grade = |id: &String| relevant.get(id).copied().unwrap_or(0);
        let n_relevant = relevant.values().filter(|&&grade| grade > 0).count().max(1) as f64;
        let mut ideal: Vec<u32> = relevant.values().copied().collect();
        ideal.sort_unstable_by(|a, b| b.cmp(a));
        let hits: Vec<usize> = (0..ranked.len())
            .filter(|&at| ranked.get(at).is_some_and(|id| grade(id) > 0))
            .collect();
        let among =
            |first: usize| hits.iter().filter(|&&at| at < first).count() as f64 / n_relevant;
        let precisions = hits.iter().enumerate();
        let precision = |(n, &at): (usize, &usize)| (n + 1) as f64 / (at + 1) as f64;
        Self {
            ndcg_at_10: gain(ranked.iter().map(grade)) / gain(ideal.into_iter()).max(f64::EPSILON),
            average_precision: precisions.map(precision).sum::<f64>() / n_relevant,
            reciprocal_rank: match hits.first() {
                Some(&at) if at < 10 => 1.0 / (at + 1) as f64,
                _ => 0.0,
            },
            recall_at_10: among(10),
            recall_at_100: among(100),
        }
    }
}

/// The discounted cumulative gain of the first ten grades.
fn gain(grades: impl Iterator<Item = u32>) -> f64 {
    let discounted =
        |(at, grade): (u32, u32)| (f64::from(grade).exp2() - 1.0) / (f64::from(at) + 2.0).log2();
    (0..10).zip(grades).map(discounted).sum()
}

/// The value below which `percent` of the values lie; sorts them.
pub fn percentile(values: &mut [u64], percent: usize) -> u64 {
    values.sort_unstable();
    let at = (values.len() * percent / 100).min(values.len().saturating_sub(1));
    values.get(at).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(ranked: &[&str], relevant: &[(&str, u32)]) -> QueryMeasures {
        let ranked: Vec<String> = ranked.iter().map(|&id| id.to_owned()).collect();
        let relevant = relevant.iter().map(|&(id, grade)| (id.to_owned(), grade));
        QueryMeasures::new(&ranked, &relevant.collect())
    }

    #[test]
    fn an_ideal_answer_measures_one() {
        let ideal = measured(&["a", "b", "c"], &[("a", 2), ("b", 1), ("d", 0)]);
        let all = [
            ideal.ndcg_at_10,
            ideal.average_precision,
            ideal.reciprocal_rank,
            ideal.recall_at_10,
            ideal.recall_at_100,
        ];
        assert!(
            all.iter().all(|value| (value - 1.0).abs() < 1e-12),
            "{ideal:?}"
        );
    }

    /// Worked out by hand: hits on ranks 2 and 3 of two, one relevant document never found.
    #[test]
    fn what_is_missed_or_late_costs() {
        let found = measured(&["x", "a", "b"], &[("a", 1), ("b", 1), ("c", 1)]);
        let dcg = 1.0 / 3f64.log2() + 1.0 / 4f64.log2();
        let ideal = 1.0 + 1.0 / 3f64.log2() + 1.0 / 4f64.log2();
        assert!((found.ndcg_at_10 - dcg / ideal).abs() < 1e-12);
        assert!((found.average_precision - (0.5 + 2.0 / 3.0) / 3.0).abs() < 1e-12);
        assert!((found.reciprocal_rank - 0.5).abs() < 1e-12);
        assert!((found.recall_at_10 - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn means_are_percentages() {
        let (one, none) = (measured(&["a"], &[("a", 1)]), measured(&["x"], &[("a", 1)]));
        assert!((Measures::mean(&[one, none]).map - 50.0).abs() < 1e-9);
        assert_eq!(percentile(&mut [5, 1, 9, 7], 50), 7);
        assert_eq!(percentile(&mut [], 99), 0);
    }
}
