//! The fields of an index and how a document fills them.
//!
//! Both kinds of document have the same fields, so one query builder serves both. Nothing is
//! stored: texts come from the store by id.

use tantivy::TantivyDocument;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions,
};

use super::tokenizer::{TOKENIZER, tagged};
use crate::model::{Article, ArticleState, Document, Kind, Ticket, Votes};
use crate::text::{ANALYZER_VERSION, Language};

/// Raised with every change of fields or of what is put into them.
const SCHEMA_VERSION: u32 = 4;

/// The field with the time of the last change, in seconds since 1970.
pub(super) const UPDATED: &str = "updated";

/// The field with the time when a document was created, in seconds since 1970.
pub(super) const CREATED: &str = "created";

/// The field with the standing of an article, see [`standing`].
pub(super) const STANDING: &str = "standing";

/// In unit tests, the document with this id is made so that tantivy rejects it. No real document
/// can be: the types of this module do not allow it.
#[cfg(test)]
pub(crate) const REJECTED_ID: &str = "rejected-by-tantivy";

/// A field whose words are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextField {
    /// The title of an article, the subject of a ticket.
    Title,
    /// Everything that is said in the document, the title included.
    Whole,
}

impl TextField {
    /// Both, in the order in which they are explained.
    pub const ALL: [Self; 2] = [Self::Title, Self::Whole];
}

/// A field with one of a few values, which can be filtered by and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FacetField {
    /// A leaf of the taxonomy.
    Category,
    /// The product.
    Product,
    /// A label; a document can have several.
    Tag,
    /// The language, as a code.
    Language,
    /// The team inbox; tickets only.
    Queue,
    /// The desk's word for the state; tickets only.
    Status,
    /// [`YES`] or [`NO`]: whether it is resolved; tickets only.
    Resolved,
}

/// The value of [`FacetField::Resolved`] for a resolved ticket.
pub const YES: &str = "yes";

/// The value of [`FacetField::Resolved`] for an open ticket.
pub const NO: &str = "no";

impl FacetField {
    /// All facet fields.
    pub const ALL: [Self; 7] = [
        Self::Category,
        Self::Product,
        Self::Tag,
        Self::Language,
        Self::Queue,
        Self::Status,
        Self::Resolved,
    ];

    /// Its name in requests and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Product => "product",
            Self::Tag => "tag",
            Self::Language => "language",
            Self::Queue => "queue",
            Self::Status => "status",
            Self::Resolved => "resolved",
        }
    }

    /// The facet field of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

/// What an index must have been made with to be taken: schema, analyzer, and the store it is of.
#[must_use]
pub fn stamp(store_id: &str) -> String {
    format!("schema {SCHEMA_VERSION}, analyzer {ANALYZER_VERSION}, store {store_id}")
}

/// The fields of the schema, resolved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    pub(super) id: Field,
    pub(super) seq: Field,
    pub(super) audience: Field,
    updated: Field,
    standing: Field,
    created: Field,
    title: Field,
    whole: Field,
    facets: [Field; 7],
}

impl Fields {
    pub(super) fn text(&self, field: TextField) -> Field {
        match field {
            TextField::Title => self.title,
            TextField::Whole => self.whole,
        }
    }

    pub(super) fn facet(&self, facet: FacetField) -> Field {
        let [category, product, tag, language, queue, status, resolved] = self.facets;
        match facet {
            FacetField::Category => category,
            FacetField::Product => product,
            FacetField::Tag => tag,
            FacetField::Language => language,
            FacetField::Queue => queue,
            FacetField::Status => status,
            FacetField::Resolved => resolved,
        }
    }
}

pub(super) fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let text = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer(TOKENIZER)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions),
    );
    let fields = Fields {
        id: builder.add_text_field("id", STRING | FAST),
        seq: builder.add_u64_field("seq", INDEXED | FAST),
        audience: builder.add_text_field("audience", STRING),
        updated: builder.add_i64_field(UPDATED, FAST),
        standing: builder.add_f64_field(STANDING, FAST),
        created: builder.add_i64_field(CREATED, FAST),
        title: builder.add_text_field("title", text.clone()),
        whole: builder.add_text_field("whole", text),
        facets: FacetField::ALL.map(|facet| builder.add_text_field(facet.name(), STRING | FAST)),
    };
    (builder.build(), fields)
}

/// The index form of a document; `None` when search must not find it.
pub(super) fn index_form(
    fields: &Fields,
    seq: u64,
    document: &Document,
) -> Option<TantivyDocument> {
    if !document.is_searchable() {
        return None;
    }
    let mut form = TantivyDocument::default();
    form.add_text(fields.id, document.key().id());
    form.add_u64(fields.seq, seq);
    for term in document.visibility().terms(document.kind()) {
        form.add_text(fields.audience, term);
    }
    let (texts, language) = match document {
        Document::Article(article) => (article_texts(article), article_language(article)),
        Document::Ticket(ticket) => (ticket_texts(ticket), ticket_language(ticket)),
    };
    form.add_text(fields.title, tagged(language, texts.title));
    for text in texts.whole {
        form.add_text(fields.whole, tagged(language, text));
    }
    add_facets(&mut form, fields, document, language);
    let created_at = match document {
        Document::Article(article) => article.created_at,
        Document::Ticket(ticket) => ticket.created_at,
    };
    if let Some(created) = created_at {
        form.add_i64(fields.created, created.unix_seconds());
    }
    if let Document::Article(article) = document {
        if let Some(updated) = article.updated_at.or(article.created_at) {
            form.add_i64(fields.updated, updated.unix_seconds());
        }
        form.add_f64(fields.standing, standing(article));
    }
    #[cfg(test)]
    if document.key().id() == REJECTED_ID {
        form.add_text(fields.seq, "text where a number belongs");
    }
    Some(form)
}

/// What readers and editors think of an article, -1 to 1: 0 without votes, -1 for a draft.
fn standing(article: &Article) -> f64 {
    if article.state == ArticleState::Draft {
        return -1.0;
    }
    let votes = article.votes;
    Votes::standing(votes.helpful.into(), votes.not_helpful.into())
}

/// What a document says: its title, and all its texts.
struct Texts<'a> {
    title: &'a str,
    whole: Vec<&'a str>,
}

fn article_texts(article: &Article) -> Texts<'_> {
    let mut whole = vec![article.title.as_str()];
    whole.extend(article.summary.as_deref());
    whole.push(&article.body);
    whole.extend(article.tags.iter().map(String::as_str));
    whole.push(article.id.as_str());
    Texts {
        title: &article.title,
        whole,
    }
}

fn ticket_texts(ticket: &Ticket) -> Texts<'_> {
    let mut whole = vec![ticket.subject.as_str(), &ticket.description];
    whole.extend(ticket.resolution.as_deref());
    whole.extend(ticket.tags.iter().map(String::as_str));
    whole.push(ticket.id.as_str());
    Texts {
        title: &ticket.subject,
        whole,
    }
}

/// The language in which an article is indexed: the declared one, or the one that is detected.
#[must_use]
pub fn article_language(article: &Article) -> Language {
    language_of(article.language.as_deref(), &article_texts(article))
}

/// The language in which a ticket is indexed: the declared one, or the one that is detected.
fn ticket_language(ticket: &Ticket) -> Language {
    language_of(ticket.language.as_deref(), &ticket_texts(ticket))
}

fn language_of(declared: Option<&str>, texts: &Texts<'_>) -> Language {
    let declared = declared.and_then(|code| Language::from_code(code).ok());
    declared.unwrap_or_else(|| Language::detect(&texts.whole.join("\n")))
}

fn add_facets(
    form: &mut TantivyDocument,
    fields: &Fields,
    document: &Document,
    language: Language,
) {
    let mut add = |facet: FacetField, value: Option<&str>| {
        if let Some(value) = value {
            form.add_text(fields.facet(facet), value);
        }
    };
    let (category, product, tags) = match document {
        Document::Article(article) => (&article.category, &article.product, &article.tags),
        Document::Ticket(ticket) => (&ticket.category, &ticket.product, &ticket.tags),
    };
    add(FacetField::Category, category.as_deref());
    add(FacetField::Product, product.as_deref());
    for tag in tags {
        add(FacetField::Tag, Some(tag));
    }
    add(FacetField::Language, Some(language.code()));
    if let Document::Ticket(ticket) = document {
        add(FacetField::Queue, ticket.queue.as_deref());
        add(FacetField::Status, ticket.status.as_deref());
        add(
            FacetField::Resolved,
            Some(if ticket.is_resolved() { YES } else { NO }),
        );
    }
}

/// The name of the folder that holds the index of a kind, inside the data folder.
pub(super) fn folder_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Article => "articles",
        Kind::Ticket => "tickets",
    }
}
