//! Takes values out of parsed TOML and notes whatever is not as it should be, with its place.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeFloat, DeInteger, DeTable, DeValue};

use super::problems::{Found, ProblemKind};

/// A value of a file with its place.
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// A text of a file with its place.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) span: Range<usize>,
}

impl Found<'_> {
    fn not(&mut self, value: &Value<'_>, wanted: &str) {
        let detail = format!("expected {wanted}, not {}", described(value.get_ref()));
        self.error(ProblemKind::WrongValue, value.span(), detail);
    }

    /// A text.
    pub(super) fn text(&mut self, value: &Value<'_>) -> Option<String> {
        let text = value.get_ref().as_str().map(str::to_owned);
        if text.is_none() {
            self.not(value, "a text");
        }
        text
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, value: &Value<'_>) -> Vec<Text> {
        let mut texts = Vec::new();
        for item in self.list(value) {
            if let Some(text) = self.text(item) {
                let span = item.span();
                texts.push(Text { text, span });
            }
        }
        texts
    }

    /// One text, or a list of them.
    pub(super) fn one_or_more(&mut self, value: &Value<'_>) -> Vec<Text> {
        match value.get_ref().as_str() {
            Some(text) => vec![Text {
                text: text.to_owned(),
                span: value.span(),
            }],
            None => self.texts(value),
        }
    }

    /// The items of a list.
    pub(super) fn list<'v, 'i>(&mut self, value: &'v Value<'i>) -> &'v [Value<'i>] {
        let items = value.get_ref().as_array();
        if items.is_none() {
            self.not(value, "a list");
        }
        items.map_or(&[], |items| items)
    }

    /// A table.
    pub(super) fn table<'v, 'i>(&mut self, value: &'v Value<'i>) -> Option<&'v DeTable<'i>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.not(value, "a table");
        }
        table
    }

    /// True or false.
    pub(super) fn boolean(&mut self, value: &Value<'_>) -> Option<bool> {
        let boolean = value.get_ref().as_bool();
        if boolean.is_none() {
            self.not(value, "true or false");
        }
        boolean
    }

    /// A number.
    pub(super) fn number(&mut self, value: &Value<'_>) -> Option<f64> {
        let float = value.get_ref().as_float().map(DeFloat::as_str);
        let integer = value.get_ref().as_integer();
        let integer = integer.filter(|integer| integer.radix() == 10);
        let number = float.or(integer.map(DeInteger::as_str));
        let number = number.and_then(|number| number.parse().ok());
        if number.is_none() {
            self.not(value, "a number");
        }
        number
    }

    /// A whole number in a range.
    pub(super) fn whole(&mut self, value: &Value<'_>, range: Range<usize>) -> Option<usize> {
        let integer = value.get_ref().as_integer().map(DeInteger::as_str);
        let number = integer.and_then(|number| number.parse().ok());
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let wanted = format!("a whole number from {} to {}", range.start, range.end - 1);
            self.not(value, &wanted);
        }
        number
    }

    /// One of several names.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        (text, span): (&str, Range<usize>),
        known: &[(&str, T)],
    ) -> Option<T> {
        let found = known.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let detail = format!("expected one of {}, not {text:?}", names.join(", "));
            self.error(ProblemKind::WrongValue, span, detail);
        }
        found.map(|(_, value)| *value)
    }

    /// Notes a key that is not known.
    pub(super) fn unknown_key(&mut self, key: (&str, Range<usize>), known: &[&str]) {
        let (name, span) = key;
        let hint = did_you_mean(name, known.iter().copied());
        let detail = format!("unknown field `{name}`{hint}");
        self.error(ProblemKind::UnknownKey, span, detail);
    }
}

/// What a value is, for messages.
fn described(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(boolean) => boolean.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// The known name that is most like a wrong one, as the end of a message.
pub(super) fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let nearest = known
        .map(|known| (distance(name, known), known))
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((distance, known)) if distance <= 1 + name.chars().count() / 4 => {
            format!("; did you mean {known:?}?")
        }
        _ => String::new(),
    }
}

/// Insertions, deletions, replacements and swaps of neighbours between two names (optimal string
/// alignment).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut last = None;
    for (i, x) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let replaced = at(&row, j) + usize::from(x != y);
            let mut least = replaced.min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            let earlier = j.checked_sub(1).and_then(|j| b.get(j).copied());
            if j > 0 && last == Some(y) && earlier == Some(x) {
                least = least.min(at(&before, j - 1) + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
        last = Some(x);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised() {
        let known = ["network/vpn", "network/wifi"];
        let check = |name, expected: &str| {
            assert_eq!(did_you_mean(name, known.into_iter()), expected);
        };
        check("network/vnp", "; did you mean \"network/vpn\"?");
        check("network/wlan", "; did you mean \"network/vpn\"?");
        check("people/leaver", "");
    }
}
