//! `GET /v1/analytics/search`: what was searched for, and what was not found;
//! `GET /v1/analytics/triage`: how stored decisions turned out.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};

use super::App;
use super::access::Caller;
use super::params::Params;
use super::problem::Problem;
use crate::engine::{Lane, SearchAnalytics, TriageAnalytics, now};
use crate::model::{Day, Role};

/// The days of an answer that no day was asked for, today included.
const DEFAULT_DAYS: u32 = 30;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/v1/analytics/search", get(search))
        .route("/v1/analytics/triage", get(triage))
}

async fn search(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Json<SearchAnalytics>, Problem> {
    caller.require(Role::Analyst)?;
    let (from, to) = period(params)?;
    let answer = app.compute(Lane::Heavy, move |engine| {
        engine.search_analytics(from, to, &caller.audience)
    });
    Ok(Json(answer.await?))
}

async fn triage(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Json<TriageAnalytics>, Problem> {
    caller.require(Role::Analyst)?;
    let (from, to) = period(params)?;
    let answer = app.compute(Lane::Heavy, move |engine| {
        engine.triage_analytics(from, to, &caller.audience)
    });
    Ok(Json(answer.await?))
}

/// `from=2026-03-01&to=2026-03-14`, both included.
fn period(mut params: Params) -> Result<(Day, Day), Problem> {
    let to = day(&mut params, "to").unwrap_or_else(|| Day::of(now()));
    let from = day(&mut params, "from").unwrap_or_else(|| to.before(DEFAULT_DAYS - 1));
    if from > to {
        params.refuse("from", format!("{from} is after {to}"));
    }
    params.finish()?;
    Ok((from, to))
}

fn day(params: &mut Params, name: &str) -> Option<Day> {
    let text = params.text(name)?;
    Day::parse(&text)
        .map_err(|error| params.refuse(name, error.to_string()))
        .ok()
}
