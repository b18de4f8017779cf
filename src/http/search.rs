//! `GET /v1/search?q=`: articles for what somebody typed; `GET /v1/suggest?q=`: what they may be
//! about to type.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};

use super::App;
use super::access::Caller;
use super::params::Params;
use super::problem::Problem;
use crate::engine::Lane;
use crate::index::{FacetField, Filters};
use crate::search::{MAX_DEPTH, SearchAnswer, SearchQuery, SuggestAnswer};

/// The most hits in one answer.
const MAX_LIMIT: usize = 100;

/// The most suggestions in one answer.
const MAX_SUGGESTIONS: usize = 20;

/// The fields that articles can be filtered by and counted over.
const FIELDS: [FacetField; 4] = [
    FacetField::Category,
    FacetField::Product,
    FacetField::Tag,
    FacetField::Language,
];

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/v1/search", get(search))
        .route("/v1/suggest", get(suggest))
}

async fn search(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Json<SearchAnswer>, Problem> {
    let query = query(params)?;
    let answer = app.compute(Lane::Light, move |engine| {
        engine.search_counted(&query, &caller.audience)
    });
    Ok(Json(answer.await?))
}

async fn suggest(
    State(app): State<App>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<SuggestAnswer>, Problem> {
    let q = required_q(&mut params);
    let limit = params.number("limit", 8, 1..=MAX_SUGGESTIONS);
    params.finish()?;
    let answer = app.compute(Lane::Light, move |engine| {
        engine.suggest(&q, limit, &caller.audience)
    });
    Ok(Json(answer.await?))
}

fn required_q(params: &mut Params) -> String {
    params.text("q").unwrap_or_else(|| {
        params.refuse("q", "is missing: what to search for");
        String::new()
    })
}

fn query(mut params: Params) -> Result<SearchQuery, Problem> {
    let q = required_q(&mut params);
    let limit = params.number("limit", 10, 1..=MAX_LIMIT);
    let offset = params.number("offset", 0, 0..=MAX_DEPTH - MAX_LIMIT);
    let mut filters = Filters::default();
    for field in FIELDS {
        filters.require(field, &params.list(field.name()));
    }
    let facets = facets(&mut params);
    let corrects_typos = match params.text("typos").as_deref() {
        None | Some("on") => true,
        Some("off") => false,
        Some(other) => {
            params.refuse("typos", format!("is on or off, not {other:?}"));
            true
        }
    };
    let explains = params.flag("explain");
    params.finish()?;
    Ok(SearchQuery {
        q,
        limit,
        offset,
        filters,
        facets,
        corrects_typos,
        explains,
    })
}

/// `facets=category,tag`
fn facets(params: &mut Params) -> Vec<FacetField> {
    let names = params.list("facets");
    let mut facets = Vec::new();
    for name in names
        .iter()
        .flat_map(|names| names.split(','))
        .filter(|name| !name.is_empty())
    {
        match FacetField::from_name(name).filter(|field| FIELDS.contains(field)) {
            Some(field) => facets.push(field),
            None => {
                let known = FIELDS.map(FacetField::name).join(", ");
                params.refuse("facets", format!("{name:?} is not one of {known}"));
            }
        }
    }
    facets
}
