//! Feedback on articles, and the votes that it adds up to.
//!
//! Feedback is on disk when it is acknowledged. Only an article that its audience may see can be
//! spoken of, and only what every analyst may see counts for a query: the analytics, which all
//! analysts read, must not tell of a restricted article.

use std::collections::HashMap;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};

use super::clock::now;
use super::kept_query::kept;
use super::{Engine, Error};
use crate::model::{Audience, Day, DocumentKey, Feedback, FeedbackKind, Votes};
use crate::store::{Change, FeedbackCounts, FeedbackRow, StoreReader};

/// What was ever said for and against an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ArticleVotes {
    /// It helped, or solved the trouble.
    pub positive: u64,
    /// It did not help.
    pub negative: u64,
}

impl ArticleVotes {
    /// What they say together, -1 to 1; 0 without any.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a share needs few digits"
    )]
    pub(super) fn standing(self) -> f32 {
        Votes::standing(self.positive as f64, self.negative as f64) as f32
    }
}

/// Votes by article id.
pub type VotesByArticle = HashMap<String, ArticleVotes>;

/// The votes of all articles, in memory. Readers take the map as it is; a vote makes a copy only
/// while somebody still reads.
#[derive(Debug, Clone, Default)]
pub(super) struct VoteBox(Arc<Mutex<Arc<VotesByArticle>>>);

impl VoteBox {
    pub(super) fn load(store: &StoreReader) -> Result<Self, Error> {
        let votes = store.article_feedback()?.into_iter().map(|(id, counts)| {
            let FeedbackCounts {
                helpful,
                not_helpful,
                solved,
                ..
            } = counts;
            let votes = ArticleVotes {
                positive: helpful + solved,
                negative: not_helpful,
            };
            (id, votes)
        });
        Ok(Self(Arc::new(Mutex::new(Arc::new(votes.collect())))))
    }

    fn add(&self, article: &str, kind: FeedbackKind) {
        let (positive, negative) = match kind {
            FeedbackKind::Helpful | FeedbackKind::Solved => (1, 0),
            FeedbackKind::NotHelpful => (0, 1),
            FeedbackKind::Clicked => return,
        };
        let mut votes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_article = Arc::make_mut(&mut votes)
            .entry(article.to_owned())
            .or_default();
        of_article.positive += positive;
        of_article.negative += negative;
    }

    fn all(&self) -> Arc<VotesByArticle> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Engine {
    /// Keeps what somebody says of an article. When it returns it is on disk.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such article or it must not be seen; an error of the
    /// store, and nothing was kept then.
    pub fn feedback(&self, feedback: Feedback, audience: &Audience) -> Result<(), Error> {
        let (sender, kept) = sync_channel(1);
        self.submit_feedback(feedback, audience, move |answer| drop(sender.send(answer)))?;
        kept.recv().map_err(|_| Error::Closed)?
    }

    /// As [`Engine::feedback`], without waiting; `reply` is called from another thread when it is
    /// on disk or has failed.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Busy`] when too many writes wait. `reply` is not called then.
    pub fn submit_feedback(
        &self,
        feedback: Feedback,
        audience: &Audience,
        reply: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) -> Result<(), Error> {
        let Feedback {
            kind,
            article_id: article,
            query,
        } = feedback;
        let document = self.document(&DocumentKey::Article(article.clone()), audience)?;
        let row = FeedbackRow {
            day: Day::of(now()),
            query: query.as_deref().and_then(kept),
            article: article.clone(),
            kind,
            counts_for_query: kind == FeedbackKind::Clicked
                && document.visibility().is_for_every_analyst(document.kind()),
        };
        let votes = self.votes.clone();
        self.submit(Change::Feedback(row), move |outcome| {
            reply(outcome.map(|_| votes.add(article.as_str(), kind)));
        })
    }

    /// The votes that articles ever got, by id; articles without any are left out. Cost: none, the
    /// map is in memory.
    #[must_use]
    pub fn article_votes(&self) -> Arc<VotesByArticle> {
        self.votes.all()
    }
}
