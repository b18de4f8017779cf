//! How documents are compared with a ticket.
//!
//! The score of a document is that of its words times one plus what else speaks for it: the same
//! category, the same queue, and that it is of about the same time, for the same trouble tends to
//! come in bursts. Similarity is the score of the words alone, divided by the one that the ticket
//! would give itself: it is comparable between requests, and does not fall because time passes.
//!
//! The lifts are given to the hundred documents that are best by their words, or twice as many as
//! are wanted. By default 0.2 for the same category, 0.2 for the same queue and 0.8 / (1 + days /
//! 30) for the time. The floor of 0.1 is said 13 times on 1,699 judged queries (dev halves and the
//! demo desk), 10 times rightly.

use serde::Serialize;

use super::SimilarQuery;
use crate::index::{Agreement, Error, FacetField, Scored, View, Weighting};

/// Seconds in a day.
const DAY: f32 = 86_400.0;

/// The numbers that decide which tickets are similar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Formula {
    /// How words are weighed.
    pub weighting: Weighting,
    /// The share by which the same category lifts, and the same queue; 0 or more.
    pub agreement: f32,
    /// The share by which a document of the same day is lifted over a very old one; 0 or more.
    pub recency: f32,
    /// After how many days half of that is left, above 0.
    pub recency_days: f32,
    /// Occurrences of words that are added up at most for one question.
    pub budget: u64,
}

impl Formula {
    /// How articles are compared with a ticket: as in search, by their words alone.
    #[must_use]
    pub fn articles(budget: u64) -> Self {
        Self {
            weighting: Weighting {
                title_weight: 2.0,
                k3: 3.0,
                idf_power: 1.0,
                max_terms: 80,
                first_line_weight: 2.0,
                b: 0.75,
            },
            agreement: 0.0,
            recency: 0.0,
            recency_days: 1.0,
            budget,
        }
    }

    /// The most that `Lifts::of` gives.
    #[must_use]
    pub fn max_lift(&self) -> f32 {
        1.0 + 2.0 * self.agreement + self.recency
    }
}

/// By what the score of a document's words is multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Lift {
    /// For the same category.
    pub category: f32,
    /// For the same queue.
    pub queue: f32,
    /// For being of about the same time.
    pub recency: f32,
}

impl Lift {
    /// What the score of the words is multiplied by: one plus all parts.
    #[must_use]
    pub fn factor(self) -> f32 {
        1.0 + self.category + self.queue + self.recency
    }
}

/// What speaks for documents besides their words, for one question.
pub(super) struct Lifts<'a> {
    view: &'a View,
    formula: &'a Formula,
    asked_at: Option<i64>,
    category: Option<Agreement>,
    queue: Option<Agreement>,
}

impl<'a> Lifts<'a> {
    pub(super) fn new(
        view: &'a View,
        formula: &'a Formula,
        query: &SimilarQuery,
    ) -> Result<Self, Error> {
        let agreement = |field, value: &Option<String>| {
            let value = value.as_deref().filter(|_| formula.agreement > 0.0);
            value
                .map(|value| Agreement::new(view, field, value))
                .transpose()
        };
        Ok(Self {
            view,
            formula,
            asked_at: query.asked_at.map(crate::model::Time::unix_seconds),
            category: agreement(FacetField::Category, &query.category)?,
            queue: agreement(FacetField::Queue, &query.queue)?,
        })
    }

    pub(super) fn of(&self, scored: &Scored) -> Lift {
        let agrees = |agreement: &Option<Agreement>| {
            let agrees = agreement.as_ref().is_some_and(|value| value.has(scored));
            if agrees { self.formula.agreement } else { 0.0 }
        };
        Lift {
            category: agrees(&self.category),
            queue: agrees(&self.queue),
            recency: self.recency(scored),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds do not matter here")]
    fn recency(&self, scored: &Scored) -> f32 {
        let (Some(asked_at), Some(created)) = (self.asked_at, self.view.created(scored)) else {
            return 0.0;
        };
        let days = asked_at.saturating_sub(created).unsigned_abs() as f32 / DAY;
        self.formula.recency / (1.0 + days / self.formula.recency_days)
    }
}
