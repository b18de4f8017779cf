//! The system of record: one SQLite file, `firstline.db`, that any tool can read.
//!
//! Every document is one row whose primary key is the sequence number of its last change, so the
//! table is its own change feed: what changed after `n` is what has a greater key, in order. A
//! change takes a new number and replaces the row; a deletion leaves a row without a body.
//!
//! Commits are durable when they return (WAL, `synchronous=FULL`). One [`StoreWriter`] writes,
//! any number of [`StoreReader`] clones read, in this process and in others. Nothing here knows of
//! indexes, audiences or HTTP. Beside the documents stand API keys, what users said of articles
//! and searched for, without a word about who they are, decisions with what they were made from, and
//! what was learned.

mod backup;
mod decisions;
mod feedback;
mod keys;
mod models;
mod originals;
mod reader;
mod schema;
mod writer;

use std::path::{Path, PathBuf};

pub use backup::{backup, restore};
pub use decisions::{DecidedTicket, NewDecision, StoredDecision};
pub use feedback::{
    FeedbackCounts, FeedbackRow, Listed, NOT_KEPT, QueryCount, SearchCount, SearchReport,
    SearchTotals,
};
pub use keys::{ApiKey, NewKey, add_key, list_keys, revoke_key};
pub use models::{ModelName, put_model};
pub use originals::{OriginalRow, StoredOriginal};
pub use reader::{Changes, Counts, StoreReader, StoredChange, WrittenTicket};
pub use schema::{FILE_NAME, FORMAT};
pub use writer::{
    Author, Change, Imported, Outcome, StoreWriter, TicketCorrection, WriteStatus, Written,
};

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The data folder was written by a newer version of Firstline.
    #[error(
        "{path} has data format {found}, this version knows up to {known}; use a newer firstline \
         (nothing was changed)"
    )]
    NewerFormat {
        /// The store file.
        path: PathBuf,
        /// The format it has.
        found: i32,
        /// The newest format that this version reads.
        known: i32,
    },
    /// The file is not a Firstline store.
    #[error("{path} is not a firstline store ({detail}); nothing was changed")]
    NotAStore {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        detail: String,
    },
    /// There is no store in the folder.
    #[error("there is no firstline data in {0}; `firstline import` or `firstline serve` makes it")]
    Missing(PathBuf),
    /// A target that must not be overwritten is there already.
    #[error("{0} is there already; nothing was changed")]
    Exists(PathBuf),
    /// An API key of this name is there already, or is not.
    #[error("{0}")]
    Key(String),
    /// The disk has no room for the write, or refuses it. Nothing of the write was kept.
    #[error("the disk has no room for the write, nothing of it was kept")]
    Full(#[source] rusqlite::Error),
    /// Another error of the database.
    #[error("the store failed")]
    Sqlite(#[source] rusqlite::Error),
    /// An error of the file system.
    #[error("{path} could not be used")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A stored row does not read as a document.
    #[error("the stored {key} with sequence number {seq} does not read as a document")]
    Unreadable {
        /// Kind and id.
        key: String,
        /// Its sequence number.
        seq: u64,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// The original of a document cannot be unpacked.
    #[error("the stored original of {key} is damaged: {detail}")]
    DamagedOriginal {
        /// Kind and id.
        key: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A stored decision, or the rules that it was made by, does not read.
    #[error("{what} in the store: {detail}")]
    DamagedDecision {
        /// The decision or the rules.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A value did not become JSON.
    #[error("a document could not be written as JSON")]
    Json(#[source] serde_json::Error),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {0}")]
    Random(String),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            // SystemIoFailure covers a write that the file system refused (file size limit,
            // quota); SQLite has rolled the transaction back in both cases.
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => Self::Full(error),
            _ => Self::Sqlite(error),
        }
    }
}

/// The store file of a data folder.
#[must_use]
pub fn file_of(folder: &Path) -> PathBuf {
    folder.join(FILE_NAME)
}

/// Refuses, without touching anything, a store of a newer version or a file that is no store. No
/// store at all is fine.
///
/// # Errors
/// [`Error::NewerFormat`], [`Error::NotAStore`].
pub fn check(folder: &Path) -> Result<(), Error> {
    schema::check_header(&file_of(folder))
}
