//! The rules of a desk, ready to be weighed.
//!
//! `[queues]` names the queue of every category and with it the taxonomy; `[bias.FIELD]` says what
//! speaks for a value before anything is read; each `[[rule]]` has conditions and effects.
//! `RULES.md` is the reference of the file, `rules.schema.json` its schema, and
//! `corpus/demo/rules.toml` a complete example.
//!
//! A rule with `each` counts once for every different word. Only rules of which a pattern is found
//! are looked at, and those that ask no text.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::Serialize;

use super::condition::{Condition, Evidence, Look, Scope};
use super::decision::{LabelKind, Matched, Reason};
use super::file;
use super::matcher::{Hit, MAX_MATCHES, Matcher, Pattern};
use super::problems::{Problems, Severity};
use super::question::Question;
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

/// All values that a field can have, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    categories: Vec<FieldValue>,
    queues: Vec<FieldValue>,
    /// Of impact and of urgency.
    scale: Vec<FieldValue>,
}

impl Values {
    /// The values where this is the queue of every category.
    pub(super) fn new(queues: &BTreeMap<String, String>) -> Self {
        let of_queues: BTreeSet<&String> = queues.values().collect();
        Self {
            categories: queues.keys().cloned().map(FieldValue::Name).collect(),
            queues: of_queues
                .into_iter()
                .cloned()
                .map(FieldValue::Name)
                .collect(),
            scale: (1..=3).map(FieldValue::Number).collect(),
        }
    }

    pub(super) fn of(&self, field: FieldName) -> &[FieldValue] {
        match field {
            FieldName::Category => &self.categories,
            FieldName::Queue => &self.queues,
            FieldName::Impact | FieldName::Urgency => &self.scale,
        }
    }
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
    pub(super) values: Values,
    pub(super) bias: Vec<(FieldName, FieldValue, f64)>,
    pub(super) label_bias: Vec<(LabelKind, String, f64)>,
    pub(super) questions: Vec<Question>,
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

/// A time at which a rule fires: what made it.
pub(super) type Firing<'a> = Evidence<'a>;

/// A rule that fires. Most rules fire once, a rule with `each` for every different pattern of it.
#[derive(Debug)]
pub(super) struct Fired<'a> {
    pub(super) rule: &'a Rule,
    pub(super) firings: Vec<Firing<'a>>,
}

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
    /// meant; the latter of rules without errors. There are none when the list is empty.
    #[must_use]
    pub fn check(name: &str, text: &str) -> Problems {
        let (rules, places, mut found) = file::read(text);
        review::review(&rules, &places, &mut found);
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

    /// The rules that fire, in order of the file, with what they found.
    pub(super) fn fired<'a>(&'a self, ticket: &'a TicketText) -> Vec<Fired<'a>> {
        let hits = self.matcher.find(ticket);
        let rule_of = |hit: &Hit| self.rule_of.get(hit.pattern).copied();
        let mut worth: Vec<usize> = hits.iter().filter_map(rule_of).collect();
        worth.extend(&self.without_text);
        worth.sort_unstable();
        worth.dedup();
        let calendar = self.calendar.as_ref();
        let local = calendar.and_then(|calendar| Some(calendar.local(ticket.created_at?)));
        let mut fired = Vec::new();
        // Patterns are numbered in order of rules: the next hits are those of the next rule.
        let mut later = hits.as_slice();
        for index in worth {
            let n_hits = later
                .iter()
                .take_while(|hit| rule_of(hit) == Some(index))
                .count();
            let (hits, rest) = later.split_at_checked(n_hits).unwrap_or_default();
            later = rest;
            let look = Look {
                ticket,
                hits,
                local,
            };
            let rule = self.rules.get(index);
            fired.extend(rule.and_then(|rule| rule.fires(&look)));
        }
        fired
    }
}

impl Rule {
    /// The firings of the rule, if it fires.
    fn fires<'a>(&'a self, look: &Look<'a, '_>) -> Option<Fired<'a>> {
        let mut evidence = Evidence::default();
        if !look.holds(&self.condition, &mut evidence) {
            return None;
        }
        let firings = match &self.each {
            None => vec![evidence],
            Some((patterns, scope)) => {
                let hits = look.hits_of(patterns).iter();
                let of_each: Vec<Hit> = hits.filter(|hit| scope.has(hit.field)).cloned().collect();
                let by_pattern = of_each.chunk_by(|a, b| a.pattern == b.pattern);
                let firings = by_pattern.map(|hits| Firing {
                    hits: hits.to_vec(),
                    fields: evidence.fields.clone(),
                });
                firings.collect()
            }
        };
        Some(Fired {
            rule: self,
            firings,
        })
    }

    /// A weight of the rule as a reason, with the one that the file states.
    pub(super) fn reason(
        &self,
        (weight, stated): (f64, f64),
        firing: &Firing<'_>,
        ticket: &TicketText,
    ) -> Reason {
        Reason::Rule {
            rule: self.id.clone(),
            weight,
            matched: matched(firing, ticket),
            fields: fields(firing),
            name: self.name.clone(),
            note: self.note.clone(),
            stated: ((weight - stated).abs() > f64::EPSILON).then_some(stated),
        }
    }
}

impl Fired<'_> {
    /// What the rule sets, as a reason.
    pub(super) fn set_reason(&self, policy: &Policy, ticket: &TicketText) -> Reason {
        let firings = self.firings.iter();
        Reason::Set {
            rule: self.rule.id.clone(),
            weight: 0.0,
            matched: firings.flat_map(|firing| matched(firing, ticket)).collect(),
            fields: self.firings.first().map(fields).unwrap_or_default(),
            reason: policy.reason.clone(),
        }
    }
}

fn fields(firing: &Firing<'_>) -> BTreeMap<String, String> {
    let fields = firing.fields.iter();
    fields
        .map(|(name, value)| ((*name).to_owned(), value.clone().into_owned()))
        .collect()
}

/// The places in order, each once, no more of one text than are worth showing.
fn matched(firing: &Firing<'_>, ticket: &TicketText) -> Vec<Matched> {
    let at_most = |hits: &mut Vec<&Hit>, is_same: fn(&Hit, &Hit) -> bool| {
        let mut run = 0;
        let mut last: Option<&Hit> = None;
        hits.retain(|hit| {
            let goes_on = last.is_some_and(|last| is_same(last, hit));
            run = if goes_on { run + 1 } else { 1 };
            last = Some(hit);
            run <= MAX_MATCHES
        });
    };
    let mut hits: Vec<&Hit> = firing.hits.iter().collect();
    at_most(&mut hits, |a, b| {
        a.pattern == b.pattern && a.field == b.field
    });
    hits.sort_by_key(|hit| (hit.field, hit.range.start, hit.range.end));
    hits.dedup_by_key(|hit| (hit.field, hit.range.clone()));
    at_most(&mut hits, |a, b| a.field == b.field);
    hits.iter()
        .map(|hit| Matched::new(hit.field, hit.range.clone(), ticket))
        .collect()
}

#[cfg(test)]
mod tests;
