//! The best documents for a long text, with work that is bounded whatever the number of segments.
//!
//! The lists of occurrences that can give most are added up in all segments until the budget is
//! spent; then the best documents of the whole index, not of each segment, are looked up in the lists
//! that are left. [`rank`](super::rank) looks up the best of every segment, which for a text of
//! eighty words in fourteen segments means reading nearly all that there is.

use std::cmp::Reverse;

use tantivy::DocId;

use super::ranking::{List, Plan, lists, shown, with_sums};
use super::{Error, Ranking, Scored, View};

/// A document with the sum of what was added up so far.
struct Raced {
    segment: u32,
    doc: DocId,
    seq: u64,
    sum: u32,
}

/// The best documents of a view for the clauses of a ranking, best first; of equal scores the one
/// that was changed longest ago. What the ranking requires, excludes and counts is left out.
///
/// # Errors
/// An error of the file system.
pub fn rank_budgeted(view: &View, ranking: &Ranking<'_>) -> Result<Vec<Scored>, Error> {
    let plan = Plan::new(view, ranking)?;
    let mut left: Vec<Vec<List>> = Vec::new();
    let mut race: Vec<Raced> = Vec::new();
    for (segment, (reader, sees)) in (0..).zip(view.segments(ranking.filters)?) {
        let (affordable, others): (Vec<List>, Vec<List>) =
            lists(view, reader, ranking, plan.steps.iter())?
                .into_iter()
                .partition(List::is_affordable);
        let best = with_sums(reader, |sums| {
            for list in &affordable {
                sums.add(list, &sees)?;
            }
            Ok(sums.best(ranking.limit))
        })?;
        let columns = view.columns(segment);
        race.extend(best.into_iter().map(|(doc, sum)| Raced {
            segment,
            doc,
            seq: columns.map_or(0, |columns| columns.seq(doc)),
            sum,
        }));
        left.push(others);
    }
    race.sort_unstable_by_key(|raced| (Reverse(raced.sum), raced.seq));
    race.truncate(ranking.limit);
    // Lists are read in the order of documents.
    race.sort_unstable_by_key(|raced| (raced.segment, raced.doc));
    for of_segment in race.chunk_by_mut(|a, b| a.segment == b.segment) {
        let segment = of_segment.first().map_or(0, |raced| raced.segment as usize);
        for list in left.get_mut(segment).into_iter().flatten() {
            for raced in &mut *of_segment {
                raced.sum = raced.sum.saturating_add(list.score_of(raced.doc)?);
            }
        }
    }
    race.sort_unstable_by_key(|raced| (Reverse(raced.sum), raced.seq));
    let scored = race.into_iter().filter_map(|raced| {
        Some(Scored {
            seq: raced.seq,
            score: shown(raced.sum),
            language: view.columns(raced.segment)?.language(raced.doc),
            segment: raced.segment,
            doc: raced.doc,
        })
    });
    Ok(scored.collect())
}
