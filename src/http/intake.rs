//! `POST /v1/intake/alertmanager` and `POST /v1/intake/email`: what monitoring and mail servers send
//! becomes tickets at once. On disk when answered.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::routing::post;
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Map, Value};

use super::App;
use super::access::Caller;
use super::params::{bytes, json, media_type};
use super::problem::{Code, Problem};
use crate::engine::{IntakeOutcome, Lane};
use crate::import::MAX_MESSAGE_BYTES;
use crate::model::Role;

/// The media types of a message. One that a web page may send anywhere unasked is not among them.
const MESSAGE_TYPES: [&str; 2] = ["message/rfc822", "application/octet-stream"];

/// What became of the alerts of a webhook, in their order.
#[derive(Debug, Serialize)]
struct Taken {
    /// One for each alert.
    tickets: Vec<IntakeOutcome>,
}

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/v1/intake/alertmanager", post(alertmanager))
        .route("/v1/intake/email", post(email))
}

async fn alertmanager(
    State(app): State<App>,
    caller: Caller,
    body: Body,
) -> Result<Json<Taken>, Problem> {
    caller.require(Role::Admin)?;
    let webhook: Map<String, Value> = json(&app, body).await?;
    let taken = app.compute(Lane::Heavy, move |engine| engine.take_alerts(&webhook));
    let tickets = taken.await?;
    Ok(Json(Taken { tickets }))
}

async fn email(
    State(app): State<App>,
    caller: Caller,
    request: Request,
) -> Result<Json<IntakeOutcome>, Problem> {
    caller.require(Role::Admin)?;
    let (parts, body) = request.into_parts();
    let media_type = media_type(&parts);
    if !MESSAGE_TYPES.contains(&media_type.as_str()) {
        let detail = format!(
            "send the message as {}, not {media_type:?}",
            MESSAGE_TYPES[0]
        );
        return Err(Problem::new(Code::UnsupportedMediaType, detail));
    }
    // A message with a picture is larger than any JSON.
    let most = app.engine.settings().server.max_body_bytes;
    let message = bytes(&app, body, most.max(MAX_MESSAGE_BYTES)).await?;
    let taken = app.compute(Lane::Heavy, move |engine| {
        engine.take_email(&message, &caller.audience)
    });
    Ok(Json(taken.await?))
}
