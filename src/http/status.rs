//! `/v1/status`, `/healthz` and `/readyz`: how the server is doing.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::App;
use super::access::Caller;
use super::params::Params;
use super::problem::{Code, Problem};
use crate::engine::{Lane, Status};
use crate::model::{Kind, Role};

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/v1/status", get(status))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
}

async fn status(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Json<Status>, Problem> {
    // It counts and names documents, whoever may see them.
    caller.require(Role::Admin)?;
    params.finish()?;
    Ok(Json(
        app.compute(Lane::Heavy, |engine| engine.status()).await?,
    ))
}

/// The process answers.
async fn healthz() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// Every index can be searched.
async fn readyz(State(app): State<App>) -> Result<Json<Value>, Problem> {
    if app.engine.is_ready() {
        return Ok(Json(json!({"status": "ready"})));
    }
    let percent = |kind| {
        let progress = app.engine.rebuild_progress(kind)?;
        Some(format!(
            "{kind}s {} %",
            progress.done * 100 / progress.total.max(1)
        ))
    };
    let progress: Vec<String> = Kind::ALL.into_iter().filter_map(percent).collect();
    let detail = format!("an index is being made anew: {}", progress.join(", "));
    Err(Problem::new(Code::Unavailable, detail))
}
