//! Joins index and store into the answer to a question for similar documents.
//!
//! An open ticket of the last 14 days with a similarity of 0.5 or more is called a duplicate (both
//! are settings): on titanium-jira half of those pairs were linked by people.

use super::clock::{Stopwatch, now};
use super::{Engine, Error};
use crate::config;
use crate::index::{Filters, View, Weighting};
use crate::model::{Audience, Document, DocumentKey, Kind, Ticket, TicketId, TicketText, Time};
use crate::similar::{
    self, Candidate, Duplicate, Formula, Found, SimilarAnswer, SimilarArticle, SimilarHit,
    SimilarQuery,
};
use crate::text::Language;

/// Duplicates that are listed at most.
const MAX_DUPLICATES: usize = 10;

/// Seconds in a day.
const DAY: i64 = 86_400;

/// A ticket that is shown.
pub(super) struct Shown {
    pub(super) ticket: Ticket,
    pub(super) candidate: Candidate,
    pub(super) hit: SimilarHit,
}

impl Engine {
    /// Finds past tickets that were the same trouble, what resolved them, open duplicates, and the
    /// articles that answer, as the query wants.
    ///
    /// # Errors
    /// An error of store or index.
    pub fn similar(
        &self,
        query: &SimilarQuery,
        audience: &Audience,
    ) -> Result<SimilarAnswer, Error> {
        let started = Stopwatch::start();
        let query = &dated(query);
        let mut answer = SimilarAnswer::default();
        if query.wants_tickets
            && let Some(view) = self.view(Kind::Ticket, audience, &mut answer.warnings)?
        {
            self.add_tickets(query, &view, audience, &mut answer)?;
        }
        if query.wants_articles
            && let Some(view) = self.view(Kind::Article, audience, &mut answer.warnings)?
        {
            answer.articles = self.similar_articles(query, &view, audience)?;
        }
        answer.total = answer.hits.len() as u64;
        answer.took_us = started.elapsed_us();
        Ok(answer)
    }

    fn add_tickets(
        &self,
        query: &SimilarQuery,
        view: &View,
        audience: &Audience,
        answer: &mut SimilarAnswer,
    ) -> Result<(), Error> {
        let formula = formula(&self.settings.similar);
        let found = similar::find(view, query, &formula, self.floor(query))?;
        let shown = self.shown(query, view, (&found, audience), &|_| true)?;
        let candidates: Vec<Candidate> = shown.iter().map(|one| one.candidate.clone()).collect();
        let languages = candidates.iter().map(|candidate| candidate.scored.language);
        let hits = shown.into_iter().map(|one| one.hit);
        let hits: Vec<(SimilarHit, Language)> = hits.zip(languages).collect();
        answer.resolutions = similar::resolutions(&hits);
        answer.hits = hits.into_iter().map(|(hit, _)| hit).collect();
        if query.explain {
            let explained =
                similar::explanations(view, query, &formula, &found, &candidates)?.into_iter();
            for (hit, explanation) in answer.hits.iter_mut().zip(explained) {
                hit.explanation = Some(explanation);
            }
        }
        answer.duplicates = self.duplicates(query, view, found, audience)?;
        Ok(())
    }

    /// The best of what was found that is wanted, as many as the query wants.
    pub(super) fn shown(
        &self,
        query: &SimilarQuery,
        view: &View,
        (found, audience): (&Found, &Audience),
        is_wanted: &dyn Fn(&Ticket) -> bool,
    ) -> Result<Vec<Shown>, Error> {
        let mut shown: Vec<Shown> = Vec::with_capacity(query.limit);
        for candidate in &found.candidates {
            if shown.len() == query.limit {
                break;
            }
            if let Some(ticket) = self.other_ticket(query, view, candidate, audience)?
                && is_wanted(&ticket)
            {
                shown.push(Shown {
                    hit: similar::hit(&ticket, candidate),
                    candidate: candidate.clone(),
                    ticket,
                });
            }
        }
        let candidates: Vec<Candidate> = shown.iter().map(|one| one.candidate.clone()).collect();
        let shared = found.shared_terms(view, &candidates)?;
        for (one, terms) in shown.iter_mut().zip(shared) {
            one.hit.shared_terms = terms;
        }
        Ok(shown)
    }

    /// The open tickets of the last days that are the same trouble. They are not bound by the
    /// filters of the query, which are about what resolved the trouble before.
    fn duplicates(
        &self,
        query: &SimilarQuery,
        view: &View,
        found: Found,
        audience: &Audience,
    ) -> Result<Vec<Duplicate>, Error> {
        let settings = &self.settings.similar;
        let threshold = settings.duplicate_similarity;
        let Some(asked_at) = query.asked_at else {
            return Ok(Vec::new());
        };
        // Whatever is similar enough is among the best, unless filters kept it out.
        let found = if query.filters == Filters::default() && self.floor(query) <= threshold {
            found
        } else {
            let unfiltered = SimilarQuery {
                filters: Filters::default(),
                ..query.clone()
            };
            similar::find(view, &unfiltered, &formula(settings), threshold)?
        };
        let since = asked_at.unix_seconds() - i64::from(settings.duplicate_days) * DAY;
        let mut alike: Vec<&Candidate> = found
            .candidates
            .iter()
            .filter(|candidate| candidate.similarity >= threshold)
            .filter(|candidate| view.created(&candidate.scored) >= Some(since))
            .collect();
        alike.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        let mut duplicates = Vec::new();
        for candidate in alike {
            if duplicates.len() < MAX_DUPLICATES
                && let Some(ticket) = self.other_ticket(query, view, candidate, audience)?
                && !ticket.is_resolved()
            {
                duplicates.push(similar::duplicate(&ticket, candidate));
            }
        }
        Ok(duplicates)
    }

    fn similar_articles(
        &self,
        query: &SimilarQuery,
        view: &View,
        audience: &Audience,
    ) -> Result<Vec<SimilarArticle>, Error> {
        let query = &SimilarQuery {
            filters: query.filters.for_articles(),
            ..query.clone()
        };
        let formula = Formula::articles(self.settings.similar.budget);
        let found = similar::find(view, query, &formula, self.floor(query))?;
        let mut articles = Vec::new();
        let mut candidates = Vec::new();
        for candidate in found.candidates.iter().take(query.limit) {
            if let Some(article) = self.article_for(view, &candidate.scored, audience)? {
                articles.push(similar::article_hit(&article, candidate, &found.terms));
                candidates.push(candidate.clone());
            }
        }
        let shared = found.shared_terms(view, &candidates)?;
        for (article, terms) in articles.iter_mut().zip(shared) {
            article.shared_terms = terms;
        }
        if query.explain {
            let explained = similar::explanations(view, query, &formula, &found, &candidates)?;
            for (article, explanation) in articles.iter_mut().zip(explained) {
                article.explanation = Some(explanation);
            }
        }
        Ok(articles)
    }

    /// How this engine compares tickets.
    #[must_use]
    pub fn similar_settings(&self) -> &config::Similar {
        &self.settings.similar
    }

    /// The ids of the tickets that [`Engine::similar`] finds with these settings, without their
    /// texts.
    ///
    /// # Errors
    /// An error of the index.
    pub fn similar_ids(
        &self,
        query: &SimilarQuery,
        settings: &config::Similar,
        audience: &Audience,
    ) -> Result<Vec<String>, Error> {
        let Some(view) = self.view(Kind::Ticket, audience, &mut Vec::new())? else {
            return Ok(Vec::new());
        };
        let query = &dated(query);
        let floor = query.min_similarity.unwrap_or(settings.min_similarity);
        let found = similar::find(&view, query, &formula(settings), floor)?;
        // One more than wanted: the ticket itself may be among them.
        let ids = found.candidates.iter().take(query.limit + 1);
        let ids = ids.map(|candidate| view.id_of(&candidate.scored));
        let mut ids = ids.collect::<Result<Vec<_>, _>>()?;
        ids.retain(|id| query.skip.as_ref() != Some(id));
        ids.truncate(query.limit);
        Ok(ids)
    }

    /// Finds past tickets like a stored one, whose words take the place of those in `query`.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such ticket, or it must not be seen.
    pub fn similar_to(
        &self,
        id: &TicketId,
        mut query: SimilarQuery,
        audience: &Audience,
    ) -> Result<SimilarAnswer, Error> {
        self.ask_as(id, &mut query, audience)?;
        self.similar(&query, audience)
    }

    /// Puts the words of a stored ticket, and what else it says of itself, into the query.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such ticket, or it must not be seen.
    pub fn ask_as(
        &self,
        id: &TicketId,
        query: &mut SimilarQuery,
        audience: &Audience,
    ) -> Result<(), Error> {
        let key = DocumentKey::Ticket(id.clone());
        let Document::Ticket(ticket) = self.document(&key, audience)? else {
            return Err(Error::NotFound {
                kind: key.kind().as_str(),
                id: id.to_string(),
            });
        };
        query.text = TicketText {
            subject: ticket.subject,
            description: ticket.description,
            product: ticket.product,
            ..TicketText::default()
        };
        query.category = ticket.category;
        query.queue = ticket.queue;
        query.asked_at = ticket.created_at;
        query.skip = Some(id.to_string());
        Ok(())
    }

    pub(super) fn floor(&self, query: &SimilarQuery) -> f32 {
        let default = self.settings.similar.min_similarity;
        query.min_similarity.unwrap_or(default)
    }

    /// The text of a found ticket, unless it is the one asked about.
    fn other_ticket(
        &self,
        query: &SimilarQuery,
        view: &View,
        candidate: &Candidate,
        audience: &Audience,
    ) -> Result<Option<Ticket>, Error> {
        let ticket = self.ticket_for(view, &candidate.scored, audience)?;
        Ok(ticket.filter(|ticket| query.skip.as_deref() != Some(ticket.id.as_str())))
    }
}

/// The query with the time that it is asked at: the end of the day when it says none, so that the
/// same question has the same answer all day.
pub(super) fn dated(query: &SimilarQuery) -> SimilarQuery {
    let tonight = || Time::from_unix_seconds((now().unix_seconds().div_euclid(DAY) + 1) * DAY);
    SimilarQuery {
        asked_at: Some(query.asked_at.unwrap_or_else(tonight)),
        ..query.clone()
    }
}

/// How the settings want tickets compared.
pub(super) fn formula(settings: &config::Similar) -> Formula {
    Formula {
        weighting: Weighting {
            title_weight: settings.title_weight,
            k3: 1.0,
            idf_power: settings.idf_power,
            max_terms: settings.max_terms,
            first_line_weight: settings.subject_weight,
            b: settings.length,
        },
        agreement: settings.agreement,
        recency: settings.recency,
        recency_days: settings.recency_days,
        budget: settings.budget,
    }
}
