//! What somebody typed, read: words, phrases in quotes, words to leave out, filters.
//!
//! Any text is a query. The signs are read in a single line of moderate length only: in a pasted
//! mail a dash is a dash and quotes quote.

use crate::index::FacetField;

/// Longer texts are not typed but pasted, in bytes.
const MAX_TYPED_BYTES: usize = 200;

/// The fields that can stand before a colon.
const FIELDS: [FacetField; 4] = [
    FacetField::Category,
    FacetField::Product,
    FacetField::Tag,
    FacetField::Language,
];

/// A query, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ParsedQuery {
    /// What is searched for: the words, those of phrases included.
    pub(super) text: String,
    /// Phrases that must stand in an article.
    pub(super) phrases: Vec<String>,
    /// Words and phrases that must not.
    pub(super) excluded: Vec<String>,
    /// Values that an article must have.
    pub(super) filters: Vec<(FacetField, String)>,
}

/// Whether a text was typed rather than pasted: a single line of moderate length.
pub(super) fn is_typed(text: &str) -> bool {
    let text = text.trim();
    text.len() <= MAX_TYPED_BYTES && !text.contains('\n')
}

impl ParsedQuery {
    /// Reads a text.
    pub(super) fn new(text: &str) -> Self {
        let is_finished = text.ends_with(char::is_whitespace);
        let text = text.trim();
        if !is_typed(text) {
            return Self {
                text: text.to_owned(),
                ..Self::default()
            };
        }
        let mut parsed = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            rest = parsed.take(rest).trim_start();
        }
        if is_finished {
            parsed.text.push(' ');
        }
        parsed
    }

    /// Whether it asks for words.
    pub(super) fn has_words(&self) -> bool {
        self.text.contains(char::is_alphanumeric)
    }

    /// Whether it asks for more than words.
    pub(super) fn has_conditions(&self) -> bool {
        !(self.phrases.is_empty() && self.excluded.is_empty() && self.filters.is_empty())
    }

    /// Takes what stands at the beginning, up to white space outside quotes; gives the rest.
    fn take<'a>(&mut self, text: &'a str) -> &'a str {
        if let Some((phrase, rest)) = quoted(text) {
            self.phrases.push(phrase.to_owned());
            self.add_text(phrase);
            return rest;
        }
        if let Some(after) = text.strip_prefix('-') {
            if let Some((phrase, rest)) = quoted(after) {
                self.excluded.push(phrase.to_owned());
                return rest;
            }
            if after.starts_with(char::is_alphanumeric) {
                let (word, rest) = split_word(after);
                self.excluded.push(word.to_owned());
                return rest;
            }
        }
        if let Some((name, after)) = text.split_once(':')
            && let Some(field) = FIELDS.into_iter().find(|field| field.name() == name)
        {
            let (value, rest) = quoted(after).unwrap_or_else(|| split_word(after));
            if !value.is_empty() {
                self.filters.push((field, value.to_owned()));
                return rest;
            }
        }
        let (word, rest) = split_word(text);
        self.add_text(word);
        rest
    }

    fn add_text(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(text);
    }
}

fn split_word(text: &str) -> (&str, &str) {
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    text.split_at(end)
}

/// What stands in quotes at the beginning, and the rest; nothing when they are not closed or hold
/// no word.
fn quoted(text: &str) -> Option<(&str, &str)> {
    const QUOTES: [(char, char); 4] = [('"', '"'), ('“', '”'), ('„', '“'), ('«', '»')];
    let (open, close) = QUOTES
        .into_iter()
        .find(|(open, _)| text.starts_with(*open))?;
    let inside = text.strip_prefix(open)?;
    let (phrase, rest) = inside.split_once(close)?;
    phrase
        .contains(char::is_alphanumeric)
        .then_some((phrase.trim(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (String, Vec<String>, Vec<String>, Vec<String>) {
        let parsed = ParsedQuery::new(text);
        let filters = parsed.filters.iter();
        (
            parsed.text.clone(),
            parsed.phrases.clone(),
            parsed.excluded.clone(),
            filters
                .map(|(field, value)| format!("{}={value}", field.name()))
                .collect(),
        )
    }

    fn list(values: &[&str]) -> Vec<String> {
        values.iter().map(|&value| value.to_owned()).collect()
    }

    #[test]
    fn signs_are_read() {
        assert_eq!(
            parsed("printer -toner \"paper jam\" category:hardware/printer -\"follow me\""),
            (
                "printer paper jam".to_owned(),
                list(&["paper jam"]),
                list(&["toner", "follow me"]),
                list(&["category=hardware/printer"]),
            )
        );
        assert_eq!(
            parsed("product:\"Adobe Reader\" slow").3,
            ["product=Adobe Reader"]
        );
        assert_eq!(parsed("„kein Netz“ hier").1, ["kein Netz"]);
    }

    #[test]
    fn anything_else_is_text() {
        for text in [
            "wi-fi - not working",
            "error: 0x80070005",
            "https://intranet/x",
            "\"unclosed",
            "\"\" --",
            "category:",
            "a\n-b \"c d\"",
        ] {
            let (_, phrases, excluded, filters) = parsed(text);
            assert!(
                phrases.is_empty() && excluded.is_empty() && filters.is_empty(),
                "{text}"
            );
        }
        assert_eq!(parsed("wi-fi - not").0, "wi-fi - not");
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_an_error(text in "[-\":a-c“„»é \\t]{0,40}") {
            ParsedQuery::new(&text);
        }
    }
}
