//! How well tickets are found that were the same trouble.

use super::{JudgedQuery, JudgedSet, QueryMeasures, Report};
use crate::Engine;
use crate::engine;
use crate::model::{Audience, Document, DocumentKey, Kind, TicketId, TicketText, Time};
use crate::search::MAX_DEPTH;
use crate::similar::SimilarQuery;

/// Asks every query of the set for similar tickets and measures the answers. With `past_only` only
/// tickets that were created before the query can be found and are expected.
///
/// # Errors
/// An error of store or index; [`engine::Error::NotFound`] for a query that is a ticket which is
/// not there.
pub fn similar(
    engine: &Engine,
    set: &JudgedSet,
    documents: u64,
    past_only: bool,
) -> Result<Report, engine::Error> {
    let audience = &Audience::Everything;
    let mut times = Vec::with_capacity(set.queries.len());
    let mut measured = Vec::with_capacity(set.queries.len());
    for query in &set.queries {
        let mut relevant = query.relevant.clone();
        if past_only && let Some(asked_at) = query.created_at {
            relevant.retain(|id, _| created_at(engine, id).is_some_and(|at| at < asked_at));
            if relevant.is_empty() {
                continue;
            }
        }
        let asked = asked(engine, query, past_only)?;
        times.push(engine.similar(&asked, audience)?.took_us);
        let deep = SimilarQuery {
            limit: MAX_DEPTH,
            min_similarity: Some(0.0),
            ..asked
        };
        let ranked = engine.similar_ids(&deep, engine.similar_settings(), audience)?;
        measured.push(QueryMeasures::new(&ranked, &relevant));
    }
    Ok(Report::new(set, documents, &measured, &mut times))
}

/// The question that a query of a set puts.
///
/// # Errors
/// [`engine::Error::NotFound`] when the query is a ticket that is not there.
pub fn asked(
    engine: &Engine,
    query: &JudgedQuery,
    past_only: bool,
) -> Result<SimilarQuery, engine::Error> {
    let mut asked = match query.own_document.as_deref().map(TicketId::new) {
        Some(Ok(own)) => {
            let mut asked = SimilarQuery::text(TicketText::default());
            engine.ask_as(&own, &mut asked, &Audience::Everything)?;
            if !query.text.is_empty() {
                let TicketText {
                    subject,
                    description,
                    ..
                } = query.ticket();
                asked.text = TicketText {
                    subject,
                    description,
                    ..asked.text
                };
            }
            asked
        }
        _ => SimilarQuery::text(query.ticket()),
    };
    asked.asked_at = query.created_at.or(asked.asked_at);
    if past_only && let Some(created_at) = query.created_at {
        asked
            .filters
            .require_created(i64::MIN..created_at.unix_seconds());
    }
    Ok(asked)
}

/// When a ticket was created, if it is there and says so.
fn created_at(engine: &Engine, id: &str) -> Option<Time> {
    let key = DocumentKey::new(Kind::Ticket, id).ok()?;
    match engine.document(&key, &Audience::Everything).ok()? {
        Document::Ticket(ticket) => ticket.created_at,
        Document::Article(article) => article.created_at,
    }
}
