//! `/v1/decisions/{id}`: a stored decision, read or made again. For analysts: it holds the text of
//! its ticket.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};

use super::App;
use super::access::Caller;
use super::params::Params;
use super::problem::Problem;
use crate::engine::{DecisionRecord, DecisionReplay, Lane};
use crate::model::{DecisionId, Role};

/// The id in a path; axum's own answer to a path that does not read would be no problem document.
type PathId = Result<Path<String>, PathRejection>;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/v1/decisions/{id}", get(read))
        .route("/v1/decisions/{id}/replay", post(replay))
}

async fn read(
    State(app): State<App>,
    caller: Caller,
    id: PathId,
    params: Params,
) -> Result<Json<DecisionRecord>, Problem> {
    caller.require(Role::Analyst)?;
    params.finish()?;
    let id = decision_id(id)?;
    let stored = app.compute(Lane::Light, move |engine| {
        engine.stored_decision(id, &caller.audience)
    });
    Ok(Json(stored.await?))
}

/// Reads the rules of that time, which is heavy work.
async fn replay(
    State(app): State<App>,
    caller: Caller,
    id: PathId,
    params: Params,
) -> Result<Json<DecisionReplay>, Problem> {
    caller.require(Role::Analyst)?;
    params.finish()?;
    let id = decision_id(id)?;
    let replayed = app.compute(Lane::Heavy, move |engine| {
        engine.replay_decision(id, &caller.audience)
    });
    Ok(Json(replayed.await?))
}

fn decision_id(id: PathId) -> Result<DecisionId, Problem> {
    let Path(id) = id?;
    DecisionId::parse(&id).map_err(|error| Problem::field("id", error.to_string()))
}
