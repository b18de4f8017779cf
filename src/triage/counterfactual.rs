//! What a decision hangs on: the fewest reasons without which the answer would be another.
//!
//! Every reason gives to scores what it gives, whatever else is there. So against one other value the
//! fewest are those that widen the lead over it most, and the fewest of all are those against the
//! value that needs fewest. Ours; a value is passed over unread where a bound shows that it needs
//! more: the sum of the m largest numbers is at most m times any threshold and what exceeds it. That
//! the answer is another is not reckoned but found by deciding again.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

use super::decision::{Counterfactual, FieldValue, Removed, RemovedWhat};
use super::weigh::{Cause, Part, Parts, Weighed, n_firings, rank};

/// Sums of 32 bits are no more exact than this.
const SLACK: f64 = 1e-3;

impl<'a> Parts<'a> {
    /// What would have to be missing, and what the answer would be then; none where it would be the
    /// same without anything.
    pub(super) fn counterfactual(&self, best: &FieldValue) -> Option<Counterfactual> {
        let answer = |without: &[Cause<'a>]| self.without(without).answer();
        let ledger = Ledger::new(self);
        let policies = self.policies_for(best);
        if policies.is_empty() {
            let mut fewest = ledger.fewest(best)?;
            let (without, value) = fewest.until_changed(policies, best, answer)?;
            // Most often it is the value that was reckoned with.
            let is_known = fewest.rival == value.and_then(|value| ledger.at(value));
            let known = is_known.then_some(fewest.taken);
            return self.told(&ledger, (best, value), (without, known));
        }
        let value = answer(&policies);
        if value != Some(best) {
            return self.told(&ledger, (best, value), (policies, None));
        }
        let mut fewest = Ledger::new(&self.without(&policies)).fewest(best)?;
        let (without, value) = fewest.until_changed(policies, best, answer)?;
        self.told(&ledger, (best, value), (without, None))
    }

    fn told(
        &self,
        ledger: &Ledger<'_, 'a>,
        (best, value): (&FieldValue, Option<&FieldValue>),
        (without, differences): (Vec<Cause<'a>>, Option<Vec<(Cause<'a>, f64)>>),
    ) -> Option<Counterfactual> {
        let rival = value.and_then(|value| ledger.at(value));
        let best = ledger.at(best)?;
        let differences = differences.unwrap_or_else(|| ledger.differences(Some(best), rival));
        Some(Counterfactual {
            value: value.cloned(),
            lead: ledger.lead(best, rival),
            without: self.removed(without, &differences),
        })
    }

    /// The rules that set this value, before one sets another.
    pub(super) fn policies_for(&self, value: &FieldValue) -> Vec<Cause<'a>> {
        let of_value = self.set_values().take_while(|(set, _)| *set == value);
        let mut rules: Vec<Cause<'_>> = of_value.map(|(_, rule)| rule).collect();
        rules.dedup();
        rules
    }

    /// What would be missing, in words, the heaviest first.
    pub(super) fn removed(
        &self,
        without: Vec<Cause<'a>>,
        differences: &[(Cause<'a>, f64)],
    ) -> Vec<Removed> {
        let removed = without.into_iter().filter_map(|cause| {
            let what = match cause {
                Cause::Rule(rule) => RemovedWhat::Rule {
                    rule: rule.to_owned(),
                },
                Cause::Correction(correction) => RemovedWhat::Correction { correction },
                Cause::Learned(place) => {
                    let (feature, text) = self.learned.as_ref()?.named(place)?;
                    RemovedWhat::Learned { feature, text }
                }
            };
            let of_cause = differences.iter().find(|(of, _)| *of == cause);
            let weight = of_cause.map_or(0.0, |(_, weight)| *weight);
            Some(Removed { what, weight })
        });
        let mut removed: Vec<Removed> = removed.collect();
        removed.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        removed
    }
}

/// Reasons without which a value is no longer ahead of another, and those that would help too.
pub(super) struct Fewest<'a> {
    /// The value, or nothing, that would be ahead.
    rival: Option<usize>,
    /// Those that it takes, with what they widen the lead by, most first.
    taken: Vec<(Cause<'a>, f64)>,
    /// All others that widen the lead.
    left: BinaryHeap<Widens<'a>>,
}

/// A reason, and by how much it widens a lead. The one that widens it most is the greatest.
#[derive(Debug, Clone, Copy)]
struct Widens<'a> {
    cause: Cause<'a>,
    weight: f64,
}

impl Ord for Widens<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_weight = self.weight.total_cmp(&other.weight);
        by_weight.then_with(|| other.cause.cmp(&self.cause))
    }
}

impl PartialOrd for Widens<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Widens<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Widens<'_> {}

impl<'a> Fewest<'a> {
    /// The fewest of these by which a lead over a value is gone; one of nothing is gone where
    /// `wins_tie`.
    pub(super) fn new(
        rival: Option<usize>,
        differences: impl IntoIterator<Item = (Cause<'a>, f64)>,
        (mut lead, wins_tie): (f64, bool),
    ) -> Option<Self> {
        let is_gone = |lead: f64| rank(lead) < 0.0 || (wins_tie && rank(lead) <= 0.0);
        let differences = differences.into_iter();
        let mut left: Vec<Widens<'a>> = differences
            .map(|(cause, weight)| Widens { cause, weight })
            .collect();
        left.retain(|one| one.weight > 0.0);
        let mut fewest = Self {
            rival,
            taken: Vec::new(),
            left: left.into(),
        };
        while !is_gone(lead) {
            lead -= fewest.take()?.1;
        }
        Some(fewest)
    }

    /// Takes one more: the one that widens the lead most.
    fn take(&mut self) -> Option<(Cause<'a>, f64)> {
        let Widens { cause, weight } = self.left.pop()?;
        self.taken.push((cause, weight));
        Some((cause, weight))
    }

    /// How many it takes.
    pub(super) fn n(&self) -> usize {
        self.taken.len()
    }

    /// Those that it takes, or the first one where it takes none.
    pub(super) fn at_least_one(mut self) -> Option<impl Iterator<Item = Cause<'a>>> {
        if self.taken.is_empty() {
            self.take()?;
        }
        Some(self.taken.into_iter().map(|(cause, _)| cause))
    }

    /// Adds them to what is missing, until what is answered without is another value.
    fn until_changed<'v>(
        &mut self,
        mut without: Vec<Cause<'a>>,
        best: &FieldValue,
        answer: impl Fn(&[Cause<'a>]) -> Option<&'v FieldValue>,
    ) -> Option<(Vec<Cause<'a>>, Option<&'v FieldValue>)> {
        without.extend(self.taken.iter().map(|(cause, _)| *cause));
        loop {
            let value = answer(&without);
            if value != Some(best) {
                return Some((without, value));
            }
            // As near to a tie as sums of 32 bits can tell.
            without.push(self.take()?.0);
        }
    }
}

/// What every reason gives to every value.
pub(super) struct Ledger<'p, 'a> {
    parts: &'p Parts<'a>,
    /// In order of values.
    all: Vec<Weighed<'a>>,
    /// What rules and corrections give, by value in the same order.
    stated: BTreeMap<Cause<'a>, Vec<f64>>,
}

impl<'p, 'a> Ledger<'p, 'a> {
    pub(super) fn new(parts: &'p Parts<'a>) -> Self {
        let all = parts.weighed();
        let mut stated: BTreeMap<Cause<'a>, Vec<f64>> = BTreeMap::new();
        if let Some(learned) = &parts.learned {
            for (rule, n_firings) in n_firings(&parts.fired) {
                let Some(weights) = learned.rule_for_all(rule) else {
                    continue;
                };
                #[expect(clippy::cast_precision_loss, reason = "firings are few")]
                let n_firings = n_firings as f64;
                let of_value = |one: &Weighed<'_>| {
                    let weight = one.number.and_then(|number| weights.get(number));
                    n_firings * weight.copied().unwrap_or_default()
                };
                stated.insert(Cause::Rule(rule), all.iter().map(of_value).collect());
            }
        }
        let factor = parts.stated_factor();
        for (value, part) in &parts.parts {
            let at = all.binary_search_by(|one| one.value.cmp(value));
            if let (Some(cause), Ok(at)) = (part.cause(), at) {
                let row = stated.entry(cause);
                let row = row.or_insert_with(|| vec![0.0; all.len()]);
                if let Some(weight) = row.get_mut(at) {
                    *weight += part.weight(factor);
                }
            }
        }
        Self { parts, all, stated }
    }

    /// Where a value stands.
    pub(super) fn at(&self, value: &FieldValue) -> Option<usize> {
        self.all.binary_search_by(|one| one.value.cmp(value)).ok()
    }

    /// The value that stands there.
    pub(super) fn value(&self, at: usize) -> Option<&'a FieldValue> {
        self.all.get(at).map(|one| one.value)
    }

    fn score(&self, at: usize) -> f64 {
        self.all.get(at).map_or(0.0, |one| one.score)
    }

    /// By how much a value leads over another, or over nothing.
    pub(super) fn lead(&self, best: usize, rival: Option<usize>) -> f64 {
        self.score(best) - rival.map_or(0.0, |rival| self.score(rival))
    }

    /// What every reason gives more to one value than to another, or than to nothing; always the same
    /// reasons in the same order.
    pub(super) fn differences(
        &self,
        best: Option<usize>,
        rival: Option<usize>,
    ) -> Vec<(Cause<'a>, f64)> {
        let learned = self.parts.learned.as_ref();
        let number = |at: Option<usize>| self.all.get(at?)?.number;
        let learned = learned.map(|learned| learned.contributions(number(best), number(rival)));
        let learned = learned.unwrap_or_default();
        let mut differences = Vec::with_capacity(self.stated.len() + learned.len());
        differences.extend(self.stated.iter().map(|(cause, row)| {
            let of = |at: Option<usize>| at.and_then(|at| row.get(at)).copied();
            let (own, other) = (of(best), of(rival));
            (*cause, own.unwrap_or_default() - other.unwrap_or_default())
        }));
        let learned = learned.into_iter();
        differences.extend(learned.map(|one| (Cause::Learned(one.place), one.weight)));
        differences
    }

    /// The fewest without which another value is the answer, or none is.
    fn fewest(&self, best: &FieldValue) -> Option<Fewest<'a>> {
        let best = self.at(best)?;
        let mut fewest = self.against_nothing(best);
        let mut bound: Option<Bound> = None;
        for rival in self.rivals(best) {
            let at_most = fewest
                .as_ref()
                .map_or(usize::MAX, |fewest| fewest.n().saturating_sub(1));
            if at_most == 0 {
                break;
            }
            if bound
                .as_ref()
                .is_some_and(|bound| bound.needs_more(rival, at_most))
            {
                continue;
            }
            let found = self.against(best, rival);
            let found = found.filter(|found| found.n() <= at_most);
            let is_better = found.is_some();
            fewest = found.or(fewest);
            let is_open = fewest.as_ref().is_none_or(|fewest| fewest.n() > 1);
            if is_open && (is_better || bound.is_none()) {
                bound = self.bound(best, fewest.as_ref());
            }
        }
        fewest
    }

    /// The other values that may be decided for, the nearest first.
    fn rivals(&self, best: usize) -> Vec<usize> {
        let others = self.all.iter().enumerate();
        let others = others.filter(|(at, one)| one.is_spoken_of && *at != best);
        let mut others: Vec<(usize, f64)> = others.map(|(at, one)| (at, one.score)).collect();
        others.sort_by(|a, b| b.1.total_cmp(&a.1));
        others.into_iter().map(|(at, _)| at).collect()
    }

    /// What it takes that nothing speaks for a value.
    fn against_nothing(&self, best: usize) -> Option<Fewest<'a>> {
        if self.parts.learned.is_some() {
            return None;
        }
        if !self.parts.is_usual_known() {
            return Fewest::new(
                None,
                self.differences(Some(best), None),
                (self.score(best), true),
            );
        }
        let for_best = self.speak_of(best)?;
        let given = self.differences(Some(best), None).into_iter();
        let taken = given.filter(|(cause, _)| for_best.contains(cause));
        Some(Fewest {
            rival: None,
            taken: taken.collect(),
            left: BinaryHeap::new(),
        })
    }

    /// The rules and corrections without which nothing speaks of a value; none where something else
    /// does.
    fn speak_of(&self, at: usize) -> Option<Vec<Cause<'a>>> {
        let value = self.all.get(at)?.value;
        let parts = self.parts.parts.iter();
        let of_value = parts.filter(|(of, part)| *of == value && !matches!(part, Part::Set(..)));
        let causes = of_value.map(|(_, part)| part.cause());
        let mut causes = causes.collect::<Option<Vec<Cause<'a>>>>()?;
        causes.sort_unstable();
        causes.dedup();
        Some(causes)
    }

    /// What it takes that another value is ahead.
    fn against(&self, best: usize, rival: usize) -> Option<Fewest<'a>> {
        let lead = self.lead(best, Some(rival));
        let differences = self.differences(Some(best), Some(rival));
        // Values are in order.
        let wins_tie = rival < best;
        let is_always_spoken_of = self.parts.learned.is_some() || !self.parts.is_usual_known();
        let speak = self.speak_of(rival).filter(|_| !is_always_spoken_of);
        let Some(speak) = speak else {
            return Fewest::new(Some(rival), differences, (lead, wins_tie));
        };
        // One of those that speak of the other value has to stay.
        let staying = speak.into_iter().filter_map(|stays| {
            let others = differences.iter().copied();
            let others = others.filter(|(cause, _)| *cause != stays);
            Fewest::new(Some(rival), others, (lead, wins_tie))
        });
        staying.min_by_key(Fewest::n)
    }

    /// What shows that a value needs more than so many; without a model there is not much to pass over.
    fn bound(&self, best: usize, fewest: Option<&Fewest<'_>>) -> Option<Bound> {
        let learned = self.parts.learned.as_ref()?;
        let last = fewest.and_then(|fewest| fewest.taken.get(fewest.n().checked_sub(2)?));
        let threshold = last.map(|(_, weight)| *weight);
        let more_than = threshold.unwrap_or_default();
        let excess = learned.excess(self.all.get(best)?.number, more_than);
        let of_values = self.all.iter().enumerate().map(|(at, one)| {
            let learned = one.number.and_then(|number| excess.get(number))?;
            let stated = self.stated.values().map(|row| {
                let of = |at: usize| row.get(at).copied().unwrap_or_default();
                (of(best) - of(at) - more_than).max(0.0)
            });
            Some(learned + stated.sum::<f64>() - self.lead(best, Some(at)))
        });
        Some(Bound {
            threshold,
            left: of_values.collect(),
        })
    }
}

/// What shows that a value needs more than so many reasons missing.
struct Bound {
    /// None where it does not matter how many.
    threshold: Option<f64>,
    /// For every value what exceeds the threshold, all together, less the lead over it; nothing where
    /// that is not known.
    left: Vec<Option<f64>>,
}

impl Bound {
    #[expect(clippy::cast_precision_loss, reason = "reasons are few")]
    fn needs_more(&self, rival: usize, at_most: usize) -> bool {
        let most = self
            .threshold
            .map_or(0.0, |threshold| threshold * at_most as f64);
        let left = self.left.get(rival).copied().flatten();
        left.is_some_and(|left| left + most + SLACK < 0.0)
    }
}

#[cfg(test)]
mod tests;
