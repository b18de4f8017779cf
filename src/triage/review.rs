//! Finds in rules that can be read what is most likely not meant: rules that can never fire, say
//! the same twice, contradict each other, or are overruled whenever they fire.

use std::collections::BTreeMap;
use std::ops::Range;

use super::decision::{FieldName, LabelKind};
use super::file::Places;
use super::form::Form;
use super::matcher::Pattern;
use super::problems::{Found, ProblemKind};
use super::refute::refuted;
use super::rules::{Policy, Rule, Rules};

/// A rule with its conditions taken apart, and where it stands.
struct Placed<'a> {
    rule: &'a Rule,
    form: Form<'a>,
    place: &'a Range<usize>,
}

/// Adds a warning for everything that is most likely not meant. `places` says where each rule
/// stands; those without a place are left out.
pub(super) fn review(rules: &Rules, places: &Places, found: &mut Found<'_>) {
    let patterns = rules.matcher.patterns();
    let calendar = rules.calendar.as_ref();
    let placed = rules.rules.iter().zip(places).filter_map(|(rule, place)| {
        Some(Placed {
            rule,
            form: Form::new(&rule.condition, patterns),
            place: place.as_ref()?,
        })
    });
    let mut placed: Vec<Placed<'_>> = placed.collect();
    // What never fires has nothing to do with other rules.
    placed.retain(|Placed { rule, form, place }| {
        let mut warn = |kind, detail: String| {
            found.warning(
                kind,
                (*place).clone(),
                format!("rule {:?} {detail}", rule.id),
            );
        };
        if let Some(pattern) = twice(rule, patterns) {
            warn(ProblemKind::Duplicate, format!("looks twice for {pattern}"));
        }
        let own = rule
            .policy
            .as_ref()
            .map(|policy| overruled(rule, policy, false));
        if let Some(value) = own.unwrap_or_default().first() {
            let detail = format!("weighs the {value} that it sets: the weights do nothing");
            warn(ProblemKind::Shadowed, detail);
        }
        let never = refuted(&[form], calendar);
        if let Some(why) = &never {
            warn(ProblemKind::NeverFires, format!("can never fire: {why}"));
        }
        never.is_none()
    });
    same_conditions(&placed, found);
    for (index, hard) in placed.iter().enumerate() {
        let Some(policy) = &hard.rule.policy else {
            continue;
        };
        let otherwise = hard.form.clone().negated();
        for (other, soft) in placed.iter().enumerate() {
            let is_under = || refuted(&[&soft.form, &otherwise], calendar).is_some();
            if other != index
                && is_under()
                && let Some((kind, detail)) = shadow(soft.rule, (hard.rule, policy), other > index)
            {
                found.warning(kind, soft.place.clone(), detail);
            }
        }
    }
}

/// A pattern that a rule with `each` would count once more for nothing.
fn twice(rule: &Rule, patterns: &[Pattern]) -> Option<String> {
    let (range, _) = rule.each.as_ref()?;
    let mut seen = std::collections::BTreeSet::new();
    let mut patterns = patterns.get(range.clone())?.iter();
    let repeated = patterns.find(|pattern| !seen.insert(*pattern));
    repeated.map(|pattern| format!("{:?}", pattern.normal.trim()))
}

/// What a rule says for nothing where a policy sets values: weights on fields, the queue of a
/// category that is set included, and on labels; and what a later rule sets again.
fn overruled(rule: &Rule, policy: &Policy, is_later: bool) -> Vec<String> {
    let is_set = |field: FieldName| policy.values.iter().any(|(set, _)| *set == field);
    let is_decided = |field: FieldName| {
        is_set(field) || (field == FieldName::Queue && is_set(FieldName::Category))
    };
    let has = |kind: LabelKind, value: &String| {
        let mut labels = policy.labels.iter();
        labels.any(|(of, set)| (*of, set) == (kind, value))
    };
    let weights = rule.weights.iter().map(|(field, _, _)| *field);
    let fields = weights.filter(|field| is_decided(*field));
    let again = rule.policy.iter().filter(|_| is_later);
    let set = again.clone().flat_map(|policy| &policy.values);
    let set = set.map(|(field, _)| *field).filter(|field| is_set(*field));
    let labels = rule.labels.iter().map(|(kind, value, _)| (*kind, value));
    let set_labels = again.flat_map(|policy| &policy.labels);
    let labels = labels.chain(set_labels.map(|(kind, value)| (*kind, value)));
    let labels = labels.filter(|(kind, value)| has(*kind, value));
    let labels = labels.map(|(kind, value)| format!("{} {value}", kind.as_str()));
    let fields = fields.chain(set).map(|field| field.to_string());
    fields.chain(labels).collect()
}

/// Rules with the same conditions: they say the same twice, or the opposite.
fn same_conditions(placed: &[Placed<'_>], found: &mut Found<'_>) {
    let mut by_key: BTreeMap<String, Vec<&Placed<'_>>> = BTreeMap::new();
    for of_rule in placed {
        by_key.entry(of_rule.form.key()).or_default().push(of_rule);
    }
    for group in by_key.values() {
        for (n, Placed { rule, place, .. }) in group.iter().enumerate() {
            for Placed { rule: earlier, .. } in group.iter().take(n) {
                let (id, other) = (&rule.id, &earlier.id);
                if let Some(value) = opposite(earlier, rule) {
                    let detail = format!(
                        "rule {id:?} has the conditions of rule {other:?} and the opposite weight \
                         on {value}"
                    );
                    found.warning(ProblemKind::Contradiction, (*place).clone(), detail);
                } else if says_nothing_new(earlier, rule) {
                    let detail = format!("rule {id:?} repeats rule {other:?}");
                    found.warning(ProblemKind::Duplicate, (*place).clone(), detail);
                }
            }
        }
    }
}

/// A value on which one rule puts a positive and the other a negative weight.
fn opposite(a: &Rule, b: &Rule) -> Option<String> {
    let of_fields = a.weights.iter().find_map(|(field, value, weight)| {
        let mut others = b.weights.iter();
        let is_opposite = others.any(|(other, other_value, other_weight)| {
            (field, value) == (other, other_value) && weight * other_weight < 0.0
        });
        is_opposite.then(|| format!("{field} {value}"))
    });
    of_fields.or_else(|| {
        a.labels.iter().find_map(|(kind, value, weight)| {
            let mut others = b.labels.iter();
            let is_opposite = others.any(|(other, other_value, other_weight)| {
                (kind, value) == (other, other_value) && weight * other_weight < 0.0
            });
            is_opposite.then(|| format!("{} {value}", kind.as_str()))
        })
    })
}

/// Whether all values that `b` speaks for are those that `a` speaks for.
fn says_nothing_new(a: &Rule, b: &Rule) -> bool {
    let fields = |rule: &Rule| -> Vec<_> {
        let weights = rule.weights.iter();
        weights
            .map(|(field, value, _)| (*field, value.clone()))
            .collect()
    };
    let labels = |rule: &Rule| -> Vec<_> {
        let labels = rule.labels.iter();
        labels
            .map(|(kind, value, _)| (*kind, value.clone()))
            .collect()
    };
    let set = |rule: &Rule| {
        let policy = rule.policy.as_ref();
        policy.map(|policy| (policy.values.clone(), policy.labels.clone()))
    };
    a.each == b.each && (fields(a), labels(a), set(a)) == (fields(b), labels(b), set(b))
}

/// What a policy leaves of a rule that fires only where it does, if not everything.
fn shadow(
    rule: &Rule,
    (hard, policy): (&Rule, &Policy),
    is_later: bool,
) -> Option<(ProblemKind, String)> {
    let (id, other) = (&rule.id, &hard.id);
    let own = rule.policy.iter().flat_map(|policy| &policy.values);
    let mut resets = own.filter(|(field, value)| {
        let mut set = policy.values.iter();
        is_later && set.any(|(of, to)| of == field && to != value)
    });
    if let Some((field, value)) = resets.next() {
        let detail = format!(
            "rule {id:?} sets the {field} to {value}, but rule {other:?} fires whenever it does, \
             stands before it and sets another"
        );
        return Some((ProblemKind::Contradiction, detail));
    }
    let overruled = overruled(rule, policy, is_later);
    let what = overruled.first()?;
    let set = rule.policy.as_ref();
    let n_set = set.map_or(0, |set| set.values.len() + set.labels.len());
    let detail = if overruled.len() == rule.weights.len() + rule.labels.len() + n_set {
        format!("rule {id:?} has no effect: rule {other:?} sets the same whenever it fires")
    } else {
        format!(
            "a part of rule {id:?} has no effect: rule {other:?} decides the {what} whenever it \
             fires"
        )
    };
    Some((ProblemKind::Shadowed, detail))
}

#[cfg(test)]
mod tests;
