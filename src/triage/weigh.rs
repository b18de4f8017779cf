//! Weighs what speaks for and against the values of one field.
//!
//! The score of a value is the sum of its parts: what rules state, what past tickets have taught about
//! rules, words and fields, and a bias. Sums come first, for all values; parts become reasons only
//! for the value that is chosen.

use super::decision::{
    Alternative, Counterfactual, Decision, FieldDecision, FieldName, FieldValue, Reason, Removed,
    RemovedWhat,
};
use super::learned::{Contribution, FieldReading};
use super::rules::{Fired, Firing, Policy, Rule};
use crate::model::TicketText;

/// The alternatives that are shown.
const MAX_ALTERNATIVES: usize = 3;

/// The learned reasons that are shown one by one.
const MAX_LEARNED: usize = 8;

/// A counterfactual of more reasons says nothing.
const MAX_WITHOUT: usize = 8;

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

impl Part<'_> {
    /// What it gives to the score where stated weights are multiplied by a factor.
    fn weight(self, factor: f64) -> f64 {
        match self {
            Self::Bias(weight) | Self::Rule(_, weight, _) | Self::Category(_, weight) => {
                factor * weight
            }
            Self::Correction(_, weight) => weight,
            Self::Set(..) => 0.0,
        }
    }
}

/// What could be missed.
#[derive(Clone, Copy)]
enum Removable<'a> {
    Rule(&'a Rule),
    Learned(Contribution),
    Correction(u64),
}

/// All that is known about a field of a ticket.
pub(super) struct Parts<'a> {
    pub(super) ticket: &'a TicketText,
    pub(super) fired: &'a [Fired<'a>],
    pub(super) parts: Vec<(&'a FieldValue, Part<'a>)>,
    /// The values of the taxonomy.
    pub(super) values: &'a [FieldValue],
    pub(super) learned: Option<FieldReading<'a>>,
    /// The value that a policy sets.
    pub(super) set: Option<&'a FieldValue>,
}

/// A value with what it came to.
#[derive(Debug, Clone)]
pub(super) struct Weighed {
    pub(super) value: FieldValue,
    score: f64,
    /// 0 to 1.
    pub(super) confidence: f64,
    /// Whether anything speaks for or against it.
    is_spoken_of: bool,
}

/// A decision before it is known how sure is sure enough, and all values, the best first.
pub(super) struct Outcome {
    pub(super) decision: FieldDecision,
    pub(super) all: Vec<Weighed>,
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
        let set = set(field, fired);
        parts.extend(set);
        Self {
            ticket,
            fired,
            parts,
            values,
            learned: None,
            set: set.map(|(value, _)| value),
        }
    }

    /// A field that rules know nothing of.
    pub(super) fn without_rules(ticket: &'a TicketText, fired: &'a [Fired<'a>]) -> Self {
        Self {
            ticket,
            fired,
            parts: Vec::new(),
            values: &[],
            learned: None,
            set: None,
        }
    }

    /// The scores of all values, in order of values.
    pub(super) fn scores(&self) -> Vec<(FieldValue, f64)> {
        let weighed = self.weighed().into_iter();
        weighed.map(|one| (one.value, one.score)).collect()
    }

    /// The best value, or the one that is set, with its probability among all values of the field.
    pub(super) fn weigh(&self) -> Outcome {
        let mut all = self.weighed();
        // Stable, so that equal scores fall to the lower value.
        all.sort_by(|a, b| b.score.total_cmp(&a.score));
        let highest = all.first().map_or(0.0, |weighed| weighed.score);
        all.sort_by_key(|weighed| self.set != Some(&weighed.value));
        let total: f64 = all.iter().map(|one| (one.score - highest).exp()).sum();
        for weighed in &mut all {
            weighed.confidence = match self.set {
                Some(set) => f64::from(u8::from(*set == weighed.value)),
                None => (weighed.score - highest).exp() / total,
            };
        }
        let decision = self.best(&all);
        #[expect(clippy::cast_precision_loss, reason = "values are few")]
        let mean = all.iter().map(|one| one.score).sum::<f64>() / all.len().max(1) as f64;
        Outcome {
            decision,
            all,
            mean,
        }
    }

    fn best(&self, all: &[Weighed]) -> FieldDecision {
        // With a bias every decision starts from what is usual, wherever the scores lie.
        let is_bias = |(_, part): &(&FieldValue, Part<'_>)| matches!(part, Part::Bias(_));
        let is_usual_known = self.learned.is_some() || self.parts.iter().any(is_bias);
        let mut ranked = all.iter().filter(|weighed| {
            let is_spoken_for = (is_usual_known || weighed.score > 0.0) && weighed.is_spoken_of;
            is_spoken_for || self.set == Some(&weighed.value)
        });
        let Some(best) = ranked.next() else {
            return FieldDecision::none();
        };
        let alternatives = ranked
            .clone()
            .take(MAX_ALTERNATIVES)
            .map(|weighed| Alternative {
                value: weighed.value.clone(),
                confidence: weighed.confidence,
                score: weighed.score,
            });
        let reasons = self.reasons(&best.value);
        let learned = self.learned.as_ref();
        FieldDecision {
            alternatives: alternatives.collect(),
            value: Some(best.value.clone()),
            confidence: best.confidence,
            decision: Decision::Abstain,
            threshold: 1.0,
            score: reasons.iter().map(Reason::weight).sum(),
            reasons,
            counterfactual: ranked.next().map(|next| self.counterfactual(best, next)),
            ask: None,
            examples: learned.map(|learned| learned.examples(&best.value)),
            out_of_scope: false,
        }
    }

    /// The sums of the parts of every value, in order of values.
    fn weighed(&self) -> Vec<Weighed> {
        let mut values: Vec<FieldValue> = self.values.to_vec();
        values.extend(self.parts.iter().map(|(value, _)| (*value).clone()));
        if let Some(learned) = &self.learned {
            values.extend(learned.values().iter().cloned());
        }
        values.sort();
        values.dedup();
        let learned = self.learned.as_ref();
        let mut all: Vec<Weighed> = values
            .into_iter()
            .map(|value| Weighed {
                score: learned.map_or(0.0, |learned| learned.score(&value)),
                value,
                confidence: 0.0,
                is_spoken_of: learned.is_some(),
            })
            .collect();
        let factor = self.stated_factor();
        for (value, part) in &self.parts {
            if let Ok(at) = all.binary_search_by(|weighed| weighed.value.cmp(value))
                && let Some(weighed) = all.get_mut(at)
            {
                weighed.score += part.weight(factor);
                weighed.is_spoken_of = true;
            }
        }
        all
    }

    /// What the weights that the desk states are multiplied with.
    fn stated_factor(&self) -> f64 {
        let learned = self.learned.as_ref();
        learned.map_or(1.0, |learned| learned.sharpness() * learned.trust())
    }

    /// What a firing of a rule gives to a value: what the file states, and what that has become.
    fn weight_of(&self, rule: &Rule, stated: f64, value: &FieldValue) -> f64 {
        let learned = self.learned.as_ref();
        let learned = learned.map_or(0.0, |learned| learned.rule(&rule.id, value));
        self.stated_factor() * stated + learned
    }

    /// All parts of a value as reasons, what is set first, then the heaviest.
    fn reasons(&self, value: &FieldValue) -> Vec<Reason> {
        let mut reasons: Vec<Reason> = Vec::new();
        let mut bias = self.learned.as_ref().map(|learned| learned.bias(value));
        for (_, part) in self.parts.iter().filter(|(of, _)| *of == value) {
            match *part {
                Part::Bias(weight) => {
                    bias = Some(bias.unwrap_or_default() + self.stated_factor() * weight);
                }
                Part::Rule(rule, stated, firing) => {
                    let weight = self.weight_of(rule, stated, value);
                    reasons.push(rule.reason((weight, stated), firing, self.ticket));
                }
                Part::Set(policy, fired) => reasons.push(fired.set_reason(policy, self.ticket)),
                Part::Category(category, weight) => reasons.push(Reason::Category {
                    category: category.to_owned(),
                    weight: self.stated_factor() * weight,
                }),
                Part::Correction(seq, weight) => reasons.push(Reason::Correction {
                    correction: seq,
                    weight,
                }),
            }
        }
        reasons.extend(bias.map(|weight| Reason::Bias { weight }));
        self.add_learned(value, &mut reasons);
        sort_reasons(&mut reasons);
        reasons
    }

    /// Adds what was learned about a value: about rules that state nothing on it, and about the ticket.
    fn add_learned(&self, value: &FieldValue, reasons: &mut Vec<Reason>) {
        let Some(learned) = &self.learned else {
            return;
        };
        for Fired { rule, firings } in self.fired {
            let is_stated = self.parts.iter().any(|(of, part)| {
                matches!(part, Part::Rule(of_rule, ..) if std::ptr::eq(*of_rule, *rule))
                    && *of == value
            });
            let weight = learned.rule(&rule.id, value);
            if !is_stated && weight.abs() > 0.0 {
                let firings = firings.iter();
                let reasons_of =
                    firings.map(|firing| rule.reason((weight, 0.0), firing, self.ticket));
                reasons.extend(reasons_of);
            }
        }
        let mut of_ticket = learned.contributions(value);
        of_ticket.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
        let others = of_ticket.split_off(of_ticket.len().min(MAX_LEARNED));
        reasons.extend(of_ticket.iter().filter_map(|one| {
            let (feature, text) = learned.named(one)?;
            Some(Reason::Learned {
                feature,
                text,
                weight: one.weight,
            })
        }));
        if !others.is_empty() {
            reasons.push(Reason::Others {
                n: others.len(),
                weight: others.iter().map(|one| one.weight).sum(),
            });
        }
    }

    /// The fewest reasons without which the next value would be the best. Every reason counts for
    /// itself, so those that widen the lead most are the fewest.
    fn counterfactual(&self, best: &Weighed, next: &Weighed) -> Counterfactual {
        let lead = best.score - next.score;
        let mut removable = self.removable(best, next);
        removable.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut left = lead;
        let mut without = Vec::new();
        for (what, weight) in removable.into_iter().take(MAX_WITHOUT) {
            if left < 0.0 || weight <= 0.0 {
                break;
            }
            left -= weight;
            let what = self.named(what);
            without.extend(what.map(|what| Removed { what, weight }));
        }
        if left >= 0.0 || self.set.is_some() {
            without.clear();
        }
        Counterfactual {
            value: next.value.clone(),
            lead,
            without,
        }
    }

    /// All that could be missed, with how much the lead would shrink.
    fn removable(&self, best: &Weighed, next: &Weighed) -> Vec<(Removable<'a>, f64)> {
        let of_rules = self.fired.iter().map(|Fired { rule, firings }| {
            let of_value = |value| self.total_of(rule, firings.len(), value);
            let weight = of_value(&best.value) - of_value(&next.value);
            (Removable::Rule(rule), weight)
        });
        let mut removable: Vec<(Removable<'_>, f64)> = of_rules.collect();
        if let Some(learned) = &self.learned {
            // Both are lists of the same things, those of the ticket.
            let of_best = learned.contributions(&best.value).into_iter();
            let both = of_best.zip(learned.contributions(&next.value));
            removable.extend(both.map(|(of_best, of_next)| {
                let weight = of_best.weight - of_next.weight;
                (Removable::Learned(of_best), weight)
            }));
        }
        for (value, part) in &self.parts {
            if let Part::Correction(correction, weight) = *part {
                let is_of = |one: &Weighed| f64::from(u8::from(one.value == **value));
                let weight = weight * (is_of(best) - is_of(next));
                removable.push((Removable::Correction(correction), weight));
            }
        }
        removable
    }

    fn named(&self, what: Removable<'_>) -> Option<RemovedWhat> {
        Some(match what {
            Removable::Rule(rule) => RemovedWhat::Rule {
                rule: rule.id.clone(),
            },
            Removable::Correction(correction) => RemovedWhat::Correction { correction },
            Removable::Learned(contribution) => {
                let (feature, text) = self.learned.as_ref()?.named(&contribution)?;
                RemovedWhat::Learned { feature, text }
            }
        })
    }

    /// What a rule gives to a value by all its firings.
    #[expect(clippy::cast_precision_loss, reason = "firings are few")]
    fn total_of(&self, rule: &Rule, n_firings: usize, value: &FieldValue) -> f64 {
        let stated = self.parts.iter().find_map(|(of, part)| {
            if let Part::Rule(of_rule, stated, _) = part {
                (std::ptr::eq(*of_rule, rule) && *of == value).then_some(*stated)
            } else {
                None
            }
        });
        n_firings as f64 * self.weight_of(rule, stated.unwrap_or_default(), value)
    }
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

/// What is set first, then the heaviest.
pub(super) fn sort_reasons(reasons: &mut [Reason]) {
    reasons.sort_by(|a, b| b.weight().abs().total_cmp(&a.weight().abs()));
    reasons.sort_by_key(|reason| !matches!(reason, Reason::Set { .. }));
}

/// The value that the first firing rule that sets one gives a field.
fn set<'a>(field: FieldName, fired: &'a [Fired<'a>]) -> Option<(&'a FieldValue, Part<'a>)> {
    fired.iter().find_map(|of_rule| {
        let policy = of_rule.rule.policy.as_ref()?;
        let (_, value) = policy.values.iter().find(|(of, _)| *of == field)?;
        Some((value, Part::Set(policy, of_rule)))
    })
}
