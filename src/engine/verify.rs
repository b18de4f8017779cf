//! Compares store and index, and checks the files of both.

use std::collections::HashMap;

use serde::Serialize;

use super::{Engine, Error};
use crate::model::{DocumentKey, Kind};

/// Documents that are named for one difference.
const MAX_NAMED: usize = 20;

/// What a comparison of store and index gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Whether there is no difference.
    pub is_clean: bool,
    /// The comparison of each index.
    pub indexes: Vec<IndexComparison>,
}

/// The comparison of one index with the store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct IndexComparison {
    /// Article or ticket.
    pub kind: &'static str,
    /// Documents in the store.
    pub stored: u64,
    /// Documents that can be found.
    pub indexed: u64,
    /// The index has the changes up to this number; later ones are not compared.
    pub index_seq: u64,
    /// Stored documents that cannot be found though they should.
    pub missing: Difference,
    /// Documents that are found in another state than the stored one.
    pub stale: Difference,
    /// Documents that are found though the store does not have them.
    pub surplus: Difference,
    /// Documents that the index does not take.
    pub rejected: u64,
}

/// Documents that differ in one way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// How many.
    pub count: u64,
    /// Their ids, the first twenty.
    pub ids: Vec<String>,
}

impl Difference {
    fn add(&mut self, id: &str) {
        self.count += 1;
        if self.ids.len() < MAX_NAMED {
            self.ids.push(id.to_owned());
        }
    }
}

impl Engine {
    /// Compares what is stored with what can be found.
    ///
    /// # Errors
    /// An error of store or index; [`Error::NeedsRebuild`] when there is no index to compare with.
    pub fn verify(&self) -> Result<VerifyReport, Error> {
        let indexes = Kind::ALL
            .map(|kind| self.compare(kind))
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?;
        let is_clean = indexes.iter().all(|index| {
            [&index.missing, &index.stale, &index.surplus]
                .iter()
                .all(|d| d.count == 0)
                && index.rejected == 0
        });
        Ok(VerifyReport { is_clean, indexes })
    }

    fn compare(&self, kind: Kind) -> Result<IndexComparison, Error> {
        let live = self.slot(kind).live().ok_or_else(|| Error::NeedsRebuild {
            kind: kind.as_str(),
            detail: "there is none".to_owned(),
        })?;
        live.reload()?;
        let index_seq = live.committed_seq()?;
        let stored: HashMap<String, u64> =
            self.store.ids(kind, u64::MAX >> 1)?.into_iter().collect();
        let mut found: HashMap<String, u64> = HashMap::new();
        let mut comparison = IndexComparison {
            kind: kind.as_str(),
            stored: stored.len() as u64,
            index_seq,
            rejected: self.progress.index_state(kind).rejected.len() as u64,
            ..IndexComparison::default()
        };
        for (id, seq) in live.ids()? {
            comparison.indexed += 1;
            match stored.get(&id) {
                _ if found.contains_key(&id) => comparison.surplus.add(&id),
                // The store went on after the commit: the index may lag, not err.
                Some(&stored_seq) if stored_seq != seq && stored_seq <= index_seq => {
                    comparison.stale.add(&id);
                }
                Some(_) => {}
                None if self.deleted_after(kind, &id, index_seq)? => {}
                None => comparison.surplus.add(&id),
            }
            found.insert(id, seq);
        }
        for (id, &seq) in &stored {
            if seq <= index_seq && !found.contains_key(id) && self.should_be_found(kind, id)? {
                comparison.missing.add(id);
            }
        }
        comparison.missing.ids.sort();
        Ok(comparison)
    }

    fn should_be_found(&self, kind: Kind, id: &str) -> Result<bool, Error> {
        let Ok(key) = DocumentKey::new(kind, id) else {
            return Ok(false);
        };
        Ok(self
            .store
            .document(&key)?
            .is_some_and(|document| document.is_searchable()))
    }

    fn deleted_after(&self, kind: Kind, id: &str, index_seq: u64) -> Result<bool, Error> {
        let Ok(key) = DocumentKey::new(kind, id) else {
            return Ok(false);
        };
        Ok(self.store.seq_of(&key)?.is_some_and(|seq| seq > index_seq))
    }
}
