//! Markup to plain text that keeps what a reader sees: lists, code, tables, line breaks. Scripts,
//! attributes and the parameters of macros never become text.
//!
//! Each parser turns its markup into calls of one [`writer`], which alone decides on white space.

mod adf;
mod html;
mod html_table;
mod markdown;
mod wiki;
mod writer;

use std::collections::BTreeSet;

pub(super) use adf::adf;
pub(super) use html::{html, page};
pub(super) use markdown::{front_matter, markdown};
pub(super) use wiki::wiki;

/// Text, and the names of what had none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Text {
    /// The text, without white space at either end.
    pub(super) text: String,
    /// Elements, macros and nodes that have no text of their own and were dropped.
    pub(super) dropped: BTreeSet<String>,
}

#[cfg(test)]
mod tests;
