//! Whether one condition holds wherever another does.
//!
//! The answer yes is certain, the answer no is not: what cannot be told by the form of the
//! conditions counts as no.

use std::ops::Range;

use super::condition::{Condition, Scope, Values};
use super::matcher::{Pattern, PatternKind};

/// Compares conditions whose patterns these are.
#[derive(Clone, Copy)]
pub(super) struct Implies<'a>(pub(super) &'a [Pattern]);

impl<'a> Implies<'a> {
    /// Whether `b` holds wherever `a` does.
    pub(super) fn conditions(self, a: &Condition, b: &Condition) -> bool {
        use Condition::{All, Any, Field, Near, None, Text, Time};
        match (a, b) {
            (_, All(parts)) => parts.iter().all(|part| self.conditions(a, part)),
            (All(parts), Any(choices, 1)) => {
                parts.iter().any(|part| self.conditions(part, b))
                    || choices.iter().any(|choice| self.conditions(a, choice))
            }
            (All(parts), _) => parts.iter().any(|part| self.conditions(part, b)),
            (Any(parts, n), Any(others, m)) if n != m || *n > 1 => {
                // The same choices: more of them hold where so many do.
                n >= m
                    && parts.len() == others.len()
                    && parts.iter().zip(others).all(|(a, b)| self.same(a, b))
            }
            (Any(parts, _), _) => {
                !parts.is_empty() && parts.iter().all(|part| self.conditions(part, b))
            }
            (_, Any(choices, 1)) => choices.iter().any(|choice| self.conditions(a, choice)),
            (None(parts), None(others)) => others
                .iter()
                .all(|other| parts.iter().any(|part| self.conditions(other, part))),
            (Text { .. }, Text { .. }) => self.texts(a, b),
            (
                Near {
                    patterns,
                    scope,
                    within,
                },
                Near {
                    patterns: others,
                    scope: other_scope,
                    within: other_within,
                },
            ) => {
                is_within(*scope, *other_scope)
                    && within <= other_within
                    && self.all_patterns(patterns) == self.all_patterns(others)
            }
            (
                Field { field, values },
                Field {
                    field: other,
                    values: others,
                },
            ) => field == other && are_within(values, others),
            (Time(a), Time(b)) => a == b,
            _ => false,
        }
    }

    /// Whether the two hold in the same cases.
    pub(super) fn same(self, a: &Condition, b: &Condition) -> bool {
        self.conditions(a, b) && self.conditions(b, a)
    }

    fn texts(self, a: &Condition, b: &Condition) -> bool {
        let (
            Condition::Text {
                patterns,
                scope,
                at_least,
            },
            Condition::Text {
                patterns: others,
                scope: other_scope,
                at_least: other_at_least,
            },
        ) = (a, b)
        else {
            return false;
        };
        if !is_within(*scope, *other_scope) {
            return false;
        }
        let (patterns, others) = (self.all_patterns(patterns), self.all_patterns(others));
        if *other_at_least > 1 {
            return at_least >= other_at_least && patterns.iter().all(|a| others.contains(a));
        }
        // One pattern too many may be found beside others: when several must be found, it is
        // enough that not all of them can be missed.
        let n_outside = patterns
            .iter()
            .filter(|a| !others.iter().any(|b| contains(a, b)))
            .count();
        n_outside < *at_least
    }

    fn all_patterns(self, range: &Range<usize>) -> Vec<&'a Pattern> {
        let patterns = self.0.get(range.clone()).unwrap_or_default();
        let mut patterns: Vec<&'a Pattern> = patterns.iter().collect();
        patterns.sort();
        patterns.dedup();
        patterns
    }
}

/// Whether `b` is found wherever `a` is.
fn contains(a: &Pattern, b: &Pattern) -> bool {
    match (a.kind, b.kind) {
        (PatternKind::Phrase, PatternKind::Phrase) | (PatternKind::Stem, PatternKind::Stem) => {
            a.normal.contains(&b.normal)
        }
        (a_kind, b_kind) => a_kind == b_kind && a.normal == b.normal,
    }
}

fn is_within(a: Scope, b: Scope) -> bool {
    a == b || b == Scope::Text
}

fn are_within(a: &Values, b: &Values) -> bool {
    let is_taken = |value: &String| {
        b.exact.contains(value) || b.patterns.iter().any(|(_, regex)| regex.is_match(value))
    };
    a.exact.iter().all(is_taken)
        && a.patterns
            .iter()
            .all(|(text, _)| b.patterns.iter().any(|(other, _)| other == text))
}
