//! Reads a `[[question]]` of a rule file: what to ask when two categories are close.

use super::file::Reading;
use super::problems::ProblemKind;
use super::question::Question;
use super::reader::{Text, Value};
use super::{FieldName, FieldValue};

const KEYS: [&str; 2] = ["between", "ask"];

impl Reading<'_> {
    /// The question, when all of it can be read; what is wrong is noted.
    pub(super) fn question(&mut self, value: &Value<'_>) -> Option<Question> {
        let table = self.found.table(value)?;
        self.keys(table, &KEYS, &[]);
        let ask = table.get("ask").and_then(|ask| self.found.text(ask));
        let between = table.get("between").map(|list| self.found.texts(list));
        let values: Vec<FieldValue> = between
            .unwrap_or_default()
            .into_iter()
            .map(|Text { text, span }| {
                self.known_category(&text, span);
                FieldValue::new(FieldName::Category, &text)
            })
            .collect();
        let (Ok(between), Some(ask)) = (<[FieldValue; 2]>::try_from(values), ask) else {
            let detail = "a question needs two categories in `between`, and `ask`".to_owned();
            self.found.error(ProblemKind::Missing, value.span(), detail);
            return None;
        };
        Some(Question { between, ask })
    }
}
