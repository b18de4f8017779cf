//! Counts searches in memory, so that counting costs a search no write.
//!
//! The thread that writes the store takes the counts every few seconds and when the engine closes.
//! A crash loses those of the last seconds; they are statistics, unlike feedback, which is on disk
//! when it is acknowledged. Memory is bounded by [`MAX_QUERIES`] queries of bounded length.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::Day;
use crate::store::{NOT_KEPT, SearchCount};

/// Different queries that may wait to be written; what comes on top is counted without its text.
const MAX_QUERIES: usize = 10_000;

/// Whether a search had hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hits {
    Some,
    None,
}

/// Counts that wait to be written.
#[derive(Debug, Default)]
pub(super) struct SearchCounts {
    waiting: Mutex<BTreeMap<(Day, String), Tally>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    asked: u64,
    without_hits: u64,
}

impl SearchCounts {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Day, String), Tally>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a search for a query that may be kept.
    pub(super) fn add(&self, day: Day, query: String, hits: Hits) {
        let tally = Tally {
            asked: 1,
            without_hits: u64::from(hits == Hits::None),
        };
        merge(&mut self.lock(), (day, query), tally);
    }

    /// Takes out what waits.
    pub(super) fn take(&self) -> Vec<SearchCount> {
        let waiting = std::mem::take(&mut *self.lock());
        waiting
            .into_iter()
            .map(|((day, query), tally)| SearchCount {
                day,
                query,
                asked: tally.asked,
                without_hits: tally.without_hits,
                clicked: 0,
            })
            .collect()
    }

    /// Puts back what could not be written.
    pub(super) fn put_back(&self, counts: Vec<SearchCount>) {
        let mut waiting = self.lock();
        for count in counts {
            let tally = Tally {
                asked: count.asked,
                without_hits: count.without_hits,
            };
            merge(&mut waiting, (count.day, count.query), tally);
        }
    }
}

fn merge(waiting: &mut BTreeMap<(Day, String), Tally>, key: (Day, String), tally: Tally) {
    let has_room = waiting.len() < MAX_QUERIES || waiting.contains_key(&key);
    let key = if has_room {
        key
    } else {
        (key.0, NOT_KEPT.to_owned())
    };
    let sum = waiting.entry(key).or_default();
    sum.asked += tally.asked;
    sum.without_hits += tally.without_hits;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flood of different queries must take neither the memory nor the count.
    #[test]
    fn beyond_the_bound_searches_are_counted_without_their_text() {
        let counts = SearchCounts::default();
        let day = Day::parse("2026-03-14").unwrap();
        let n_asked = MAX_QUERIES + 500;
        for n in 0..n_asked {
            counts.add(day, format!("query {n}"), Hits::None);
        }
        counts.add(day, "query 0".to_owned(), Hits::Some);
        let taken = counts.take();
        assert_eq!(taken.len(), MAX_QUERIES + 1);
        let asked = |query: &str| {
            taken
                .iter()
                .find(|count| count.query == query)
                .unwrap()
                .asked
        };
        assert_eq!((asked("query 0"), asked(NOT_KEPT)), (2, 500));
        counts.put_back(taken.clone());
        counts.put_back(taken);
        let sum: u64 = counts.take().iter().map(|count| count.asked).sum();
        assert_eq!(
            sum,
            2 * (n_asked as u64 + 1),
            "nothing is lost on a full disk"
        );
    }
}
