//! What is wrong with a rule file: every problem at once, each with its line.

use std::fmt;

/// One problem of a rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line_number: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// What is wrong.
    pub detail: String,
}

/// All problems of a rule file, in order of lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems {
    /// The name of the file, for the messages.
    pub file: String,
    /// At least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (
            index,
            Problem {
                line_number,
                column,
                detail,
            },
        ) in self.problems.iter().enumerate()
        {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:{line_number}:{column}: {detail}", self.file)?;
        }
        Ok(())
    }
}

/// Line and column of a byte in a text, both from 1.
pub(super) fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = text
        .get(..text.floor_char_boundary(byte.min(text.len())))
        .unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}
