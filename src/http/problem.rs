//! Every error of the API as a problem document (RFC 9457), and the only place that knows status
//! codes.
//!
//! A [`Problem`] becomes a response in two steps: it travels as an extension of the response, and
//! the outermost layer (`request`) writes it as a body, with the id of the request as `instance`.

use std::any::Any;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::engine;
use crate::import::Refused;
use crate::store;

/// Seconds after which a refused caller should try again.
const RETRY_AFTER_SECONDS: &str = "1";

/// What kind of problem. The name in the `type` of a problem never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The body is no JSON.
    InvalidJson,
    /// A field or parameter is unknown, missing, or has a wrong value.
    InvalidField,
    /// The request has no key, or one that is not known.
    Unauthorized,
    /// The key may not do that.
    Forbidden,
    /// There is nothing at this path.
    NoSuchPath,
    /// There is no such document, or it must not be seen.
    DocumentNotFound,
    /// The path does not take this method.
    MethodNotAllowed,
    /// The request did not arrive in time.
    RequestTimeout,
    /// The body is larger than the limit.
    BodyTooLarge,
    /// The body is of a type that is not taken here.
    UnsupportedMediaType,
    /// The host of the request is not this server.
    MisdirectedRequest,
    /// Something failed that should not.
    Internal,
    /// Too much work is waiting.
    Overloaded,
    /// The server is going down, or is not ready yet.
    Unavailable,
    /// The disk has no room.
    StorageFull,
}

/// Every code with its name, status and title.
pub const CODES: [(Code, &str, u16, &str); 15] = [
    (
        Code::InvalidJson,
        "invalid-json",
        400,
        "The body is not valid JSON",
    ),
    (
        Code::InvalidField,
        "invalid-field",
        400,
        "A field or parameter is not valid",
    ),
    (
        Code::Unauthorized,
        "unauthorized",
        401,
        "A valid API key is needed",
    ),
    (
        Code::Forbidden,
        "forbidden",
        403,
        "The API key may not do this",
    ),
    (
        Code::NoSuchPath,
        "no-such-path",
        404,
        "There is nothing at this path",
    ),
    (
        Code::DocumentNotFound,
        "document-not-found",
        404,
        "There is no such document",
    ),
    (
        Code::MethodNotAllowed,
        "method-not-allowed",
        405,
        "The path does not take this method",
    ),
    (
        Code::RequestTimeout,
        "request-timeout",
        408,
        "The request did not arrive in time",
    ),
    (
        Code::BodyTooLarge,
        "body-too-large",
        413,
        "The body is too large",
    ),
    (
        Code::UnsupportedMediaType,
        "unsupported-media-type",
        415,
        "The media type is not taken",
    ),
    (
        Code::MisdirectedRequest,
        "misdirected-request",
        421,
        "The host is not this server",
    ),
    (Code::Internal, "internal", 500, "Something failed inside"),
    (
        Code::Overloaded,
        "overloaded",
        503,
        "Too much work is waiting",
    ),
    (
        Code::Unavailable,
        "unavailable",
        503,
        "The server cannot answer now",
    ),
    (
        Code::StorageFull,
        "storage-full",
        507,
        "There is no room to store it",
    ),
];

impl Code {
    /// Its row in [`CODES`].
    fn row(self) -> (&'static str, StatusCode, &'static str) {
        let row = CODES.iter().find(|(code, ..)| *code == self);
        let (_, name, status, title) = row.unwrap_or(&CODES[11]);
        (
            name,
            StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            title,
        )
    }
}

/// One field at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct FieldProblem {
    pub(super) field: String,
    pub(super) detail: String,
}

/// What is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    code: Code,
    detail: String,
    errors: Vec<FieldProblem>,
}

/// The body of a problem response.
#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldProblem],
}

impl Problem {
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// One field is at fault.
    pub(super) fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::fields(vec![FieldProblem {
            field: field.into(),
            detail: detail.into(),
        }])
    }

    /// Several fields are at fault.
    pub(super) fn fields(errors: Vec<FieldProblem>) -> Self {
        let details: Vec<String> = errors
            .iter()
            .map(|error| format!("{}: {}", error.field, error.detail))
            .collect();
        Self {
            code: Code::InvalidField,
            detail: details.join("; "),
            errors,
        }
    }

    /// What is wrong, in words.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// The problem as JSON, for streams that cannot change their status any more.
    pub(super) fn to_json(&self, instance: &str) -> serde_json::Value {
        let (name, status, title) = self.code.row();
        let body = Body {
            r#type: format!("/problems/{name}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            instance,
            errors: &self.errors,
        };
        serde_json::to_value(body).unwrap_or_default()
    }

    /// The whole response.
    pub(super) fn response(&self, instance: &str) -> Response {
        let (_, status, _) = self.code.row();
        let body = self.to_json(instance).to_string();
        let content_type = HeaderValue::from_static("application/problem+json");
        let mut response = (status, [(header::CONTENT_TYPE, content_type)], body).into_response();
        let headers = response.headers_mut();
        if matches!(self.code, Code::Overloaded | Code::Unavailable) {
            let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            headers.insert(header::RETRY_AFTER, seconds);
        }
        if self.code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(self.code, Code::RequestTimeout | Code::BodyTooLarge) {
            // The rest of the request may still be on its way.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl Problem {
    /// The whole response as it goes over the wire, for connections without a request.
    pub(super) fn raw(&self) -> String {
        let (_, status, _) = self.code.row();
        let body = self.to_json("").to_string();
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\n\
             content-length: {}\r\nretry-after: {RETRY_AFTER_SECONDS}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.row().1.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused.field {
            Some(field) => Self::field(field, refused.detail),
            None => Self::new(Code::InvalidField, refused.detail),
        }
    }
}

impl From<engine::Error> for Problem {
    /// Causes are logged here, once, and shown to nobody.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whatever is not named here is the server's own failure"
    )]
    fn from(error: engine::Error) -> Self {
        use engine::Error as E;
        let is_full = |error: &store::Error| matches!(error, store::Error::Full(_));
        match &error {
            E::NotFound { .. } | E::NoDecision { .. } => {
                Self::new(Code::DocumentNotFound, error.to_string())
            }
            E::Refused { refused } => refused.clone().into(),
            E::Busy => Self::new(Code::Overloaded, error.to_string()),
            E::Closed | E::NotVisibleYet => Self::new(Code::Unavailable, error.to_string()),
            E::Write(cause) if is_full(cause) => Self::new(Code::StorageFull, error.to_string()),
            E::Store(cause) if is_full(cause) => Self::new(Code::StorageFull, error.to_string()),
            _ => {
                tracing::error!(error = engine::chain(&error), "a request failed");
                Self::new(
                    Code::Internal,
                    "the server's log tells more, under this request id",
                )
            }
        }
    }
}

/// The answer to a path that is not there.
pub(super) async fn no_such_path(uri: axum::http::Uri) -> Problem {
    Problem::new(
        Code::NoSuchPath,
        format!("there is nothing at {}", uri.path()),
    )
}

/// The answer to a method that a path does not take.
pub(super) async fn method_not_allowed(
    method: axum::http::Method,
    uri: axum::http::Uri,
) -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        format!("{} does not take {method}", uri.path()),
    )
}

/// The answer to a request whose handler panicked.
pub(super) fn of_panic(_cause: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    Problem::new(
        Code::Internal,
        "the server's log tells more, under this request id",
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_row() {
        for (code, name, status, title) in CODES {
            assert_eq!(
                code.row(),
                (name, StatusCode::from_u16(status).unwrap(), title)
            );
        }
    }
}
