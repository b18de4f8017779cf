//! `firstline triage --batch`: decisions on the tickets of a file or stream, in their order.
//!
//! Tickets are JSON lines or CSV, with the names and values that `firstline import` understands; the
//! id may be left out. Some hundred are read, decided on all processors and written
//! before the next, so memory is bounded however many there are. A line that cannot be taken is
//! told with its number, counted, and has its row in the output: none is lost silently.

mod input;
mod row;

use std::fs::File;
use std::io::{BufReader, BufWriter, Write, stdin};
use std::path::Path;

use anyhow::Context;
use indicatif::ProgressBar;
use rayon::prelude::*;
use serde::Serialize;

use super::args::{BatchArgs, BatchFormat};
use super::{Exit, Output, output, progress};
use crate::Engine;
use crate::engine::Decider;
use crate::import::{ColumnMap, LineProblem, Refused, open, unpacked};
use input::Unread;

/// Tickets that are decided together.
const CHUNK: usize = 512;

/// Bytes of lines that are held together, unless a single line has more.
const CHUNK_BYTES: usize = 16 * 1024 * 1024;

/// Problems that are listed in the report; further ones are counted only.
const MAX_PROBLEMS: usize = 1_000;

/// Problems that are printed.
const MAX_PRINTED: usize = 20;

/// What came of a batch.
#[derive(Debug, Default, Serialize)]
struct BatchReport {
    /// Lines or rows that were read; blank ones left out.
    tickets: u64,
    /// Tickets that were decided.
    decided: u64,
    /// Those of them of which a human should decide the category.
    needs_human: u64,
    /// Lines that are no tickets.
    refused: u64,
    /// Why, the first thousand.
    problems: Vec<LineProblem>,
    /// Whether the input ended before its end.
    is_incomplete: bool,
}

pub(super) fn run(
    engine: &Engine,
    path: &Path,
    args: &BatchArgs,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let columns = ColumnMap::parse(&args.map)
        .map_err(anyhow::Error::msg)
        .context("--map")?;
    let read = || format!("{} could not be read", path.display());
    let bar = bar(path);
    let on_read = |n_bytes: usize| bar.inc(n_bytes as u64);
    let reader = match path == Path::new("-") {
        true => unpacked(BufReader::new(bar.wrap_read(stdin().lock()))),
        false => open(path, on_read),
    };
    let tickets = input::tickets(reader.with_context(read)?, &columns).with_context(read)?;
    let decider = engine.decider()?;
    decider.warning().into_iter().for_each(output::note);
    let batch = Batch {
        decider,
        format: format_of(args),
    };
    let report = match &args.out {
        None => batch.run(tickets, output.writer())?,
        Some(out) => {
            let write = || format!("{} could not be written", out.display());
            let mut file = BufWriter::new(File::create_new(out).with_context(write)?);
            let report = batch.run(tickets, &mut file)?;
            file.flush().with_context(write)?;
            report
        }
    };
    bar.finish_and_clear();
    tell(&report, path, args.out.is_some(), output)
}

fn bar(path: &Path) -> ProgressBar {
    match std::fs::metadata(path) {
        Ok(file) => progress::bytes(file.len()),
        Err(_) => progress::stream(),
    }
}

/// CSV when the `--out` file is named so.
fn format_of(args: &BatchArgs) -> BatchFormat {
    let extension = args.out.as_deref().and_then(Path::extension);
    let is_csv = extension.is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let default = if is_csv {
        BatchFormat::Csv
    } else {
        BatchFormat::Ndjson
    };
    args.format.unwrap_or(default)
}

/// What decides, and how it is written.
struct Batch {
    decider: Decider,
    format: BatchFormat,
}

/// What is written for a ticket, and what is counted of it.
struct Row {
    bytes: Vec<u8>,
    line: u64,
    answer: Result<NeedsHuman, Refused>,
}

/// Whether a human should decide the category.
struct NeedsHuman(bool);

impl Batch {
    fn run(
        &self,
        mut tickets: impl Iterator<Item = Unread>,
        writer: &mut impl Write,
    ) -> anyhow::Result<BatchReport> {
        let mut report = BatchReport::default();
        if self.format == BatchFormat::Csv {
            writer.write_all(&row::csv_header()?)?;
        }
        loop {
            let chunk = chunk(&mut tickets);
            if chunk.is_empty() {
                return Ok(report);
            }
            let rows = chunk.into_par_iter().map(|unread| self.row(unread));
            for row in rows.collect::<anyhow::Result<Vec<Row>>>()? {
                writer.write_all(&row.bytes)?;
                report.add(row);
            }
        }
    }

    fn row(&self, Unread { line, content }: Unread) -> anyhow::Result<Row> {
        let (id, ticket) = match content {
            Ok(content) => content.asked(line),
            Err(refused) => (None, Err(refused)),
        };
        let answer = ticket.map(|ticket| self.decider.decide(&ticket));
        let bytes = match self.format {
            BatchFormat::Ndjson => row::json(line, id.as_deref(), &answer)?,
            BatchFormat::Csv => row::csv(line, id.as_deref(), &answer)?,
        };
        Ok(Row {
            bytes,
            line,
            answer: answer.map(|decision| NeedsHuman(decision.needs_human)),
        })
    }
}

impl BatchReport {
    fn add(&mut self, row: Row) {
        self.tickets += 1;
        match row.answer {
            Ok(NeedsHuman(needs_human)) => {
                self.decided += 1;
                self.needs_human += u64::from(needs_human);
            }
            Err(refused) => {
                self.refused += 1;
                self.is_incomplete |= refused.is_fatal;
                if self.problems.len() < MAX_PROBLEMS {
                    self.problems.push(LineProblem {
                        file: None,
                        line: row.line,
                        field: refused.field,
                        detail: refused.detail,
                    });
                }
            }
        }
    }
}

/// The next tickets that are decided together.
fn chunk(tickets: &mut impl Iterator<Item = Unread>) -> Vec<Unread> {
    let mut chunk = Vec::with_capacity(CHUNK);
    let mut n_bytes = 0;
    while chunk.len() < CHUNK
        && n_bytes < CHUNK_BYTES
        && let Some(unread) = tickets.next()
    {
        n_bytes += unread.size_bytes();
        chunk.push(unread);
    }
    chunk
}

fn tell(
    report: &BatchReport,
    path: &Path,
    has_file: bool,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let name = match path == Path::new("-") {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    };
    for problem in report.problems.iter().take(MAX_PRINTED) {
        let field = problem.field.as_ref().map(|field| format!("{field}: "));
        let field = field.unwrap_or_default();
        output::note(&format!(
            "{name}:{}: {field}{}",
            problem.line, problem.detail
        ));
    }
    let shown = report.problems.len().min(MAX_PRINTED) as u64;
    if report.refused > shown {
        output::note(&format!(
            "{} more lines were refused",
            report.refused - shown
        ));
    }
    let summary = format!(
        "{} tickets: {} decided, {} of them left to a human, {} refused",
        report.tickets, report.decided, report.needs_human, report.refused
    );
    // Standard output has the decisions when no file has them.
    match (has_file, output.is_json) {
        (false, _) => output::note(&summary),
        (true, true) => output.json(report)?,
        (true, false) => output.line(&summary)?,
    }
    if report.is_incomplete {
        output::note("the input ended before its end");
    }
    Ok(match (report.refused, report.tickets) {
        (0, 0) => Exit::NothingFound,
        (0, _) => Exit::Done,
        _ => Exit::NotInOrder,
    })
}
