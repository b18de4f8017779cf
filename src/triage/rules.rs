//! The rule file of a desk: what it may say, and every problem of it with its line.
//!
//! TOML. `[queues]` names the queue of every category and with it the taxonomy; `[bias.FIELD]`
//! says what speaks for a value before anything is read; each `[[rule]]` has conditions and
//! weights. `corpus/demo/rules.toml` is a complete example.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::matcher::Matcher;
use super::problems::{Problem, Problems, place};
use super::{FieldName, FieldValue};

/// The version of the file format that is read.
const FORMAT: i64 = 1;

/// The largest weight: e to the 20 is certainty.
const MAX_WEIGHT: f64 = 20.0;

type Weights = BTreeMap<Spanned<String>, f64>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: Spanned<i64>,
    #[serde(default)]
    queues: BTreeMap<String, String>,
    #[serde(default)]
    bias: FieldWeights,
    #[serde(default)]
    rule: Vec<FileRule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FieldWeights {
    category: Weights,
    queue: Weights,
    impact: Weights,
    urgency: Weights,
}

impl FieldWeights {
    fn of(&self, field: FieldName) -> &Weights {
        match field {
            FieldName::Category => &self.category,
            FieldName::Queue => &self.queue,
            FieldName::Impact => &self.impact,
            FieldName::Urgency => &self.urgency,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRule {
    id: Spanned<String>,
    note: Option<String>,
    #[serde(default)]
    words: Vec<Spanned<String>>,
    #[serde(default)]
    phrases: Vec<Spanned<String>>,
    #[serde(default)]
    regexes: Vec<Spanned<String>>,
    #[serde(default)]
    unless: Vec<Spanned<String>>,
    #[serde(default)]
    each: bool,
    #[serde(default, rename = "in")]
    scope: Scope,
    #[serde(default)]
    channel: Vec<String>,
    #[serde(default)]
    category: Weights,
    #[serde(default)]
    queue: Weights,
    #[serde(default)]
    impact: Weights,
    #[serde(default)]
    urgency: Weights,
}

impl FileRule {
    fn weights(&self, field: FieldName) -> &Weights {
        match field {
            FieldName::Category => &self.category,
            FieldName::Queue => &self.queue,
            FieldName::Impact => &self.impact,
            FieldName::Urgency => &self.urgency,
        }
    }
}

/// Which text a rule reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Scope {
    /// Subject and description.
    #[default]
    Text,
    /// The subject.
    Subject,
    /// The description.
    Description,
}

/// A rule, ready to be weighed once it is known to fire.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) note: Option<String>,
    pub(super) scope: Scope,
    pub(super) has_text_condition: bool,
    /// Whether it fires once for every different word, phrase or regex that is found.
    pub(super) counts_each: bool,
    pub(super) channels: Vec<String>,
    pub(super) weights: Vec<(FieldName, FieldValue, f64)>,
}

/// The rules of a desk, compiled. The default has none and leaves every decision to a human.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    pub(super) rules: Vec<Rule>,
    pub(super) matcher: Matcher,
    pub(super) queues: BTreeMap<String, String>,
    pub(super) bias: Vec<(FieldName, FieldValue, f64)>,
    digest: String,
}

/// What a desk's rules are, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RulesSummary {
    /// How many rules.
    pub rules: usize,
    /// The categories of the taxonomy.
    pub categories: usize,
    /// Changes with every change of the file.
    pub digest: String,
}

impl Rules {
    /// Reads a rule file; `name` stands in the messages.
    ///
    /// # Errors
    /// Every problem of the file, not only the first.
    pub fn parse(name: &str, text: &str) -> Result<Self, Problems> {
        let fail = |problems| Problems {
            file: name.to_owned(),
            problems,
        };
        let file: File = toml::from_str(text).map_err(|error| {
            let (line_number, column) = place(text, error.span().map_or(0, |span| span.start));
            fail(vec![Problem {
                line_number,
                column,
                detail: error.message().to_owned(),
            }])
        })?;
        let mut problems = Found {
            text,
            problems: Vec::new(),
        };
        check(&file, &mut problems);
        let matcher = compile(&file, &mut problems);
        if !problems.problems.is_empty() {
            problems
                .problems
                .sort_by_key(|problem| (problem.line_number, problem.column));
            return Err(fail(problems.problems));
        }
        Ok(Self {
            rules: file.rule.iter().map(rule_of).collect(),
            matcher,
            bias: flat(|field| file.bias.of(field)),
            queues: file.queues,
            digest: blake3::hash(text.as_bytes())
                .to_hex()
                .chars()
                .take(16)
                .collect(),
        })
    }

    /// Changes with every change of the file.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What the rules are, in numbers.
    #[must_use]
    pub fn summary(&self) -> RulesSummary {
        RulesSummary {
            rules: self.rules.len(),
            categories: self.queues.len(),
            digest: self.digest.clone(),
        }
    }

    /// All values that a field can have.
    pub(super) fn values(&self, field: FieldName) -> BTreeSet<FieldValue> {
        match field {
            FieldName::Category => self.queues.keys().cloned().map(FieldValue::Name).collect(),
            FieldName::Queue => self
                .queues
                .values()
                .cloned()
                .map(FieldValue::Name)
                .collect(),
            FieldName::Impact | FieldName::Urgency => (1..=3).map(FieldValue::Number).collect(),
        }
    }
}

/// The problems found so far.
struct Found<'a> {
    text: &'a str,
    problems: Vec<Problem>,
}

impl Found<'_> {
    fn add(&mut self, span: Range<usize>, detail: String) {
        let (line_number, column) = place(self.text, span.start);
        self.problems.push(Problem {
            line_number,
            column,
            detail,
        });
    }
}

fn check(file: &File, found: &mut Found<'_>) {
    if *file.format.as_ref() != FORMAT {
        let detail = format!(
            "format {} is not known, only {FORMAT}",
            file.format.as_ref()
        );
        found.add(file.format.span(), detail);
    }
    for field in FieldName::ALL {
        check_weights(file, field, file.bias.of(field), found);
    }
    let mut ids = BTreeSet::new();
    for rule in &file.rule {
        let id = rule.id.as_ref();
        if !ids.insert(id) {
            found.add(rule.id.span(), format!("there is a rule {id:?} already"));
        }
        let has_text = [&rule.words, &rule.phrases, &rule.regexes]
            .iter()
            .any(|c| !c.is_empty());
        if !has_text && rule.channel.is_empty() {
            found.add(
                rule.id.span(),
                format!("rule {id:?} has no condition and would never fire"),
            );
        }
        if rule.each && !has_text {
            found.add(
                rule.id.span(),
                format!("rule {id:?} has nothing of which each could count"),
            );
        }
        if FieldName::ALL
            .into_iter()
            .all(|field| rule.weights(field).is_empty())
        {
            found.add(
                rule.id.span(),
                format!("rule {id:?} has no weights and would do nothing"),
            );
        }
        for field in FieldName::ALL {
            check_weights(file, field, rule.weights(field), found);
        }
    }
}

fn check_weights(file: &File, field: FieldName, weights: &Weights, found: &mut Found<'_>) {
    for (value, weight) in weights {
        let name = value.as_ref();
        let is_known = match field {
            FieldName::Category => file.queues.contains_key(name),
            FieldName::Queue => file.queues.values().any(|queue| queue == name),
            FieldName::Impact | FieldName::Urgency => ["1", "2", "3"].contains(&name.as_str()),
        };
        if !is_known {
            let detail = match field {
                FieldName::Impact | FieldName::Urgency => {
                    format!("{field} is \"1\", \"2\" or \"3\", not {name:?}")
                }
                FieldName::Category | FieldName::Queue => {
                    format!("{field} {name:?} does not stand in [queues]")
                }
            };
            found.add(value.span(), detail);
        }
        if !weight.is_finite() || weight.abs() > MAX_WEIGHT {
            let detail = format!("a weight is a number from -{MAX_WEIGHT} to {MAX_WEIGHT}");
            found.add(value.span(), detail);
        }
    }
}

fn compile(file: &File, found: &mut Found<'_>) -> Matcher {
    let mut builder = Matcher::builder();
    for (index, rule) in file.rule.iter().enumerate() {
        for pattern in rule.words.iter().chain(&rule.phrases) {
            if !builder.phrase(index, pattern.as_ref()) {
                let detail = format!("{:?} has no word to look for", pattern.as_ref());
                found.add(pattern.span(), detail);
            }
        }
        for pattern in &rule.unless {
            if !builder.exception(index, pattern.as_ref()) {
                let detail = format!("{:?} has no word to look for", pattern.as_ref());
                found.add(pattern.span(), detail);
            }
        }
        for pattern in &rule.regexes {
            if let Err(detail) = builder.regex(index, pattern.as_ref()) {
                found.add(pattern.span(), detail);
            }
        }
    }
    match builder.build() {
        Ok(matcher) => matcher,
        Err(detail) => {
            found.add(0..0, detail);
            Matcher::default()
        }
    }
}

fn rule_of(rule: &FileRule) -> Rule {
    let conditions = [&rule.words, &rule.phrases, &rule.regexes];
    Rule {
        id: rule.id.as_ref().clone(),
        note: rule.note.clone(),
        scope: rule.scope,
        counts_each: rule.each,
        has_text_condition: conditions.iter().any(|patterns| !patterns.is_empty()),
        channels: rule.channel.clone(),
        weights: flat(|field| rule.weights(field)),
    }
}

fn flat<'a>(weights: impl Fn(FieldName) -> &'a Weights) -> Vec<(FieldName, FieldValue, f64)> {
    FieldName::ALL
        .into_iter()
        .flat_map(|field| {
            weights(field).iter().map(move |(value, weight)| {
                (field, FieldValue::new(field, value.as_ref()), *weight)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_named_with_its_line() {
        let text = r#"format = 1
[queues]
"network/vpn" = "network"
[[rule]]
id = "a"
words = ["vpn"]
category = { "network/vnp" = 3.0 }
[[rule]]
id = "a"
regexes = ['(']
impact = { "4" = 1.0 }
[[rule]]
id = "empty"
"#;
        let message = Rules::parse("rules.toml", text).unwrap_err().to_string();
        for part in [
            "rules.toml:7:14: category \"network/vnp\" does not stand in [queues]",
            "rules.toml:9:6: there is a rule \"a\" already",
            "rules.toml:10:12: ",
            "rules.toml:11:12: impact is \"1\", \"2\" or \"3\", not \"4\"",
            "rules.toml:13:6: rule \"empty\" has no condition",
            "rules.toml:13:6: rule \"empty\" has no weights",
        ] {
            assert!(message.contains(part), "{part} is missing in\n{message}");
        }
    }

    #[test]
    fn a_misspelt_field_is_named() {
        let text = "format = 1\n[[rule]]\nid = \"a\"\nword = [\"vpn\"]\n";
        let message = Rules::parse("rules.toml", text).unwrap_err().to_string();
        assert!(
            message.starts_with("rules.toml:4:1: unknown field `word`"),
            "{message}"
        );
    }
}
