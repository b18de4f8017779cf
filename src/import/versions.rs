//! The states of documents that one import has met: pages of an export overlap, and the same
//! document may stand in several of them.

use std::collections::HashMap;

use crate::model::{Document, DocumentKey, Time};

/// The newest state of every document so far.
#[derive(Debug, Default)]
pub struct Versions(HashMap<DocumentKey, Option<Time>>);

impl Versions {
    /// Whether this state is newer than every one before. Of two with one time the first counts,
    /// so that the same import gives the same result again.
    pub fn is_news(&mut self, document: &Document) -> bool {
        let updated_at = match document {
            Document::Article(article) => article.updated_at,
            Document::Ticket(ticket) => ticket.updated_at,
        };
        match self.0.get_mut(&document.key()) {
            None => {
                self.0.insert(document.key(), updated_at);
                true
            }
            Some(known) if *known >= updated_at => false,
            Some(known) => {
                *known = updated_at;
                true
            }
        }
    }
}
