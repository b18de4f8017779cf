//! Articles: the texts of the knowledge base.

use serde::{Deserialize, Serialize};

use super::{ArticleId, Fields, Time, Visibility};

/// Where an article stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArticleState {
    /// Written, not yet released; only analysts and admins see it.
    Draft,
    /// Released. The default.
    #[default]
    Published,
    /// Withdrawn; kept, but never found by search.
    Archived,
}

/// What readers said of an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Votes {
    /// How many found it helpful.
    pub helpful: u32,
    /// How many did not.
    pub not_helpful: u32,
}

impl Votes {
    /// So many votes are taken to have been for and against before the first one.
    const PRIOR: f64 = 5.0;

    /// What votes for and against say together, -1 to 1; 0 without any.
    #[must_use]
    pub fn standing(positive: f64, negative: f64) -> f64 {
        (positive - negative) / (positive + negative + Self::PRIOR)
    }
}

/// A text of the knowledge base. Unknown fields survive in `extra`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Article {
    /// The desk's own id, for example `KB-1042`.
    pub id: ArticleId,
    /// What it is about, in one line.
    pub title: String,
    /// The whole text, plain, with line breaks.
    #[serde(default)]
    pub body: String,
    /// One or two sentences for lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// A leaf of the taxonomy, for example `network/vpn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The product it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Free labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// ISO 639-1 code; detected from the text when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Who may see it; internal when not given or not understood.
    #[serde(default)]
    pub visibility: Visibility,
    /// Draft, published or archived.
    #[serde(default)]
    pub state: ArticleState,
    /// When it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    /// When it was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Time>,
    /// When somebody should read it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_date: Option<Time>,
    /// Where people read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What readers said of it.
    #[serde(default)]
    pub votes: Votes,
    /// Every other field, kept as it came.
    #[serde(flatten)]
    pub extra: Fields,
}

impl Article {
    /// Who may see the article once its state is taken into account: only a published one can be
    /// public.
    #[must_use]
    pub fn effective_visibility(&self) -> &Visibility {
        match (self.state, &self.visibility) {
            (ArticleState::Draft | ArticleState::Archived, Visibility::Public) => {
                &Visibility::Internal
            }
            (_, visibility) => visibility,
        }
    }
}
