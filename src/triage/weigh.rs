//! Weighs what speaks for and against the values of one field.
//!
//! The score of a value is the sum of its parts: what rules state, what past tickets have taught about
//! rules, words and fields, and a bias. Sums come first, for all values; parts become reasons
//! (`reasons`) only for the value that is chosen.

use std::cmp::Ordering;

use super::decision::{Alternative, Decision, FieldDecision, FieldName, FieldValue, Reason};
use super::learned::FieldReading;
use super::rules::{Fired, Firing, Policy, Rule};
use crate::model::TicketText;

/// The alternatives that are shown.
const MAX_ALTERNATIVES: usize = 3;

/// Scores are compared in whole billionths, so that the order in which weights are added decides no
/// tie.
const GRID: f64 = 1e9;

/// What contributes to the score of a value, apart from what was learned.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    Bias(f64),
    Rule(&'a Rule, f64, &'a Firing<'a>),
    Set(&'a Policy, &'a Fired<'a>),
    Category(&'a str, f64),
    /// The change that told of a ticket that is alike, and what it says in calibrated log-odds.
    Correction(u64, f64),
}

impl<'a> Part<'a> {
    /// What it is a part of; nothing where it is there for every ticket, or follows from another field.
    pub(super) fn cause(self) -> Option<Cause<'a>> {
        match self {
            Self::Rule(rule, ..) => Some(Cause::Rule(&rule.id)),
            Self::Set(_, fired) => Some(Cause::Rule(&fired.rule.id)),
            Self::Correction(seq, _) => Some(Cause::Correction(seq)),
            Self::Bias(_) | Self::Category(..) => None,
        }
    }

    /// What it gives to the score where stated weights are multiplied by a factor.
    pub(super) fn weight(self, factor: f64) -> f64 {
        match self {
            Self::Bias(weight) | Self::Rule(_, weight, _) | Self::Category(_, weight) => {
                factor * weight
            }
            Self::Correction(_, weight) => weight,
            Self::Set(..) => 0.0,
        }
    }
}

/// What could be missing: a rule with all that it gives, something at a place of the ticket, or a
/// correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause<'a> {
    Rule(&'a str),
    Learned(usize),
    Correction(u64),
}

/// All that is known about a field of a ticket.
#[derive(Clone)]
pub(super) struct Parts<'a> {
    pub(super) ticket: &'a TicketText,
    pub(super) fired: Vec<&'a Fired<'a>>,
    pub(super) parts: Vec<(&'a FieldValue, Part<'a>)>,
    /// The values of the taxonomy.
    pub(super) values: &'a [FieldValue],
    pub(super) learned: Option<FieldReading<'a>>,
}

/// A value with what it came to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weighed<'a> {
    pub(super) value: &'a FieldValue,
    /// Its number among the values that were learned.
    pub(super) number: Option<usize>,
    pub(super) score: f64,
    /// The score as it is compared.
    rank: f64,
    /// 0 to 1.
    pub(super) confidence: f64,
    /// Whether anything speaks for or against it.
    pub(super) is_spoken_of: bool,
}

/// A score as it is compared.
pub(super) fn rank(score: f64) -> f64 {
    // Not a zero below zero, which would come after zero.
    (score * GRID).round() + 0.0
}

/// A decision before it is known how sure is sure enough, and all values, the best first.
pub(super) struct Outcome<'a> {
    pub(super) decision: FieldDecision,
    pub(super) all: Vec<Weighed<'a>>,
    /// The mean score of all values, in log-odds.
    pub(super) mean: f64,
}

impl<'a> Parts<'a> {
    /// What the rules say about a field.
    pub(super) fn of_rules(
        field: FieldName,
        (bias, values): (&'a [(FieldName, FieldValue, f64)], &'a [FieldValue]),
        (ticket, fired): (&'a TicketText, &'a [Fired<'a>]),
    ) -> Self {
        let mut known = Self::without_rules(ticket, fired);
        let of_field = bias.iter().filter(|(of, _, _)| *of == field);
        let mut parts: Vec<(&FieldValue, Part<'_>)> = of_field
            .map(|(_, value, weight)| (value, Part::Bias(*weight)))
            .collect();
        for Fired { rule, firings } in fired {
            for (_, value, weight) in rule.weights.iter().filter(|(of, _, _)| *of == field) {
                let of_value = firings.iter();
                parts.extend(of_value.map(|firing| (value, Part::Rule(rule, *weight, firing))));
            }
        }
        parts.extend(policies(field, fired));
        (known.parts, known.values) = (parts, values);
        known
    }

    /// A field that rules know nothing of.
    pub(super) fn without_rules(ticket: &'a TicketText, fired: &'a [Fired<'a>]) -> Self {
        Self {
            ticket,
            fired: fired.iter().collect(),
            parts: Vec::new(),
            values: &[],
            learned: None,
        }
    }

    /// What would be known if some of it were not there.
    pub(super) fn without(&self, causes: &[Cause<'a>]) -> Self {
        let is_left = |cause: Cause<'a>| !causes.contains(&cause);
        let fired = self.fired.iter().copied();
        let fired = fired.filter(|fired| is_left(Cause::Rule(&fired.rule.id)));
        let fired: Vec<&Fired<'_>> = fired.collect();
        let places = causes.iter().filter_map(|cause| match cause {
            Cause::Learned(place) => Some(*place),
            Cause::Rule(_) | Cause::Correction(_) => None,
        });
        let mut places: Vec<usize> = places.collect();
        places.sort_unstable();
        let learned = self.learned.as_ref();
        let learned = learned.map(|learned| learned.without(&places, n_firings(&fired)));
        let parts = self.parts.iter().copied();
        let parts = parts.filter(|(_, part)| part.cause().is_none_or(is_left));
        Self {
            parts: parts.collect(),
            learned,
            fired,
            ..*self
        }
    }

    /// The values that policies set, with the rules, in order: the first is what is set.
    pub(super) fn set_values(&self) -> impl Iterator<Item = (&'a FieldValue, Cause<'a>)> {
        let parts = self.parts.iter();
        parts.filter_map(|(value, part)| match part {
            Part::Set(_, fired) => Some((*value, Cause::Rule(fired.rule.id.as_str()))),
            Part::Bias(_) | Part::Rule(..) | Part::Category(..) | Part::Correction(..) => None,
        })
    }

    /// The value that a policy sets.
    pub(super) fn set(&self) -> Option<&'a FieldValue> {
        self.set_values().next().map(|(value, _)| value)
    }

    /// The scores of all values, in order of values.
    pub(super) fn scores(&self) -> Vec<(FieldValue, f64)> {
        let weighed = self.weighed().into_iter();
        weighed.map(|one| (one.value.clone(), one.score)).collect()
    }

    /// The best value, or the one that is set, with its probability among all values of the field.
    pub(super) fn weigh(&self) -> Outcome<'a> {
        let all = self.ranked();
        #[expect(clippy::cast_precision_loss, reason = "values are few")]
        let mean = all.iter().map(|one| one.score).sum::<f64>() / all.len().max(1) as f64;
        Outcome {
            decision: self.decision(&all),
            all,
            mean,
        }
    }

    /// All values, what is set first, then the best, with their probabilities.
    pub(super) fn ranked(&self) -> Vec<Weighed<'a>> {
        let mut all = self.weighed();
        let set = self.set();
        all.sort_by(|a, b| order(a, b, set));
        let highest = all.iter().map(|one| one.score).fold(f64::MIN, f64::max);
        let total: f64 = all.iter().map(|one| (one.score - highest).exp()).sum();
        for weighed in &mut all {
            weighed.confidence = match set {
                Some(set) => f64::from(u8::from(set == weighed.value)),
                None => (weighed.score - highest).exp() / total,
            };
        }
        all
    }

    /// The value that is decided for; none when nothing speaks for any.
    pub(super) fn answer(&self) -> Option<&'a FieldValue> {
        let set = self.set();
        let all = self.weighed();
        let best = self.candidates(&all).min_by(|a, b| order(a, b, set));
        best.map(|best| best.value)
    }

    /// The values that may be decided for.
    pub(super) fn candidates<'w>(
        &self,
        all: &'w [Weighed<'a>],
    ) -> impl Iterator<Item = &'w Weighed<'a>> + Clone {
        let (set, is_usual_known) = (self.set(), self.is_usual_known());
        all.iter().filter(move |weighed| {
            let is_enough = is_usual_known || weighed.rank > 0.0;
            (is_enough && weighed.is_spoken_of) || set == Some(weighed.value)
        })
    }

    /// Whether the field follows another one.
    pub(super) fn follows(&self) -> bool {
        let mut parts = self.parts.iter();
        parts.any(|(_, part)| matches!(part, Part::Category(..)))
    }

    /// Whether a decision starts from what is usual, wherever the scores lie: there is a bias, or the
    /// field follows another one.
    pub(super) fn is_usual_known(&self) -> bool {
        let is_bias = |(_, part): &(&FieldValue, Part<'_>)| matches!(part, Part::Bias(_));
        self.learned.is_some() || self.follows() || self.parts.iter().any(is_bias)
    }

    fn decision(&self, all: &[Weighed<'a>]) -> FieldDecision {
        let mut ranked = self.candidates(all);
        let Some(best) = ranked.next() else {
            return FieldDecision::none();
        };
        let alternatives = ranked.take(MAX_ALTERNATIVES).map(|weighed| Alternative {
            value: weighed.value.clone(),
            confidence: weighed.confidence,
            score: weighed.score,
        });
        let reasons = self.reasons(best.value);
        let learned = self.learned.as_ref();
        FieldDecision {
            alternatives: alternatives.collect(),
            value: Some(best.value.clone()),
            confidence: best.confidence,
            decision: Decision::Abstain,
            threshold: 1.0,
            score: reasons.iter().map(Reason::weight).sum(),
            reasons,
            counterfactual: None,
            ask: None,
            examples: learned.map(|learned| learned.examples(best.value)),
            out_of_scope: false,
        }
    }

    /// The sums of the parts of every value, in order of values.
    pub(super) fn weighed(&self) -> Vec<Weighed<'a>> {
        let learned = self.learned.as_ref();
        let of_learned = learned.map_or(&[][..], FieldReading::values);
        let of_parts = self.parts.iter().map(|(value, _)| *value);
        let stated = self.values.iter().chain(of_learned);
        let mut values: Vec<&'a FieldValue> = stated.chain(of_parts).collect();
        values.sort();
        values.dedup();
        let mut numbers = of_learned.iter().enumerate().peekable();
        let all = values.into_iter().map(|value| {
            let number = numbers.next_if(|(_, of)| *of == value);
            let number = number.map(|(number, _)| number);
            Weighed {
                value,
                number,
                score: learned.map_or(0.0, |learned| learned.score(number)),
                rank: 0.0,
                confidence: 0.0,
                is_spoken_of: learned.is_some(),
            }
        });
        let mut all: Vec<Weighed<'a>> = all.collect();
        let factor = self.stated_factor();
        for (value, part) in &self.parts {
            if let Ok(at) = all.binary_search_by(|weighed| weighed.value.cmp(value))
                && let Some(weighed) = all.get_mut(at)
            {
                weighed.score += part.weight(factor);
                weighed.is_spoken_of |= !matches!(part, Part::Set(..));
            }
        }
        for weighed in &mut all {
            weighed.rank = rank(weighed.score);
        }
        all
    }

    /// What the weights that the desk states are multiplied with.
    pub(super) fn stated_factor(&self) -> f64 {
        let learned = self.learned.as_ref();
        learned.map_or(1.0, |learned| learned.sharpness() * learned.trust())
    }
}

/// How often each rule fires.
pub(super) fn n_firings<'p, 'a>(
    fired: &'p [&'a Fired<'a>],
) -> impl Iterator<Item = (&'a str, usize)> + use<'p, 'a> {
    let fired = fired.iter();
    fired.map(|fired| (fired.rule.id.as_str(), fired.firings.len()))
}

/// What is set comes first, then the best. Equal scores fall to the lower value.
fn order(a: &Weighed<'_>, b: &Weighed<'_>, set: Option<&FieldValue>) -> Ordering {
    let is_set = |one: &Weighed<'_>| set == Some(one.value);
    let by_set = is_set(b).cmp(&is_set(a));
    let by_score = || b.rank.total_cmp(&a.rank);
    by_set
        .then_with(by_score)
        .then_with(|| a.value.cmp(b.value))
}

impl FieldDecision {
    /// Where nothing speaks for any value.
    fn none() -> Self {
        Self {
            value: None,
            confidence: 0.0,
            decision: Decision::Abstain,
            threshold: 1.0,
            score: 0.0,
            reasons: Vec::new(),
            alternatives: Vec::new(),
            counterfactual: None,
            ask: None,
            examples: None,
            out_of_scope: false,
        }
    }
}

/// The values that firing rules set a field to, in order of rules: the first is what it is set to.
fn policies<'a>(
    field: FieldName,
    fired: &'a [Fired<'a>],
) -> impl Iterator<Item = (&'a FieldValue, Part<'a>)> {
    fired.iter().filter_map(move |of_rule| {
        let policy = of_rule.rule.policy.as_ref()?;
        let (_, value) = policy.values.iter().find(|(of, _)| *of == field)?;
        Some((value, Part::Set(policy, of_rule)))
    })
}
