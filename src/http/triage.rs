//! `POST /v1/triage`: a decision on a new ticket, with its reasons.

use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};

use super::App;
use super::access::Caller;
use super::params::json;
use super::problem::Problem;
use crate::engine::{Lane, TriageAnswer};
use crate::model::TicketText;

pub(super) fn router() -> Router<App> {
    Router::new().route("/v1/triage", post(triage))
}

/// Everybody may ask: the intake form of a portal has a reader's key. What is shown beside the
/// decision is what the key may see.
async fn triage(
    State(app): State<App>,
    caller: Caller,
    body: Body,
) -> Result<Json<TriageAnswer>, Problem> {
    let ticket: TicketText = json(&app, body).await?;
    if ticket.is_blank() {
        return Err(Problem::field(
            "subject",
            "a subject or a description is needed",
        ));
    }
    let answer = app.compute(Lane::Light, move |engine| {
        engine.triage(&ticket, &caller.audience)
    });
    Ok(Json(answer.await?))
}
