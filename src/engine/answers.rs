//! Joins index and store into the answers of the engine.
//!
//! The index says which documents and how good, the store has their texts. Between the two a
//! document may have changed: what is shown is always the stored state, and only when the audience
//! may see that, whatever the index still believes.

use std::sync::Arc;

use super::clock::{Stopwatch, now};
use super::{Engine, Error};
use crate::index::{FacetCounts, Scored, View, article_language};
use crate::model::{Article, Audience, Document, DocumentKey, Kind, Ticket};
use crate::search::{
    self, Found, Preferences, SearchAnswer, SearchHit, SearchQuery, SuggestAnswer, Suggestion,
};

impl Engine {
    /// Finds articles.
    ///
    /// # Errors
    /// An error of store or index.
    pub fn search(&self, query: &SearchQuery, audience: &Audience) -> Result<SearchAnswer, Error> {
        let started = Stopwatch::start();
        let mut answer = SearchAnswer {
            hits: Vec::new(),
            total: 0,
            total_is_lower_bound: false,
            facets: FacetCounts::new(),
            understood: Vec::new(),
            unknown_words: Vec::new(),
            relaxed: Vec::new(),
            took_us: 0,
            warnings: Vec::new(),
        };
        if let Some(view) = self.view(Kind::Article, audience, &mut answer.warnings)? {
            let mut found = self.find(&view, query)?;
            let mut explanations = std::mem::take(&mut found.explanations).into_iter();
            for scored in &found.scored {
                let explanation = explanations.next();
                if let Some(article) = self.article_for(&view, scored, audience)? {
                    answer.hits.push(SearchHit {
                        explanation,
                        ..search::hit(&article, scored.score, scored.language, &found)
                    });
                }
            }
            self.pin(query, audience, &found, &mut answer.hits)?;
            answer.total = found.total;
            answer.total_is_lower_bound = found.total_is_lower_bound;
            answer.facets = found.facets.counts;
            let cut = found.facets.cut.into_iter().map(|(facet, n_values)| {
                format!("facet {facet}: the most frequent of its {n_values} values are given")
            });
            answer.warnings.extend(cut);
            answer.understood = found.understood;
            answer.unknown_words = found.unknown_words;
            answer.relaxed = found.relaxed;
        }
        answer.took_us = started.elapsed_us();
        Ok(answer)
    }

    /// Asks the index as the desk wants articles ranked.
    fn find(&self, view: &View, query: &SearchQuery) -> Result<Found, Error> {
        let search = &self.settings.search;
        let votes = self.article_votes();
        let feedback = |id: &str| votes.get(id).map_or(0.0, |votes| votes.standing());
        let preferences = Preferences {
            title_weight: search.title_weight,
            freshness: search.freshness,
            votes: search.votes,
            today: now().unix_seconds().div_euclid(86_400),
            feedback: (!votes.is_empty()).then_some(&feedback),
        };
        let synonyms = self.synonyms.content();
        Ok(search::find(view, query, &synonyms, preferences)?)
    }

    /// Puts the articles that the desk pinned to the query first, and those that it buried last.
    /// Pinned ones are on the first page only.
    fn pin(
        &self,
        query: &SearchQuery,
        audience: &Audience,
        found: &Found,
        hits: &mut Vec<SearchHit>,
    ) -> Result<(), Error> {
        let pins = self.pins.content();
        let Some(pin) = pins.of(&query.q) else {
            return Ok(());
        };
        let mut pinned = Vec::new();
        for id in &pin.articles {
            let found_at = hits.iter().position(|hit| hit.id == *id);
            let hit = match found_at {
                Some(at) => Some(hits.remove(at)),
                None => self.pinned_article(id, audience)?.map(|article| {
                    let language = article_language(&article);
                    search::hit(&article, 0.0, language, found)
                }),
            };
            pinned.extend(hit.map(|hit| SearchHit {
                pinned: true,
                ..hit
            }));
        }
        hits.sort_by_key(|hit| pin.bury.contains(&hit.id));
        if query.offset == 0 {
            hits.splice(0..0, pinned);
            hits.truncate(query.limit);
        }
        Ok(())
    }

    /// A pinned article, when the audience may find it.
    fn pinned_article(&self, id: &str, audience: &Audience) -> Result<Option<Article>, Error> {
        let Ok(key) = DocumentKey::new(Kind::Article, id) else {
            return Ok(None);
        };
        match self
            .store
            .document(&key)?
            .filter(|document| shows(document, audience))
        {
            Some(Document::Article(article)) => Ok(Some(article)),
            Some(Document::Ticket(_)) | None => Ok(None),
        }
    }

    /// Completes what somebody types to queries that others often asked and to titles of articles.
    ///
    /// # Errors
    /// An error of store or index.
    pub fn suggest(
        &self,
        text: &str,
        limit: usize,
        audience: &Audience,
    ) -> Result<SuggestAnswer, Error> {
        let started = Stopwatch::start();
        let mut suggestions = Vec::new();
        if let Some(view) = self.view(Kind::Article, audience, &mut Vec::new())? {
            let queries = search::frequent(&view, &self.frequent.all(), text)?;
            suggestions.extend(queries.into_iter().map(|text| Suggestion::Query { text }));
            for scored in search::suggest(&view, text, limit)? {
                if let Some(article) = self.article_for(&view, &scored, audience)? {
                    suggestions.push(Suggestion::Article {
                        text: article.title,
                        id: article.id.to_string(),
                        url: article.url,
                    });
                }
            }
            suggestions.truncate(limit);
        }
        Ok(SuggestAnswer {
            suggestions,
            took_us: started.elapsed_us(),
        })
    }

    /// The ids of the articles that [`Engine::search`] finds, without their texts.
    ///
    /// # Errors
    /// An error of the index.
    pub fn search_ids(
        &self,
        query: &SearchQuery,
        audience: &Audience,
    ) -> Result<Vec<String>, Error> {
        let Some(view) = self.view(Kind::Article, audience, &mut Vec::new())? else {
            return Ok(Vec::new());
        };
        let found = self.find(&view, query)?;
        let ids = found.scored.iter().map(|scored| view.id_of(scored));
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// One document, when the audience may see it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or it must not be seen: the two cannot be told apart.
    pub fn document(&self, key: &DocumentKey, audience: &Audience) -> Result<Document, Error> {
        let document = self.store.document(key)?;
        document
            .filter(|document| audience.may_see(document.kind(), document.visibility()))
            .ok_or_else(|| Error::NotFound {
                kind: key.kind().as_str(),
                id: key.id().to_owned(),
            })
    }

    /// The index of a kind as an audience sees it; none while the first one is being made, which
    /// is added to the warnings.
    pub(super) fn view(
        &self,
        kind: Kind,
        audience: &Audience,
        warnings: &mut Vec<String>,
    ) -> Result<Option<View>, Error> {
        // An audience that sees no ticket at all needs no index to be told so.
        if kind == Kind::Ticket && *audience == Audience::Public {
            return Ok(None);
        }
        match self.slot(kind).live() {
            Some(live) => Ok(Some(View::new(Arc::clone(&live), audience)?)),
            None => {
                let rebuild = self.progress.index_state(kind).rebuild;
                let percent =
                    rebuild.map_or(0, |rebuild| rebuild.done * 100 / rebuild.total.max(1));
                warnings.push(format!(
                    "the index of {kind}s is being made anew ({percent} %): there are no {kind}s \
                     in this answer"
                ));
                Ok(None)
            }
        }
    }

    pub(super) fn article_for(
        &self,
        view: &View,
        scored: &Scored,
        audience: &Audience,
    ) -> Result<Option<Article>, Error> {
        match self.found(view, scored, Kind::Article, audience)? {
            Some(Document::Article(article)) => Ok(Some(article)),
            Some(Document::Ticket(_)) | None => Ok(None),
        }
    }

    pub(super) fn ticket_for(
        &self,
        view: &View,
        scored: &Scored,
        audience: &Audience,
    ) -> Result<Option<Ticket>, Error> {
        match self.found(view, scored, Kind::Ticket, audience)? {
            Some(Document::Ticket(ticket)) => Ok(Some(ticket)),
            Some(Document::Article(_)) | None => Ok(None),
        }
    }

    /// The stored state of a found document, if it may still be shown.
    pub(super) fn found(
        &self,
        view: &View,
        scored: &Scored,
        kind: Kind,
        audience: &Audience,
    ) -> Result<Option<Document>, Error> {
        let mut document = self.store.document_at(scored.seq)?;
        if document.is_none()
            && let Ok(key) = DocumentKey::new(kind, view.id_of(scored)?.as_str())
        {
            document = self.store.document(&key)?;
        }
        Ok(document.filter(|document| shows(document, audience)))
    }
}

/// Whether an audience may find a document as it is now.
fn shows(document: &Document, audience: &Audience) -> bool {
    document.is_searchable() && audience.may_see(document.kind(), document.visibility())
}
