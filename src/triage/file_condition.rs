//! Reads the conditions of a rule file: those of a rule, and those inside other conditions.

use std::collections::BTreeSet;
use std::ops::Range;

use regex::Regex;
use toml::de::DeTable;

use super::condition::{Condition, Field, Scope, Values, Window};
use super::file::Reading;
use super::file_calendar;
use super::matcher::regex;
use super::problems::ProblemKind;
use super::reader::{Text, Value};
use crate::model::Weekday;

/// What a condition may say.
pub(super) const KEYS: [&str; 19] = [
    "words",
    "phrases",
    "stems",
    "regexes",
    "at_least",
    "in",
    "near",
    "within",
    "unless",
    "channel",
    "requester",
    "organisation",
    "product",
    "attachment",
    "field",
    "time",
    "all",
    "any",
    "none",
];

/// How many words may stand between the first and the last of `near`, when it is not said.
const WITHIN: usize = 5;

/// The conditions of one table.
pub(super) struct Conditions {
    /// All of them.
    pub(super) all: Condition,
    /// The patterns that the table itself looks for.
    pub(super) texts: Option<(Range<usize>, Scope)>,
}

impl Reading<'_> {
    /// The conditions of a table; none when it has none. `outer` is the text that is read when the
    /// table does not say.
    pub(super) fn condition(&mut self, table: &DeTable<'_>, outer: Scope) -> Option<Conditions> {
        let n_problems_before = self.found.len();
        let scope = table.get("in").and_then(|value| self.scope(value));
        let scope = scope.unwrap_or(outer);
        let mut parts = Vec::new();
        let texts = self.texts(table);
        let any = table.get("any").map(|list| self.conditions(list, scope));
        let at_least = self.at_least(table, &texts, any.as_deref());
        if !texts.is_empty() {
            parts.push(Condition::Text {
                patterns: texts.clone(),
                scope,
                at_least: if any.is_some() { 1 } else { at_least },
            });
        }
        parts.extend(any.map(|any| Condition::Any(any, at_least)));
        parts.extend(self.near(table, scope));
        parts.extend(self.fields(table));
        parts.extend(table.get("time").and_then(|time| self.window(time)));
        let all = table.get("all").map(|list| self.conditions(list, scope));
        parts.extend(all.into_iter().flatten());
        let none = table.get("none").map(|list| self.conditions(list, scope));
        parts.extend(none.map(Condition::None));
        let has_positive = !parts.is_empty();
        parts.extend(self.unless(table, scope));
        if !has_positive && self.found.len() == n_problems_before {
            return None;
        }
        Some(Conditions {
            all: Condition::All(parts),
            texts: (!texts.is_empty()).then_some((texts, scope)),
        })
    }

    /// A list of conditions.
    fn conditions(&mut self, list: &Value<'_>, outer: Scope) -> Vec<Condition> {
        let mut conditions = Vec::new();
        for value in self.found.list(list) {
            let Some(table) = self.found.table(value) else {
                continue;
            };
            self.keys(table, &KEYS, &[]);
            match self.condition(table, outer) {
                Some(condition) => conditions.push(condition.all),
                None => {
                    let detail = "there is no condition here".to_owned();
                    self.found.error(ProblemKind::Missing, value.span(), detail);
                }
            }
        }
        if conditions.is_empty() {
            let detail = "the list has no condition".to_owned();
            self.found.error(ProblemKind::Missing, list.span(), detail);
        }
        conditions
    }

    fn scope(&mut self, value: &Value<'_>) -> Option<Scope> {
        let text = self.found.text(value)?;
        let known = [
            ("text", Scope::Text),
            ("subject", Scope::Subject),
            ("title", Scope::Subject),
            ("description", Scope::Description),
            ("body", Scope::Description),
        ];
        self.found.one_of((&text, value.span()), &known)
    }

    /// Adds the words, phrases, stems and regexes of a table; gives their numbers.
    fn texts(&mut self, table: &DeTable<'_>) -> Range<usize> {
        let start = self.builder.next();
        for key in ["words", "phrases"] {
            self.phrases(table, key);
        }
        for Text { text, span } in self.list_of(table, "stems") {
            if !self.builder.stem(&text) {
                let detail = format!("{text:?} is not the beginning of one word");
                self.found.error(ProblemKind::WrongValue, span, detail);
            }
        }
        for Text { text, span } in self.list_of(table, "regexes") {
            match self.builder.regex(&text) {
                Err(detail) => self.found.error(ProblemKind::Regex, span, detail),
                Ok(None) => {
                    let detail = "this regex matches no text at all".to_owned();
                    self.found.error(ProblemKind::NeverFires, span, detail);
                }
                Ok(Some(0)) => {
                    let detail = "this regex matches every text, also an empty one".to_owned();
                    self.found.warning(ProblemKind::AlwaysFires, span, detail);
                }
                Ok(Some(_)) => {}
            }
        }
        start..self.builder.next()
    }

    /// Adds the words or phrases under a key; gives their numbers.
    fn phrases(&mut self, table: &DeTable<'_>, key: &str) -> Range<usize> {
        let start = self.builder.next();
        for Text { text, span } in self.list_of(table, key) {
            if !self.builder.phrase(&text) {
                let detail = format!("{text:?} has no word to look for");
                self.found.error(ProblemKind::WrongValue, span, detail);
            }
        }
        start..self.builder.next()
    }

    fn list_of(&mut self, table: &DeTable<'_>, key: &str) -> Vec<Text> {
        table
            .get(key)
            .map_or(Vec::new(), |list| self.found.texts(list))
    }

    /// How many of the patterns, or of the conditions of `any`, must hold.
    fn at_least(
        &mut self,
        table: &DeTable<'_>,
        texts: &Range<usize>,
        any: Option<&[Condition]>,
    ) -> usize {
        let Some(value) = table.get("at_least") else {
            return 1;
        };
        let n_choices = match any {
            Some(any) if texts.is_empty() => any.len(),
            Some(_) => {
                let detail = "`at_least` counts the patterns or the conditions of `any`: put one of \
                              them into a condition of its own";
                let span = value.span();
                self.found
                    .error(ProblemKind::WrongValue, span, detail.to_owned());
                return 1;
            }
            None => texts.len(),
        };
        let at_least = self.found.whole(value, 1..1_000).unwrap_or(1);
        if at_least > n_choices {
            let detail = format!("at least {at_least} of {n_choices} can never hold");
            self.found
                .error(ProblemKind::NeverFires, value.span(), detail);
        }
        at_least
    }

    fn near(&mut self, table: &DeTable<'_>, scope: Scope) -> Option<Condition> {
        let within = table.get("within");
        let value = table.get("near");
        let words = within.map_or(Some(WITHIN), |value| self.found.whole(value, 1..1_000));
        if let (Some(within), None) = (within, value) {
            let detail = "`within` belongs to `near`, which is missing".to_owned();
            self.found
                .error(ProblemKind::Missing, within.span(), detail);
        }
        let value = value?;
        let patterns = self.phrases(table, "near");
        if patterns.len() < 2 {
            let detail = "`near` needs two words or more".to_owned();
            self.found
                .error(ProblemKind::WrongValue, value.span(), detail);
        }
        let words = words?;
        if words + 1 < patterns.len() {
            let detail = format!("{} words never stand within {words}", patterns.len());
            self.found
                .error(ProblemKind::NeverFires, value.span(), detail);
        }
        Some(Condition::Near {
            patterns,
            scope,
            within: u32::try_from(words).unwrap_or(u32::MAX),
        })
    }

    fn unless(&mut self, table: &DeTable<'_>, scope: Scope) -> Option<Condition> {
        let patterns = self.phrases(table, "unless");
        (!patterns.is_empty()).then_some(Condition::None(vec![Condition::Text {
            patterns,
            scope,
            at_least: 1,
        }]))
    }

    fn fields(&mut self, table: &DeTable<'_>) -> Vec<Condition> {
        let mut conditions = Vec::new();
        for key in [
            "channel",
            "requester",
            "organisation",
            "product",
            "attachment",
        ] {
            if let Some(value) = table.get(key) {
                conditions.push(self.field(key, value));
            }
        }
        let others = table
            .get("field")
            .and_then(|fields| self.found.table(fields));
        for (key, value) in others.into_iter().flatten() {
            conditions.push(self.field(key.get_ref(), value));
        }
        conditions
    }

    /// A value, a list of values (`*` stands for anything), or `{ matches = REGEX }`.
    fn field(&mut self, name: &str, value: &Value<'_>) -> Condition {
        let mut values = Values::default();
        if let Some(table) = value.get_ref().as_table() {
            self.keys(table, &["matches"], &[]);
            let texts = table
                .get("matches")
                .map(|value| self.found.one_or_more(value));
            for Text { text, span } in texts.into_iter().flatten() {
                values.regexes.extend(self.regex(&text, span));
            }
        } else {
            for Text { text, span } in self.found.one_or_more(value) {
                let text = text.trim();
                if text.contains('*') {
                    let parts: Vec<String> = text.split('*').map(regex::escape).collect();
                    let pattern = format!("(?is)^{}$", parts.join(".*"));
                    values.wild.extend(self.regex(&pattern, span));
                } else {
                    values.exact.insert(text.to_lowercase());
                }
            }
        }
        if values.exact.is_empty() && values.wild.is_empty() && values.regexes.is_empty() {
            let detail = format!("{name} needs a value");
            self.found
                .error(ProblemKind::NeverFires, value.span(), detail);
        }
        Condition::Field {
            field: Field::new(name),
            values,
        }
    }

    /// The regex; one that matches nothing, so that the problem is told once, when it cannot be read.
    fn regex(&mut self, pattern: &str, span: Range<usize>) -> Option<Regex> {
        regex(pattern)
            .map_err(|detail| self.found.error(ProblemKind::Regex, span, detail))
            .or_else(|()| Regex::new("[^\\s\\S]"))
            .ok()
    }

    fn window(&mut self, value: &Value<'_>) -> Option<Condition> {
        let table = self.found.table(value)?;
        self.keys(table, &["open", "days", "from", "to"], &[]);
        if !self.has_calendar {
            let detail = "`time` needs a [calendar] with the time zone of the desk".to_owned();
            self.found.error(ProblemKind::Missing, value.span(), detail);
        }
        let open = table.get("open").and_then(|open| self.found.boolean(open));
        let days = table.get("days").map(|days| self.days(days));
        let mut minute = |key: &str, last: u16| {
            let value = table.get(key)?;
            let text = self.found.text(value)?;
            file_calendar::minute((&text, value.span()), last, &mut self.found)
        };
        let minutes = (minute("from", 1_439), minute("to", 1_440));
        let has = |key: &str| table.contains_key(key);
        if has("from") != has("to") {
            let detail = "`from` and `to` go together".to_owned();
            self.found.error(ProblemKind::Missing, value.span(), detail);
        }
        let minutes = match minutes {
            (Some(from), Some(to)) if from == to => {
                let detail = "the time ends as it begins".to_owned();
                self.found
                    .error(ProblemKind::NeverFires, value.span(), detail);
                None
            }
            (Some(from), Some(to)) => Some((from, to)),
            _ => None,
        };
        if table.is_empty() {
            let detail = "`time` needs `open`, `days` or `from` and `to`".to_owned();
            self.found.error(ProblemKind::Missing, value.span(), detail);
        }
        Some(Condition::Time(Window {
            open,
            days,
            minutes,
        }))
    }

    fn days(&mut self, value: &Value<'_>) -> BTreeSet<Weekday> {
        let known = Weekday::ALL.map(|day| (day.as_str(), day));
        let mut days = BTreeSet::new();
        for Text { text, span } in self.found.one_or_more(value) {
            days.extend(self.found.one_of((&text, span), &known));
        }
        if days.is_empty() {
            let detail = "`days` needs a day".to_owned();
            self.found
                .error(ProblemKind::NeverFires, value.span(), detail);
        }
        days
    }
}
