//! `POST /v1/feedback`: what somebody says of an article that was found.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use tokio::sync::oneshot;

use super::App;
use super::access::Caller;
use super::params::json;
use super::problem::Problem;
use crate::engine::{Error, Lane};
use crate::model::Feedback;

pub(super) fn router() -> Router<App> {
    Router::new().route("/v1/feedback", post(feedback))
}

/// Everybody may speak of what they see: the search page of a portal has a reader's key. It is on
/// disk when it is answered.
async fn feedback(
    State(app): State<App>,
    caller: Caller,
    body: Body,
) -> Result<StatusCode, Problem> {
    let feedback: Feedback = json(&app, body).await?;
    let (sender, kept) = oneshot::channel();
    // The thread of the pool looks the article up and does not wait for the disk.
    app.compute(Lane::Light, move |engine| {
        let reply = move |answer| drop(sender.send(answer));
        engine.submit_feedback(feedback, &caller.audience, reply)
    })
    .await?;
    kept.await.map_err(|_| Error::Closed)??;
    Ok(StatusCode::NO_CONTENT)
}
