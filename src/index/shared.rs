//! Which clauses of a query stand in ranked documents, looked up in the index: reading the texts of
//! long tickets again takes longer than finding them.

use super::occurrences::Occurrences;
use super::{Clause, Error, Scored, TextField, View};

/// For every document, the places of the clauses that stand anywhere in it, in order.
///
/// # Errors
/// An error of the file system.
pub fn clauses_in(
    view: &View,
    clauses: &[Clause],
    scored: &[Scored],
) -> Result<Vec<Vec<usize>>, Error> {
    let mut found = vec![Vec::new(); scored.len()];
    let mut order: Vec<usize> = (0..scored.len()).collect();
    order.sort_by_key(|&at| scored.get(at).map(|scored| (scored.segment, scored.doc)));
    let segment_of = |at: usize| scored.get(at).map(|scored| scored.segment);
    let field = view.live.fields.text(TextField::Whole);
    for of_segment in order.chunk_by(|&a, &b| segment_of(a) == segment_of(b)) {
        let Some(segment) = of_segment.first().and_then(|&at| segment_of(at)) else {
            continue;
        };
        let reader = view.searcher.segment_reader(segment);
        for (place, clause) in clauses.iter().enumerate() {
            let Some(mut occurrences) = Occurrences::of(reader, field, clause)? else {
                continue;
            };
            for &at in of_segment {
                if let (Some(scored), Some(found)) = (scored.get(at), found.get_mut(at))
                    && occurrences.of_doc(scored.doc)?.is_some()
                {
                    found.push(place);
                }
            }
        }
    }
    Ok(found)
}
