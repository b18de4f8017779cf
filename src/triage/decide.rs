//! Weighs what the rules found and decides.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::decision::{
    Alternative, Decision, FieldDecision, FieldName, FieldValue, LabelKind, PriorityDecision,
    Reason, TriageDecision,
};
use super::rules::{Firings, Rule, Rules};
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

/// The reasons for every value of a field.
type Reasons = BTreeMap<FieldValue, Vec<Reason>>;

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
        let set_category = set_value(FieldName::Category, &fired);
        let category = self.field(
            FieldName::Category,
            self.reasons(FieldName::Category, &fired),
            set_category.as_ref(),
        );
        let mut for_queues = self.reasons(FieldName::Queue, &fired);
        if let Some(FieldValue::Name(name)) = &category.value
            && let Some(queue) = self.queues.get(name)
        {
            let reason = Reason::Category {
                category: name.clone(),
                weight: category.score,
            };
            for_queues
                .entry(FieldValue::Name(queue.clone()))
                .or_default()
                .push(reason);
        }
        let category = decided(category, thresholds);
        // The queue of a category that is set is as sure as the category.
        let set_queue = set_value(FieldName::Queue, &fired).or_else(|| match &set_category {
            Some(FieldValue::Name(name)) => self.queues.get(name).cloned().map(FieldValue::Name),
            Some(FieldValue::Number(_)) | None => None,
        });
        let queue = self.field(FieldName::Queue, for_queues, set_queue.as_ref());
        let queue = decided(queue, thresholds);
        let of_scale = |field| {
            let set = set_value(field, &fired);
            let field = self.field(field, self.reasons(field, &fired), set.as_ref());
            decided(field, thresholds)
        };
        let impact = of_scale(FieldName::Impact);
        let urgency = of_scale(FieldName::Urgency);
        TriageDecision {
            needs_human: category.decision == Decision::Abstain,
            priority: priority(&impact, &urgency, matrix),
            category,
            queue,
            impact,
            urgency,
            tags: self.labels(LabelKind::Tag, &fired, thresholds),
            flags: self.labels(LabelKind::Flag, &fired, thresholds),
            rules_digest: self.digest().to_owned(),
        }
    }

    fn reasons(&self, field: FieldName, fired: &[(&Rule, Firings)]) -> Reasons {
        let mut reasons = Reasons::new();
        for (of_field, value, weight) in &self.bias {
            if *of_field == field {
                let reason = Reason::Bias { weight: *weight };
                reasons.entry(value.clone()).or_default().push(reason);
            }
        }
        for (rule, firings) in fired {
            let of_field = rule.weights.iter().filter(|(of, _, _)| *of == field);
            for (_, value, weight) in of_field {
                let of_value = reasons.entry(value.clone()).or_default();
                of_value.extend(firings.iter().map(|firing| rule.reason(*weight, firing)));
            }
        }
        if let Some((value, reason)) = set(field, fired) {
            reasons.entry(value).or_default().push(reason);
        }
        reasons
    }

    /// The best value of a field, or the one that is set, with its probability among all values of
    /// the field.
    fn field(
        &self,
        field: FieldName,
        mut reasons: Reasons,
        set: Option<&FieldValue>,
    ) -> FieldDecision {
        let score = |reasons: &[Reason]| reasons.iter().map(Reason::weight).sum::<f64>();
        let mut values = self.values(field);
        values.extend(reasons.keys().cloned());
        let mut scored: Vec<(FieldValue, f64)> = values
            .into_iter()
            .map(|value| {
                let score = reasons.get(&value).map_or(0.0, |reasons| score(reasons));
                (value, score)
            })
            .collect();
        // Stable, so that equal scores fall to the lower value.
        scored.sort_by(|a, b| b.1.total_cmp(&a.1));
        let highest = scored.first().map_or(0.0, |(_, score)| *score);
        scored.sort_by_key(|(value, _)| set != Some(value));
        let total: f64 = scored
            .iter()
            .map(|(_, score)| (score - highest).exp())
            .sum();
        let confidence = |value: &FieldValue, score: f64| match set {
            Some(set) => f64::from(u8::from(set == value)),
            None => (score - highest).exp() / total,
        };
        // With a bias every decision starts from what is usual, wherever the scores lie.
        let has_bias = self.bias.iter().any(|(of, _, _)| *of == field);
        let spoken_for = scored.iter().filter(|(value, score)| {
            let is_spoken_for = (has_bias || *score > 0.0) && reasons.contains_key(value);
            is_spoken_for || set == Some(value)
        });
        let mut ranked = spoken_for.map(|(value, score)| Alternative {
            value: value.clone(),
            confidence: confidence(value, *score),
            score: *score,
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
        let alternatives = ranked.take(MAX_ALTERNATIVES).collect();
        let mut reasons = reasons.remove(&best.value).unwrap_or_default();
        sort_reasons(&mut reasons);
        FieldDecision {
            value: Some(best.value),
            confidence: best.confidence,
            decision: Decision::Abstain,
            score: best.score,
            reasons,
            alternatives,
        }
    }
}

/// What is set first, then the heaviest.
pub(super) fn sort_reasons(reasons: &mut [Reason]) {
    reasons.sort_by(|a, b| b.weight().abs().total_cmp(&a.weight().abs()));
    reasons.sort_by_key(|reason| !matches!(reason, Reason::Set { .. }));
}

/// The value that the first firing rule that sets one gives a field, with the reason.
fn set(field: FieldName, fired: &[(&Rule, Firings)]) -> Option<(FieldValue, Reason)> {
    fired.iter().find_map(|(rule, firings)| {
        let policy = rule.policy.as_ref()?;
        let (_, value) = policy.values.iter().find(|(of, _)| *of == field)?;
        Some((value.clone(), rule.set_reason(firings)?))
    })
}

fn set_value(field: FieldName, fired: &[(&Rule, Firings)]) -> Option<FieldValue> {
    set(field, fired).map(|(value, _)| value)
}

fn decided(mut field: FieldDecision, thresholds: Thresholds) -> FieldDecision {
    field.decision = thresholds.decision(field.confidence);
    field
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
