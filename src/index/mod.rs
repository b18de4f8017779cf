//! The two tantivy indexes, articles and tickets: derived from the store and disposable.
//!
//! An index lives in a folder of generations ([`IndexFolder`]); one generation is live
//! ([`LiveIndex`]), is written by one [`IndexWriter`] and read through a [`View`], which is the
//! index as one audience sees it: documents, statistics and scores alike. Every commit carries the
//! sequence number that it covers and a stamp; an index with another stamp is made anew.
//!
//! Nothing here reads the store or understands queries: terms come in, scored documents go out.
//!
//! Articles and tickets have an index each, because their statistics and audiences differ.

mod agreement;
mod candidates;
mod clause;
mod compared;
mod facets;
mod folder;
mod forward;
mod live;
mod occurrences;
mod ranking;
mod schema;
mod statistics;
mod terms;
mod tokenizer;
mod view;
mod vocabulary;
mod writer;

use std::path::PathBuf;

pub use agreement::Agreement;
pub use clause::{Clause, Form};
pub use compared::{clauses_in, rank_compared};
pub use facets::{FacetCounts, Facets};
pub use folder::IndexFolder;
pub use live::{LiveIndex, SegmentSummary};
pub use ranking::{ClauseScore, Count, FieldWeight, Ranked, Ranking, Scored, explain, rank};
#[cfg(test)]
pub(crate) use schema::REJECTED_ID;
pub use schema::{FacetField, NO, TextField, YES, article_language, stamp};
pub use terms::{QueryTerm, QueryTerms, TermMatch, Weighting};
pub use view::{Filters, View};
pub use vocabulary::KnownTerm;
pub use writer::{IndexWriter, WriterSize};

/// Why an index did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The files are incomplete or damaged, or were written by another version; the index has to
    /// be made anew.
    #[error("the index in {path} cannot be used: {detail}")]
    Unusable {
        /// The folder of the generation.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// After a commit the newest document was not there.
    #[error("the index lost the document with sequence number {0}")]
    Lost(u64),
    /// The file system refused something.
    #[error("{path} could not be used")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Another error of tantivy.
    #[error("the index failed")]
    Tantivy(#[from] tantivy::TantivyError),
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Tantivy(error.into())
    }
}
