//! Decides on tags and flags: each for itself, by the same weights as the fields.

use std::collections::BTreeMap;

use super::Thresholds;
use super::decision::{Decision, LabelDecision, LabelKind, Reason};
use super::reasons::sort_reasons;
use super::rules::{Fired, Rules};
use crate::model::TicketText;

impl Rules {
    /// The labels of a kind that a firing rule speaks for or against, the likeliest first. The
    /// score is the log-odds that the ticket has the label.
    pub(super) fn labels(
        &self,
        kind: LabelKind,
        (ticket, fired): (&TicketText, &[Fired<'_>]),
        thresholds: Thresholds,
    ) -> Vec<LabelDecision> {
        let mut labels: BTreeMap<&String, Vec<Reason>> = BTreeMap::new();
        for of_rule in fired {
            let Fired { rule, firings } = of_rule;
            for (_, value, weight) in rule.labels.iter().filter(|(of, _, _)| *of == kind) {
                let reasons = firings
                    .iter()
                    .map(|firing| rule.reason((*weight, *weight), firing, ticket));
                labels.entry(value).or_default().extend(reasons);
            }
            let Some(policy) = &rule.policy else {
                continue;
            };
            for (_, value) in policy.labels.iter().filter(|(of, _)| *of == kind) {
                let reasons = labels.entry(value).or_default();
                reasons.push(of_rule.set_reason(policy, ticket));
            }
        }
        for (_, value, weight) in self.label_bias.iter().filter(|(of, _, _)| *of == kind) {
            if let Some(reasons) = labels.get_mut(value) {
                reasons.push(Reason::Bias { weight: *weight });
            }
        }
        let mut decided: Vec<LabelDecision> = labels
            .into_iter()
            .map(|(value, reasons)| decide(value, reasons, thresholds))
            .collect();
        // Stable, so that equal ones stay in order of their names.
        decided.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        decided
    }
}

fn decide(value: &str, mut reasons: Vec<Reason>, thresholds: Thresholds) -> LabelDecision {
    sort_reasons(&mut reasons);
    let score: f64 = reasons.iter().map(Reason::weight).sum();
    let is_set = matches!(reasons.first(), Some(Reason::Set { .. }));
    let (confidence, decision) = if is_set {
        (1.0, Decision::Apply)
    } else {
        let confidence = 1.0 / (1.0 + (-score).exp());
        (confidence, thresholds.decision(confidence))
    };
    LabelDecision {
        value: value.to_owned(),
        confidence,
        decision,
        score,
        reasons,
    }
}
