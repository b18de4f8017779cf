//! The rules of a desk, ready to be weighed.
//!
//! `[queues]` names the queue of every category and with it the taxonomy; `[bias.FIELD]` says what
//! speaks for a value before anything is read; each `[[rule]]` has conditions and effects.
//! `RULES.md` is the reference of the file, `rules.schema.json` its schema, and
//! `corpus/demo/rules.toml` a complete example.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::Serialize;

use super::condition::{Condition, Evidence, Look, Scope};
use super::decision::{LabelKind, Matched};
use super::file;
use super::matcher::{Hit, MAX_MATCHES, Matcher, Pattern};
use super::problems::{Problems, Severity};
use super::review;
use super::{FieldName, FieldValue};
use crate::model::{Calendar, TicketText};

/// The JSON Schema of the rule file, for editors.
pub const RULES_SCHEMA: &str = include_str!("rules.schema.json");

/// A rule, ready to be weighed once it is known to fire.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) note: Option<String>,
    pub(super) condition: Condition,
    /// The patterns of which each that is found makes the rule fire once.
    pub(super) each: Option<(Range<usize>, Scope)>,
    pub(super) weights: Vec<(FieldName, FieldValue, f64)>,
    /// Weights on tags and flags.
    pub(super) labels: Vec<(LabelKind, String, f64)>,
    pub(super) policy: Option<Policy>,
}

/// What a rule sets, whatever the weights say.
#[derive(Debug, Clone, Default)]
pub(super) struct Policy {
    pub(super) values: Vec<(FieldName, FieldValue)>,
    pub(super) labels: Vec<(LabelKind, String)>,
    pub(super) reason: String,
}

/// The rules of a desk, compiled. The default has none and leaves every decision to a human.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    pub(super) rules: Vec<Rule>,
    pub(super) matcher: Matcher,
    /// The rule of every pattern.
    pub(super) rule_of: Vec<usize>,
    /// The rules that may fire where no pattern is found.
    pub(super) without_text: Vec<usize>,
    pub(super) queues: BTreeMap<String, String>,
    pub(super) bias: Vec<(FieldName, FieldValue, f64)>,
    pub(super) label_bias: Vec<(LabelKind, String, f64)>,
    pub(super) calendar: Option<Calendar>,
    pub(super) asks_time: bool,
    /// Rules that are switched off.
    pub(super) n_off: usize,
    pub(super) digest: String,
}

/// What a desk's rules are, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RulesSummary {
    /// How many rules are on.
    pub rules: usize,
    /// How many rules are off.
    pub off: usize,
    /// The categories of the taxonomy.
    pub categories: usize,
    /// Changes with every change of the file.
    pub digest: String,
}

/// A time at which a rule fires: what it found.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Firing {
    pub(super) matched: Vec<Matched>,
    pub(super) fields: BTreeMap<String, String>,
}

/// Every time that a rule fires. Most rules fire once, a rule with `each` for every different
/// pattern of it.
pub(super) type Firings = Vec<Firing>;

impl Rules {
    /// Reads a rule file; `name` stands in the messages.
    ///
    /// # Errors
    /// Every error of the file, not only the first. Warnings do not keep it from being taken.
    pub fn parse(name: &str, text: &str) -> Result<Self, Problems> {
        let (rules, _, found) = file::read(text);
        if !found.has_errors() {
            return Ok(rules);
        }
        let mut problems = found.into_sorted();
        problems.retain(|problem| problem.severity == Severity::Error);
        Err(Problems {
            file: name.to_owned(),
            problems,
        })
    }

    /// All problems of a rule file: what keeps it from being taken, and what is most likely not
    /// meant. There are none when the list is empty.
    #[must_use]
    pub fn check(name: &str, text: &str) -> Problems {
        let (rules, places, mut found) = file::read(text);
        if !found.has_errors() {
            review::review(&rules, &places, &mut found);
        }
        Problems {
            file: name.to_owned(),
            problems: found.into_sorted(),
        }
    }

    /// Changes with every change of the file.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What the rules are, in numbers.
    #[must_use]
    pub fn summary(&self) -> RulesSummary {
        RulesSummary {
            rules: self.rules.len(),
            off: self.n_off,
            categories: self.queues.len(),
            digest: self.digest.clone(),
        }
    }

    /// Whether a decision depends on when the ticket came.
    #[must_use]
    pub fn asks_time(&self) -> bool {
        self.asks_time
    }

    /// Whether a taxonomy is declared.
    #[must_use]
    pub fn has_categories(&self) -> bool {
        !self.queues.is_empty()
    }

    /// Whether a rule that looks for this phrase speaks for a value.
    #[must_use]
    pub fn speaks_for(&self, field: FieldName, value: &FieldValue, phrase: &str) -> bool {
        let Some(wanted) = Pattern::phrase(phrase) else {
            return false;
        };
        let patterns = self.matcher.patterns().iter().zip(&self.rule_of);
        let rules = patterns.filter(|(pattern, _)| **pattern == wanted);
        let mut rules = rules.filter_map(|(_, rule)| self.rules.get(*rule));
        rules.any(|rule| {
            let mut weights = rule.weights.iter();
            weights.any(|(of, to, weight)| (*of, to) == (field, value) && *weight > 0.0)
        })
    }

    /// All values that a field can have.
    pub(super) fn values(&self, field: FieldName) -> BTreeSet<FieldValue> {
        match field {
            FieldName::Category => self.queues.keys().cloned().map(FieldValue::Name).collect(),
            FieldName::Queue => self
                .queues
                .values()
                .cloned()
                .map(FieldValue::Name)
                .collect(),
            FieldName::Impact | FieldName::Urgency => (1..=3).map(FieldValue::Number).collect(),
        }
    }

    /// The rules that fire, in order of the file, with what they found.
    pub(super) fn fired(&self, ticket: &TicketText) -> Vec<(&Rule, Firings)> {
        let hits = self.matcher.find(ticket);
        let of_hits = hits.iter().filter_map(|hit| self.rule_of.get(hit.pattern));
        let mut worth: Vec<usize> = of_hits.copied().collect();
        worth.extend(&self.without_text);
        worth.sort_unstable();
        worth.dedup();
        let calendar = self.calendar.as_ref();
        let look = Look {
            ticket,
            hits: &hits,
            local: calendar.and_then(|calendar| Some(calendar.local(ticket.created_at?))),
        };
        let rules = worth.into_iter().filter_map(|index| self.rules.get(index));
        rules
            .filter_map(|rule| Some((rule, rule.fires(&look)?)))
            .collect()
    }
}

impl Rule {
    /// The firings of the rule, if it fires.
    fn fires(&self, look: &Look<'_>) -> Option<Firings> {
        let mut evidence = Evidence::default();
        if !look.holds(&self.condition, &mut evidence) {
            return None;
        }
        let Evidence { hits, fields } = evidence;
        let firing = |hits: Vec<Hit>| Firing {
            matched: shown(hits, look.ticket),
            fields: fields.clone(),
        };
        let Some((patterns, scope)) = &self.each else {
            return Some(vec![firing(hits)]);
        };
        let of_each = look
            .hits_of(patterns)
            .iter()
            .filter(|hit| scope.has(hit.field));
        let of_each: Vec<Hit> = of_each.cloned().collect();
        let by_pattern = of_each.chunk_by(|a, b| a.pattern == b.pattern);
        Some(by_pattern.map(|hits| firing(hits.to_vec())).collect())
    }
}

/// The places in order, each once, no more of one text than are worth showing.
fn shown(mut hits: Vec<Hit>, ticket: &TicketText) -> Vec<Matched> {
    let at_most = |hits: &mut Vec<Hit>, is_same: fn(&Hit, &Hit) -> bool| {
        let mut run = 0;
        let mut last: Option<Hit> = None;
        hits.retain(|hit| {
            let goes_on = last.as_ref().is_some_and(|last| is_same(last, hit));
            run = if goes_on { run + 1 } else { 1 };
            last = Some(hit.clone());
            run <= MAX_MATCHES
        });
    };
    if hits.len() == 1 {
        let only = hits.into_iter();
        return only
            .map(|hit| Matched::new(hit.field, hit.range, ticket))
            .collect();
    }
    at_most(&mut hits, |a, b| {
        a.pattern == b.pattern && a.field == b.field
    });
    hits.sort_by(|a, b| {
        let place = |hit: &Hit| (hit.field, hit.range.start, hit.range.end);
        place(a).cmp(&place(b))
    });
    hits.dedup_by(|a, b| (a.field, &a.range) == (b.field, &b.range));
    at_most(&mut hits, |a, b| a.field == b.field);
    hits.iter()
        .map(|hit| Matched::new(hit.field, hit.range.clone(), ticket))
        .collect()
}

#[cfg(test)]
mod tests;
