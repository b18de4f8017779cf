//! How the engine is doing, in numbers.

use serde::Serialize;

use super::progress::{RebuildProgress, Rejected};
use super::{Engine, Error};
use crate::index::SegmentSummary;
use crate::model::Kind;
use crate::store::{self, FORMAT};
use crate::triage::{RulesSummary, TrainedField};

/// How the engine is doing.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// The version of the program.
    pub version: &'static str,
    /// The store.
    pub store: StoreStatus,
    /// Each index.
    pub indexes: Vec<IndexStatus>,
    /// The rules of triage.
    pub rules: RulesStatus,
    /// What was learned for triage; none before anything was.
    pub model: Option<ModelStatus>,
    /// How many tickets, written by hand since the model was learned, correct it.
    pub corrections: usize,
    /// Why the newest model is not in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_problem: Option<String>,
    /// The files that the desk edits for search.
    pub search: SearchStatus,
}

/// What was learned for triage.
#[derive(Debug, Clone, Serialize)]
pub struct ModelStatus {
    /// Names the model.
    pub version: String,
    /// The resolved tickets that it was learned from.
    pub tickets: usize,
    /// The newest change of the store that it was learned from.
    pub seq: u64,
    /// Each field.
    pub fields: Vec<TrainedField>,
}

/// The rules of triage.
#[derive(Debug, Clone, Serialize)]
pub struct RulesStatus {
    /// Those in use.
    #[serde(flatten)]
    pub summary: RulesSummary,
    /// Why the file as it is now was not taken, every problem with file, line and column, one a
    /// line. What was read before stays in use; after a start the rules of the newest stored
    /// decision, or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The files that the desk edits for search.
#[derive(Debug, Clone, Serialize)]
pub struct SearchStatus {
    /// Words and word groups with synonyms.
    pub synonyms: usize,
    /// Queries with pinned or buried articles.
    pub pins: usize,
    /// Why a file as it is now was not taken; what was read before stays in use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// How the store is doing.
#[derive(Debug, Clone, Serialize)]
pub struct StoreStatus {
    /// The format of the data folder.
    pub format: i32,
    /// Articles in it.
    pub articles: u64,
    /// Tickets in it.
    pub tickets: u64,
    /// The sequence number of the newest change.
    pub seq: u64,
    /// Its size on disk.
    pub size_bytes: u64,
}

/// How an index is doing.
#[derive(Debug, Clone, Serialize)]
pub struct IndexStatus {
    /// Article or ticket.
    pub kind: &'static str,
    /// Whether there is an index to search.
    pub is_ready: bool,
    /// All changes up to this number can be found.
    pub seq: u64,
    /// Its layout.
    #[serde(flatten)]
    pub summary: SegmentSummary,
    /// Its size on disk.
    pub size_bytes: u64,
    /// How far a rebuild is, when one runs.
    pub rebuild: Option<RebuildProgress>,
    /// Documents that the index does not take, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<Rejected>,
    /// What hinders indexing now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

impl Engine {
    /// How the engine is doing. Cost: about 30 ms a million documents, for counting them.
    ///
    /// # Errors
    /// An error of the store.
    pub fn status(&self) -> Result<Status, Error> {
        let counts = self.store.counts()?;
        let size = |name: &str| {
            let path = self.folder.join(name);
            std::fs::metadata(path).map_or(0, |metadata| metadata.len())
        };
        Ok(Status {
            version: env!("CARGO_PKG_VERSION"),
            store: StoreStatus {
                format: FORMAT,
                articles: counts.articles,
                tickets: counts.tickets,
                seq: self.store.newest_seq()?,
                size_bytes: size(store::FILE_NAME) + size(&format!("{}-wal", store::FILE_NAME)),
            },
            indexes: Kind::ALL
                .iter()
                .map(|&kind| self.index_status(kind))
                .collect(),
            rules: RulesStatus {
                problem: self.rules.problem(),
                summary: self.rules().summary(),
            },
            model: self.models.current().map(|model| ModelStatus {
                version: model.version().to_owned(),
                tickets: model.tickets(),
                seq: model.seq(),
                fields: model.trained(),
            }),
            corrections: self.decider()?.corrections().len(),
            model_problem: self.models.problem(),
            search: SearchStatus {
                synonyms: self.synonyms.content().len(),
                pins: self.pins.content().len(),
                problems: [self.synonyms.problem(), self.pins.problem()]
                    .into_iter()
                    .flatten()
                    .collect(),
            },
        })
    }

    fn index_status(&self, kind: Kind) -> IndexStatus {
        let slot = self.slot(kind);
        let state = self.progress.index_state(kind);
        let live = slot.live();
        let none = SegmentSummary {
            segments: 0,
            documents: 0,
            deleted: 0,
        };
        IndexStatus {
            kind: kind.as_str(),
            is_ready: live.is_some(),
            seq: state.visible_seq,
            summary: live.map_or(none, |live| live.summary()),
            size_bytes: slot.size_bytes(),
            rebuild: state.rebuild,
            rejected: state.rejected,
            last_error: state.last_error,
        }
    }
}
