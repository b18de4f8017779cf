//! Tells the parts of the value that was chosen as reasons, which add up to its score.

use super::decision::{FieldValue, Reason};
use super::rules::{Fired, Firing, Rule};
use super::weigh::{Part, Parts};

/// The learned reasons that are shown one by one.
const MAX_LEARNED: usize = 8;

impl Parts<'_> {
    /// What a firing of a rule gives to a value: what the file states, and what that has become.
    fn weight_of(&self, rule: &Rule, stated: f64, value: &FieldValue) -> f64 {
        let learned = self.learned.as_ref();
        let learned = learned.map_or(0.0, |learned| learned.rule(&rule.id, value));
        self.stated_factor() * stated + learned
    }

    /// All parts of a value as reasons, what is set first, then the heaviest.
    pub(super) fn reasons(&self, value: &FieldValue) -> Vec<Reason> {
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

    /// Adds what was learned about a value, the heaviest one by one: about rules that state nothing on
    /// it, and about the ticket.
    fn add_learned(&self, value: &FieldValue, reasons: &mut Vec<Reason>) {
        let Some(learned) = &self.learned else {
            return;
        };
        let contributions = learned.contributions(learned.number(value), None);
        let contributions = contributions.into_iter();
        let mut all: Vec<(Learned<'_>, f64)> = contributions
            .map(|one| (Learned::Place(one.place), one.weight))
            .collect();
        for Fired { rule, firings } in self.fired.iter().copied() {
            let is_stated = self.parts.iter().any(|(of, part)| {
                matches!(part, Part::Rule(of_rule, ..) if std::ptr::eq(*of_rule, *rule))
                    && *of == value
            });
            if !is_stated {
                let weight = learned.rule(&rule.id, value);
                all.extend(firings.iter().map(|one| (Learned::Rule(rule, one), weight)));
            }
        }
        all.retain(|(_, weight)| weight.abs() > 0.0);
        if all.len() > MAX_LEARNED {
            all.select_nth_unstable_by(MAX_LEARNED, |a, b| b.1.abs().total_cmp(&a.1.abs()));
        }
        let others = all.split_off(all.len().min(MAX_LEARNED));
        reasons.extend(all.iter().filter_map(|(what, weight)| match what {
            Learned::Rule(rule, firing) => Some(rule.reason((*weight, 0.0), firing, self.ticket)),
            Learned::Place(place) => {
                let (feature, text) = learned.named(*place)?;
                Some(Reason::Learned {
                    feature,
                    text,
                    weight: *weight,
                })
            }
        }));
        if !others.is_empty() {
            reasons.push(Reason::Others {
                n: others.len(),
                weight: others.iter().map(|(_, weight)| weight).sum(),
            });
        }
    }
}

/// What is set first, then the heaviest.
pub(super) fn sort_reasons(reasons: &mut [Reason]) {
    reasons.sort_by(|a, b| b.weight().abs().total_cmp(&a.weight().abs()));
    reasons.sort_by_key(|reason| !matches!(reason, Reason::Set { .. }));
}

/// What a learned weight is about.
enum Learned<'a> {
    /// Something at a place of the ticket.
    Place(usize),
    /// A time that a rule fires which states nothing.
    Rule(&'a Rule, &'a Firing<'a>),
}
