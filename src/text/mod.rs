//! Pure functions on strings: what is a word, what is its stem, which language is it, where does a
//! sentence end, what in a mail is boilerplate.
//!
//! Nothing here knows of documents, fields or indexes. The result depends on the input alone.

mod analyzer;
mod boilerplate;
mod fold;
mod function_words;
mod language;
mod sentences;
mod stop_words;
mod word_lists;
mod words;

pub use analyzer::{ANALYZER_VERSION, Token, analyze};
pub(crate) use analyzer::{Form, analyze_forms};
pub use boilerplate::without_boilerplate;
pub(crate) use language::is_function_word;
pub use language::{InvalidLanguage, Language};
pub use sentences::sentences;
