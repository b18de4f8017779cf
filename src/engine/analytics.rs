//! What people search for, what they do not find, and which articles nobody uses.
//!
//! Counted are searches that ask for it ([`Engine::search_counted`]: those over HTTP), by day and
//! query and without any word about who asked. Any analyst may read the answer, so a search counts
//! as one with hits only when it showed an article that every analyst may see.

use std::collections::BTreeMap;

use serde::Serialize;

use super::clock::now;
use super::kept_query::kept;
use super::search_counts::Hits;
use super::{Engine, Error};
use crate::model::{ArticleId, Audience, Day, Document, Kind};
use crate::search::{SearchAnswer, SearchQuery};
use crate::store::{FeedbackCounts, Listed, QueryCount, SearchTotals};

/// The most that a list of the analytics holds.
const MAX_LISTED: usize = 100;

/// Articles read from the store at a time.
const BATCH: usize = 1_000;

/// What was searched for in a period, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SearchAnalytics {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
    /// All searches. The lists of queries leave out those that were not kept.
    pub searches: SearchTotals,
    /// The feedback on all articles that the audience may see.
    pub feedback: FeedbackCounts,
    /// The queries asked most often.
    pub top_queries: Listed<QueryCount>,
    /// Queries with a search without hits, most such searches first.
    pub queries_without_hits: Listed<QueryCount>,
    /// Queries with hits of which none was opened, most such searches first.
    pub queries_without_click: Listed<QueryCount>,
    /// Searchable articles that were neither opened nor helped, by id.
    pub unused_articles: Listed<ArticleTitle>,
}

/// Names an article.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArticleTitle {
    /// Its id.
    pub id: ArticleId,
    /// Its title.
    pub title: String,
}

impl Engine {
    /// As [`Engine::search`], and counts the search for [`Engine::search_analytics`], where it can
    /// be read some seconds later. A crash loses the counts of the last seconds. Further pages of
    /// an answer and blank queries are not counted.
    ///
    /// # Errors
    /// An error of store or index.
    pub fn search_counted(
        &self,
        query: &SearchQuery,
        audience: &Audience,
    ) -> Result<SearchAnswer, Error> {
        let answer = self.search(query, audience)?;
        let is_first_page = query.offset == 0;
        // While there is no index, having no hits says nothing of the query.
        let can_count = self.writing.is_some() && self.slot(Kind::Article).live().is_some();
        if is_first_page
            && can_count
            && let Some(kept) = kept(&query.q)
        {
            let has_hits = answer.hits.iter().any(|hit| hit.is_for_every_analyst);
            let hits = if has_hits { Hits::Some } else { Hits::None };
            self.counts.add(Day::of(now()), kept, hits);
        }
        Ok(answer)
    }

    /// What was searched for from one day to another, both included, as far as this audience may
    /// know. Cost: a scan of the counts of the period and of all articles, some seconds for a
    /// million of them.
    ///
    /// # Errors
    /// An error of the store.
    pub fn search_analytics(
        &self,
        from: Day,
        to: Day,
        audience: &Audience,
    ) -> Result<SearchAnalytics, Error> {
        let report = self.store.search_report((from, to), MAX_LISTED)?;
        let (feedback, unused_articles) = self.use_of_articles(&report.articles, audience)?;
        Ok(SearchAnalytics {
            from,
            to,
            searches: report.searches,
            feedback,
            top_queries: report.top,
            queries_without_hits: report.without_hits,
            queries_without_click: report.without_click,
            unused_articles,
        })
    }

    /// What was said of the articles that an audience may see, in all, and which of them were
    /// neither opened nor helped.
    fn use_of_articles(
        &self,
        said: &BTreeMap<String, FeedbackCounts>,
        audience: &Audience,
    ) -> Result<(FeedbackCounts, Listed<ArticleTitle>), Error> {
        let mut sum = FeedbackCounts::default();
        let mut total = 0;
        let mut first: BTreeMap<ArticleId, String> = BTreeMap::new();
        let mut after = 0;
        loop {
            let piece = self.store.changes(Some(Kind::Article), after, BATCH)?;
            for change in piece.changes {
                after = change.seq;
                let visible = change
                    .document
                    .filter(|document| audience.may_see(Kind::Article, document.visibility()));
                let is_searchable = visible.as_ref().is_some_and(Document::is_searchable);
                let Some(Document::Article(article)) = visible else {
                    continue;
                };
                let of_article = said.get(article.id.as_str()).copied().unwrap_or_default();
                sum.add(of_article);
                let n_uses = of_article.clicked + of_article.helpful + of_article.solved;
                if is_searchable && n_uses == 0 {
                    total += 1;
                    first.insert(article.id, article.title);
                }
            }
            while first.len() > MAX_LISTED {
                first.pop_last();
            }
            if piece.is_last {
                break;
            }
        }
        let list = first
            .into_iter()
            .map(|(id, title)| ArticleTitle { id, title });
        let unused = Listed {
            total,
            list: list.collect(),
        };
        Ok((sum, unused))
    }
}
