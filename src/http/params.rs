//! Reads what a request says: the parameters of its query string, its JSON body, its stream.
//!
//! All problems of a query string are named at once; a body is bounded in size, and in the time
//! that it may stand still.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::FromRequestParts;
use axum::http::{header, request::Parts};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use super::App;
use super::problem::{Code, FieldProblem, Problem};

/// What is still read of a body that is refused, so that the caller gets to read the answer.
const MAX_DRAINED_BYTES: usize = 64 * 1024 * 1024;

/// For how long.
const MAX_DRAIN: Duration = Duration::from_secs(2);

/// The parameters of a query string. Whoever reads them takes them out; what is left is unknown.
#[derive(Debug, Default)]
pub(super) struct Params {
    values: BTreeMap<String, Vec<String>>,
    problems: Vec<FieldProblem>,
}

impl FromRequestParts<App> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Problem> {
        let mut params = Self::default();
        let query = parts.uri.query().unwrap_or_default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            params
                .values
                .entry(name.into_owned())
                .or_default()
                .push(value.into_owned());
        }
        Ok(params)
    }
}

impl Params {
    fn problem(&mut self, field: &str, detail: String) {
        self.problems.push(FieldProblem {
            field: field.to_owned(),
            detail,
        });
    }

    /// A text that may be there once.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let mut values = self.values.remove(name)?;
        if values.len() > 1 {
            self.problem(name, format!("is given {} times", values.len()));
        }
        values.pop()
    }

    /// All values of a parameter that may be repeated.
    pub(super) fn list(&mut self, name: &str) -> Vec<String> {
        self.values.remove(name).unwrap_or_default()
    }

    /// A whole number within bounds.
    pub(super) fn number(
        &mut self,
        name: &str,
        default: usize,
        bounds: RangeInclusive<usize>,
    ) -> usize {
        let Some(text) = self.text(name) else {
            return default;
        };
        match text.parse::<usize>() {
            Ok(number) if bounds.contains(&number) => number,
            _ => {
                self.problem(
                    name,
                    format!(
                        "is a whole number from {} to {}, not {text:?}",
                        bounds.start(),
                        bounds.end()
                    ),
                );
                default
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, name: &str) -> bool {
        match self.text(name).as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => {
                self.problem(name, format!("is true or false, not {other:?}"));
                false
            }
        }
    }

    /// Adds a problem that the reader found.
    pub(super) fn refuse(&mut self, name: &str, detail: impl Into<String>) {
        self.problem(name, detail.into());
    }

    /// Refuses the request when anything was wrong, or is left.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        for name in std::mem::take(&mut self.values).into_keys() {
            self.problem(&name, "there is no such parameter here".to_owned());
        }
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(Problem::fields(self.problems))
        }
    }
}

/// The whole body, of `most` bytes. All of it must come within the time that a body may stand
/// still, and the bodies of all requests have a bound together.
pub(super) async fn bytes(app: &App, body: Body, most: usize) -> Result<Vec<u8>, Problem> {
    let mut stream = Frames::new(app, body);
    let limit = stream.timeout;
    match tokio::time::timeout(limit, collect(app, &mut stream, most)).await {
        Ok(bytes) => bytes,
        Err(_) => {
            let detail = format!("the body did not come within {} ms", limit.as_millis());
            Err(Problem::new(Code::RequestTimeout, detail))
        }
    }
}

async fn collect(app: &App, stream: &mut Frames, limit: usize) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let mut shares = Vec::new();
    while let Some(frame) = stream.next().await? {
        if bytes.len() + frame.len() > limit {
            drop(bytes);
            stream.drain().await;
            let detail = format!("a body has at most {limit} bytes");
            return Err(Problem::new(Code::BodyTooLarge, detail));
        }
        let share = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        shares.push(app.bodies.try_acquire_many(share).map_err(|_| {
            Problem::new(
                Code::Overloaded,
                "the bodies of all requests are too large together",
            )
        })?);
        bytes.extend_from_slice(&frame);
    }
    Ok(bytes)
}

/// The JSON object in the body.
pub(super) async fn json<T: DeserializeOwned>(app: &App, body: Body) -> Result<T, Problem> {
    let most = app.engine.settings().server.max_body_bytes;
    let bytes = bytes(app, body, most).await?;
    // serde would take a list for an object whose fields come in order.
    let begins_object = bytes.trim_ascii_start().starts_with(b"{");
    if !begins_object && serde_json::from_slice::<serde_json::Value>(&bytes).is_ok() {
        return Err(Problem::new(
            Code::InvalidField,
            "the body is a JSON object",
        ));
    }
    let mut reader = serde_json::Deserializer::from_slice(&bytes);
    let value: T = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        of_json(&path, error.inner())
    })?;
    reader.end().map_err(|error| of_json(".", &error))?;
    Ok(value)
}

fn of_json(path: &str, error: &serde_json::Error) -> Problem {
    let detail = error.to_string();
    match (error.is_data(), path) {
        (false, _) => Problem::new(Code::InvalidJson, detail),
        (true, ".") => Problem::new(Code::InvalidField, detail),
        (true, path) => Problem::field(path, detail),
    }
}

/// The frames of a body, none of which may keep us waiting for long.
pub(super) struct Frames {
    body: Body,
    timeout: Duration,
}

impl Frames {
    pub(super) fn new(app: &App, body: Body) -> Self {
        let timeout = Duration::from_millis(app.engine.settings().server.body_timeout_ms);
        Self { body, timeout }
    }

    /// The next piece, or `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let frame = tokio::time::timeout(self.timeout, self.body.frame()).await;
            match frame {
                Err(_) => {
                    let waited = self.timeout.as_millis();
                    let detail = format!("nothing of the body came for {waited} ms");
                    return Err(Problem::new(Code::RequestTimeout, detail));
                }
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => {
                    let detail = format!("the body ended early: {error}");
                    return Err(Problem::new(Code::InvalidJson, detail));
                }
                Ok(Some(Ok(frame))) => {
                    // Trailers say nothing to us.
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// Reads on for a while without keeping anything.
    pub(super) async fn drain(&mut self) {
        let read = async {
            let mut n_bytes = 0;
            while n_bytes < MAX_DRAINED_BYTES
                && let Ok(Some(frame)) = self.next().await
            {
                n_bytes += frame.len();
            }
        };
        // Whether it was all or not makes no difference to the answer.
        tokio::time::timeout(MAX_DRAIN, read)
            .await
            .unwrap_or_default();
    }
}

/// The media type of a body, without its parameters, in lower case.
pub(super) fn media_type(parts: &Parts) -> String {
    let value = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    value
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}
