//! Decides on tags and flags: each for itself, by the same weights as the fields.

use std::collections::BTreeMap;

use super::Thresholds;
use super::decide::sort_reasons;
use super::decision::{Decision, LabelDecision, LabelKind, Reason};
use super::rules::{Firing, Firings, Rule, Rules};

impl Rules {
    /// The labels of a kind that a firing rule speaks for or against, the likeliest first. The
    /// score is the log-odds that the ticket has the label.
    pub(super) fn labels(
        &self,
        kind: LabelKind,
        fired: &[(&Rule, Firings)],
        thresholds: Thresholds,
    ) -> Vec<LabelDecision> {
        let mut labels: BTreeMap<&String, Vec<Reason>> = BTreeMap::new();
        for (rule, firings) in fired {
            for (_, value, weight) in rule.labels.iter().filter(|(of, _, _)| *of == kind) {
                let reasons = firings.iter().map(|firing| rule.reason(*weight, firing));
                labels.entry(value).or_default().extend(reasons);
            }
            let set = rule.policy.iter().flat_map(|policy| &policy.labels);
            for (_, value) in set.filter(|(of, _)| *of == kind) {
                let reasons = labels.entry(value).or_default();
                reasons.extend(rule.set_reason(firings));
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

impl Rule {
    /// A weight of the rule as a reason.
    pub(super) fn reason(&self, weight: f64, firing: &Firing) -> Reason {
        Reason::Rule {
            rule: self.id.clone(),
            weight,
            matched: firing.matched.clone(),
            fields: firing.fields.clone(),
            name: self.name.clone(),
            note: self.note.clone(),
        }
    }

    /// What the rule sets, as a reason.
    pub(super) fn set_reason(&self, firings: &[Firing]) -> Option<Reason> {
        let policy = self.policy.as_ref()?;
        let matched = firings.iter().flat_map(|firing| firing.matched.clone());
        let fields = firings.first().map(|firing| firing.fields.clone());
        Some(Reason::Set {
            rule: self.id.clone(),
            weight: 0.0,
            matched: matched.collect(),
            fields: fields.unwrap_or_default(),
            reason: policy.reason.clone(),
        })
    }
}
