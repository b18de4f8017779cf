//! Joins index and store into the answer to a question for similar tickets.

use super::clock::Stopwatch;
use super::{Engine, Error};
use crate::model::{Audience, Document, DocumentKey, Kind, TicketId, TicketText};
use crate::similar::{self, SimilarAnswer, SimilarQuery};

impl Engine {
    /// Finds past tickets that were the same trouble.
    ///
    /// # Errors
    /// An error of store or index.
    pub fn similar(
        &self,
        query: &SimilarQuery,
        audience: &Audience,
    ) -> Result<SimilarAnswer, Error> {
        let started = Stopwatch::start();
        let mut warnings = Vec::new();
        let mut hits = Vec::new();
        if let Some(view) = self.view(Kind::Ticket, audience, &mut warnings)? {
            let found = similar::find(&view, query)?;
            for (scored, similarity) in &found.scored {
                if let Some(ticket) = self.ticket_for(&view, scored, audience)?
                    && query.skip.as_deref() != Some(ticket.id.as_str())
                {
                    hits.push(similar::hit(&ticket, scored, *similarity, &found.terms));
                }
            }
            hits.truncate(query.limit);
        }
        let total = hits.len() as u64;
        Ok(SimilarAnswer {
            hits,
            total,
            took_us: started.elapsed_us(),
            warnings,
        })
    }

    /// The ids of the tickets that [`Engine::similar`] finds, without their texts.
    ///
    /// # Errors
    /// An error of the index.
    pub fn similar_ids(
        &self,
        query: &SimilarQuery,
        audience: &Audience,
    ) -> Result<Vec<String>, Error> {
        let Some(view) = self.view(Kind::Ticket, audience, &mut Vec::new())? else {
            return Ok(Vec::new());
        };
        let found = similar::find(&view, query)?;
        let ids = found.scored.iter().map(|(scored, _)| view.id_of(scored));
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
        query.skip = Some(id.to_string());
        Ok(())
    }
}
