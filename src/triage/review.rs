//! Finds in rules that can be read what is most likely not meant: rules that can never fire, say
//! the same twice, contradict each other, or are overruled whenever they fire.

use std::collections::BTreeMap;
use std::ops::Range;

use super::condition::{Condition, Field};
use super::decision::FieldName;
use super::implies::Implies;
use super::matcher::Pattern;
use super::problems::{Found, ProblemKind};
use super::rules::{Rule, Rules};
use crate::model::Calendar;

/// Adds a warning for everything that is most likely not meant. `places` says where each rule
/// stands.
pub(super) fn review(rules: &Rules, places: &[Range<usize>], found: &mut Found<'_>) {
    let implies = Implies(rules.matcher.patterns());
    let placed: Vec<(&Rule, &Range<usize>)> = rules.rules.iter().zip(places).collect();
    for &(rule, place) in &placed {
        let mut warn = |kind, detail: String| {
            found.warning(kind, place.clone(), format!("rule {:?} {detail}", rule.id));
        };
        if let Some(why) = never(&rule.condition, implies, rules.calendar.as_ref()) {
            warn(ProblemKind::NeverFires, format!("can never fire: {why}"));
        }
        if let Some(pattern) = twice(rule, rules.matcher.patterns()) {
            warn(ProblemKind::Duplicate, format!("looks twice for {pattern}"));
        }
        if let Some(field) = weighs_what_it_sets(rule) {
            let detail = format!("weighs the {field} that it sets: the weights do nothing");
            warn(ProblemKind::Shadowed, detail);
        }
    }
    same_conditions(&placed, implies, found);
    shadowed(&placed, implies, found);
}

/// Why a condition can never hold, if that can be told.
fn never(
    condition: &Condition,
    implies: Implies<'_>,
    calendar: Option<&Calendar>,
) -> Option<String> {
    match condition {
        Condition::All(parts) => {
            let of_part = parts.iter().find_map(|part| never(part, implies, calendar));
            of_part
                .or_else(|| excluded(parts, implies))
                .or_else(|| apart(parts))
        }
        Condition::Any(parts, at_least) => {
            let whys: Vec<String> = parts
                .iter()
                .filter_map(|part| never(part, implies, calendar))
                .collect();
            let n_possible = parts.len() - whys.len();
            (n_possible < *at_least)
                .then(|| whys.into_iter().next())
                .flatten()
        }
        Condition::Time(window) => {
            let calendar = calendar?;
            let days = window.days.as_ref()?;
            let is_closed = !calendar.open_days().any(|day| days.contains(&day));
            (window.open == Some(true) && is_closed)
                .then(|| "the desk is never open on these days".to_owned())
        }
        Condition::Text { .. }
        | Condition::Near { .. }
        | Condition::Field { .. }
        | Condition::None(_) => None,
    }
}

/// Whether all that could make the parts hold is excluded by one of them.
fn excluded(parts: &[Condition], implies: Implies<'_>) -> Option<String> {
    let exceptions = parts.iter().filter_map(|part| {
        let Condition::None(exceptions) = part else {
            return None;
        };
        Some(exceptions)
    });
    let mut exceptions = exceptions.flatten();
    let is_excluded = exceptions.any(|exception| {
        let positive = parts
            .iter()
            .filter(|part| !matches!(part, Condition::None(_)));
        positive
            .into_iter()
            .any(|part| implies.conditions(part, exception))
    });
    is_excluded.then(|| "its exceptions hold wherever its conditions do".to_owned())
}

/// Whether two parts ask for different values of a field that has one.
fn apart(parts: &[Condition]) -> Option<String> {
    let mut asked: BTreeMap<&Field, Vec<&std::collections::BTreeSet<String>>> = BTreeMap::new();
    let nested = parts.iter().flat_map(|part| {
        if let Condition::All(parts) = part {
            parts.as_slice()
        } else {
            std::slice::from_ref(part)
        }
    });
    for part in nested {
        if let Condition::Field { field, values } = part
            && values.patterns.is_empty()
            && !field.is_list()
        {
            let earlier = asked.entry(field).or_default();
            if earlier.iter().any(|exact| exact.is_disjoint(&values.exact)) {
                return Some(format!("no {} is asked for twice", field.as_str()));
            }
            earlier.push(&values.exact);
        }
    }
    None
}

/// A pattern that a rule with `each` would count once more for nothing.
fn twice(rule: &Rule, patterns: &[Pattern]) -> Option<String> {
    let (range, _) = rule.each.as_ref()?;
    let mut seen = std::collections::BTreeSet::new();
    let mut patterns = patterns.get(range.clone())?.iter();
    let repeated = patterns.find(|pattern| !seen.insert(*pattern));
    repeated.map(|pattern| format!("{:?}", pattern.normal.trim()))
}

fn weighs_what_it_sets(rule: &Rule) -> Option<FieldName> {
    let mut set = rule.policy.as_ref()?.values.iter().map(|(field, _)| *field);
    set.find(|set| rule.weights.iter().any(|(field, _, _)| field == set))
}

/// Rules with the same conditions: they say the same twice, or the opposite.
fn same_conditions(placed: &[(&Rule, &Range<usize>)], implies: Implies<'_>, found: &mut Found<'_>) {
    let mut by_form: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, (rule, _)) in placed.iter().enumerate() {
        let form = form(&rule.condition, implies.0);
        by_form.entry(form).or_default().push(index);
    }
    for indexes in by_form.values() {
        let group = || indexes.iter().filter_map(|index| placed.get(*index));
        for (n, (rule, place)) in group().enumerate() {
            for (earlier, _) in group().take(n) {
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

/// Rules whose effects another rule overrules whenever they fire.
fn shadowed(placed: &[(&Rule, &Range<usize>)], implies: Implies<'_>, found: &mut Found<'_>) {
    let hard = placed.iter().enumerate().filter_map(|(index, (rule, _))| {
        let policy = rule.policy.as_ref()?;
        (!policy.values.is_empty()).then_some((index, *rule, policy))
    });
    for (hard_index, hard_rule, policy) in hard {
        for (index, (rule, place)) in placed.iter().enumerate() {
            let sets = |field: FieldName| policy.values.iter().any(|(set, _)| *set == field);
            let weighs = rule.weights.iter().any(|(field, _, _)| sets(*field));
            let own = rule.policy.iter().flat_map(|policy| &policy.values);
            let is_later = index > hard_index;
            let resets = is_later
                .then(|| own.clone().find(|(field, _)| sets(*field)))
                .flatten();
            if index == hard_index
                || (!weighs && resets.is_none())
                || !implies.conditions(&rule.condition, &hard_rule.condition)
            {
                continue;
            }
            let (id, other) = (&rule.id, &hard_rule.id);
            if let Some((field, value)) = resets
                && !policy.values.contains(&(*field, value.clone()))
            {
                let detail = format!(
                    "rule {id:?} sets the {field} to {value}, but rule {other:?} fires whenever it \
                     does, stands before it and sets another"
                );
                found.warning(ProblemKind::Contradiction, (*place).clone(), detail);
                continue;
            }
            let all = rule.weights.iter().all(|(field, _, _)| sets(*field));
            let detail = if all && rule.labels.is_empty() && rule.policy.is_none() {
                format!(
                    "rule {id:?} has no effect: rule {other:?} sets the same fields whenever it fires"
                )
            } else {
                format!(
                    "a part of rule {id:?} has no effect: rule {other:?} sets the field whenever it fires"
                )
            };
            found.warning(ProblemKind::Shadowed, (*place).clone(), detail);
        }
    }
}

/// A condition as a text that is the same for the same condition, whatever the order of its parts.
fn form(condition: &Condition, patterns: &[Pattern]) -> String {
    let many = |parts: &[Condition]| {
        let mut forms: Vec<String> = parts.iter().map(|part| form(part, patterns)).collect();
        forms.sort();
        forms.dedup();
        forms.join(",")
    };
    let texts = |range: &Range<usize>| {
        let mut patterns = patterns.get(range.clone()).unwrap_or_default().to_vec();
        patterns.sort();
        patterns.dedup();
        format!("{patterns:?}")
    };
    match condition {
        Condition::Text {
            patterns,
            scope,
            at_least,
        } => format!("text {scope:?} {at_least} {}", texts(patterns)),
        Condition::Near {
            patterns,
            scope,
            within,
        } => format!("near {scope:?} {within} {}", texts(patterns)),
        Condition::Field { field, values } => {
            let wild: Vec<&String> = values.patterns.iter().map(|(text, _)| text).collect();
            format!("field {field:?} {:?} {wild:?}", values.exact)
        }
        Condition::Time(window) => format!("time {window:?}"),
        Condition::All(parts) => format!("all({})", many(parts)),
        Condition::Any(parts, at_least) => format!("any {at_least}({})", many(parts)),
        Condition::None(parts) => format!("none({})", many(parts)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Rules, Severity};

    const HEAD: &str = "format = 1\nflags = [\"f\"]\n[queues]\na = \"q\"\nb = \"q\"\n[calendar]\n\
                        time_zone = \"UTC\"\nhours = { mon = \"08:00-17:00\" }\n";

    /// The warnings on these rules; errors are shown as they are.
    fn warnings(rules: &str) -> Vec<String> {
        let problems = Rules::check("r", &format!("{HEAD}{rules}")).problems;
        assert!(
            problems
                .iter()
                .all(|problem| problem.severity == Severity::Warning),
            "{problems:?}"
        );
        problems.into_iter().map(|problem| problem.detail).collect()
    }

    fn rule(id: &str, rest: &str) -> String {
        format!("[[rule]]\nid = \"{id}\"\n{rest}\n")
    }

    fn check(rules: &[String], expected: &[&str]) {
        let found = warnings(&rules.concat());
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, part) in found.iter().zip(expected) {
            assert!(found.contains(part), "{part} is missing in {found}");
        }
    }

    #[test]
    fn a_rule_whose_exceptions_always_hold_is_named() {
        let weight = "category = { a = 1.0 }";
        let never = |conditions: &str| {
            check(
                &[rule("r", &format!("{conditions}\n{weight}"))],
                &["can never fire"],
            );
        };
        never("phrases = [\"teams calls\", \"teams chat\"]\nunless = [\"teams\"]");
        never("words = [\"vpn\"]\nin = \"subject\"\nnone = [{ words = [\"vpn\"], in = \"text\" }]");
        never("all = [{ channel = \"email\" }, { channel = [\"phone\", \"chat\"] }]");
        never("time = { days = [\"sun\"], open = true }");
        never("any = [{ words = [\"x\"], unless = [\"x\"] }]");
        let fires = |conditions: &str| check(&[rule("r", &format!("{conditions}\n{weight}"))], &[]);
        fires("phrases = [\"teams calls\", \"zoom calls\"]\nunless = [\"teams\"]");
        fires("words = [\"teams\"]\nunless = [\"teams calls\"]");
        fires("words = [\"vpn\"]\nin = \"subject\"\nnone = [{ words = [\"vpn\"], in = \"body\" }]");
        fires("all = [{ attachment = \"a.exe\" }, { attachment = \"b.exe\" }]");
    }

    #[test]
    fn repetitions_and_contradictions_are_named() {
        let a = rule("a", "words = [\"vpn\", \"tunnel\"]\ncategory = { a = 1.0 }");
        let again = rule(
            "again",
            "words = [\"tunnels\", \"VPN\"]\ncategory = { a = 2.0 }",
        );
        let against = rule(
            "against",
            "words = [\"tunnel\", \"vpn\"]\ncategory = { a = -1.0 }",
        );
        let other = rule("other", "words = [\"vpn\"]\ncategory = { a = 1.0 }");
        check(&[a.clone(), again], &["\"again\" repeats rule \"a\""]);
        check(&[a.clone(), against], &["opposite weight on category a"]);
        check(&[a, other], &[]);
        let twice = rule(
            "t",
            "each = true\nwords = [\"calls\", \"call\"]\ncategory = { a = 1.0 }",
        );
        check(&[twice], &["looks twice for \"call\""]);
    }

    #[test]
    fn rules_that_a_hard_rule_overrules_are_named() {
        let hard = rule(
            "hard",
            "words = [\"ransom\"]\nset = { category = \"a\", reason = \"x\" }",
        );
        let soft = rule(
            "soft",
            "phrases = [\"ransom note\"]\ncategory = { b = 1.0 }",
        );
        check(&[hard.clone(), soft.clone()], &["\"soft\" has no effect"]);
        let part = rule(
            "part",
            "words = [\"ransom\"]\ncategory = { b = 1.0 }\nflag = { f = 1.0 }",
        );
        check(&[hard.clone(), part], &["a part of rule \"part\""]);
        let wider = rule(
            "wider",
            "words = [\"ransom\", \"note\"]\ncategory = { b = 1.0 }",
        );
        check(&[hard.clone(), wider], &[]);
        let second = rule(
            "second",
            "phrases = [\"ransom note\"]\nset = { category = \"b\", reason = \"y\" }",
        );
        check(
            &[hard.clone(), second.clone()],
            &["sets the category to b, but rule \"hard\""],
        );
        check(&[second, hard], &[]);
        let both = rule(
            "both",
            "words = [\"x\"]\ncategory = { a = 1.0 }\nset = { category = \"a\", reason = \"x\" }",
        );
        check(&[both], &["weighs the category that it sets"]);
    }
}
