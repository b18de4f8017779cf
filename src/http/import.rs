//! `POST /v1/import`: a stream of JSON lines of any length, stored while it comes; with `from`, the
//! export of another system, which is read when all of it is there.
//!
//! The answer is a stream of JSON lines too: `{"through_line", "seq"}` whenever a batch is on disk
//! (what it tells is durable), `{"line", "field", "detail"}` for a refused line, and the report as
//! the last line with `"done": true`. A failure in mid-stream ends it with `"done": false` and the
//! problem. The answer is small however long the request is, so a client may send all of it before
//! it reads.

use std::convert::Infallible;
use std::io::{BufReader, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use hyper::body::{Body as HttpBody, Frame};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::App;
use super::access::Caller;
use super::params::{Frames, Params, media_type};
use super::problem::{Code, Problem};
use super::request::RequestId;
use crate::engine::{self, Engine, ImportEvent};
use crate::import::{Inputs, Options, Plan, Record, Report, System, dry_run, ndjson, unpacked};
use crate::model::Role;

/// Pieces of the request that may wait to be read.
const MAX_WAITING_FRAMES: usize = 16;

/// Lines of the answer that may wait to be sent.
const MAX_WAITING_ROWS: usize = 4_096;

/// Imports at one time; each has a thread of its own.
const MAX_IMPORTS: usize = 4;

/// The media types of JSON lines. A type that a web page may send anywhere unasked (plain text, a
/// form) is not among them on purpose.
const MEDIA_TYPES: [&str; 4] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/gzip",
];

/// Further media types of exports, under the same rule.
const EXPORT_TYPES: [&str; 8] = [
    "application/json",
    "application/zip",
    "application/xml",
    "application/mbox",
    "application/octet-stream",
    "message/rfc822",
    "text/csv",
    "text/markdown",
];

/// What a request asks for.
#[derive(Debug, Clone, Copy)]
struct Asked {
    /// Whose export it is; `Some(None)` for what its content says.
    from: Option<Option<System>>,
    is_dry_run: bool,
    mask: bool,
}

static IMPORTS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(MAX_IMPORTS);

pub(super) fn router() -> Router<App> {
    Router::new().route("/v1/import", post(import))
}

async fn import(
    State(app): State<App>,
    caller: Caller,
    Extension(RequestId(id)): Extension<RequestId>,
    params: Params,
    request: Request,
) -> Result<Response, Problem> {
    caller.require(Role::Admin)?;
    let asked = asked(params, app.engine.settings().import.mask)?;
    let (parts, body) = request.into_parts();
    check_media_type(&media_type(&parts), asked)?;
    let permit = IMPORTS.try_acquire().map_err(|_| {
        let detail = format!("{MAX_IMPORTS} imports are running already");
        Problem::new(Code::Overloaded, detail)
    })?;
    let (frames, received) = mpsc::channel(MAX_WAITING_FRAMES);
    let (rows, mut sent) = mpsc::channel(MAX_WAITING_ROWS);
    tokio::spawn(receive(Frames::new(&app, body), frames));
    let engine = Arc::clone(&app.engine);
    std::thread::Builder::new()
        .name("import".to_owned())
        .spawn(move || {
            let _permit = permit;
            run(&engine, asked, received, (&rows, &id));
        })
        .map_err(|error| Problem::from(engine::Error::Thread(error)))?;
    // A failure before anything was stored still has a status of its own.
    match sent.recv().await {
        Some(Row::Failed(problem, _)) => Err(problem),
        Some(first) => Ok(stream(first, sent)),
        None => Err(Problem::new(
            Code::Internal,
            "the import ended without an answer",
        )),
    }
}

/// A line of the answer.
enum Row {
    Line(Value),
    Failed(Problem, Value),
}

fn stream(first: Row, rest: mpsc::Receiver<Row>) -> Response {
    let rows = Rows {
        first: Some(first),
        rest,
    };
    let body = Body::new(rows);
    let content_type = HeaderValue::from_static("application/x-ndjson");
    ([(header::CONTENT_TYPE, content_type)], body).into_response()
}

/// Takes the request off the connection.
async fn receive(mut body: Frames, frames: mpsc::Sender<Result<Bytes, Problem>>) {
    loop {
        let frame = body.next().await.transpose();
        let is_last = !matches!(frame, Some(Ok(_)));
        if let Some(frame) = frame
            && frames.send(frame).await.is_err()
        {
            // The import has failed; the client should get to read why.
            body.drain().await;
            return;
        }
        if is_last {
            return;
        }
    }
}

fn asked(mut params: Params, mask: bool) -> Result<Asked, Problem> {
    let from = params.text("from").map(|name| {
        let system = System::from_name(&name);
        if system.is_none() && name != "auto" {
            let names: Vec<&str> = System::ALL.into_iter().map(System::as_str).collect();
            let known = names.join(", ");
            params.refuse("from", format!("is auto, {known}, not {name:?}"));
        }
        system
    });
    let asked = Asked {
        from,
        is_dry_run: params.flag("dry_run"),
        mask: params.flag("mask") || mask,
    };
    params.finish()?;
    Ok(asked)
}

fn check_media_type(media_type: &str, asked: Asked) -> Result<(), Problem> {
    let is_export = asked.from.is_some() && EXPORT_TYPES.contains(&media_type);
    if MEDIA_TYPES.contains(&media_type) || is_export {
        return Ok(());
    }
    let detail = match asked.from {
        None => format!("send JSON lines as {}, not {media_type:?}", MEDIA_TYPES[0]),
        Some(_) => format!("an export is sent as one of {EXPORT_TYPES:?}, not {media_type:?}"),
    };
    Err(Problem::new(Code::UnsupportedMediaType, detail))
}

/// The import itself, in a thread of its own.
fn run(
    engine: &Engine,
    asked: Asked,
    frames: mpsc::Receiver<Result<Bytes, Problem>>,
    (rows, id): (&mpsc::Sender<Row>, &str),
) {
    // Sending fails when the client has gone; what it sent is stored all the same.
    let send = |row: Row| rows.blocking_send(row).unwrap_or_default();
    let stream = Stream {
        frames,
        frame: Bytes::new(),
    };
    match import_stream(engine, asked, stream, &send) {
        Ok(report) => {
            let is_incomplete = report.is_incomplete;
            let mut row = serde_json::to_value(report).unwrap_or_default();
            if let Value::Object(fields) = &mut row {
                fields.insert("done".to_owned(), Value::from(!is_incomplete));
            }
            send(Row::Line(row));
        }
        Err(problem) => {
            let row = json!({"done": false, "problem": problem.to_json(id)});
            send(Row::Failed(problem, row));
        }
    }
}

fn import_stream(
    engine: &Engine,
    asked: Asked,
    stream: Stream,
    send: &dyn Fn(Row),
) -> Result<Report, Problem> {
    let unreadable = |error: std::io::Error| Problem::new(Code::InvalidJson, error.to_string());
    let mut reader = BufReader::new(stream);
    let plan = Plan {
        from: asked.from.flatten(),
        mapping: engine.mapping()?,
        mask: asked.mask,
        ..Plan::default()
    };
    if matches!(asked.from, None | Some(Some(System::Ndjson))) {
        let reader = unpacked(reader).map_err(unreadable)?;
        let records = ndjson(reader, Options::default()).map(|record| plan.finish(record));
        return take(engine, asked, records, send);
    }
    // It is kept as it comes: what is packed stays so on disk, and is read within limits.
    let inputs = Inputs::keep("the request", &mut reader).map_err(unreadable)?;
    let sources = plan.recognise(inputs);
    if sources.is_empty() {
        let detail = "nothing in it is of a known form; name the system with from=";
        return Err(Problem::new(Code::InvalidField, detail));
    }
    let mut report = take(engine, asked, sources.records(&plan, &|_| ()), send)?;
    report.tell(&sources);
    Ok(report)
}

fn take(
    engine: &Engine,
    asked: Asked,
    records: impl Iterator<Item = Record>,
    send: &dyn Fn(Row),
) -> Result<Report, Problem> {
    if asked.is_dry_run {
        return Ok(dry_run(records));
    }
    let mut on_event = |event: ImportEvent<'_>| {
        let row = match event {
            ImportEvent::Stored { through_line, seq } => {
                json!({"through_line": through_line, "seq": seq})
            }
            ImportEvent::Refused(problem) => serde_json::to_value(problem).unwrap_or_default(),
        };
        send(Row::Line(row));
    };
    let mut report = engine.import(records, &mut on_event)?;
    // They were sent already, each as a line.
    report.problems.clear();
    Ok(report)
}

/// The request as something to read from.
struct Stream {
    frames: mpsc::Receiver<Result<Bytes, Problem>>,
    frame: Bytes,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.frame.is_empty() {
            match self.frames.blocking_recv() {
                Some(Ok(frame)) => self.frame = frame,
                Some(Err(problem)) => return Err(std::io::Error::other(problem.detail())),
                None => return Ok(0),
            }
        }
        let n_bytes = buffer.len().min(self.frame.len());
        let part = self.frame.split_to(n_bytes);
        if let Some(room) = buffer.get_mut(..n_bytes) {
            room.copy_from_slice(&part);
        }
        Ok(n_bytes)
    }
}

/// The answer as a body.
struct Rows {
    first: Option<Row>,
    rest: mpsc::Receiver<Row>,
}

impl HttpBody for Rows {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let row = match self.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => self.rest.poll_recv(context),
        };
        row.map(|row| {
            let (Row::Line(line) | Row::Failed(_, line)) = row?;
            Some(Ok(Frame::data(Bytes::from(format!("{line}\n")))))
        })
    }
}
