//! Whether ranked documents have a value that is asked about.

use tantivy::columnar::StrColumn;

use super::{Error, FacetField, Scored, View};

/// Tells of ranked documents whether they have one value of a facet field.
pub struct Agreement {
    /// By segment, the column and the number that the value has there; `None` where no document has
    /// it.
    segments: Vec<Option<(StrColumn, u64)>>,
}

impl Agreement {
    /// Looks the value up in every segment of the view.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn new(view: &View, field: FacetField, value: &str) -> Result<Self, Error> {
        let mut segments = Vec::new();
        for segment in view.searcher.segment_readers() {
            let found = match segment.fast_fields().str(field.name())? {
                Some(column) => {
                    let ord = column.dictionary().term_ord(value.as_bytes())?;
                    ord.map(|ord| (column, ord))
                }
                None => None,
            };
            segments.push(found);
        }
        Ok(Self { segments })
    }

    /// Whether the document has the value.
    #[must_use]
    pub fn has(&self, scored: &Scored) -> bool {
        let segment = self.segments.get(scored.segment as usize);
        segment
            .and_then(Option::as_ref)
            .is_some_and(|(column, ord)| column.term_ords(scored.doc).any(|found| found == *ord))
    }
}
