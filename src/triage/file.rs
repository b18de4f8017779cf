//! Reads the rule file: what it may say, and every error of it with its place.
//!
//! TOML is parsed with recovery, so that one missing bracket does not hide the problems behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;
use toml::de::DeTable;

use super::decision::LabelKind;
use super::matcher::{Builder, Matcher};
use super::problems::{Found, ProblemKind};
use super::reader::{Text, Value, did_you_mean};
use super::rules::{Policy, Rule, Rules, Values};
use super::{FieldName, FieldValue, file_calendar, file_condition};

/// The version of the file format that is read.
const FORMAT: usize = 1;

/// The largest weight: e to the 20 is certainty.
const MAX_WEIGHT: f64 = 20.0;

/// What a file may say at its top.
const FILE_KEYS: [&str; 8] = [
    "format", "queues", "tags", "flags", "bias", "calendar", "rule", "question",
];

/// What a rule may say besides its conditions.
const RULE_KEYS: [&str; 13] = [
    "id", "name", "owner", "note", "enabled", "each", "category", "queue", "impact", "urgency",
    "tag", "flag", "set",
];

/// A file while it is read.
pub(super) struct Reading<'a> {
    pub(super) found: Found<'a>,
    pub(super) builder: Builder,
    pub(super) has_calendar: bool,
    /// Where the file is no TOML.
    broken: Vec<Range<usize>>,
    queues: BTreeMap<String, String>,
    tags: BTreeSet<String>,
    flags: BTreeSet<String>,
    ids: BTreeSet<String>,
}

/// What a weight is on.
#[derive(Debug, Clone, Copy)]
enum Target {
    Field(FieldName),
    Label(LabelKind),
}

impl Target {
    const ALL: [Self; 6] = [
        Self::Field(FieldName::Category),
        Self::Field(FieldName::Queue),
        Self::Field(FieldName::Impact),
        Self::Field(FieldName::Urgency),
        Self::Label(LabelKind::Tag),
        Self::Label(LabelKind::Flag),
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Field(field) => field.as_str(),
            Self::Label(label) => label.as_str(),
        }
    }
}

/// Weights on fields, and on labels.
type Weights = (
    Vec<(FieldName, FieldValue, f64)>,
    Vec<(LabelKind, String, f64)>,
);

/// Where each rule stands; none for a rule with an error, which may say less than was meant.
pub(super) type Places = Vec<Option<Range<usize>>>;

/// The rules of a file as far as they can be read, where each stands, and what is wrong.
pub(super) fn read(text: &str) -> (Rules, Places, Found<'_>) {
    let mut found = Found::new(text);
    let (file, errors) = DeTable::parse_recoverable(text);
    let mut broken = Vec::new();
    for error in &errors {
        let span = error.span().unwrap_or(0..text.len());
        broken.push(span.clone());
        found.error(ProblemKind::Syntax, span, error.message().to_owned());
    }
    let mut reading = Reading {
        found,
        builder: Builder::default(),
        has_calendar: false,
        broken,
        queues: BTreeMap::new(),
        tags: BTreeSet::new(),
        flags: BTreeSet::new(),
        ids: BTreeSet::new(),
    };
    let (mut rules, places) = reading.file(file.get_ref());
    rules.digest = blake3::hash(text.as_bytes())
        .to_hex()
        .chars()
        .take(16)
        .collect();
    (rules, places, reading.found)
}

impl Reading<'_> {
    fn file(&mut self, file: &DeTable<'_>) -> (Rules, Places) {
        self.keys(file, &FILE_KEYS, &[]);
        self.format(file);
        self.declared(file);
        let calendar = file.get("calendar");
        self.has_calendar = calendar.is_some();
        let n_problems = self.found.len();
        let calendar = calendar.and_then(|value| file_calendar::read(value, &mut self.found));
        // One of which a part is missing would tell of times that there are not.
        let is_whole = self.broken.is_empty() && !self.found.has_errors_from(n_problems);
        let calendar = calendar.filter(|_| is_whole);
        let (bias, label_bias) = match file.get("bias") {
            Some(value) => self.bias(value),
            None => (Vec::new(), Vec::new()),
        };
        let mut rules = Rules {
            bias,
            label_bias,
            calendar,
            ..Rules::default()
        };
        let questions = file
            .get("question")
            .map_or(&[][..], |list| self.found.list(list));
        for value in questions {
            rules.questions.extend(self.question(value));
        }
        let mut places = self.rules(file, &mut rules);
        rules.values = Values::new(&self.queues);
        rules.queues.clone_from(&self.queues);
        rules.asks_time = rules.rules.iter().any(|rule| rule.condition.asks_time());
        let on = rules.rules.iter().enumerate();
        let without_text = on.filter(|(_, rule)| !rule.condition.needs_text());
        rules.without_text = without_text.map(|(index, _)| index).collect();
        let built = std::mem::take(&mut self.builder).build();
        rules.matcher = built.unwrap_or_else(|detail| {
            self.found.error(ProblemKind::WrongValue, 0..0, detail);
            places.fill(None);
            Matcher::default()
        });
        (rules, places)
    }

    fn rules(&mut self, file: &DeTable<'_>, rules: &mut Rules) -> Places {
        let mut places = Vec::new();
        let tables = file
            .get("rule")
            .map_or(&[][..], |list| self.found.list(list));
        for (index, value) in tables.iter().enumerate() {
            let n_problems = self.found.len();
            let Some(table) = self.found.table(value) else {
                continue;
            };
            let off = table.get("enabled");
            let is_on = off.is_none_or(|value| self.found.boolean(value).unwrap_or(true));
            let before = self.builder.next();
            let Some((rule, place)) = self.rule(table, value.span()) else {
                continue;
            };
            if is_on {
                let n_patterns = self.builder.next() - before;
                rules.rule_of.extend(vec![rules.rules.len(); n_patterns]);
                rules.rules.push(rule);
                let next = tables.get(index + 1);
                let end = next.map_or(usize::MAX, |next| next.span().start);
                let is_right = !self.found.has_errors_from(n_problems)
                    && !self.is_broken(value.span().start..end);
                places.push(is_right.then_some(place));
            } else {
                self.builder.forget_from(before);
                rules.n_off += 1;
            }
        }
        places
    }

    fn is_broken(&self, stretch: Range<usize>) -> bool {
        let mut broken = self.broken.iter();
        broken.any(|broken| broken.start < stretch.end && broken.end >= stretch.start)
    }

    /// Notes every key that is in neither list.
    pub(super) fn keys(&mut self, table: &DeTable<'_>, known: &[&str], also: &[&str]) {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) && !also.contains(&name) {
                let all = [known, also].concat();
                self.found.unknown_key((name, key.span()), &all);
            }
        }
    }

    fn format(&mut self, file: &DeTable<'_>) {
        let Some(format) = file.get("format") else {
            let detail = format!("`format = {FORMAT}` is missing");
            self.found.error(ProblemKind::Missing, 0..0, detail);
            return;
        };
        let number = self.found.whole(format, 0..usize::MAX);
        if let Some(number) = number.filter(|number| *number != FORMAT) {
            let detail = format!("format {number} is not known, only {FORMAT}");
            let span = format.span();
            self.found.error(ProblemKind::WrongValue, span, detail);
        }
    }

    /// Reads what values there are.
    fn declared(&mut self, file: &DeTable<'_>) {
        let queues = file.get("queues");
        if let Some(queues) = queues.and_then(|queues| self.found.table(queues)) {
            for (category, queue) in queues {
                if let Some(queue) = self.found.text(queue) {
                    let category = category.get_ref().clone().into_owned();
                    self.queues.insert(category, queue);
                }
            }
        }
        for key in ["tags", "flags"] {
            let texts = file
                .get(key)
                .map_or(Vec::new(), |list| self.found.texts(list));
            let mut known = BTreeSet::new();
            for Text { text, span } in texts {
                if !known.insert(text.clone()) {
                    let detail = format!("{text:?} stands in {key} already");
                    self.found.error(ProblemKind::Duplicate, span, detail);
                }
            }
            *(if key == "tags" {
                &mut self.tags
            } else {
                &mut self.flags
            }) = known;
        }
    }

    fn bias(&mut self, value: &Value<'_>) -> Weights {
        let Some(table) = self.found.table(value) else {
            return Weights::default();
        };
        self.keys(table, &Target::ALL.map(Target::as_str), &[]);
        self.weights(table)
    }

    fn rule(&mut self, table: &DeTable<'_>, span: Range<usize>) -> Option<(Rule, Range<usize>)> {
        let n_problems = self.found.len();
        self.keys(table, &RULE_KEYS, &file_condition::KEYS);
        let is_understood = self.found.len() == n_problems;
        let (id, place) = self.id(table, span);
        let each = table.get("each").and_then(|each| self.found.boolean(each));
        let mut text = |key: &str| table.get(key).and_then(|value| self.found.text(value));
        let (name, note) = (text("name"), text("note"));
        text("owner");
        let condition = self.condition(table, super::condition::Scope::default());
        let (weights, labels) = self.weights(table);
        let policy = table.get("set").and_then(|set| self.policy(set));
        let has_effect = |key: &str| table.contains_key(key);
        let has_effects = Target::ALL.map(Target::as_str).into_iter().any(has_effect);
        if is_understood && !has_effects && !has_effect("set") {
            let detail = format!("rule {id:?} has no weights and would do nothing");
            self.found
                .error(ProblemKind::NoEffect, place.clone(), detail);
        }
        let Some(conditions) = condition else {
            // A misspelt key may have been meant as one.
            if is_understood {
                let detail = format!("rule {id:?} has no condition and would never fire");
                self.found.error(ProblemKind::NeverFires, place, detail);
            }
            return None;
        };
        let each = each.is_some_and(|each| each);
        if each && conditions.texts.is_none() {
            let detail = format!("rule {id:?} has nothing of which each could count");
            self.found
                .error(ProblemKind::WrongValue, place.clone(), detail);
        }
        let rule = Rule {
            id,
            name,
            note,
            condition: conditions.all,
            each: conditions.texts.filter(|_| each),
            weights,
            labels,
            policy,
        };
        Some((rule, place))
    }

    /// The id of a rule and where the rule is pointed at.
    fn id(&mut self, table: &DeTable<'_>, span: Range<usize>) -> (String, Range<usize>) {
        let Some(value) = table.get("id") else {
            let detail = "a rule needs an `id`".to_owned();
            self.found.error(ProblemKind::Missing, span.clone(), detail);
            return (String::new(), span);
        };
        let id = self.found.text(value).unwrap_or_default();
        if !self.ids.insert(id.clone()) {
            let detail = format!("there is a rule {id:?} already");
            self.found
                .error(ProblemKind::Duplicate, value.span(), detail);
        }
        (id, value.span())
    }

    /// The weights on all fields and labels that a table has.
    fn weights(&mut self, table: &DeTable<'_>) -> Weights {
        let (mut weights, mut labels) = Weights::default();
        for target in Target::ALL {
            let values = table.get(target.as_str());
            let Some(values) = values.and_then(|values| self.found.table(values)) else {
                continue;
            };
            for (value, weight) in values {
                let name = value.get_ref().as_ref();
                self.known_value(target, name, value.span());
                let Some(number) = self.found.number(weight) else {
                    continue;
                };
                if !number.is_finite() || number.abs() > MAX_WEIGHT {
                    let detail = format!("a weight is a number from -{MAX_WEIGHT} to {MAX_WEIGHT}");
                    self.found
                        .error(ProblemKind::WrongValue, value.span(), detail);
                }
                match target {
                    Target::Field(field) => {
                        weights.push((field, FieldValue::new(field, name), number));
                    }
                    Target::Label(kind) => labels.push((kind, name.to_owned(), number)),
                }
            }
        }
        (weights, labels)
    }

    /// Notes a category that the file does not declare.
    pub(super) fn known_category(&mut self, name: &str, span: Range<usize>) {
        self.known_value(Target::Field(FieldName::Category), name, span);
    }

    /// Notes a value that the file does not declare.
    fn known_value(&mut self, target: Target, name: &str, span: Range<usize>) {
        let field = target.as_str();
        let known: Vec<&str> = match target {
            Target::Field(FieldName::Category) => self.queues.keys().map(String::as_str).collect(),
            Target::Field(FieldName::Queue) => self.queues.values().map(String::as_str).collect(),
            Target::Field(FieldName::Impact | FieldName::Urgency) => vec!["1", "2", "3"],
            Target::Label(LabelKind::Tag) => self.tags.iter().map(String::as_str).collect(),
            Target::Label(LabelKind::Flag) => self.flags.iter().map(String::as_str).collect(),
        };
        if known.contains(&name) {
            return;
        }
        let hint = did_you_mean(name, known.into_iter());
        let detail = match target {
            Target::Field(FieldName::Impact | FieldName::Urgency) => {
                format!("{field} is \"1\", \"2\" or \"3\", not {name:?}")
            }
            Target::Field(_) => format!("{field} {name:?} does not stand in [queues]{hint}"),
            Target::Label(_) => format!("{field} {name:?} does not stand in `{field}s`{hint}"),
        };
        self.found.error(ProblemKind::UnknownValue, span, detail);
    }

    fn policy(&mut self, set: &Value<'_>) -> Option<Policy> {
        let table = self.found.table(set)?;
        let mut policy = Policy::default();
        self.keys(table, &Target::ALL.map(Target::as_str), &["reason"]);
        for target in Target::ALL {
            let Some(value) = table.get(target.as_str()) else {
                continue;
            };
            match target {
                Target::Field(field) => {
                    let name = self.set_value(field, value)?;
                    self.known_value(target, &name, value.span());
                    policy.values.push((field, FieldValue::new(field, &name)));
                }
                Target::Label(kind) => {
                    for Text { text, span } in self.found.one_or_more(value) {
                        self.known_value(target, &text, span);
                        policy.labels.push((kind, text));
                    }
                }
            }
        }
        let reason = table.get("reason");
        policy.reason = match reason {
            Some(reason) => self.found.text(reason)?,
            None => String::new(),
        };
        if policy.reason.trim().is_empty() {
            let detail = "what is set needs a `reason`, which is shown with it".to_owned();
            let span = reason.map_or(set.span(), Spanned::span);
            self.found.error(ProblemKind::Missing, span, detail);
        }
        if policy.values.is_empty() && policy.labels.is_empty() {
            let detail = "`set` sets nothing".to_owned();
            self.found.error(ProblemKind::NoEffect, set.span(), detail);
        }
        Some(policy)
    }

    /// The value that a field is set to; impact and urgency may be written as numbers.
    fn set_value(
        &mut self,
        field: FieldName,
        value: &Spanned<toml::de::DeValue<'_>>,
    ) -> Option<String> {
        let is_scale = matches!(field, FieldName::Impact | FieldName::Urgency);
        if is_scale && value.get_ref().is_integer() {
            return self
                .found
                .whole(value, 1..4)
                .map(|number| number.to_string());
        }
        self.found.text(value)
    }
}
