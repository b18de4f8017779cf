//! How good the answers are, measured on judged data: queries with the documents that answer them.
//!
//! A set is a folder with `queries.jsonl` (`id`, `text`, often `split`, and `doc_id` for a query
//! that is itself a document), `qrels.tsv` (query, document, relevance, under a header line) and,
//! unless the desk's own documents are judged, `docs.jsonl`; each plain or gzip. For similar tickets
//! `groups.jsonl` may take the place of queries and judgments.

mod measures;
mod set;
mod similar;
mod triage;
mod tune;

use serde::Serialize;

pub use measures::{Measures, QueryMeasures, percentile};
pub use set::{Error, JudgedDocuments, JudgedQuery, JudgedSet, documents};

use crate::Engine;
use crate::engine;
use crate::model::Audience;
use crate::search::{MAX_DEPTH, SearchQuery};

pub use similar::{asked, similar};
pub use triage::{Applied, OutOfScope, TriageReport, past_tickets, triage};
pub use tune::{BeforeAfter, Tuning, tune};

/// How the answers to a set were.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The name of the set.
    pub set: String,
    /// Queries that were asked: those with at least one relevant document.
    pub queries: usize,
    /// Documents to be found.
    pub documents: u64,
    /// How good the answers were, 0 to 100.
    #[serde(flatten)]
    pub measures: Measures,
    /// The median time of an answer of ten hits, in microseconds.
    pub p50_us: u64,
    /// The time that one answer of a hundred exceeds, in microseconds.
    pub p99_us: u64,
}

/// Asks every query of the set and measures the answers.
///
/// # Errors
/// An error of store or index.
pub fn search(
    engine: &Engine,
    set: &JudgedSet,
    documents: u64,
    audience: &Audience,
) -> Result<Report, engine::Error> {
    let mut times = Vec::with_capacity(set.queries.len());
    let mut measured = Vec::with_capacity(set.queries.len());
    for query in &set.queries {
        let asked = SearchQuery::text(query.text.as_str());
        times.push(engine.search(&asked, audience)?.took_us);
        // One more than is measured: the query itself may be among them.
        let deep = SearchQuery {
            limit: MAX_DEPTH,
            ..asked
        };
        let mut ranked = engine.search_ids(&deep, audience)?;
        ranked.retain(|id| Some(id) != query.own_document.as_ref());
        measured.push(QueryMeasures::new(&ranked, &query.relevant));
    }
    Ok(Report::new(set, documents, &measured, &mut times))
}

impl Report {
    fn new(set: &JudgedSet, documents: u64, measured: &[QueryMeasures], times: &mut [u64]) -> Self {
        Self {
            set: set.name.clone(),
            queries: measured.len(),
            documents,
            measures: Measures::mean(measured),
            p50_us: percentile(times, 50),
            p99_us: percentile(times, 99),
        }
    }
}
