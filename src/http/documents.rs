//! `/v1/articles/{id}` and `/v1/tickets/{id}`: one document, read, stored or removed.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::oneshot;

use super::access::Caller;
use super::params::{Params, json};
use super::problem::{Code, Problem};
use super::{App, MAX_VISIBLE_WAIT};
use crate::engine::{Lane, by_hand};
use crate::import::{Mapped, Options, document_of_object};
use crate::model::{Document, DocumentKey, Kind, Role};
use crate::store::{Change, Outcome, WriteStatus};

/// The id in a path; axum's own answer to a path that does not read would be no problem document.
type PathId = Result<Path<String>, PathRejection>;

/// What became of a write. It is on disk when this is sent.
#[derive(Debug, Serialize)]
struct Written {
    /// The document.
    id: String,
    /// What happened to it.
    status: WriteStatus,
    /// The sequence number of its last change.
    seq: u64,
    /// Whether the change can be found already.
    visible: bool,
    /// What was kept raw or filled in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/v1/articles/{id}", resource(Kind::Article))
        .route("/v1/tickets/{id}", resource(Kind::Ticket))
}

fn resource(kind: Kind) -> MethodRouter<App> {
    let read = move |app, caller, id, params| read(kind, app, caller, id, params);
    let write = move |app, caller, id, params, body| store(kind, app, caller, (id, params), body);
    let remove = move |app, caller, id, params| remove(kind, app, caller, id, params);
    get(read).put(write).delete(remove)
}

async fn read(
    kind: Kind,
    State(app): State<App>,
    caller: Caller,
    id: PathId,
    params: Params,
) -> Result<Json<Document>, Problem> {
    params.finish()?;
    if kind == Kind::Ticket {
        caller.require(Role::Analyst)?;
    }
    let key = key(kind, id)?;
    let document = app
        .compute(Lane::Light, move |engine| {
            engine.document(&key, &caller.audience)
        })
        .await?;
    Ok(Json(document))
}

async fn store(
    kind: Kind,
    State(app): State<App>,
    caller: Caller,
    (id, mut params): (PathId, Params),
    body: Body,
) -> Result<(StatusCode, Json<Written>), Problem> {
    caller.require(Role::Admin)?;
    let wants_visible = params.flag("visible");
    params.finish()?;
    let key = key(kind, id)?;
    let object: Map<String, Value> = json(&app, body).await?;
    let Mapped {
        document, notes, ..
    } = document_of_object(with_key(object, &key)?, Options::default())?;
    let outcome = app.write(by_hand(document, caller.name)).await?;
    let visible = wants_visible && wait_visible(&app, outcome.seq).await;
    let status = match outcome.status {
        WriteStatus::Created => StatusCode::CREATED,
        WriteStatus::Updated
        | WriteStatus::Unchanged
        | WriteStatus::Deleted
        | WriteStatus::Missing
        | WriteStatus::Older
        | WriteStatus::Counted
        | WriteStatus::Decided => StatusCode::OK,
    };
    let warnings = notes
        .into_iter()
        .map(|note| format!("{}: {}", note.field, note.detail));
    Ok((
        status,
        Json(written(&key, outcome, visible, warnings.collect())),
    ))
}

async fn remove(
    kind: Kind,
    State(app): State<App>,
    caller: Caller,
    id: PathId,
    mut params: Params,
) -> Result<Json<Written>, Problem> {
    caller.require(Role::Admin)?;
    let wants_visible = params.flag("visible");
    params.finish()?;
    let key = key(kind, id)?;
    let outcome = app.write(Change::Delete(key.clone())).await?;
    let visible = wants_visible && wait_visible(&app, outcome.seq).await;
    Ok(Json(written(&key, outcome, visible, Vec::new())))
}

fn key(kind: Kind, id: PathId) -> Result<DocumentKey, Problem> {
    let Path(id) = id?;
    DocumentKey::new(kind, id).map_err(|error| Problem::field("id", error.to_string()))
}

/// The document with the kind and id of its path; a different one in the body is refused.
fn with_key(
    mut object: Map<String, Value>,
    key: &DocumentKey,
) -> Result<Map<String, Value>, Problem> {
    for (field, value) in [("kind", key.kind().as_str()), ("id", key.id())] {
        let given = object.entry(field).or_insert_with(|| Value::from(value));
        if *given != value {
            let detail = format!("is {given} in the body and {value:?} in the path");
            return Err(Problem::field(field, detail));
        }
    }
    Ok(object)
}

/// Waits until a change can be found. The change is stored, so not finding it in time is no error.
async fn wait_visible(app: &App, seq: u64) -> bool {
    let (sender, visible) = oneshot::channel();
    app.engine.when_visible(seq, move |is_visible| {
        sender.send(is_visible).unwrap_or_default();
    });
    matches!(
        tokio::time::timeout(MAX_VISIBLE_WAIT, visible).await,
        Ok(Ok(true))
    )
}

fn written(key: &DocumentKey, outcome: Outcome, visible: bool, warnings: Vec<String>) -> Written {
    let Outcome { status, seq, .. } = outcome;
    Written {
        id: key.id().to_owned(),
        status,
        seq,
        visible,
        warnings,
    }
}

/// A path that is not UTF-8 once it is decoded.
impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::new(Code::NoSuchPath, rejection.body_text())
    }
}
