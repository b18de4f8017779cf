//! `POST /v1/similar`: past tickets that were the same trouble, and articles that answer a ticket.
//! For analysts.

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
use crate::index::{FacetField, Filters, YES};
use crate::model::{Role, TicketId, TicketText, Time};
use crate::similar::{SimilarAnswer, SimilarQuery};

/// Hits in one answer when the request does not say how many.
const DEFAULT_LIMIT: usize = 10;

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
    /// Hits wanted, 1 to 100; 10 when not given.
    limit: Option<usize>,
    /// Hits below are left out, 0 to 1.
    min_similarity: Option<f32>,
    /// Only tickets of one of these categories.
    category: Vec<String>,
    /// Only tickets of one of these queues.
    queue: Vec<String>,
    /// Only documents about one of these products.
    product: Vec<String>,
    /// Only tickets in one of these states.
    status: Vec<String>,
    /// Only tickets that were created then or later.
    created_from: Option<Time>,
    /// Only tickets that were created before.
    created_before: Option<Time>,
    /// Only tickets that are resolved.
    only_resolved: bool,
    /// What is looked for; tickets when not given.
    kind: Wanted,
    /// Whether the work is not bounded by a budget, to check the bounded answer.
    exhaustive: bool,
    /// Whether every hit tells how its score came about.
    explain: bool,
}

/// What is looked for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Wanted {
    /// Past tickets that were the same trouble.
    #[default]
    Ticket,
    /// Articles that answer the ticket.
    Article,
    /// Both.
    Both,
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
        self.check()?;
        let filters = self.filters();
        let text = TicketText {
            subject: self.subject,
            description: self.description,
            channel: self.channel,
            requester: self.requester,
            product: None,
            ..TicketText::default()
        };
        let query = SimilarQuery {
            limit: self.limit.unwrap_or(DEFAULT_LIMIT),
            min_similarity: self.min_similarity,
            filters,
            wants_tickets: self.kind != Wanted::Article,
            wants_articles: self.kind != Wanted::Ticket,
            is_exhaustive: self.exhaustive,
            explain: self.explain,
            ..SimilarQuery::text(text)
        };
        Ok((self.id, query))
    }

    fn check(&self) -> Result<(), Problem> {
        let is_blank = self.subject.trim().is_empty() && self.description.trim().is_empty();
        let problem = match (is_blank, &self.id) {
            (true, None) => Some(("subject", "an id, a subject or a description is needed")),
            (false, Some(_)) => Some(("id", "is given together with words: one of both")),
            _ => None,
        };
        if let Some((field, detail)) = problem {
            return Err(Problem::field(field, detail));
        }
        if !self
            .limit
            .is_none_or(|limit| (1..=MAX_LIMIT).contains(&limit))
        {
            return Err(Problem::field(
                "limit",
                format!("is a number from 1 to {MAX_LIMIT}"),
            ));
        }
        let in_range = |floor: f32| (0.0..=1.0).contains(&floor);
        if !self.min_similarity.is_none_or(in_range) {
            return Err(Problem::field("min_similarity", "is a number from 0 to 1"));
        }
        if let (Some(from), Some(before)) = (self.created_from, self.created_before)
            && from >= before
        {
            return Err(Problem::field(
                "created_before",
                "is not later than created_from",
            ));
        }
        Ok(())
    }

    fn filters(&self) -> Filters {
        let mut filters = Filters::default();
        filters.require(FacetField::Category, &self.category);
        filters.require(FacetField::Queue, &self.queue);
        filters.require(FacetField::Product, &self.product);
        filters.require(FacetField::Status, &self.status);
        if self.only_resolved {
            filters.require(FacetField::Resolved, &[YES.to_owned()]);
        }
        if self.created_from.is_some() || self.created_before.is_some() {
            let seconds = |time: Option<Time>, open| time.map_or(open, Time::unix_seconds);
            filters.require_created(
                seconds(self.created_from, i64::MIN)..seconds(self.created_before, i64::MAX),
            );
        }
        filters
    }
}
