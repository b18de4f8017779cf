//! Weighs what the rules found and decides.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::decision::{
    Alternative, Decision, FieldDecision, FieldName, FieldValue, Matched, MatchedIn,
    PriorityDecision, Reason, TriageDecision,
};
use super::matcher::{MAX_MATCHES, RuleMatches};
use super::rules::{Rule, Rules, Scope};
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
        let category = self.field(
            FieldName::Category,
            self.reasons(FieldName::Category, &fired),
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
        let queue = decided(self.field(FieldName::Queue, for_queues), thresholds);
        let of_scale = |field| decided(self.field(field, self.reasons(field, &fired)), thresholds);
        let impact = of_scale(FieldName::Impact);
        let urgency = of_scale(FieldName::Urgency);
        TriageDecision {
            needs_human: category.decision == Decision::Abstain,
            priority: priority(&impact, &urgency, matrix),
            category,
            queue,
            impact,
            urgency,
            rules_digest: self.digest().to_owned(),
        }
    }

    /// The rules that fire, with what they found.
    fn fired(&self, ticket: &TicketText) -> Vec<(&Rule, Firings)> {
        let mut found: BTreeMap<usize, RuleMatches> = BTreeMap::new();
        self.matcher
            .find(&ticket.subject, MatchedIn::Subject, &mut found);
        self.matcher
            .find(&ticket.description, MatchedIn::Description, &mut found);
        let mut fired = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            let matches = found.remove(&index).unwrap_or_default();
            if let Some(firings) = fires(rule, ticket.channel.as_ref(), matches) {
                fired.push((rule, firings));
            }
        }
        fired
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
                of_value.extend(firings.iter().map(|matched| Reason::Rule {
                    rule: rule.id.clone(),
                    weight: *weight,
                    matched: matched.clone(),
                    note: rule.note.clone(),
                }));
            }
        }
        reasons
    }

    /// The best value of a field, with its probability among all values of the field.
    fn field(&self, field: FieldName, mut reasons: Reasons) -> FieldDecision {
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
        let total: f64 = scored
            .iter()
            .map(|(_, score)| (score - highest).exp())
            .sum();
        let confidence = |score: f64| (score - highest).exp() / total;
        // With a bias every decision starts from what is usual, wherever the scores lie.
        let has_bias = self.bias.iter().any(|(of, _, _)| *of == field);
        let spoken_for = scored
            .iter()
            .filter(|(value, score)| (has_bias || *score > 0.0) && reasons.contains_key(value));
        let mut ranked = spoken_for.map(|(value, score)| Alternative {
            value: value.clone(),
            confidence: confidence(*score),
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
        reasons.sort_by(|a, b| b.weight().abs().total_cmp(&a.weight().abs()));
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

/// Every time that a rule fires, with what it found. Most rules fire once, a rule with `each` for
/// every different pattern of it.
type Firings = Vec<Vec<Matched>>;

/// The firings of a rule, if it fires.
fn fires(rule: &Rule, channel: Option<&String>, matches: RuleMatches) -> Option<Firings> {
    let RuleMatches {
        mut matched,
        exceptions,
    } = matches;
    matched.retain(|(_, matched)| in_scope(rule.scope, matched.field));
    let is_channel =
        rule.channels.is_empty() || channel.is_some_and(|channel| rule.channels.contains(channel));
    let has_text = !rule.has_text_condition || !matched.is_empty();
    let is_excepted = exceptions
        .into_iter()
        .any(|field| in_scope(rule.scope, field));
    if !is_channel || !has_text || is_excepted {
        return None;
    }
    if !rule.counts_each {
        let places = matched.into_iter().map(|(_, matched)| matched);
        return Some(vec![shown(places.collect())]);
    }
    let mut by_pattern: BTreeMap<usize, Vec<Matched>> = BTreeMap::new();
    for (number, matched) in matched {
        by_pattern.entry(number).or_default().push(matched);
    }
    Some(by_pattern.into_values().map(shown).collect())
}

/// The places in order, each once, no more of one text than are worth showing.
fn shown(mut matched: Vec<Matched>) -> Vec<Matched> {
    matched.sort();
    matched.dedup();
    let mut n_shown: BTreeMap<MatchedIn, usize> = BTreeMap::new();
    matched.retain(|matched| {
        let n_shown = n_shown.entry(matched.field).or_default();
        *n_shown += 1;
        *n_shown <= MAX_MATCHES
    });
    matched
}

fn in_scope(scope: Scope, field: MatchedIn) -> bool {
    match scope {
        Scope::Text => true,
        Scope::Subject => field == MatchedIn::Subject,
        Scope::Description => field == MatchedIn::Description,
    }
}

fn decided(mut field: FieldDecision, thresholds: Thresholds) -> FieldDecision {
    field.decision = match field.confidence {
        confidence if confidence >= thresholds.apply => Decision::Apply,
        confidence if confidence >= thresholds.suggest => Decision::Suggest,
        _ => Decision::Abstain,
    };
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
