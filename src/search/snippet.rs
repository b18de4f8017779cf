//! The passage of a text that answers a query best, with what matched in it marked.
//!
//! Passages are whole sentences, so nothing is shown that ends in the middle of a word. The best
//! one has the highest sum of the values of the distinct query terms in it; the sentences after it
//! are added while there is room.

use std::ops::Range;

use serde::Serialize;

use crate::index::{QueryTerms, TermMatch};
use crate::text::{Language, sentences};

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
    /// The passage as HTML that is safe to insert, with what matched in `<mark>`.
    pub html: String,
}

/// A stretch of a snippet, counted in characters (Unicode scalar values) from 0, end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Highlight {
    /// The first character.
    pub start: usize,
    /// The character after the last.
    pub end: usize,
}

/// The best passage of a text in `language`; its first sentences when nothing matches.
#[must_use]
pub fn snippet(text: &str, language: Language, terms: &QueryTerms) -> Snippet {
    let text = text
        .get(..floor_boundary(text, MAX_SCANNED_BYTES))
        .unwrap_or(text);
    let matches = terms.matches(text, language);
    let passage = passage(text, &best_sentences(text, &matches), &matches);
    let highlights = highlights(text, &passage, &matches);
    let text = text.get(passage).unwrap_or_default().to_owned();
    Snippet {
        html: html(&text, &highlights),
        text,
        highlights,
    }
}

/// What matches in a short text in `language`.
pub(super) fn highlights_of(text: &str, language: Language, terms: &QueryTerms) -> Vec<Highlight> {
    highlights(text, &(0..text.len()), &terms.matches(text, language))
}

/// A text with its highlights in `<mark>` and all that means something in HTML escaped.
fn html(text: &str, highlights: &[Highlight]) -> String {
    let mut html = String::with_capacity(text.len() + 13 * highlights.len());
    let mut marks = highlights.iter().peekable();
    for (at, c) in text.chars().enumerate() {
        if marks.peek().is_some_and(|mark| mark.start == at) {
            html.push_str("<mark>");
        }
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
        if marks.next_if(|mark| mark.end == at + 1).is_some() {
            html.push_str("</mark>");
        }
    }
    html
}

/// The best sentence where the matches are densest, and those after it as far as a snippet goes.
/// Only there the text is cut into sentences: that is what takes time.
fn best_sentences(text: &str, matches: &[TermMatch]) -> Vec<Range<usize>> {
    let densest = densest(matches).unwrap_or(0..0);
    let before = text.get(..densest.start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let from = line_start.max(densest.start.saturating_sub(MAX_SENTENCE_BYTES));
    let from = floor_boundary(text, from);
    let to = floor_boundary(text, densest.end + MAX_SENTENCE_BYTES + TARGET_BYTES);
    let mut best: Vec<Range<usize>> = Vec::new();
    let mut highest = 0.0;
    for sentence in sentences(text.get(from..to).unwrap_or_default()) {
        let sentence = from + sentence.start..from + sentence.end;
        let value = value_of(&sentence, matches);
        let room_ends = best.first().map(|first| first.start + TARGET_BYTES);
        if room_ends.is_none() || value > highest {
            best.clear();
            highest = value;
        } else if room_ends.is_some_and(|end| sentence.start >= end.max(densest.end)) {
            break;
        }
        best.push(sentence);
    }
    best
}

/// The first stretch, no longer than a snippet, with the highest sum of the values of the distinct
/// terms in it.
fn densest(matches: &[TermMatch]) -> Option<Range<usize>> {
    let mut best: Option<(f32, Range<usize>)> = None;
    for (at, first) in matches.iter().enumerate() {
        let from = first.range.start;
        let after = matches.get(at..).unwrap_or_default();
        let n_inside = after.partition_point(|found| found.range.end <= from + TARGET_BYTES);
        let inside = after.get(..n_inside.max(1)).unwrap_or_default();
        let value = value_of_distinct(inside);
        if best.as_ref().is_none_or(|(highest, _)| value > *highest) {
            let end = inside.last().map_or(from, |last| last.range.end);
            best = Some((value, from..end));
        }
    }
    best.map(|(_, stretch)| stretch)
}

/// The sum of the values of the distinct terms in a sentence.
fn value_of(sentence: &Range<usize>, matches: &[TermMatch]) -> f32 {
    let start = matches.partition_point(|found| found.range.start < sentence.start);
    let end = matches.partition_point(|found| found.range.start < sentence.end);
    value_of_distinct(matches.get(start..end).unwrap_or_default())
}

fn value_of_distinct(matches: &[TermMatch]) -> f32 {
    let mut seen: Vec<usize> = Vec::with_capacity(matches.len());
    let mut sum = 0.0;
    for found in matches {
        if !seen.contains(&found.term_index) {
            seen.push(found.term_index);
            sum += found.value;
        }
    }
    sum
}

fn passage(text: &str, sentences: &[Range<usize>], matches: &[TermMatch]) -> Range<usize> {
    let Some(first) = sentences.first() else {
        return 0..0;
    };
    if first.len() > MAX_SENTENCE_BYTES {
        return window(text, first, matches);
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
fn window(text: &str, sentence: &Range<usize>, matches: &[TermMatch]) -> Range<usize> {
    let inside = |found: &&TermMatch| sentence.contains(&found.range.start);
    let first_match = matches
        .iter()
        .find(inside)
        .map_or(sentence.start, |found| found.range.start);
    let from = first_match
        .saturating_sub(TARGET_BYTES / 4)
        .max(sentence.start);
    let from = text.ceil_char_boundary(from.min(text.len()));
    from..floor_boundary(text, sentence.end.min(from + TARGET_BYTES))
}

/// What matched inside the passage, merged where it overlaps, in characters of the passage.
fn highlights(text: &str, passage: &Range<usize>, matches: &[TermMatch]) -> Vec<Highlight> {
    let mut merged: Vec<Range<usize>> = Vec::new();
    for TermMatch { range, .. } in matches {
        if range.start < passage.start || range.end > passage.end {
            continue;
        }
        match merged.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push(range.clone()),
        }
    }
    let n_chars = |end: usize| {
        text.get(passage.start..end)
            .unwrap_or_default()
            .chars()
            .count()
    };
    merged
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
