//! Where the forms of a clause stand in one segment.

use std::sync::Arc;

use tantivy::postings::{Postings, SegmentPostings, TermInfo};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, InvertedIndexReader, SegmentReader, TERMINATED, Term};

use super::Error;
use super::clause::{Clause, Form};

/// Documents handed on at a time: as many as tantivy has in a block.
const BLOCK: usize = 128;

/// The documents of a segment that have a clause in a field, in order, each with how often.
pub(super) enum Occurrences {
    /// Of a single term, straight from the index.
    Term(TermList),
    /// Of several forms or a phrase, worked out beforehand.
    Merged(Vec<(DocId, f32)>, usize),
}

/// The postings of a term; nothing of them is read before it is asked for.
pub(super) struct TermList {
    index: Arc<InvertedIndexReader>,
    info: TermInfo,
    weight: f32,
    /// Where single documents are looked up.
    cursor: Option<Box<SegmentPostings>>,
}

impl TermList {
    fn blocks(&self, mut visit: impl FnMut(&[(DocId, f32)]) -> bool) -> Result<(), Error> {
        let option = IndexRecordOption::WithFreqs;
        let mut postings = self
            .index
            .read_block_postings_from_terminfo(&self.info, option)?;
        let mut block = Vec::with_capacity(BLOCK);
        while !postings.docs().is_empty() {
            let ns = postings.freqs().iter().map(|&n| times(n, self.weight));
            block.clear();
            block.extend(postings.docs().iter().copied().zip(ns));
            if !visit(&block) {
                break;
            }
            postings.advance();
        }
        Ok(())
    }

    fn of_doc(&mut self, doc: DocId) -> Result<Option<f32>, Error> {
        let postings = match &mut self.cursor {
            Some(cursor) => cursor,
            none => {
                let option = IndexRecordOption::WithFreqs;
                let postings = self.index.read_postings_from_terminfo(&self.info, option)?;
                none.insert(Box::new(postings))
            }
        };
        if postings.doc() < doc {
            postings.seek(doc);
        }
        Ok((postings.doc() == doc).then(|| times(postings.term_freq(), self.weight)))
    }
}

impl Occurrences {
    /// `None` when no document of the segment has any form of the clause.
    pub(super) fn of(
        segment: &SegmentReader,
        field: Field,
        clause: &Clause,
    ) -> Result<Option<Self>, Error> {
        let mut found = Vec::with_capacity(clause.forms.len());
        for form in &clause.forms {
            found.extend(of_form(segment, field, form)?);
        }
        if found.len() <= 1 {
            return Ok(found.pop());
        }
        let mut merged = Vec::new();
        for occurrences in found {
            occurrences.blocks(|block| {
                merged.extend_from_slice(block);
                true
            })?;
        }
        // A stable sort finds the runs that are in order already, and merges them.
        merged.sort_by_key(|&(doc, _)| doc);
        merged.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            if is_same {
                kept.1 += next.1;
            }
            is_same
        });
        Ok(Some(Self::Merged(merged, 0)))
    }

    /// How many documents there are, deleted ones included.
    pub(super) fn n_docs(&self) -> usize {
        match self {
            Self::Term(list) => list.info.doc_freq as usize,
            Self::Merged(merged, _) => merged.len(),
        }
    }

    /// Calls `visit` with every document and how often it has the clause, some documents at a time,
    /// until it says no.
    pub(super) fn blocks(
        &self,
        mut visit: impl FnMut(&[(DocId, f32)]) -> bool,
    ) -> Result<(), Error> {
        match self {
            Self::Term(list) => list.blocks(visit)?,
            Self::Merged(merged, _) => {
                for block in merged.chunks(BLOCK) {
                    if !visit(block) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// How often a document has the clause; documents must be asked for in order.
    pub(super) fn of_doc(&mut self, doc: DocId) -> Result<Option<f32>, Error> {
        match self {
            Self::Term(list) => list.of_doc(doc),
            Self::Merged(merged, next) => {
                *next += merged
                    .get(*next..)
                    .unwrap_or_default()
                    .partition_point(|&(other, _)| other < doc);
                let found = merged.get(*next).filter(|(found, _)| *found == doc);
                Ok(found.map(|&(_, n)| n))
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn times(n: u32, weight: f32) -> f32 {
    weight * n as f32
}

fn of_form(
    segment: &SegmentReader,
    field: Field,
    form: &Form,
) -> Result<Option<Occurrences>, Error> {
    let inverted_index = segment.inverted_index(field)?;
    if let Some(term) = form.as_term() {
        let term = Term::from_field_text(field, term);
        let info = inverted_index.get_term_info(&term)?;
        return Ok(info.map(|info| {
            Occurrences::Term(TermList {
                index: inverted_index,
                info,
                weight: form.weight,
                cursor: None,
            })
        }));
    }
    let mut words = Vec::with_capacity(form.terms.len());
    for (offset, term) in &form.terms {
        let term = Term::from_field_text(field, term);
        let option = IndexRecordOption::WithFreqsAndPositions;
        match inverted_index.read_postings(&term, option)? {
            Some(postings) => words.push((*offset, postings)),
            None => return Ok(None),
        }
    }
    let found = of_phrase(words, form.weight);
    Ok((!found.is_empty()).then_some(Occurrences::Merged(found, 0)))
}

/// The documents in which the words stand at these positions from each other.
fn of_phrase(mut words: Vec<(u32, SegmentPostings)>, weight: f32) -> Vec<(DocId, f32)> {
    // The rarest word leads: the others are asked for its documents only.
    words.sort_by_key(|(_, postings)| postings.doc_freq());
    let Some(((lead_offset, lead), others)) = words.split_first_mut() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let (mut starts, mut positions) = (Vec::new(), Vec::new());
    while lead.doc() != TERMINATED {
        let doc = lead.doc();
        lead.positions(&mut positions);
        starts.clear();
        starts.extend(
            positions
                .iter()
                .filter_map(|at| at.checked_sub(*lead_offset)),
        );
        for (offset, postings) in &mut *others {
            if postings.doc() < doc {
                postings.seek(doc);
            }
            if postings.doc() != doc {
                starts.clear();
            }
            if starts.is_empty() {
                break;
            }
            postings.positions(&mut positions);
            starts.retain(|start| positions.binary_search(&(start + *offset)).is_ok());
        }
        if !starts.is_empty() {
            #[expect(clippy::cast_precision_loss, reason = "counts are small")]
            found.push((doc, weight * starts.len() as f32));
        }
        lead.advance();
    }
    found
}
