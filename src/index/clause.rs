//! What is asked of an index: clauses, each a word of the query with all that may stand for it.

/// A word or phrase of a query, with the forms in which a document may have it.
///
/// All its forms count as one term: their occurrences are added up before they are weighed, so a
/// document gains nothing by using several synonyms.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    /// The forms; a clause without any matches nothing.
    pub forms: Vec<Form>,
    /// What the BM25 part of the clause, which lies between 0 and 2.2, is multiplied by: idf, and
    /// how much the query insists.
    pub weight: f32,
}

/// One form of a clause.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// One term, or the terms of a phrase with their positions from the first one, in order.
    pub terms: Vec<(u32, String)>,
    /// What an occurrence counts, above 0 to 1; 1 for what was typed.
    pub weight: f32,
}

impl Form {
    /// A single term.
    #[must_use]
    pub fn term(term: impl Into<String>, weight: f32) -> Self {
        Self {
            terms: vec![(0, term.into())],
            weight,
        }
    }

    /// The term, when it is a single one.
    #[must_use]
    pub fn as_term(&self) -> Option<&str> {
        match self.terms.as_slice() {
            [(_, term)] => Some(term),
            _ => None,
        }
    }
}
