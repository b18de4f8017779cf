//! `POST /v1/similar`: past tickets that were the same trouble. For analysts.

use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;

use super::App;
use super::access::Caller;
use super::params::json;
use super::problem::Problem;
use crate::engine::Lane;
use crate::index::{FacetField, Filters};
use crate::model::{Role, TicketId, TicketText};
use crate::similar::{SimilarAnswer, SimilarQuery};

/// The most hits in one answer.
const MAX_LIMIT: usize = 100;

/// What to find similar tickets for: a stored ticket by its id, or the words of a new one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SimilarRequest {
    /// A stored ticket; then no words are given.
    id: Option<TicketId>,
    /// What the ticket is about, in one line.
    subject: String,
    /// What the requester wrote.
    description: String,
    /// How it came. Not used to compare.
    channel: Option<String>,
    /// Who asked. Not used to compare.
    requester: Option<String>,
    /// The product. Not used to compare.
    product: Option<String>,
    /// Hits wanted, 1 to 100; 10 when not given.
    limit: Option<usize>,
    /// Hits below are left out, 0 to 1.
    min_similarity: Option<f32>,
    /// Only tickets of one of these categories.
    category: Vec<String>,
    /// Only tickets of one of these queues.
    queue: Vec<String>,
    /// Only tickets in one of these states.
    status: Vec<String>,
}

pub(super) fn router() -> Router<App> {
    Router::new().route("/v1/similar", post(similar))
}

async fn similar(
    State(app): State<App>,
    caller: Caller,
    body: Body,
) -> Result<Json<SimilarAnswer>, Problem> {
    caller.require(Role::Analyst)?;
    let request: SimilarRequest = json(&app, body).await?;
    let (id, query) = request.query()?;
    let answer = app.compute(Lane::Heavy, move |engine| match id {
        Some(id) => engine.similar_to(&id, query, &caller.audience),
        None => engine.similar(&query, &caller.audience),
    });
    Ok(Json(answer.await?))
}

impl SimilarRequest {
    fn query(self) -> Result<(Option<TicketId>, SimilarQuery), Problem> {
        let text = TicketText {
            subject: self.subject,
            description: self.description,
            channel: self.channel,
            requester: self.requester,
            product: self.product,
            ..TicketText::default()
        };
        if text.is_blank() && self.id.is_none() {
            return Err(Problem::field(
                "subject",
                "an id, a subject or a description is needed",
            ));
        }
        if !text.is_blank() && self.id.is_some() {
            return Err(Problem::field(
                "id",
                "is given together with words: one of both",
            ));
        }
        let limit = self.limit.unwrap_or(10);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Problem::field(
                "limit",
                format!("is a number from 1 to {MAX_LIMIT}"),
            ));
        }
        let min_similarity = self.min_similarity.unwrap_or(SimilarQuery::MIN_SIMILARITY);
        if !(0.0..=1.0).contains(&min_similarity) {
            return Err(Problem::field("min_similarity", "is a number from 0 to 1"));
        }
        let mut filters = Filters::default();
        filters.require(FacetField::Category, &self.category);
        filters.require(FacetField::Queue, &self.queue);
        filters.require(FacetField::Status, &self.status);
        Ok((
            self.id,
            SimilarQuery {
                text,
                skip: None,
                limit,
                min_similarity,
                filters,
            },
        ))
    }
}
