//! Document ids: stable strings given by the desk, usable in a URL path and in a file name.
//!
//! Rejected: empty ids, ids over [`MAX_ID_CHARS`] characters, white space, slashes and every other
//! sign that a URL or a shell would read as its own. Ids are compared byte by byte; `inc1` and
//! `INC1` are two ids.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest id that is taken, in characters.
pub const MAX_ID_CHARS: usize = 200;

/// Why a string is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidId {
    /// The string is empty.
    #[error("an id must not be empty")]
    Empty,
    /// The string has more than [`MAX_ID_CHARS`] characters.
    #[error("an id has at most {MAX_ID_CHARS} characters, this one has {0}")]
    TooLong(usize),
    /// The id does not start with a letter or a digit.
    #[error("an id starts with a letter or a digit, {0:?} starts with {1:?}")]
    Start(String, char),
    /// A sign that an id may not have.
    #[error("an id has only letters, digits and . _ : - @ + ~, {0:?} has {1:?}")]
    Sign(String, char),
    /// No id of a stored decision.
    #[error("a decision is named like D-1042, not {0:?}")]
    Decision(String),
}

/// Checks `id` against the rules of this module.
fn check(id: &str) -> Result<(), InvalidId> {
    let n_chars = id.chars().count();
    if n_chars > MAX_ID_CHARS {
        return Err(InvalidId::TooLong(n_chars));
    }
    let first = id.chars().next().ok_or(InvalidId::Empty)?;
    let allowed = |c: char| c.is_alphanumeric() || ".~_:-@+".contains(c);
    if let Some(sign) = id.chars().find(|&c| !allowed(c)) {
        return Err(InvalidId::Sign(id.to_owned(), sign));
    }
    if !first.is_alphanumeric() {
        return Err(InvalidId::Start(id.to_owned(), first));
    }
    Ok(())
}

/// The id of an article, for example `KB-1042`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArticleId(String);

/// The id of a ticket, for example `INC0000060`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TicketId(String);

impl ArticleId {
    /// Takes a string as an id.
    ///
    /// # Errors
    /// [`InvalidId`] says which rule the string breaks.
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidId> {
        let id = id.into();
        check(&id)?;
        Ok(Self(id))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TicketId {
    /// Takes a string as an id.
    ///
    /// # Errors
    /// [`InvalidId`] says which rule the string breaks.
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidId> {
        let id = id.into();
        check(&id)?;
        Ok(Self(id))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ArticleId {
    type Error = InvalidId;

    fn try_from(id: String) -> Result<Self, InvalidId> {
        Self::new(id)
    }
}

impl TryFrom<String> for TicketId {
    type Error = InvalidId;

    fn try_from(id: String) -> Result<Self, InvalidId> {
        Self::new(id)
    }
}

impl From<ArticleId> for String {
    fn from(id: ArticleId) -> Self {
        id.0
    }
}

impl From<TicketId> for String {
    fn from(id: TicketId) -> Self {
        id.0
    }
}

/// The id of a stored decision, for example `D-1042`. Their numbers grow, and none is given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DecisionId(i64);

impl DecisionId {
    /// What stands in front of the number.
    const PREFIX: &str = "D-";

    /// The id with a number of the store.
    #[must_use]
    pub fn of_number(number: i64) -> Self {
        Self(number)
    }

    /// Reads `D-1042`.
    ///
    /// # Errors
    /// [`InvalidId::Decision`] when the text is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let number = text
            .strip_prefix(Self::PREFIX)
            .filter(|digits| !digits.starts_with('0'))
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok());
        number
            .map(Self)
            .ok_or_else(|| InvalidId::Decision(text.to_owned()))
    }

    /// The number in the store, from 1.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }
}

impl TryFrom<String> for DecisionId {
    type Error = InvalidId;

    fn try_from(id: String) -> Result<Self, InvalidId> {
        Self::parse(&id)
    }
}

impl From<DecisionId> for String {
    fn from(id: DecisionId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::PREFIX, self.0)
    }
}

impl fmt::Display for ArticleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_real_systems_are_taken() {
        for id in [
            "INC0000060",
            "SD-123",
            "q-exchange.a_b",
            "ticket:4@site",
            "Störung-7",
            "7",
        ] {
            assert!(TicketId::new(id).is_ok(), "{id}");
        }
    }

    #[test]
    fn a_decision_has_one_spelling() {
        assert_eq!(DecisionId::parse("D-1042").unwrap().to_string(), "D-1042");
        for text in [
            "",
            "1042",
            "D-",
            "D-0",
            "D-01",
            "D-+1",
            "d-1",
            "D-1 ",
            "D-9999999999999999999",
        ] {
            assert!(DecisionId::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn ids_that_break_urls_are_named() {
        let check = |id: &str, says: &str| {
            let message = ArticleId::new(id).unwrap_err().to_string();
            assert!(message.contains(says), "{id:?}: {message}");
        };
        check("", "must not be empty");
        check("a/b", "has '/'");
        check("a b", "has ' '");
        check("a\0b", r"has '\0'");
        check("..", "starts with '.'");
        check(&"x".repeat(201), "has 201");
    }
}
