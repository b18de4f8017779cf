//! A condition taken apart: the smallest questions that it asks of a ticket, each with the answer
//! that is wanted, and how many of these answers must come.
//!
//! Whatever a rule file says becomes a count. All is as many as there are, any is at least one, and
//! what must not hold is the same count from the other side, with the opposite answers.

use std::collections::BTreeSet;
use std::ops::Range;

use super::condition::{Condition, Field, Scope, Values, Window};
use super::decision::MatchedIn;
use super::matcher::Pattern;

/// A question that is not taken further apart.
#[derive(Debug, Clone)]
pub(super) enum Atom<'a> {
    /// Whether a pattern is found in a text.
    Found(&'a Pattern, MatchedIn),
    /// Whether patterns stand in a text so close together.
    Near(BTreeSet<&'a Pattern>, MatchedIn, u32),
    /// Whether a field has such a value.
    Has(&'a Field, &'a Values),
    /// Whether the ticket comes at such a time.
    Comes(&'a Window),
}

/// A condition as a count of answers.
#[derive(Debug, Clone)]
pub(super) enum Form<'a> {
    /// The answer to a question is this.
    Is(Atom<'a>, bool),
    /// At least so many of these hold.
    AtLeast(usize, Vec<Form<'a>>),
}

impl<'a> Form<'a> {
    /// The form of a condition whose patterns are among these.
    pub(super) fn new(condition: &'a Condition, patterns: &'a [Pattern]) -> Self {
        let each = |parts: &'a [Condition]| -> Vec<Self> {
            parts.iter().map(|part| Self::new(part, patterns)).collect()
        };
        let of_range = |range: &Range<usize>| patterns.get(range.clone()).unwrap_or_default();
        match condition {
            Condition::Text {
                patterns,
                scope,
                at_least,
            } => {
                let found = of_range(patterns).iter().map(|pattern| {
                    let fields = fields(*scope).iter();
                    let found = fields.map(|field| Self::Is(Atom::Found(pattern, *field), true));
                    Self::any(found.collect())
                });
                Self::at_least(*at_least, found.collect())
            }
            Condition::Near {
                patterns,
                scope,
                within,
            } => {
                let patterns: BTreeSet<&Pattern> = of_range(patterns).iter().collect();
                let in_field = |field: &MatchedIn| {
                    let found = patterns.iter().map(|pattern| Atom::Found(pattern, *field));
                    let near = Atom::Near(patterns.clone(), *field, *within);
                    let all = found.chain([near]).map(|atom| Self::Is(atom, true));
                    Self::all(all.collect())
                };
                Self::any(fields(*scope).iter().map(in_field).collect())
            }
            Condition::Field { field, values } => Self::Is(Atom::Has(field, values), true),
            Condition::Time(window) => Self::Is(Atom::Comes(window), true),
            Condition::All(parts) => Self::all(each(parts)),
            Condition::Any(parts, at_least) => Self::at_least(*at_least, each(parts)),
            Condition::None(parts) => Self::any(each(parts)).negated(),
        }
    }

    /// What holds where this does not.
    pub(super) fn negated(self) -> Self {
        match self {
            Self::Is(atom, answer) => Self::Is(atom, !answer),
            Self::AtLeast(n, parts) => {
                let n_failing = (parts.len() + 1).saturating_sub(n);
                Self::AtLeast(n_failing, parts.into_iter().map(Self::negated).collect())
            }
        }
    }

    fn all(parts: Vec<Self>) -> Self {
        Self::at_least(parts.len(), parts)
    }

    fn any(parts: Vec<Self>) -> Self {
        Self::at_least(1, parts)
    }

    /// A count in which no all stands directly in an all, and no any in an any.
    fn at_least(n: usize, parts: Vec<Self>) -> Self {
        let (is_all, is_any) = (n == parts.len(), n == 1);
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Self::AtLeast(m, inner)
                    if (is_all && m == inner.len()) || (is_any && m == 1 && !is_all) =>
                {
                    flat.extend(inner);
                }
                part @ (Self::AtLeast(..) | Self::Is(..)) => flat.push(part),
            }
        }
        let n = if is_all { flat.len() } else { n };
        match flat.pop() {
            Some(only) if n == 1 && flat.is_empty() => only,
            last => {
                flat.extend(last);
                Self::AtLeast(n, flat)
            }
        }
    }

    /// A text that is the same for the same condition, however its parts are ordered and put into
    /// each other.
    pub(super) fn key(&self) -> String {
        let Self::AtLeast(n, parts) = self else {
            return format!("{self:?}");
        };
        let mut keys: Vec<String> = parts.iter().map(Self::key).collect();
        keys.sort();
        let is_all = *n == keys.len();
        if is_all || *n == 1 {
            keys.dedup();
        }
        let n = if is_all { keys.len() } else { *n };
        match <[String; 1]>::try_from(keys) {
            Ok([key]) => key,
            Err(keys) => format!("{n} of ({})", keys.join(", ")),
        }
    }
}

fn fields(scope: Scope) -> &'static [MatchedIn] {
    match scope {
        Scope::Text => &[MatchedIn::Subject, MatchedIn::Description],
        Scope::Subject => &[MatchedIn::Subject],
        Scope::Description => &[MatchedIn::Description],
    }
}
