//! The queries that are suggested to people who begin to type them.
//!
//! One that was asked on few days is not: nobody's single wish is shown to others. They are kept in
//! memory and read anew from the counts now and then by the thread that writes those.
//!
//! By default one must have had hits on three of the last ninety days, and only those who see
//! articles with all of its words are shown it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::clock::Stopwatch;
use crate::model::Day;
use crate::store::{Error, StoreReader};

/// Days that are looked back.
const PERIOD: u32 = 90;

/// Queries kept at most, the most frequent ones.
const MAX_QUERIES: usize = 2_000;

/// How old they may be.
const MAX_AGE: Duration = Duration::from_secs(900);

/// The queries, most frequent first.
#[derive(Debug)]
pub(super) struct FrequentQueries {
    queries: Mutex<(Arc<[String]>, Stopwatch)>,
    /// On so many days a query must have been asked; 0 for none at all.
    min_days: u32,
}

impl FrequentQueries {
    /// Reads them.
    pub(super) fn load(store: &StoreReader, today: Day, min_days: u32) -> Result<Self, Error> {
        let queries = read(store, today, min_days)?;
        Ok(Self {
            queries: Mutex::new((queries, Stopwatch::start())),
            min_days,
        })
    }

    /// The queries as they were last read.
    pub(super) fn all(&self) -> Arc<[String]> {
        let queries = self.queries.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&queries.0)
    }

    /// Reads them anew when they are old.
    pub(super) fn refresh(&self, store: &StoreReader, today: Day) -> Result<(), Error> {
        let lock = || self.queries.lock().unwrap_or_else(PoisonError::into_inner);
        if lock().1.elapsed() >= MAX_AGE {
            *lock() = (read(store, today, self.min_days)?, Stopwatch::start());
        }
        Ok(())
    }
}

fn read(store: &StoreReader, today: Day, min_days: u32) -> Result<Arc<[String]>, Error> {
    if min_days == 0 {
        return Ok(Arc::default());
    }
    let queries = store.frequent_queries(today.before(PERIOD), min_days, MAX_QUERIES)?;
    Ok(queries.into())
}
