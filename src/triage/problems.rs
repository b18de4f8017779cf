//! What is wrong with a rule file: every problem at once, each with its place.

use std::fmt::{self, Write as _};
use std::ops::Range;

use serde::Serialize;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file is not taken.
    Error,
    /// The file is taken; what is named is most likely not meant.
    Warning,
}

impl Severity {
    /// The name as it is shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// What sort of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// Not TOML.
    Syntax,
    /// A key that is not known.
    UnknownKey,
    /// A value that is not of the right type, or out of range.
    WrongValue,
    /// Something that is needed is missing.
    Missing,
    /// A category, queue, tag or flag that the file does not declare.
    UnknownValue,
    /// A regex that cannot be read.
    Regex,
    /// A rule that can never fire.
    NeverFires,
    /// A rule that fires for every ticket.
    AlwaysFires,
    /// A rule that does nothing.
    NoEffect,
    /// Something that stands there twice.
    Duplicate,
    /// Two rules that say opposite things under the same conditions.
    Contradiction,
    /// A rule that has no effect because another sets the value whenever it fires.
    Shadowed,
}

/// One problem of a rule file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What sort of problem.
    pub kind: ProblemKind,
    /// The line, from 1.
    pub line_number: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// How many characters of the line it is about, at least 1.
    pub width: usize,
    /// The line as it stands in the file.
    pub line: String,
    /// What is wrong.
    pub detail: String,
}

/// All problems of a rule file, in order of lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Problems {
    /// The name of the file, for the messages.
    pub file: String,
    /// At least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for Problems {
    /// One line a problem.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            let Problem {
                line_number,
                column,
                detail,
                ..
            } = problem;
            write!(f, "{}:{line_number}:{column}: {detail}", self.file)?;
        }
        Ok(())
    }
}

impl Problem {
    /// The problem with its line and a caret under the place.
    #[must_use]
    pub fn with_line(&self, file: &str) -> String {
        let number = self.line_number.to_string();
        let margin = " ".repeat(number.len());
        // Tabs stay tabs, so that the caret stands below its place.
        let before: String = self
            .line
            .chars()
            .take(self.column - 1)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let mut text = format!("{}: {}\n", self.severity.as_str(), self.detail);
        let place = format!("{file}:{number}:{}", self.column);
        let carets = "^".repeat(self.width);
        // Writing to a String does not fail.
        write!(
            text,
            "{margin}--> {place}\n{margin} |\n{number} | {}\n{margin} | {before}{carets}",
            self.line
        )
        .unwrap_or_default();
        text
    }
}

/// Collects the problems of a text.
#[derive(Debug)]
pub(super) struct Found<'a> {
    text: &'a str,
    problems: Vec<Problem>,
}

impl<'a> Found<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            problems: Vec::new(),
        }
    }

    /// Adds an error.
    pub(super) fn error(&mut self, kind: ProblemKind, span: Range<usize>, detail: String) {
        self.add((Severity::Error, kind), span, detail);
    }

    /// Adds a warning.
    pub(super) fn warning(&mut self, kind: ProblemKind, span: Range<usize>, detail: String) {
        self.add((Severity::Warning, kind), span, detail);
    }

    fn add(
        &mut self,
        (severity, kind): (Severity, ProblemKind),
        span: Range<usize>,
        detail: String,
    ) {
        let start = self
            .text
            .floor_char_boundary(span.start.min(self.text.len()));
        let end = self.text.floor_char_boundary(span.end.min(self.text.len()));
        let (before, after) = self.text.split_at(start);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line_end = after.find('\n').map_or(self.text.len(), |at| start + at);
        let n_chars = |from: usize, to: usize| {
            self.text
                .get(from..to)
                .map_or(0, |text| text.chars().count())
        };
        let line = self.text.get(line_start..line_end).unwrap_or_default();
        self.problems.push(Problem {
            severity,
            kind,
            line_number: before.matches('\n').count() + 1,
            column: n_chars(line_start, start) + 1,
            width: n_chars(start, end.min(line_end)).max(1),
            line: line.trim_end_matches('\r').to_owned(),
            detail,
        });
    }

    /// How many problems were added.
    pub(super) fn len(&self) -> usize {
        self.problems.len()
    }

    /// Whether an error was added.
    pub(super) fn has_errors(&self) -> bool {
        self.has_errors_from(0)
    }

    /// Whether an error was added after the first so many problems.
    pub(super) fn has_errors_from(&self, n_problems: usize) -> bool {
        let mut problems = self.problems.iter().skip(n_problems);
        problems.any(|problem| problem.severity == Severity::Error)
    }

    /// The problems in order of their places, each once.
    pub(super) fn into_sorted(mut self) -> Vec<Problem> {
        self.problems
            .sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.detail.cmp(&b.detail)));
        self.problems.dedup();
        self.problems
    }
}

fn key(problem: &Problem) -> (usize, usize, Severity, ProblemKind) {
    let Problem {
        line_number,
        column,
        severity,
        kind,
        ..
    } = problem;
    (*line_number, *column, *severity, *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_shown_under_its_place() {
        let mut found = Found::new("a = 1\n\tb = \"ö\" # x\n");
        found.error(ProblemKind::WrongValue, 11..15, "no".to_owned());
        let problems = found.into_sorted();
        assert_eq!(
            problems[0].with_line("r.toml"),
            "error: no\n --> r.toml:2:6\n  |\n2 | \tb = \"ö\" # x\n  | \t    ^^^"
        );
    }
}
