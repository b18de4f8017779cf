//! Lends the analyzer of `text` to tantivy, one tokenizer for all languages.
//!
//! tantivy chooses a tokenizer by field, Firstline a stemmer by document. The language travels
//! with the text: [`tagged`] puts its code in front, and the tokenizer takes it off again. Nothing
//! of a text is stored by tantivy, so nobody ever reads the tag.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use crate::text::{Language, analyze};

/// The name under which the tokenizer is registered.
pub(super) const TOKENIZER: &str = "firstline";

/// Ends the language code; a text cannot bring one of its own in front of the first.
const TAG_END: char = '\u{1f}';

/// A text with its language, as the index takes it.
pub(super) fn tagged(language: Language, text: &str) -> String {
    format!("{}{TAG_END}{text}", language.code())
}

fn untagged(tagged: &str) -> (Language, &str) {
    match tagged.split_once(TAG_END) {
        Some((code, text)) => (Language::from_code(code).unwrap_or(Language::Other), text),
        None => (Language::Other, tagged),
    }
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct FirstlineTokenizer {
    /// Reused from text to text: their strings keep their room.
    tokens: Vec<Token>,
}

impl Tokenizer for FirstlineTokenizer {
    type TokenStream<'a> = Tokens<'a>;

    fn token_stream<'a>(&'a mut self, tagged: &'a str) -> Tokens<'a> {
        let (language, text) = untagged(tagged);
        let mut n_tokens = 0;
        analyze(text, &[language], |analyzed| {
            if self.tokens.len() == n_tokens {
                self.tokens.push(Token::default());
            }
            if let Some(token) = self.tokens.get_mut(n_tokens) {
                token.text.clear();
                token.text.push_str(analyzed.term);
                token.offset_from = analyzed.range.start;
                token.offset_to = analyzed.range.end;
                token.position = analyzed.position as usize;
            }
            n_tokens += 1;
        });
        Tokens {
            tokens: self.tokens.get_mut(..n_tokens).unwrap_or_default(),
            next: 0,
        }
    }
}

/// The tokens of one text.
pub(super) struct Tokens<'a> {
    tokens: &'a mut [Token],
    next: usize,
}

impl TokenStream for Tokens<'_> {
    fn advance(&mut self) -> bool {
        let more = self.next < self.tokens.len();
        self.next += usize::from(more);
        more
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the trait asks for a token after advance only"
    )]
    fn token(&self) -> &Token {
        &self.tokens[self.next - 1]
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the trait asks for a token after advance only"
    )]
    fn token_mut(&mut self) -> &mut Token {
        &mut self.tokens[self.next - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_travels_with_the_text() {
        let terms = |language| {
            let tagged = tagged(language, "Druckers \u{1f} aus");
            let mut tokenizer = FirstlineTokenizer::default();
            let mut stream = tokenizer.token_stream(&tagged);
            let mut terms = Vec::new();
            stream.process(&mut |token| terms.push(token.text.clone()));
            terms
        };
        assert_eq!(terms(Language::German), ["druck"]);
        assert_eq!(terms(Language::English), ["drucker", "aus"]);
    }
}
