//! Weighs what the rules found and decides.

use serde::{Deserialize, Serialize};

use super::decision::{
    Alternative, Decision, FieldDecision, FieldName, FieldValue, LabelKind, PriorityDecision,
    Reason, TriageDecision,
};
use super::rules::{Fired, Firing, Policy, Rule, Rules};
use crate::model::{Impact, PriorityMatrix, TicketText, Urgency};

/// The alternatives that are shown.
const MAX_ALTERNATIVES: usize = 3;

/// From which confidence on a value is set or suggested, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// From here on a value is sure enough to be set.
    pub apply: f64,
    /// From here on it is worth showing; below a human should decide.
    pub suggest: f64,
}

impl Thresholds {
    /// What to do with a value of this confidence.
    pub(super) fn decision(self, confidence: f64) -> Decision {
        match confidence {
            confidence if confidence >= self.apply => Decision::Apply,
            confidence if confidence >= self.suggest => Decision::Suggest,
            _ => Decision::Abstain,
        }
    }
}

/// What contributes to the score of a value. Only for values that are chosen it becomes a reason.
#[derive(Clone, Copy)]
enum Part<'a> {
    Bias(f64),
    Rule(&'a Rule, f64, &'a Firing<'a>),
    Set(&'a Policy, &'a Fired<'a>),
    Category(&'a str, f64),
}

impl Part<'_> {
    fn weight(self) -> f64 {
        match self {
            Self::Bias(weight) | Self::Rule(_, weight, _) | Self::Category(_, weight) => weight,
            Self::Set(..) => 0.0,
        }
    }

    fn reason(self, ticket: &TicketText) -> Reason {
        match self {
            Self::Bias(weight) => Reason::Bias { weight },
            Self::Rule(rule, weight, firing) => rule.reason(weight, firing, ticket),
            Self::Set(policy, fired) => fired.set_reason(policy, ticket),
            Self::Category(category, weight) => Reason::Category {
                category: category.to_owned(),
                weight,
            },
        }
    }
}

/// The parts of all values of a field, and the value that is set.
struct Parts<'a> {
    field: FieldName,
    parts: Vec<(&'a FieldValue, Part<'a>)>,
    set: Option<&'a FieldValue>,
}

/// A value of a field with its score; none when nothing speaks for or against it.
struct Scored<'a> {
    value: &'a FieldValue,
    score: Option<f64>,
}

impl Scored<'_> {
    fn score(&self) -> f64 {
        self.score.unwrap_or_default()
    }
}

impl Rules {
    /// Decides on a ticket. The same rules, ticket and settings give the same decision.
    #[must_use]
    pub fn decide(
        &self,
        ticket: &TicketText,
        thresholds: Thresholds,
        matrix: &PriorityMatrix,
    ) -> TriageDecision {
        let fired = self.fired(ticket);
        let decide = |parts: Parts<'_>| {
            let mut decided = self.field(&parts, ticket);
            decided.decision = thresholds.decision(decided.confidence);
            decided
        };
        let for_category = self.parts(FieldName::Category, &fired);
        let set_category = for_category.set;
        let category = decide(for_category);
        let of_category = |value: &FieldValue| match value {
            FieldValue::Name(name) => self.queues.get(name).cloned().map(FieldValue::Name),
            FieldValue::Number(_) => None,
        };
        let mut for_queue = self.parts(FieldName::Queue, &fired);
        let queue = category.value.as_ref().and_then(of_category);
        if let (Some(queue), Some(FieldValue::Name(name))) = (&queue, &category.value) {
            let part = Part::Category(name, category.score);
            for_queue.parts.push((queue, part));
        }
        // The queue of a category that is set is as sure as the category.
        let set_queue = set_category.and_then(of_category);
        for_queue.set = for_queue.set.or(set_queue.as_ref());
        let queue = decide(for_queue);
        let impact = decide(self.parts(FieldName::Impact, &fired));
        let urgency = decide(self.parts(FieldName::Urgency, &fired));
        TriageDecision {
            needs_human: category.decision == Decision::Abstain,
            priority: priority(&impact, &urgency, matrix),
            queue,
            category,
            impact,
            urgency,
            tags: self.labels(LabelKind::Tag, (ticket, &fired), thresholds),
            flags: self.labels(LabelKind::Flag, (ticket, &fired), thresholds),
            rules_digest: self.digest().to_owned(),
        }
    }

    fn parts<'a>(&'a self, field: FieldName, fired: &'a [Fired<'a>]) -> Parts<'a> {
        let of_field = self.bias.iter().filter(|(of, _, _)| *of == field);
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
        Parts {
            field,
            parts,
            set: set.map(|(value, _)| value),
        }
    }

    /// The best value of a field, or the one that is set, with its probability among all values of
    /// the field.
    fn field(&self, of_field: &Parts<'_>, ticket: &TicketText) -> FieldDecision {
        let Parts { field, parts, set } = of_field;
        let mut scored = scores(self.values.of(*field), parts);
        // Stable, so that equal scores fall to the lower value.
        scored.sort_by(|a, b| b.score().total_cmp(&a.score()));
        let highest = scored.first().map_or(0.0, Scored::score);
        scored.sort_by_key(|scored| *set != Some(scored.value));
        let total: f64 = scored
            .iter()
            .map(|scored| (scored.score() - highest).exp())
            .sum();
        let confidence = |scored: &Scored<'_>| match set {
            Some(set) => f64::from(u8::from(*set == scored.value)),
            None => (scored.score() - highest).exp() / total,
        };
        // With a bias every decision starts from what is usual, wherever the scores lie.
        let has_bias = self.bias.iter().any(|(of, _, _)| of == field);
        let spoken_for = scored.iter().filter(|scored| {
            let is_spoken_for = (has_bias || scored.score() > 0.0) && scored.score.is_some();
            is_spoken_for || *set == Some(scored.value)
        });
        let mut ranked = spoken_for.map(|scored| Alternative {
            value: scored.value.clone(),
            confidence: confidence(scored),
            score: scored.score(),
        });
        let Some(best) = ranked.next() else {
            return FieldDecision {
                value: None,
                confidence: 0.0,
                decision: Decision::Abstain,
                score: 0.0,
                reasons: Vec::new(),
                alternatives: Vec::new(),
            };
        };
        let of_best = parts.iter().filter(|(value, _)| **value == best.value);
        let mut reasons: Vec<Reason> = of_best.map(|(_, part)| part.reason(ticket)).collect();
        sort_reasons(&mut reasons);
        FieldDecision {
            alternatives: ranked.take(MAX_ALTERNATIVES).collect(),
            value: Some(best.value),
            confidence: best.confidence,
            decision: Decision::Abstain,
            score: best.score,
            reasons,
        }
    }
}

/// The sums of the parts of every value, in order of values.
fn scores<'a>(values: &'a [FieldValue], parts: &[(&'a FieldValue, Part<'_>)]) -> Vec<Scored<'a>> {
    let values = values.iter();
    let mut scored: Vec<Scored<'_>> = values.map(|value| Scored { value, score: None }).collect();
    for &(value, part) in parts {
        let weight = part.weight();
        match scored.binary_search_by(|scored| scored.value.cmp(value)) {
            Ok(at) => {
                if let Some(Scored { score, .. }) = scored.get_mut(at) {
                    *score = Some(score.map_or(weight, |score| score + weight));
                }
            }
            Err(at) => {
                let score = Some(weight);
                scored.insert(at, Scored { value, score });
            }
        }
    }
    scored
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

fn priority(
    impact: &FieldDecision,
    urgency: &FieldDecision,
    matrix: &PriorityMatrix,
) -> Option<PriorityDecision> {
    let number = |field: &FieldDecision| match field.value {
        Some(FieldValue::Number(number)) => Some(number),
        Some(FieldValue::Name(_)) | None => None,
    };
    let impact = Impact::try_from(number(impact)?).ok()?;
    let urgency = Urgency::try_from(number(urgency)?).ok()?;
    Some(PriorityDecision {
        value: matrix.priority(impact, urgency),
        impact,
        urgency,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
format = 1
[queues]
"network/vpn" = "network"
"identity/password" = "service-desk"
[bias.impact]
"3" = 1.0
[[rule]]
id = "vpn"
words = ["vpn"]
category = { "network/vpn" = 3.0 }
[[rule]]
id = "expired"
phrases = ["password expired"]
category = { "identity/password" = 4.0, "network/vpn" = -1.0 }
[[rule]]
id = "site"
phrases = ["whole site"]
unless = ["not the whole site"]
impact = { "1" = 3.0 }
[[rule]]
id = "alarm"
channel = ["monitoring"]
urgency = { "1" = 2.0 }
"#;

    fn decide(subject: &str, description: &str, channel: Option<&str>) -> TriageDecision {
        let ticket = TicketText {
            subject: subject.to_owned(),
            description: description.to_owned(),
            channel: channel.map(str::to_owned),
            ..TicketText::default()
        };
        let thresholds = Thresholds {
            apply: 0.9,
            suggest: 0.5,
        };
        let rules = Rules::parse("test", RULES).unwrap();
        rules.decide(&ticket, thresholds, &PriorityMatrix::default())
    }

    fn name(field: &FieldDecision) -> &str {
        match &field.value {
            Some(FieldValue::Name(name)) => name,
            _ => "",
        }
    }

    #[test]
    fn reasons_add_up_to_the_score_of_every_field() {
        let decision = decide(
            "VPN",
            "password expired on the whole site",
            Some("monitoring"),
        );
        for field in [
            &decision.category,
            &decision.queue,
            &decision.impact,
            &decision.urgency,
        ] {
            let sum: f64 = field.reasons.iter().map(Reason::weight).sum();
            assert!((sum - field.score).abs() < 1e-12, "{field:?}");
        }
        assert_eq!(name(&decision.category), "identity/password");
        assert_eq!(name(&decision.queue), "service-desk");
        assert_eq!(
            decision.priority.map(|priority| u8::from(priority.value)),
            Some(1)
        );
    }

    #[test]
    fn nothing_found_is_left_to_a_human() {
        let decision = decide("hello", "", None);
        assert!(decision.needs_human);
        assert_eq!(decision.category.value, None);
        assert_eq!(decision.priority, None, "no priority without an urgency");
    }

    #[test]
    fn an_exception_keeps_a_rule_from_firing() {
        assert_eq!(
            decide("", "the whole site", None).impact.value,
            Some(FieldValue::Number(1))
        );
        let excepted = decide("", "luckily not the whole site", None);
        assert_eq!(excepted.impact.value, Some(FieldValue::Number(3)));
    }

    #[test]
    fn a_rule_with_each_counts_every_different_word_once() {
        let text = "format = 1\n[queues]\n\"a\" = \"q\"\n[[rule]]\nid = \"r\"\neach = true\n\
                    words = [\"toner\", \"paper\", \"tray\"]\ncategory = { \"a\" = 1.5 }\n";
        let rules = Rules::parse("test", text).unwrap();
        let ticket = TicketText {
            subject: "Toner and paper, toner".to_owned(),
            ..TicketText::default()
        };
        let thresholds = Thresholds {
            apply: 0.9,
            suggest: 0.5,
        };
        let decision = rules.decide(&ticket, thresholds, &PriorityMatrix::default());
        assert!((decision.category.score - 3.0).abs() < 1e-12);
        assert_eq!(decision.category.reasons.len(), 2);
    }

    #[test]
    fn matched_text_is_quoted_with_its_place() {
        let decision = decide("Überall: VPN weg", "", None);
        let Some(Reason::Rule { matched, .. }) = decision.category.reasons.first() else {
            panic!("a rule fires");
        };
        assert_eq!(
            (matched[0].start, matched[0].end, matched[0].text.as_str()),
            (9, 12, "VPN")
        );
    }
}
