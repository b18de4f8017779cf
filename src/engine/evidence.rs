//! What speaks for a decision beside its reasons: resolved tickets that are similar, with their values,
//! and articles that may help the requester.
//!
//! A ticket that is open may have its values from nobody but an earlier decision, and one without any
//! speaks for nothing: neither is evidence, nor is the ticket that is asked about.

use std::collections::BTreeMap;

use serde::Serialize;

use super::learning::Lessons;
use super::similar::{dated, formula};
use super::triage::{Asked, Decided};
use super::{Engine, Error};
use crate::index::{FacetField, Filters, YES};
use crate::model::{Audience, Kind, Ticket};
use crate::search::SearchQuery;
use crate::similar::{self, SimilarHit, SimilarQuery};
use crate::triage::FieldValue;

/// Similar tickets shown with a decision.
const EVIDENCE: usize = 3;

/// Articles shown with a decision.
const ARTICLES: usize = 3;

/// A resolved ticket that is similar.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// The ticket.
    #[serde(flatten)]
    pub hit: SimilarHit,
    /// What it has of the decided fields, the priority included.
    pub values: BTreeMap<String, FieldValue>,
    /// Its tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

impl Engine {
    pub(super) fn add_evidence(
        &self,
        asked: &Asked,
        lessons: &Lessons<'_>,
        audience: &Audience,
        decided: &mut Decided,
    ) -> Result<(), Error> {
        let evidence = self.evidence(asked, lessons, audience, &mut decided.warnings)?;
        let about = SearchQuery {
            limit: ARTICLES,
            ..SearchQuery::text(asked.ticket.whole())
        };
        let articles = self.search(&about, audience)?;
        decided.evidence = Some(evidence);
        decided.articles = Some(articles.hits);
        decided.warnings.extend(articles.warnings);
        Ok(())
    }

    fn evidence(
        &self,
        asked: &Asked,
        lessons: &Lessons<'_>,
        audience: &Audience,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<Evidence>, Error> {
        let mut filters = Filters::default();
        filters.require(FacetField::Resolved, &[YES.to_owned()]);
        let query = dated(&SimilarQuery {
            limit: EVIDENCE,
            skip: asked.ticket_id.as_ref().map(ToString::to_string),
            filters,
            ..SimilarQuery::text(asked.ticket.clone())
        });
        let Some(view) = self.view(Kind::Ticket, audience, warnings)? else {
            return Ok(Vec::new());
        };
        let found = similar::find(
            &view,
            &query,
            &formula(&self.settings.similar),
            self.floor(&query),
        )?;
        // The index may be a moment behind the store.
        let speaks = |ticket: &Ticket| ticket.is_resolved() && !lessons.values(ticket).is_empty();
        let shown = self.shown(&query, &view, (&found, audience), &speaks)?;
        let evidence = shown.into_iter().map(|one| {
            let mut values = lessons.values(&one.ticket);
            let priority = one.ticket.priority;
            values.extend(priority.map(|priority| {
                let number = FieldValue::Number(priority.into());
                ("priority".to_owned(), number)
            }));
            Evidence {
                hit: one.hit,
                values,
                tags: one.ticket.tags,
            }
        });
        Ok(evidence.collect())
    }
}
