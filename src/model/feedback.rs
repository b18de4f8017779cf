//! What somebody says of an article that was found: the words of search feedback.
//!
//! Who says it is no part of it. Source: ours.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ArticleId;

/// What somebody says of an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackKind {
    /// It helped.
    Helpful,
    /// It did not help.
    NotHelpful,
    /// It was opened from an answer. No vote: an opened article need not have helped.
    Clicked,
    /// It solved the trouble, so that no ticket was needed.
    Solved,
}

impl FeedbackKind {
    /// The kind as it is written in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Helpful => "helpful",
            Self::NotHelpful => "not_helpful",
            Self::Clicked => "clicked",
            Self::Solved => "solved",
        }
    }
}

impl fmt::Display for FeedbackKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What somebody says of an article, and what they searched for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feedback {
    /// What is said.
    pub kind: FeedbackKind,
    /// Of which article.
    pub article_id: ArticleId,
    /// The query whose answer had it, as it was typed; none when the article was found elsewhere.
    #[serde(default)]
    pub query: Option<String>,
}
