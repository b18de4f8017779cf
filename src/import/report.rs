//! What came of an import, or would: numbers, every refused record with its reason, what was left
//! out and why, what was kept raw, who may see what.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::{Mapped, Note, NoteKind, Record, Refused, Skipped, Sources, Taken, Versions};
use crate::model::{Document, Visibility};

/// Refused records that are listed; further ones are counted only.
const MAX_PROBLEMS: usize = 1_000;

/// Different notes, and reasons for leaving out, that are listed; further ones are counted only.
const MAX_NOTES: usize = 200;

/// Files that are listed; further ones are counted only.
const MAX_FILES: usize = 1_000;

/// What came of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The files that were read, and what each was taken for; none for a stream of our own forms.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileRead>,
    /// The files that were not read, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// How many files of either are not listed.
    #[serde(skip_serializing_if = "is_zero")]
    pub files_not_listed: u64,
    /// Records that were read: lines, rows, elements, messages; blank lines left out.
    pub lines: u64,
    /// Records that became documents.
    pub mapped: u64,
    /// Articles among them.
    pub articles: u64,
    /// Tickets among them.
    pub tickets: u64,
    /// Documents that are new.
    pub created: u64,
    /// Documents that replaced one with their id.
    pub updated: u64,
    /// Documents that were stored already, just like that.
    pub unchanged: u64,
    /// Documents of which a newer state is stored, or stood elsewhere in the input.
    pub older: u64,
    /// Documents that were removed because their source has deleted them.
    pub removed: u64,
    /// Records that were left out though nothing is wrong with them.
    pub skipped: u64,
    /// Why, and how many.
    pub skipped_because: BTreeMap<String, u64>,
    /// Records that were refused.
    pub refused: u64,
    /// Why they were refused, the first thousand.
    pub problems: Vec<LineProblem>,
    /// How many refused records are not listed.
    pub problems_not_listed: u64,
    /// What was kept raw or filled in, dates that do not read, markup without text; by cause.
    pub notes: Vec<NoteCount>,
    /// How many notes are not listed.
    pub notes_not_listed: u64,
    /// How many documents are `public`, `internal`, `restricted`.
    pub visibility: BTreeMap<&'static str, u64>,
    /// What was masked, by kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub masked: BTreeMap<&'static str, u64>,
    /// The sequence number up to which everything that was taken is stored.
    pub newest_seq: u64,
    /// Whether the input ended before its end: a cut archive, a failing disk.
    pub is_incomplete: bool,
    /// Whether nothing was to be stored.
    pub is_dry_run: bool,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileRead {
    /// The file.
    pub file: String,
    /// The system and the shape that its content shows: `jira, CSV`.
    pub read_as: String,
}

/// A file that was not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The file.
    pub file: String,
    /// Why not.
    pub reason: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A record that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineProblem {
    /// The file, where it has a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, or which record of the file; from 1.
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
    /// What kind of thing.
    pub kind: NoteKind,
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
    /// Tells which files were read, and which were not.
    pub fn tell(&mut self, sources: &Sources) {
        let files = sources.files.iter().take(MAX_FILES);
        self.files.extend(files.map(|(input, recognised)| FileRead {
            file: input.name.to_string(),
            read_as: recognised.in_words(),
        }));
        let left_out = sources.left_out.iter().take(MAX_FILES);
        self.left_out.extend(left_out.map(|(file, reason)| LeftOut {
            file: file.clone(),
            reason: reason.clone(),
        }));
        let n_files = sources.files.len() + sources.left_out.len();
        let n_listed = self.files.len() + self.left_out.len();
        self.files_not_listed += n_files.saturating_sub(n_listed) as u64;
    }

    /// Notes that a record was refused. Gives the problem when it is one of those listed.
    pub fn refuse(
        &mut self,
        file: Option<Arc<str>>,
        line: u64,
        refused: Refused,
    ) -> Option<&LineProblem> {
        self.refused += 1;
        self.is_incomplete |= refused.is_fatal;
        // The one that ended the input is always worth listing.
        if self.problems.len() >= MAX_PROBLEMS && !refused.is_fatal {
            self.problems_not_listed += 1;
            return None;
        }
        let Refused { field, detail, .. } = refused;
        self.problems.push(LineProblem {
            file: file.map(|file| file.to_string()),
            line,
            field,
            detail,
        });
        self.problems.last()
    }

    /// Counts a record that was left out.
    pub fn skip(&mut self, skipped: &Skipped) {
        self.skipped += 1;
        let reasons = &mut self.skipped_because;
        if reasons.len() < MAX_NOTES || reasons.contains_key(&skipped.reason) {
            *reasons.entry(skipped.reason.clone()).or_insert(0) += 1;
        }
    }

    /// Counts a document that was understood.
    pub fn take(&mut self, mapped: &Mapped) {
        self.mapped += 1;
        match &mapped.document {
            Document::Article(_) => self.articles += 1,
            Document::Ticket(_) => self.tickets += 1,
        }
        let visibility = match mapped.document.visibility() {
            Visibility::Public => "public",
            Visibility::Internal => "internal",
            Visibility::Restricted(_) => "restricted",
        };
        *self.visibility.entry(visibility).or_insert(0) += 1;
        for (kind, count) in &mapped.masked {
            *self.masked.entry(kind).or_insert(0) += count;
        }
    }

    /// Adds what another import gave.
    pub fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.mapped += other.mapped;
        self.articles += other.articles;
        self.tickets += other.tickets;
        self.created += other.created;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.older += other.older;
        self.removed += other.removed;
        self.skipped += other.skipped;
        self.refused += other.refused;
        for (reason, count) in other.skipped_because {
            *self.skipped_because.entry(reason).or_insert(0) += count;
        }
        for (name, count) in other.visibility {
            *self.visibility.entry(name).or_insert(0) += count;
        }
        for (kind, count) in other.masked {
            *self.masked.entry(kind).or_insert(0) += count;
        }
        self.problems.extend(other.problems);
        self.problems_not_listed += other.problems_not_listed;
        self.notes.extend(other.notes);
        self.notes_not_listed += other.notes_not_listed;
        self.newest_seq = self.newest_seq.max(other.newest_seq);
        self.is_incomplete |= other.is_incomplete;
        self.is_dry_run |= other.is_dry_run;
    }
}

/// What an import would do to an empty store, without one.
#[must_use]
pub fn dry_run(records: impl Iterator<Item = Record>) -> Report {
    let mut report = Report {
        is_dry_run: true,
        ..Report::default()
    };
    let mut notes = Notes::default();
    let mut versions = Versions::default();
    for record in records {
        report.lines += 1;
        match record.content {
            Ok(Taken::Document(mapped))
                if mapped.is_versioned && !versions.is_news(&mapped.document) =>
            {
                report.older += 1;
            }
            Ok(Taken::Document(mapped)) => {
                report.take(&mapped);
                notes.add(record.line_number, mapped.notes);
            }
            Ok(Taken::Skipped(skipped)) => report.skip(&skipped),
            Err(refused) => {
                report.refuse(record.file, record.line_number, refused);
            }
        }
    }
    notes.into_report(&mut report);
    report
}

/// Counts notes by cause.
#[derive(Debug, Default)]
pub struct Notes {
    counts: BTreeMap<Note, (u64, u64)>,
    not_listed: u64,
}

impl Notes {
    /// Counts the notes of a record.
    pub fn add(&mut self, line: u64, notes: Vec<Note>) {
        for note in notes {
            if self.counts.len() >= MAX_NOTES && !self.counts.contains_key(&note) {
                self.not_listed += 1;
            } else {
                self.counts.entry(note).or_insert((0, line)).0 += 1;
            }
        }
    }

    /// Puts the counts into a report.
    pub fn into_report(self, report: &mut Report) {
        let listed = self
            .counts
            .into_iter()
            .map(|(note, (count, first_line))| NoteCount {
                kind: note.kind,
                field: note.field,
                detail: note.detail,
                count,
                first_line,
            });
        report.notes.extend(listed);
        report.notes_not_listed += self.not_listed;
    }
}
