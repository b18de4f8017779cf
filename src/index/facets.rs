//! How many of the documents found have which value of a field.
//!
//! Facets need every match, but lists that were added up are not walked again; values are counted in
//! the order of the documents.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use tantivy::{DocId, SegmentReader};

use super::{Error, FacetField};

/// Values of a facet that are given, the most frequent ones.
const MAX_VALUES: usize = 100;

/// For every facet, how many matches have which value.
pub type FacetCounts = BTreeMap<&'static str, BTreeMap<String, u64>>;

/// The facets of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facets {
    /// The most frequent values of each.
    pub counts: FacetCounts,
    /// Where values were left out: the facet and how many values it has.
    pub cut: Vec<(&'static str, usize)>,
}

impl Facets {
    /// The facets of an answer without hits.
    #[must_use]
    pub fn none(facets: &[FacetField]) -> Self {
        let names = facets.iter().map(|facet| facet.name());
        Self {
            counts: names.map(|name| (name, BTreeMap::new())).collect(),
            cut: Vec::new(),
        }
    }

    /// Counts the values of documents of a segment, given in order.
    pub(super) fn add(
        &mut self,
        segment: &SegmentReader,
        facet: FacetField,
        docs: &[DocId],
    ) -> Result<(), Error> {
        let Some(column) = segment.fast_fields().str(facet.name())? else {
            return Ok(());
        };
        let (mut with_value, mut rows) = (Vec::new(), Vec::new());
        column
            .ords()
            .row_ids_for_docs(docs, &mut with_value, &mut rows);
        let mut ords = vec![0; rows.len()];
        column.ords().values.get_vals(&rows, &mut ords);
        let mut by_ord = vec![0_u64; column.num_terms()];
        for ord in ords {
            let count = usize::try_from(ord).ok();
            if let Some(count) = count.and_then(|ord| by_ord.get_mut(ord)) {
                *count += 1;
            }
        }
        let counts = self.counts.entry(facet.name()).or_default();
        let mut values = column.dictionary().stream()?;
        for n in by_ord {
            if !values.advance() {
                break;
            }
            if n > 0 {
                let value = String::from_utf8_lossy(values.key()).into_owned();
                *counts.entry(value).or_default() += n;
            }
        }
        Ok(())
    }

    /// Leaves the most frequent values of each facet.
    pub(super) fn cut(&mut self) {
        for (name, counts) in &mut self.counts {
            if counts.len() <= MAX_VALUES {
                continue;
            }
            self.cut.push((name, counts.len()));
            let mut values: Vec<(String, u64)> = std::mem::take(counts).into_iter().collect();
            values.sort_by_key(|&(_, n)| Reverse(n));
            values.truncate(MAX_VALUES);
            counts.extend(values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_values_are_left_and_the_cut_is_told() {
        let values = (0..150_u64).map(|n| (format!("{n:03}"), n));
        let mut facets = Facets {
            counts: FacetCounts::from([("tag", values.collect()), ("category", BTreeMap::new())]),
            cut: Vec::new(),
        };
        facets.cut();
        let tags = facets.counts.get("tag").unwrap();
        assert_eq!((tags.len(), tags.values().min()), (MAX_VALUES, Some(&50)));
        assert_eq!(facets.cut, [("tag", 150)]);
    }
}
