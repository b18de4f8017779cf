//! Why the engine did not do what it was asked.

use std::path::PathBuf;
use std::sync::Arc;

use crate::import::Refused;
use crate::model::DecisionId;
use crate::{config, index, store, triage};

/// Why the engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process writes the data folder.
    #[error(
        "the data folder {folder} is in use by {holder}; only one firstline can write it (import \
         into a running server with POST /v1/import)"
    )]
    InUse {
        /// The data folder.
        folder: PathBuf,
        /// Who has it.
        holder: String,
    },
    /// The data folder could not be used.
    #[error("{path} could not be used")]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A write failed; the changes that were stored with it failed for the same cause.
    #[error("{0}")]
    Write(#[source] Arc<store::Error>),
    /// The index failed.
    #[error(transparent)]
    Index(#[from] index::Error),
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] config::Error),
    /// There is too little to learn from.
    #[error(
        "nothing was learned: of {n_tickets} resolved tickets too few have a category, queue, impact or \
         urgency, or all the same"
    )]
    NothingToLearn {
        /// The resolved tickets of the store.
        n_tickets: usize,
    },
    /// The model could not be made.
    #[error("the model could not be made")]
    Model(#[source] triage::ModelError),
    /// The rule file could not be taken.
    #[error("learning starts from the rules, and their file could not be taken\n{problem}")]
    Rules {
        /// Every problem with its place, one a line.
        problem: String,
    },
    /// The desk's tables of words are wrong.
    #[error("{path} is wrong: {detail}")]
    Mapping {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its line.
        detail: String,
    },
    /// What came in does not read.
    #[error("{}", refused.detail)]
    Refused {
        /// What is wrong with it.
        refused: Refused,
    },
    /// More writes wait than the queue takes.
    #[error("too many writes are waiting; try again in a second")]
    Busy,
    /// The change is stored, but did not become searchable in time.
    #[error("the change is stored, but not searchable yet; it will be without further action")]
    NotVisibleYet,
    /// There is no such document, or it must not be seen.
    #[error("there is no {kind} {id}")]
    NotFound {
        /// Article or ticket.
        kind: &'static str,
        /// The id.
        id: String,
    },
    /// There is no such decision, it is gone, or it must not be seen.
    #[error(
        "there is no decision {id}: none was stored under this id, or it went with its ticket or \
         after {keep_days} days, or its ticket must not be seen"
    )]
    NoDecision {
        /// The id.
        id: DecisionId,
        /// How long decisions are kept.
        keep_days: u32,
    },
    /// A decision did not become JSON.
    #[error("a decision could not be written as JSON")]
    Json(#[from] serde_json::Error),
    /// The engine was opened for reading only.
    #[error("the data folder was opened for reading only")]
    ReadOnly,
    /// The engine is shutting down.
    #[error("the engine is shutting down")]
    Closed,
    /// The index is missing, or of another version, and this process may not make it anew.
    #[error(
        "the index of {kind}s has to be made anew ({detail}); `firstline rebuild` or a start of \
         `firstline serve` does it"
    )]
    NeedsRebuild {
        /// Article or ticket.
        kind: &'static str,
        /// Why.
        detail: String,
    },
    /// A thread could not be started.
    #[error("a thread could not be started")]
    Thread(#[source] std::io::Error),
}
