//! Decides on new tickets, and shows what speaks for the decision: past tickets and articles.
//!
//! The decision itself is pure (`crate::triage`); here it gets the rules and the time of day.

use serde::Serialize;

use super::clock::{Stopwatch, now};
use super::{Engine, Error};
use crate::model::{Audience, TicketText};
use crate::search::{SearchHit, SearchQuery};
use crate::similar::{SimilarHit, SimilarQuery};
use crate::triage::TriageDecision;

/// Similar tickets shown with a decision.
const EVIDENCE: usize = 3;

/// Articles shown with a decision.
const ARTICLES: usize = 3;

/// The answer to a triage request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TriageAnswer {
    /// The decision and its reasons.
    #[serde(flatten)]
    pub decision: TriageDecision,
    /// The most similar past tickets the asker may see.
    pub evidence: Vec<SimilarHit>,
    /// The articles that may help the requester.
    pub articles: Vec<SearchHit>,
    /// Microseconds from question to answer, inside the engine.
    pub took_us: u64,
    /// What the asker should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Engine {
    /// Decides on a new ticket, with similar tickets as evidence and articles that may help.
    ///
    /// # Errors
    /// An error of store or index.
    pub fn triage(&self, ticket: &TicketText, audience: &Audience) -> Result<TriageAnswer, Error> {
        let started = Stopwatch::start();
        let triage = &self.settings.triage;
        let thresholds = triage.thresholds();
        let rules = self.rules();
        let decision = if ticket.created_at.is_none() && rules.asks_time() {
            // A ticket that does not say when it came comes now.
            let ticket = TicketText {
                created_at: Some(now()),
                ..ticket.clone()
            };
            rules.decide(&ticket, thresholds, &triage.matrix)
        } else {
            rules.decide(ticket, thresholds, &triage.matrix)
        };
        let like = SimilarQuery {
            limit: EVIDENCE,
            ..SimilarQuery::text(ticket.clone())
        };
        let evidence = self.similar(&like, audience)?;
        let about = SearchQuery {
            limit: ARTICLES,
            ..SearchQuery::text(ticket.whole())
        };
        let articles = self.search(&about, audience)?;
        let mut warnings = evidence.warnings;
        warnings.extend(articles.warnings);
        Ok(TriageAnswer {
            decision,
            evidence: evidence.hits,
            articles: articles.hits,
            took_us: started.elapsed_us(),
            warnings,
        })
    }
}
