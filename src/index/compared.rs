//! The best documents for a long text, with work that is bounded.
//!
//! The [`candidates`] of all segments are compared exactly, by what stands in them (`forward`): the
//! sum of what every clause adds, the same whole number to the last bit as [`rank`](super::rank) adds up
//! from the postings.
//!
//! `exhaustive` questions ask `rank` instead. A property test compares the scores of both after
//! random writes, deletions and merges.

use std::cmp::Reverse;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::schema::Term;
use tantivy::{DocId, SegmentReader};

use super::candidates::candidates;
use super::forward::{Entry, Forward};
use super::ranking::{factor, norms, part, shown};
use super::{Clause, Error, Ranking, Scored, TextField, View};

/// So many documents are compared exactly, or twice as many as are wanted.
const MIN_COMPARED: usize = 300;

/// The best documents of a view for the clauses of a ranking, best first.
///
/// Of equal scores the one that was changed longest ago comes first. Forms of several words are not
/// looked for; what the ranking requires, excludes and counts is left out.
///
/// # Errors
/// An error of the file system.
pub fn rank_compared(view: &View, ranking: &Ranking<'_>) -> Result<Vec<Scored>, Error> {
    let candidates = candidates(view, ranking, MIN_COMPARED.max(2 * ranking.limit))?;
    let mut compared = Vec::with_capacity(candidates.len());
    for of_segment in candidates.chunk_by(|a, b| a.segment == b.segment) {
        let Some(first) = of_segment.first() else {
            continue;
        };
        let mut segment = Compared::new(view, ranking, first.segment)?;
        for candidate in of_segment {
            let score = segment.score(candidate.doc);
            compared.push((
                Reverse(score),
                candidate.seq(),
                candidate.segment,
                candidate.doc,
            ));
        }
    }
    compared.sort_unstable();
    compared.truncate(ranking.limit);
    let scored = compared
        .into_iter()
        .filter_map(|(Reverse(score), seq, segment, doc)| {
            Some(Scored {
                seq,
                score: shown(score),
                language: view.columns(segment)?.language(doc),
                segment,
                doc,
            })
        });
    Ok(scored.collect())
}

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
    for segment in 0..view.n_segments() {
        let mut asked = None;
        for (scored, found) in scored.iter().zip(&mut found) {
            if scored.segment != segment {
                continue;
            }
            let Some(forward) = view.forward(segment) else {
                continue;
            };
            let asked = match &mut asked {
                Some(asked) => asked,
                none => none.insert(Asked::new(view, clauses, segment)?),
            };
            asked.visit(forward, scored.doc, |clause, _, _| found.push(clause));
            found.sort_unstable();
            found.dedup();
        }
    }
    Ok(found)
}

/// The terms of some clauses, as a segment knows them.
struct Asked {
    /// Ordinal, place of the clause, and what an occurrence counts; in the order of the dictionary.
    terms: Vec<(u64, usize, f32)>,
}

impl Asked {
    fn new(view: &View, clauses: &[Clause], segment: u32) -> Result<Self, Error> {
        let field = view.live.fields.text(TextField::Whole);
        let index = view
            .searcher
            .segment_reader(segment)
            .inverted_index(field)?;
        let mut terms = Vec::with_capacity(clauses.len());
        for (place, clause) in clauses.iter().enumerate() {
            for form in &clause.forms {
                let Some(term) = form.as_term() else { continue };
                let term = Term::from_field_text(field, term);
                let is_here = view.find(&term)?.in_segment(segment).is_some();
                let key = term.serialized_value_bytes();
                if is_here && let Some(ord) = index.terms().term_ord(key)? {
                    terms.push((ord, place, form.weight));
                }
            }
        }
        terms.sort_unstable_by_key(|&(ord, place, _)| (ord, place));
        Ok(Self { terms })
    }

    /// Calls `visit` with the clauses that a document has, what an occurrence counts, and how often
    /// it stands there.
    fn visit(&self, forward: &Forward, doc: DocId, mut visit: impl FnMut(usize, f32, Entry)) {
        let mut terms = self.terms.as_slice();
        for entry in forward.row(doc) {
            while let [(ord, clause, weight), left @ ..] = terms
                && *ord <= entry.ord
            {
                if *ord == entry.ord {
                    visit(*clause, *weight, entry);
                }
                terms = left;
            }
            if terms.is_empty() {
                break;
            }
        }
    }
}

/// A field in which documents of a segment are compared.
struct ComparedField {
    name: TextField,
    lengths: FieldNormReader,
    norms: [f32; 256],
    /// What each clause adds for infinitely many occurrences.
    factors: Vec<f32>,
}

impl ComparedField {
    fn new(
        view: &View,
        reader: &SegmentReader,
        ranking: &Ranking<'_>,
        searched: &super::FieldWeight,
    ) -> Result<Self, Error> {
        let clauses = ranking.clauses.iter().take(searched.max_clauses);
        Ok(Self {
            name: searched.field,
            lengths: reader.get_fieldnorms_reader(view.live.fields.text(searched.field))?,
            norms: norms(view.mean_length(searched.field), searched.b),
            factors: clauses.map(|clause| factor(clause, searched)).collect(),
        })
    }

    /// What the clauses add that stand so often in a document.
    fn score(&self, doc: DocId, times: &[Times]) -> u32 {
        let length = self.lengths.fieldnorm_id(doc);
        let norm = self
            .norms
            .get(usize::from(length))
            .copied()
            .unwrap_or_default();
        let parts = self.factors.iter().zip(times).map(|(&factor, times)| {
            let n = match self.name {
                TextField::Whole => times.whole,
                TextField::Title => times.title,
            };
            if n > 0.0 { part(factor, n, norm) } else { 0 }
        });
        parts.fold(0, u32::saturating_add)
    }
}

/// How often a clause stands in a document.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    whole: f32,
    title: f32,
}

/// A segment whose documents are compared.
struct Compared<'a> {
    forward: Option<&'a Forward>,
    asked: Asked,
    fields: Vec<ComparedField>,
    /// By clause, for the document at hand.
    times: Vec<Times>,
}

impl<'a> Compared<'a> {
    fn new(view: &'a View, ranking: &Ranking<'_>, segment: u32) -> Result<Self, Error> {
        let reader = view.searcher.segment_reader(segment);
        let fields = (ranking.fields.iter())
            .map(|searched| ComparedField::new(view, reader, ranking, searched))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            forward: view.forward(segment),
            asked: Asked::new(view, ranking.clauses, segment)?,
            fields,
            times: vec![Times::default(); ranking.clauses.len()],
        })
    }

    fn score(&mut self, doc: DocId) -> u32 {
        let Some(forward) = self.forward else {
            return 0;
        };
        self.times.fill(Times::default());
        self.asked.visit(forward, doc, |clause, weight, entry| {
            if let Some(times) = self.times.get_mut(clause) {
                times.whole += weight * as_float(entry.n);
                times.title += weight * as_float(entry.n_in_title);
            }
        });
        let scores = self
            .fields
            .iter()
            .map(|field| field.score(doc, &self.times));
        scores.fold(0, u32::saturating_add)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn as_float(n: u32) -> f32 {
    n as f32
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::index::{
        Filters, IndexWriter, LiveIndex, QueryTerms, Weighting, WriterSize, explain, rank, stamp,
    };
    use crate::model::{Audience, Document, DocumentKey, Kind};

    const WORDS: [&str; 16] = [
        "vpn",
        "printer",
        "drops",
        "jam",
        "KB5034441",
        "outlook",
        "gateway",
        "VPN-GW-02",
        "mailbox",
        "certificate",
        "dock",
        "monitor",
        "flickers",
        "login",
        "fails",
        "invoice",
    ];

    const WEIGHTING: Weighting = Weighting {
        title_weight: 1.0,
        k3: 1.0,
        idf_power: 1.1,
        max_terms: 40,
        first_line_weight: 3.0,
        b: 0.5,
    };

    #[derive(Debug, Clone)]
    enum Change {
        Write(u8, String, String),
        Delete(u8),
        Commit,
        Compact,
    }

    fn text(longest: usize) -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(&WORDS[..]), 0..longest)
            .prop_map(|words| words.join(" "))
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            12 => (0..40u8, text(5), text(40))
                .prop_map(|(id, subject, text)| Change::Write(id, subject, text)),
            3 => (0..40u8).prop_map(Change::Delete),
            2 => Just(Change::Commit),
            1 => Just(Change::Compact),
        ]
    }

    /// An index after some changes.
    fn index(folder: &std::path::Path, changes: &[Change]) -> Arc<LiveIndex> {
        let live = Arc::new(LiveIndex::create(folder, &stamp("test")).unwrap());
        let mut writer = IndexWriter::open(Arc::clone(&live), WriterSize::Trickle).unwrap();
        for (seq, change) in (1..).zip(changes) {
            match change {
                Change::Write(id, subject, text) => {
                    let visibility = if id % 3 == 0 {
                        r#"{"restricted":["hr"]}"#
                    } else {
                        "null"
                    };
                    let json = format!(
                        r#"{{"kind":"ticket","id":"T-{id}","subject":"{subject}",
                            "description":"{text}","visibility":{visibility}}}"#
                    );
                    let document: Document = serde_json::from_str(&json).unwrap();
                    writer.apply(seq, &key(*id), Some(&document)).unwrap();
                }
                Change::Delete(id) => writer.apply(seq, &key(*id), None).unwrap(),
                Change::Commit => writer.commit(seq).unwrap(),
                Change::Compact if live.summary().segments > 1 => {
                    writer.compact().unwrap().join().unwrap();
                }
                Change::Compact => (),
            }
        }
        writer.commit(1_000).unwrap();
        live
    }

    fn key(id: u8) -> DocumentKey {
        DocumentKey::new(Kind::Ticket, format!("T-{id}")).unwrap()
    }

    /// The answer from the rows is the one from the postings, to the last bit and for every audience,
    /// and has no deleted document, whatever was written, deleted and merged.
    fn check(live: &Arc<LiveIndex>, audience: &Audience, text: &str, budget: u64) {
        let view = View::new(Arc::clone(live), audience).unwrap();
        let terms = QueryTerms::new(&view, text, WEIGHTING).unwrap();
        let clauses = terms.clauses();
        let fields = WEIGHTING.fields();
        let filters = Filters::default();
        let ranking = Ranking {
            clauses: &clauses,
            required: &[],
            excluded: &[],
            constrained: TextField::Whole,
            fields: &fields,
            filters: &filters,
            limit: 20,
            count_to: 0,
            facets: &[],
            budget,
        };
        if terms.is_empty() {
            return;
        }
        let compared = rank_compared(&view, &ranking).unwrap();
        let alive: BTreeSet<u64> = live
            .ids()
            .unwrap()
            .into_iter()
            .map(|(_, seq)| seq)
            .collect();
        assert!(compared.iter().all(|scored| alive.contains(&scored.seq)));
        let parts = explain(&view, &ranking, &compared).unwrap();
        let shared = clauses_in(&view, &clauses, &compared).unwrap();
        for ((scored, parts), shared) in compared.iter().zip(parts).zip(shared) {
            let sum: f64 = parts.iter().map(|part| f64::from(part.score)).sum();
            assert!(
                (sum - f64::from(scored.score)).abs() < 1e-3,
                "{scored:?}: {parts:?}"
            );
            let by_postings: BTreeSet<usize> = parts.iter().map(|part| part.clause).collect();
            assert_eq!(shared, by_postings.into_iter().collect::<Vec<_>>());
        }
        if budget == u64::MAX {
            assert_eq!(compared, rank(&view, &ranking).unwrap().scored);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10))]

        #[test]
        fn rows_say_what_the_postings_say(
            changes in prop::collection::vec(change(), 1..120),
            query in text(30),
            budget in prop_oneof![Just(u64::MAX), 1..100u64],
        ) {
            let folder = tempfile::tempdir().unwrap();
            let live = index(folder.path(), &changes);
            let hr = || std::iter::once("hr".to_owned()).collect();
            for audience in [
                Audience::Everything,
                Audience::Analyst(Default::default()),
                Audience::Analyst(hr()),
            ] {
                check(&live, &audience, &query, budget);
                check(&live, &audience, &query, u64::MAX);
            }
        }
    }
}
