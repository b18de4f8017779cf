//! A document is an article or a ticket: what is stored, indexed, imported and exported.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Article, ArticleId, ArticleState, InvalidId, Ticket, TicketId, Visibility};

/// Fields that the model does not know, by name.
pub type Fields = BTreeMap<String, serde_json::Value>;

/// Which of the two kinds of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A text of the knowledge base.
    Article,
    /// A requester's case.
    Ticket,
}

impl Kind {
    /// Both kinds, in the order in which they are listed everywhere.
    pub const ALL: [Self; 2] = [Self::Article, Self::Ticket];

    /// The kind as it is written in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Article => "article",
            Self::Ticket => "ticket",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names one document of the store: kind and id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentKey {
    /// An article.
    Article(ArticleId),
    /// A ticket.
    Ticket(TicketId),
}

impl DocumentKey {
    /// The key of a document of this kind.
    ///
    /// # Errors
    /// [`InvalidId`] when `id` is no id.
    pub fn new(kind: Kind, id: impl Into<String>) -> Result<Self, InvalidId> {
        match kind {
            Kind::Article => ArticleId::new(id).map(Self::Article),
            Kind::Ticket => TicketId::new(id).map(Self::Ticket),
        }
    }

    /// Which kind of document.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Article(_) => Kind::Article,
            Self::Ticket(_) => Kind::Ticket,
        }
    }

    /// The id as text.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Article(id) => id.as_str(),
            Self::Ticket(id) => id.as_str(),
        }
    }
}

impl fmt::Display for DocumentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.id())
    }
}

/// One unit of the store, told apart in JSON by its field `kind`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Document {
    /// A text of the knowledge base.
    Article(Article),
    /// A requester's case.
    Ticket(Ticket),
}

impl From<Article> for Document {
    fn from(article: Article) -> Self {
        Self::Article(article)
    }
}

impl From<Ticket> for Document {
    fn from(ticket: Ticket) -> Self {
        Self::Ticket(ticket)
    }
}

impl Document {
    /// Which kind of document.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Article(_) => Kind::Article,
            Self::Ticket(_) => Kind::Ticket,
        }
    }

    /// The key under which it is stored.
    #[must_use]
    pub fn key(&self) -> DocumentKey {
        match self {
            Self::Article(article) => DocumentKey::Article(article.id.clone()),
            Self::Ticket(ticket) => DocumentKey::Ticket(ticket.id.clone()),
        }
    }

    /// Who may see it, its state taken into account.
    #[must_use]
    pub fn visibility(&self) -> &Visibility {
        match self {
            Self::Article(article) => article.effective_visibility(),
            Self::Ticket(ticket) => &ticket.visibility,
        }
    }

    /// Whether search may find it: everything but archived articles.
    #[must_use]
    pub fn is_searchable(&self) -> bool {
        match self {
            Self::Article(article) => article.state != ArticleState::Archived,
            Self::Ticket(_) => true,
        }
    }
}
