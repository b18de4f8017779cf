//! The conditions of a rule, and whether they hold for a ticket.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use regex::Regex;
use serde_json::Value;

use super::decision::MatchedIn;
use super::matcher::Hit;
use crate::model::{LocalTime, TicketText, Weekday};

/// Which text a condition reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) enum Scope {
    /// Subject and description.
    #[default]
    Text,
    /// The subject.
    Subject,
    /// The description.
    Description,
}

impl Scope {
    pub(super) fn has(self, field: MatchedIn) -> bool {
        match self {
            Self::Text => true,
            Self::Subject => field == MatchedIn::Subject,
            Self::Description => field == MatchedIn::Description,
        }
    }
}

/// A field of a ticket that is no text to read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Field {
    Channel,
    Requester,
    Organisation,
    Product,
    Attachment,
    Other(String),
}

impl Field {
    /// The field with this name.
    pub(super) fn new(name: &str) -> Self {
        match name {
            "channel" => Self::Channel,
            "requester" => Self::Requester,
            "organisation" => Self::Organisation,
            "product" => Self::Product,
            "attachment" => Self::Attachment,
            other => Self::Other(other.to_owned()),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Channel => "channel",
            Self::Requester => "requester",
            Self::Organisation => "organisation",
            Self::Product => "product",
            Self::Attachment => "attachment",
            Self::Other(name) => name,
        }
    }

    /// Whether a ticket may have several values of it.
    pub(super) fn is_list(&self) -> bool {
        matches!(self, Self::Attachment | Self::Other(_))
    }

    fn values<'t>(&self, ticket: &'t TicketText) -> Vec<Cow<'t, str>> {
        let one = |value: &'t Option<String>| value.as_deref().map(trimmed);
        match self {
            Self::Channel => one(&ticket.channel).into_iter().collect(),
            Self::Requester => one(&ticket.requester).into_iter().collect(),
            Self::Organisation => one(&ticket.organisation).into_iter().collect(),
            Self::Product => one(&ticket.product).into_iter().collect(),
            Self::Attachment => {
                let names = ticket.attachments.iter();
                names.map(|name| trimmed(name)).collect()
            }
            Self::Other(name) => match ticket.fields.get(name) {
                Some(Value::Array(list)) => list.iter().filter_map(scalar).collect(),
                value => value.and_then(scalar).into_iter().collect(),
            },
        }
    }
}

/// Blanks around a value say nothing.
fn trimmed(value: &str) -> Cow<'_, str> {
    Cow::Borrowed(value.trim())
}

fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(trimmed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(boolean) => Some(Cow::Owned(boolean.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The values that a condition takes.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    /// In lower case; the case does not matter.
    pub(super) exact: BTreeSet<String>,
    /// Values in which `*` stands for anything; the case does not matter.
    pub(super) wild: Vec<Regex>,
    pub(super) regexes: Vec<Regex>,
}

impl Values {
    pub(super) fn take(&self, value: &str) -> bool {
        let mut patterns = self.wild.iter().chain(&self.regexes);
        (!self.exact.is_empty() && self.exact.contains(&value.to_lowercase()))
            || patterns.any(|regex| regex.is_match(value))
    }
}

/// When a ticket comes, by the calendar of the desk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Window {
    pub(super) open: Option<bool>,
    pub(super) days: Option<BTreeSet<Weekday>>,
    /// From the first minute of the day up to the second, over midnight when that is earlier.
    pub(super) minutes: Option<(u16, u16)>,
}

impl Window {
    pub(super) fn has(&self, local: LocalTime) -> bool {
        let is_in_minutes = |(from, to): (u16, u16)| {
            if from < to {
                (from..to).contains(&local.minute)
            } else {
                local.minute >= from || local.minute < to
            }
        };
        self.open.is_none_or(|open| open == local.is_open)
            && self
                .days
                .as_ref()
                .is_none_or(|days| days.contains(&local.weekday))
            && self.minutes.is_none_or(is_in_minutes)
    }
}

/// What a rule asks of a ticket.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    /// So many different ones of these patterns stand in the text.
    Text {
        patterns: Range<usize>,
        scope: Scope,
        at_least: usize,
    },
    /// All of these patterns stand in one text, the last at most so many words after the first.
    Near {
        patterns: Range<usize>,
        scope: Scope,
        within: u32,
    },
    /// A field has one of these values.
    Field { field: Field, values: Values },
    /// The ticket comes at such a time.
    Time(Window),
    /// All hold.
    All(Vec<Condition>),
    /// So many of them hold.
    Any(Vec<Condition>, usize),
    /// None of them holds.
    None(Vec<Condition>),
}

impl Condition {
    /// Whether it can hold only where one of its patterns is found.
    pub(super) fn needs_text(&self) -> bool {
        match self {
            Self::Text { .. } | Self::Near { .. } => true,
            Self::Field { .. } | Self::Time(_) | Self::None(_) => false,
            Self::All(parts) => parts.iter().any(Self::needs_text),
            Self::Any(parts, at_least) => {
                let n_without = parts.iter().filter(|part| !part.needs_text()).count();
                n_without < *at_least
            }
        }
    }

    /// Whether the clock is asked.
    pub(super) fn asks_time(&self) -> bool {
        match self {
            Self::Text { .. } | Self::Near { .. } | Self::Field { .. } => false,
            Self::Time(_) => true,
            Self::All(parts) | Self::Any(parts, _) | Self::None(parts) => {
                parts.iter().any(Self::asks_time)
            }
        }
    }
}

/// What is known of a ticket when conditions are looked at.
pub(super) struct Look<'a, 'h> {
    pub(super) ticket: &'a TicketText,
    /// In order of patterns; those of other rules may be missing.
    pub(super) hits: &'h [Hit],
    /// When it came, by the calendar of the desk.
    pub(super) local: Option<LocalTime>,
}

/// What made conditions hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Evidence<'a> {
    pub(super) hits: Vec<Hit>,
    /// What the ticket says; of one name the last counts.
    pub(super) fields: Vec<(&'a str, Cow<'a, str>)>,
}

impl Evidence<'_> {
    /// What there is so far.
    fn mark(&self) -> (usize, usize) {
        (self.hits.len(), self.fields.len())
    }

    /// Forgets what was added since; false, for a condition that does not hold.
    fn back_to(&mut self, (n_hits, n_fields): (usize, usize)) -> bool {
        self.hits.truncate(n_hits);
        self.fields.truncate(n_fields);
        false
    }
}

impl<'a> Look<'a, '_> {
    /// Whether a condition holds; what makes it hold is added to the evidence.
    pub(super) fn holds(&self, condition: &'a Condition, evidence: &mut Evidence<'a>) -> bool {
        match condition {
            Condition::Text {
                patterns,
                scope,
                at_least,
            } => self.text(patterns, *scope, *at_least, evidence),
            Condition::Near {
                patterns,
                scope,
                within,
            } => self.near(patterns, *scope, *within, evidence),
            Condition::Field { field, values } => {
                let mut of_ticket = field.values(self.ticket).into_iter();
                let found = of_ticket.find(|value| values.take(value));
                let is_found = found.is_some();
                let found = found.map(|value| (field.as_str(), value));
                evidence.fields.extend(found);
                is_found
            }
            Condition::Time(window) => {
                let holds = self.local.is_some_and(|local| window.has(local));
                if let (true, Some(time)) = (holds, self.ticket.created_at) {
                    let time = Cow::Owned(time.to_string());
                    evidence.fields.push(("created_at", time));
                }
                holds
            }
            Condition::All(parts) => {
                let before = evidence.mark();
                let holds = parts.iter().all(|part| self.holds(part, evidence));
                holds || evidence.back_to(before)
            }
            Condition::Any(parts, at_least) => {
                let before = evidence.mark();
                let holding = parts.iter().filter(|part| self.holds(part, evidence));
                holding.count() >= *at_least || evidence.back_to(before)
            }
            Condition::None(parts) => {
                let before = evidence.mark();
                let holds = !parts.iter().any(|part| self.holds(part, evidence));
                evidence.back_to(before);
                holds
            }
        }
    }

    /// The places of patterns, in order of patterns.
    pub(super) fn hits_of(&self, patterns: &Range<usize>) -> &[Hit] {
        let place = |pattern: usize| self.hits.partition_point(|hit| hit.pattern < pattern);
        let range = place(patterns.start)..place(patterns.end);
        self.hits.get(range).unwrap_or_default()
    }

    fn text(
        &self,
        patterns: &Range<usize>,
        scope: Scope,
        at_least: usize,
        evidence: &mut Evidence<'_>,
    ) -> bool {
        let hits = self.hits_of(patterns).iter();
        let in_scope = hits.filter(|hit| scope.has(hit.field));
        let (mut n_different, mut last) = (0, None);
        for hit in in_scope.clone() {
            n_different += usize::from(last != Some(hit.pattern));
            last = Some(hit.pattern);
        }
        let holds = n_different >= at_least;
        if holds {
            evidence.hits.extend(in_scope.cloned());
        }
        holds
    }

    /// Looks at every word that may be the first of the stretch: the nearest of each other pattern
    /// after it must not be too far.
    fn near(
        &self,
        patterns: &Range<usize>,
        scope: Scope,
        within: u32,
        evidence: &mut Evidence<'_>,
    ) -> bool {
        let hits = self.hits_of(patterns);
        for first in hits.iter().filter(|hit| scope.has(hit.field)) {
            let nearest = |pattern: usize| {
                let hits = hits.iter().filter(|hit| {
                    let is_after = hit.words.0 >= first.words.0;
                    hit.pattern == pattern && hit.field == first.field && is_after
                });
                hits.min_by_key(|hit| hit.words.1)
            };
            let stretch: Option<Vec<&Hit>> = patterns.clone().map(nearest).collect();
            let Some(stretch) = stretch else {
                continue;
            };
            let last = stretch.iter().map(|hit| hit.words.1).max();
            if last.is_some_and(|last| last - first.words.0 <= within) {
                evidence.hits.extend(stretch.into_iter().cloned());
                return true;
            }
        }
        false
    }
}
