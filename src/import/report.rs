//! What came of an import: numbers, every refused line with its reason, and what was kept raw.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Note, Refused};

/// Refused lines that are listed; further ones are counted only.
const MAX_PROBLEMS: usize = 1_000;

/// Different notes that are listed; further ones are counted only.
const MAX_NOTES: usize = 200;

/// What came of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Lines that were read, blank ones left out.
    pub lines: u64,
    /// Documents that are new.
    pub created: u64,
    /// Documents that replaced one with their id.
    pub updated: u64,
    /// Documents that were stored already, just like that.
    pub unchanged: u64,
    /// Lines that were refused.
    pub refused: u64,
    /// Why they were refused, the first thousand.
    pub problems: Vec<LineProblem>,
    /// How many refused lines are not listed.
    pub problems_not_listed: u64,
    /// What was kept raw or filled in, by cause.
    pub notes: Vec<NoteCount>,
    /// How many notes are not listed.
    pub notes_not_listed: u64,
    /// The sequence number up to which everything that was taken is stored.
    pub newest_seq: u64,
    /// Whether the input ended before its end: a cut archive, a failing disk.
    pub is_incomplete: bool,
}

/// A line that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineProblem {
    /// The file, where several are imported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    pub line: u64,
    /// The field at fault, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong.
    pub detail: String,
}

/// Something that was done to a field, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NoteCount {
    /// The field.
    pub field: String,
    /// What was done.
    pub detail: String,
    /// To how many documents.
    pub count: u64,
    /// The first of their lines.
    pub first_line: u64,
}

impl Report {
    /// Notes that a line was refused. Gives the problem when it is one of those listed.
    pub fn refuse(&mut self, line: u64, refused: Refused) -> Option<&LineProblem> {
        self.refused += 1;
        self.is_incomplete |= refused.is_fatal;
        // The one that ended the input is always worth listing.
        if self.problems.len() >= MAX_PROBLEMS && !refused.is_fatal {
            self.problems_not_listed += 1;
            return None;
        }
        let Refused { field, detail, .. } = refused;
        self.problems.push(LineProblem {
            file: None,
            line,
            field,
            detail,
        });
        self.problems.last()
    }

    /// Adds what another file's import gave.
    pub fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.created += other.created;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.refused += other.refused;
        self.problems.extend(other.problems);
        self.problems_not_listed += other.problems_not_listed;
        self.notes.extend(other.notes);
        self.notes_not_listed += other.notes_not_listed;
        self.newest_seq = self.newest_seq.max(other.newest_seq);
        self.is_incomplete |= other.is_incomplete;
    }
}

/// Counts notes by cause.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    counts: BTreeMap<Note, (u64, u64)>,
    not_listed: u64,
}

impl Notes {
    pub(crate) fn add(&mut self, line: u64, notes: Vec<Note>) {
        for note in notes {
            if self.counts.len() >= MAX_NOTES && !self.counts.contains_key(&note) {
                self.not_listed += 1;
            } else {
                self.counts.entry(note).or_insert((0, line)).0 += 1;
            }
        }
    }

    pub(crate) fn into_report(self, report: &mut Report) {
        let listed = self
            .counts
            .into_iter()
            .map(|(note, (count, first_line))| NoteCount {
                field: note.field,
                detail: note.detail,
                count,
                first_line,
            });
        report.notes.extend(listed);
        report.notes_not_listed += self.not_listed;
    }
}
