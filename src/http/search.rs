//! `GET /v1/search?q=`: articles for what somebody typed.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};

use super::App;
use super::access::Caller;
use super::params::Params;
use super::problem::Problem;
use crate::engine::Lane;
use crate::index::{FacetField, Filters};
use crate::search::{MAX_DEPTH, SearchAnswer, SearchQuery};

/// The most hits in one answer.
const MAX_LIMIT: usize = 100;

/// The fields that articles can be filtered by and counted over.
const FIELDS: [FacetField; 4] = [
    FacetField::Category,
    FacetField::Product,
    FacetField::Tag,
    FacetField::Language,
];

pub(super) fn router() -> Router<App> {
    Router::new().route("/v1/search", get(search))
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

fn query(mut params: Params) -> Result<SearchQuery, Problem> {
    let q = params.text("q").unwrap_or_else(|| {
        params.refuse("q", "is missing: what to search for");
        String::new()
    });
    let limit = params.number("limit", 10, 1..=MAX_LIMIT);
    let offset = params.number("offset", 0, 0..=MAX_DEPTH - MAX_LIMIT);
    let mut filters = Filters::default();
    for field in FIELDS {
        filters.require(field, &params.list(field.name()));
    }
    let facets = facets(&mut params);
    params.finish()?;
    Ok(SearchQuery {
        q,
        limit,
        offset,
        filters,
        facets,
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
