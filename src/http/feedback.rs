//! `POST /v1/feedback`: what somebody says of an article that was found, or which values of a ticket are
//! right.

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::App;
use super::access::Caller;
use super::params::json;
use super::problem::Problem;
use crate::engine::{Error, Lane};
use crate::model::{ArticleId, Feedback, FeedbackKind, Fields, Role, TicketId};

/// What is said: of an article, with the query whose answer had it, or of a ticket, with the right values
/// of fields that triage decides.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    kind: SaidKind,
    article_id: Option<ArticleId>,
    query: Option<String>,
    ticket_id: Option<TicketId>,
    values: Option<Fields>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SaidKind {
    Helpful,
    NotHelpful,
    Clicked,
    Solved,
    Corrected,
}

/// A correction that counts from now on.
#[derive(Debug, Serialize)]
struct Corrected {
    /// Its number: reasons name it.
    correction: u64,
}

pub(super) fn router() -> Router<App> {
    Router::new().route("/v1/feedback", post(feedback))
}

/// It is on disk when it is answered.
async fn feedback(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, Problem> {
    let said: Said = json(&app, body).await?;
    let kind = match said.kind {
        SaidKind::Helpful => FeedbackKind::Helpful,
        SaidKind::NotHelpful => FeedbackKind::NotHelpful,
        SaidKind::Clicked => FeedbackKind::Clicked,
        SaidKind::Solved => FeedbackKind::Solved,
        SaidKind::Corrected => {
            none_of(
                "a ticket",
                [
                    ("article_id", said.article_id.is_some()),
                    ("query", said.query.is_some()),
                ],
            )?;
            let ticket_id = needed("ticket_id", said.ticket_id)?;
            let values = needed("values", said.values)?;
            return correct(&app, caller, (ticket_id, values)).await;
        }
    };
    none_of(
        "an article",
        [
            ("ticket_id", said.ticket_id.is_some()),
            ("values", said.values.is_some()),
        ],
    )?;
    let feedback = Feedback {
        kind,
        article_id: needed("article_id", said.article_id)?,
        query: said.query,
    };
    vote(&app, caller, feedback).await
}

fn needed<T>(field: &'static str, given: Option<T>) -> Result<T, Problem> {
    given.ok_or_else(|| Problem::field(field, format!("missing field `{field}`")))
}

fn none_of(what: &str, fields: [(&'static str, bool); 2]) -> Result<(), Problem> {
    match fields.into_iter().find(|(_, is_given)| *is_given) {
        Some((field, _)) => {
            let detail = format!("says nothing of {what}, which this kind is about");
            Err(Problem::field(field, detail))
        }
        None => Ok(()),
    }
}

/// Everybody may speak of what they see: the search page of a portal has a reader's key.
async fn vote(app: &App, caller: Caller, feedback: Feedback) -> Result<Response, Problem> {
    let (sender, kept) = oneshot::channel();
    // The thread of the pool looks the article up and does not wait for the disk.
    app.compute(Lane::Light, move |engine| {
        let reply = move |answer| drop(sender.send(answer));
        engine.submit_feedback(feedback, &caller.audience, reply)
    })
    .await?;
    kept.await.map_err(|_| Error::Closed)??;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What a ticket is about is for analysts to say.
async fn correct(
    app: &App,
    caller: Caller,
    (ticket_id, values): (TicketId, Fields),
) -> Result<Response, Problem> {
    caller.require(Role::Analyst)?;
    let corrected = app.compute(Lane::Heavy, move |engine| {
        engine.correct(ticket_id, values, (&caller.name, &caller.audience))
    });
    let correction = corrected.await?;
    Ok(Json(Corrected { correction }).into_response())
}
