//! The outermost layer: gives every request an id, logs it once, and writes problems as bodies.

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use super::problem::Problem;
use crate::engine::instant;

const HEADER: &str = "x-request-id";

/// The longest id of the caller's that is taken over.
const MAX_ID_BYTES: usize = 64;

/// The id of a request, for whoever needs it below.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) String);

pub(super) async fn log_and_identify(mut request: Request, next: Next) -> Response {
    let id = request_id(&request);
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    // The path without the query: what people search for is theirs.
    let path = request.uri().path().to_owned();
    let span = tracing::info_span!("request", id, %method, path);
    let started = instant();
    async move {
        let mut response = next.run(request).await;
        if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            response = problem.response(&id);
        }
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(HEADER, value);
        }
        let took_us = instant().saturating_duration_since(started).as_micros();
        tracing::info!(status = response.status().as_u16(), took_us, "answered");
        response
    }
    .instrument(span)
    .await
}

/// The caller's id when it is harmless, a new one otherwise.
fn request_id(request: &Request) -> String {
    let given = request
        .headers()
        .get(HEADER)
        .and_then(|value| value.to_str().ok());
    let is_harmless = |id: &&str| {
        (1..=MAX_ID_BYTES).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match given.filter(is_harmless) {
        Some(id) => id.to_owned(),
        None => {
            let mut bytes = [0_u8; 8];
            // Without random bytes all ids are one, which harms nothing but the log.
            getrandom::fill(&mut bytes).unwrap_or_default();
            format!("{:016x}", u64::from_le_bytes(bytes))
        }
    }
}
