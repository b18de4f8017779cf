//! The passage of a text that answers a query best, with what matched in it marked.
//!
//! Passages are whole sentences, so nothing is shown that ends in the middle of a word. The best
//! one has the highest sum of the values of the distinct query terms in it; the sentences after it
//! are added while there is room.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::Serialize;

use crate::index::QueryTerms;
use crate::text::{analyze, sentences};

/// A snippet is cut at the sentence that goes beyond this, in bytes.
const TARGET_BYTES: usize = 240;

/// A single sentence longer than this is shown in part, around its first match, in bytes.
const MAX_SENTENCE_BYTES: usize = 600;

/// No passage is looked for further down a text than this, in bytes.
const MAX_SCANNED_BYTES: usize = 64 * 1024;

/// A passage of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snippet {
    /// The passage.
    pub text: String,
    /// What matched in it, in order, not overlapping.
    pub highlights: Vec<Highlight>,
}

/// A stretch of a snippet, counted in characters (Unicode scalar values) from 0, end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Highlight {
    /// The first character.
    pub start: usize,
    /// The character after the last.
    pub end: usize,
}

/// The best passage of `text`; its first sentences when nothing matches.
#[must_use]
pub fn snippet(text: &str, terms: &QueryTerms) -> Snippet {
    let text = text
        .get(..floor_boundary(text, MAX_SCANNED_BYTES))
        .unwrap_or(text);
    let sentences = sentences(text);
    let mut best: Option<(f32, usize)> = None;
    for (index, sentence) in sentences.iter().enumerate() {
        let value = value_of(text.get(sentence.clone()).unwrap_or_default(), terms);
        if best.is_none_or(|(highest, _)| value > highest) {
            best = Some((value, index));
        }
    }
    let first = best.map_or(0, |(_, index)| index);
    let passage = passage(text, sentences.get(first..).unwrap_or_default(), terms);
    let shown = text.get(passage).unwrap_or_default();
    Snippet {
        text: shown.to_owned(),
        highlights: highlights(shown, terms),
    }
}

/// The sum of the values of the distinct query terms in a sentence.
fn value_of(sentence: &str, terms: &QueryTerms) -> f32 {
    terms
        .shared_with(sentence)
        .into_iter()
        .map(|(_, value)| value)
        .sum()
}

fn passage(text: &str, sentences: &[Range<usize>], terms: &QueryTerms) -> Range<usize> {
    let Some(first) = sentences.first() else {
        return 0..0;
    };
    if first.len() > MAX_SENTENCE_BYTES {
        return window(text, first, terms);
    }
    let mut end = first.end;
    for next in sentences.iter().skip(1) {
        if next.end - first.start > TARGET_BYTES {
            break;
        }
        end = next.end;
    }
    first.start..end
}

/// A stretch of an overlong sentence around its first match, on character boundaries.
fn window(text: &str, sentence: &Range<usize>, terms: &QueryTerms) -> Range<usize> {
    let slice = text.get(sentence.clone()).unwrap_or_default();
    let first_match = ranges(slice, terms).first().map_or(0, |range| range.start);
    let from = ceil_boundary(slice, first_match.saturating_sub(TARGET_BYTES / 4));
    let to = floor_boundary(slice, from + TARGET_BYTES);
    sentence.start + from..sentence.start + to
}

/// The byte ranges of the words that match, in order, merged where they overlap.
fn ranges(text: &str, terms: &QueryTerms) -> Vec<Range<usize>> {
    let mut matched: BTreeSet<(usize, usize)> = BTreeSet::new();
    analyze(text, terms.languages(), |token| {
        if terms.value(token.term).is_some() {
            matched.insert((token.range.start, token.range.end));
        }
    });
    let mut merged: Vec<Range<usize>> = Vec::new();
    for (start, end) in matched {
        match merged.last_mut() {
            Some(last) if start < last.end => last.end = last.end.max(end),
            _ => merged.push(start..end),
        }
    }
    merged
}

fn highlights(text: &str, terms: &QueryTerms) -> Vec<Highlight> {
    let n_chars = |end: usize| text.get(..end).unwrap_or_default().chars().count();
    ranges(text, terms)
        .into_iter()
        .map(|range| Highlight {
            start: n_chars(range.start),
            end: n_chars(range.end),
        })
        .collect()
}

fn floor_boundary(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

fn ceil_boundary(text: &str, at: usize) -> usize {
    text.ceil_char_boundary(at.min(text.len()))
}
