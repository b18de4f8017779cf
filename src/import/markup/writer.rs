//! Writes text with the white space of a plain page: blocks begin on a line of their own, list
//! items have their sign, cells of a table row stand on one line, code is kept to the letter.

use std::collections::BTreeSet;

use super::Text;

/// Deeper lists are not indented further.
const MAX_INDENT: usize = 8;

/// Different dropped names that are kept.
const MAX_DROPPED: usize = 50;

/// Text under construction.
#[derive(Debug, Default)]
pub(super) struct Writer {
    out: String,
    /// Line breaks to write before the next text: 0, 1 or 2.
    breaks: usize,
    wants_space: bool,
    /// What is written after the breaks: the sign of a list item.
    prefix: String,
    /// The number of the last item of each open list; none for lists without numbers.
    lists: Vec<Option<usize>>,
    verbatim: usize,
    dropped: BTreeSet<String>,
}

impl Writer {
    /// Running text: white space is collapsed, unless code is open.
    pub(super) fn text(&mut self, text: &str) {
        if self.verbatim > 0 {
            self.flush();
            self.out.push_str(text);
            return;
        }
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let trimmed = rest.trim_start_matches(is_space);
            if trimmed.len() < rest.len() {
                self.wants_space = true;
                rest = trimmed;
                continue;
            }
            debug_assert!(!is_space(first));
            let end = rest.find(is_space).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            self.word(word);
            rest = after;
        }
    }

    fn word(&mut self, word: &str) {
        let begins_line = self.flush();
        if self.wants_space && !begins_line && !self.out.is_empty() {
            self.out.push(' ');
        }
        self.wants_space = false;
        self.out.push_str(word);
    }

    /// Writes what waits; whether the next text begins a line.
    fn flush(&mut self) -> bool {
        let mut begins_line = self.out.is_empty();
        if self.breaks > 0 {
            if !self.out.is_empty() {
                let end = self.out.trim_end_matches([' ', '\t']).len();
                self.out.truncate(end);
                for _ in 0..self.breaks {
                    self.out.push('\n');
                }
            }
            self.breaks = 0;
            begins_line = true;
        }
        if !self.prefix.is_empty() {
            let prefix = std::mem::take(&mut self.prefix);
            self.out.push_str(&prefix);
            begins_line = true;
        }
        if begins_line {
            self.wants_space = false;
        }
        begins_line
    }

    /// The next text begins a line.
    pub(super) fn line(&mut self) {
        self.breaks = self.breaks.max(1);
        self.wants_space = false;
    }

    /// The next text begins a paragraph; inside a list, a line.
    pub(super) fn paragraph(&mut self) {
        // The text of an item stays beside its sign.
        if !self.prefix.is_empty() {
            return;
        }
        self.breaks = if self.lists.is_empty() {
            2
        } else {
            self.breaks.max(1)
        };
        self.wants_space = false;
    }

    /// A line break that the writer of the text made.
    pub(super) fn line_break(&mut self) {
        if self.verbatim > 0 {
            self.out.push('\n');
        } else {
            self.breaks = (self.breaks + 1).min(2);
            self.wants_space = false;
        }
    }

    pub(super) fn open_list(&mut self, is_numbered: bool) {
        self.prefix.clear();
        if self.lists.is_empty() {
            self.paragraph();
        } else {
            self.line();
        }
        self.lists.push(is_numbered.then_some(0));
    }

    pub(super) fn close_list(&mut self) {
        self.prefix.clear();
        self.lists.pop();
        self.paragraph();
    }

    pub(super) fn item(&mut self) {
        self.line();
        let depth = self.lists.len().saturating_sub(1).min(MAX_INDENT);
        let sign = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{number}. ")
            }
            Some(None) | None => "- ".to_owned(),
        };
        self.prefix = format!("{}{sign}", "  ".repeat(depth));
    }

    /// A cell of a table: the first of a row begins a line.
    pub(super) fn cell(&mut self) {
        if self.breaks == 0 && !self.out.is_empty() && !self.out.ends_with('\n') {
            self.wants_space = false;
            self.out.push_str(" | ");
        }
    }

    /// Text that is kept to the letter, until it is closed.
    pub(super) fn open_code(&mut self) {
        if self.verbatim == 0 {
            self.paragraph();
        }
        self.verbatim += 1;
    }

    pub(super) fn close_code(&mut self) {
        self.verbatim = self.verbatim.saturating_sub(1);
        if self.verbatim == 0 {
            self.breaks = 0;
            let end = self.out.trim_end().len();
            self.out.truncate(end);
            self.paragraph();
        }
    }

    /// Text that was written already, with its own lines; after it a line begins.
    pub(super) fn block(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.line();
        self.flush();
        self.out.push_str(text);
        self.line();
    }

    pub(super) fn is_verbatim(&self) -> bool {
        self.verbatim > 0
    }

    /// Notes that something had no text.
    pub(super) fn drop(&mut self, name: impl Into<String>) {
        if self.dropped.len() < MAX_DROPPED {
            self.dropped.insert(name.into());
        }
    }

    /// Bytes written so far: tells whether something was written in between.
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    pub(super) fn finish(mut self) -> Text {
        let end = self.out.trim_end().len();
        self.out.truncate(end);
        Text {
            text: self.out.trim_start_matches('\n').to_owned(),
            dropped: self.dropped,
        }
    }
}

/// Control characters are white space too: no text of a desk means them.
fn is_space(c: char) -> bool {
    c.is_whitespace() || c.is_control() || c == '\u{200b}' || c == '\u{feff}'
}
