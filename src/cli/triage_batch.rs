//! `firstline triage --batch`: decisions on the tickets of a file or stream, in their order.
//!
//! Tickets are JSON lines or CSV, with the names and values that `firstline import` understands; in
//! JSON lines the id may be left out. Some hundred are read, decided on all processors and written
//! before the next, so memory is bounded however many there are. A line that cannot be taken is
//! told with its number, counted, and has its row in the output: none is lost silently.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write, stdin};
use std::path::Path;

use anyhow::Context;
use indicatif::ProgressBar;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::Value;

use super::args::{BatchArgs, BatchFormat};
use super::{Exit, Output, output, progress};
use crate::engine::Decider;
use crate::import::{
    ColumnMap, LineProblem, MAX_LINE_BYTES, Options, Record, Refused, Taken, csv,
    document_of_object, open, unpacked,
};
use crate::model::{Document, Kind, Ticket};
use crate::triage::{Decision, FieldDecision, FieldName, LabelDecision, TriageDecision};
use crate::{Engine, TicketText};

/// Tickets that are decided together.
const CHUNK: usize = 512;

/// Bytes of lines that are held together, unless a single line has more.
const CHUNK_BYTES: usize = 16 * 1024 * 1024;

/// Problems that are listed in the report; further ones are counted only.
const MAX_PROBLEMS: usize = 1_000;

/// Problems that are printed.
const MAX_PRINTED: usize = 20;

/// Tickets are what is read when a line does not say what it is.
const OPTIONS: Options = Options {
    default_kind: Some(Kind::Ticket),
};

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
    let tickets = tickets(reader.with_context(read)?, &columns).with_context(read)?;
    let batch = Batch {
        decider: engine.decider(),
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

/// A line or row, not looked into yet.
struct Unread {
    line: u64,
    content: Result<Content, Refused>,
}

enum Content {
    Json(String),
    Ticket(Box<Ticket>),
}

impl Unread {
    fn size_bytes(&self) -> usize {
        match &self.content {
            Ok(Content::Json(json)) => json.len(),
            Ok(Content::Ticket(ticket)) => ticket.subject.len() + ticket.description.len(),
            Err(_) => 0,
        }
    }
}

impl From<Record> for Unread {
    fn from(record: Record) -> Self {
        let content = record.content.and_then(|taken| match taken {
            Taken::Document(mapped) => Ok(Content::Ticket(Box::new(ticket(mapped.document)?))),
            Taken::Skipped(skipped) => Err(refused(None, skipped.reason)),
        });
        Self {
            line: record.line_number,
            content,
        }
    }
}

/// The tickets of a stream; JSON lines when it begins like them and no column is named.
fn tickets<'a>(
    mut reader: Box<dyn BufRead + 'a>,
    columns: &ColumnMap,
) -> std::io::Result<Box<dyn Iterator<Item = Unread> + 'a>> {
    let head = reader.fill_buf()?;
    let head = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head);
    let is_json = head
        .trim_ascii_start()
        .first()
        .is_none_or(|first| *first == b'{');
    if is_json && columns.is_empty() {
        return Ok(Box::new(Lines::new(reader)));
    }
    Ok(Box::new(csv(reader, columns, OPTIONS).map(Unread::from)))
}

/// The lines of a stream that are not blank.
struct Lines<R> {
    reader: R,
    line: u64,
    is_done: bool,
}

impl<R: BufRead> Lines<R> {
    fn new(reader: R) -> Self {
        Self {
            reader,
            line: 0,
            is_done: false,
        }
    }

    /// Reads a line of bounded length; `None` at the end.
    fn read(&mut self) -> std::io::Result<Option<Result<String, Refused>>> {
        let mut line = Vec::new();
        let mut bounded = self.reader.by_ref().take(MAX_LINE_BYTES as u64 + 1);
        if bounded.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if line.len() > MAX_LINE_BYTES {
            self.reader.skip_until(b'\n')?;
            let detail = format!("the line has more than {MAX_LINE_BYTES} bytes");
            return Ok(Some(Err(refused(None, detail))));
        }
        let line = String::from_utf8(line);
        Ok(Some(line.map_err(|_| {
            refused(None, "the line is not UTF-8".to_owned())
        })))
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Unread;

    fn next(&mut self) -> Option<Unread> {
        while !self.is_done {
            self.line += 1;
            let content = match self.read() {
                Ok(None) => return None,
                Ok(Some(Ok(line))) if line.trim().is_empty() => continue,
                Ok(Some(line)) => line.map(Content::Json),
                Err(error) => {
                    self.is_done = true;
                    Err(Refused {
                        is_fatal: true,
                        ..refused(None, format!("the input ends here: {error}"))
                    })
                }
            };
            return Some(Unread {
                line: self.line,
                content,
            });
        }
        None
    }
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
            writer.write_all(&csv_row(&header())?)?;
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
        let asked = content.and_then(|content| asked(line, content));
        let (id, answer) = match asked {
            Ok((id, ticket)) => (id, Ok(self.decider.decide(&ticket))),
            Err(refused) => (None, Err(refused)),
        };
        let bytes = match self.format {
            BatchFormat::Ndjson => json_line(line, id.as_deref(), &answer)?,
            BatchFormat::Csv => csv_row(&cells(line, id.as_deref(), &answer))?,
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

/// The ticket with the id that it says.
fn asked(line: u64, content: Content) -> Result<(Option<String>, TicketText), Refused> {
    let (id, ticket) = match content {
        Content::Ticket(ticket) => (Some(ticket.id.to_string()), TicketText::from(&*ticket)),
        Content::Json(json) => asked_in_json(line, &json)?,
    };
    if ticket.is_blank() {
        let detail = "a ticket needs a subject or a description".to_owned();
        return Err(refused(Some("subject"), detail));
    }
    Ok((id, ticket))
}

fn asked_in_json(line: u64, json: &str) -> Result<(Option<String>, TicketText), Refused> {
    // Some programs put a byte order mark in front of UTF-8.
    let json = json.trim_start_matches('\u{feff}');
    let value = serde_json::from_str::<Value>(json).map_err(|error| no_json(&error))?;
    let Value::Object(mut object) = value else {
        let detail = "a line is a JSON object".to_owned();
        return Err(refused(None, detail));
    };
    let has_id = object.get("id").is_some_and(|id| !id.is_null());
    if !has_id {
        object.insert("id".to_owned(), Value::from(line.to_string()));
    }
    let fields = match object.remove("fields") {
        None | Some(Value::Null) => None,
        Some(Value::Object(fields)) => Some(fields),
        Some(_) => {
            let detail = "further fields are an object".to_owned();
            return Err(refused(Some("fields"), detail));
        }
    };
    let ticket = ticket(document_of_object(object, OPTIONS)?.document)?;
    let mut text = TicketText::from(&ticket);
    text.fields.extend(fields.into_iter().flatten());
    Ok((has_id.then(|| ticket.id.to_string()), text))
}

/// A line of the input is line 1 to the parser, which would only confuse.
fn no_json(error: &serde_json::Error) -> Refused {
    let message = error.to_string();
    let what = message.split(" at line ").next().unwrap_or_default();
    let column = error.column();
    refused(
        None,
        format!("this is no JSON: {what} at character {column}"),
    )
}

fn ticket(document: Document) -> Result<Ticket, Refused> {
    match document {
        Document::Ticket(ticket) => Ok(ticket),
        Document::Article(_) => Err(refused(Some("kind"), "an article is no ticket".to_owned())),
    }
}

fn refused(field: Option<&str>, detail: String) -> Refused {
    Refused {
        field: field.map(str::to_owned),
        detail,
        is_fatal: false,
    }
}

/// A line of the output.
#[derive(Serialize)]
struct JsonRow<'a> {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(flatten)]
    answer: JsonAnswer<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum JsonAnswer<'a> {
    Decided(&'a TriageDecision),
    Refused { error: JsonProblem<'a> },
}

#[derive(Serialize)]
struct JsonProblem<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    detail: &'a str,
}

fn json_line(
    line: u64,
    id: Option<&str>,
    answer: &Result<TriageDecision, Refused>,
) -> anyhow::Result<Vec<u8>> {
    let answer = match answer {
        Ok(decision) => JsonAnswer::Decided(decision),
        Err(refused) => JsonAnswer::Refused {
            error: JsonProblem {
                field: refused.field.as_deref(),
                detail: &refused.detail,
            },
        },
    };
    let mut bytes = serde_json::to_vec(&JsonRow { line, id, answer })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The names of the columns.
fn header() -> Vec<String> {
    let mut names = vec!["line".to_owned(), "id".to_owned(), "needs_human".to_owned()];
    for field in FieldName::ALL {
        names.push(field.to_string());
        names.push(format!("{field}_confidence"));
        names.push(format!("{field}_decision"));
    }
    let rest = ["priority", "tags", "flags", "rules_digest", "error"];
    names.extend(rest.map(str::to_owned));
    names
}

/// The cells of a ticket, in the order of the header.
fn cells(line: u64, id: Option<&str>, answer: &Result<TriageDecision, Refused>) -> Vec<String> {
    let mut cells = vec![line.to_string(), id.unwrap_or_default().to_owned()];
    match answer {
        Ok(decision) => {
            cells.push(decision.needs_human.to_string());
            for field in FieldName::ALL {
                cells.extend(field_cells(decision.field(field)));
            }
            let priority = decision.priority.map(|priority| u8::from(priority.value));
            cells.push(priority.map_or(String::new(), |priority| priority.to_string()));
            cells.extend([labels(&decision.tags), labels(&decision.flags)]);
            cells.push(decision.rules_digest.clone());
            cells.push(String::new());
        }
        Err(Refused { field, detail, .. }) => {
            cells.resize(header().len() - 1, String::new());
            let field = field.as_ref().map(|field| format!("{field}: "));
            cells.push(format!("{}{detail}", field.unwrap_or_default()));
        }
    }
    cells
}

fn field_cells(field: &FieldDecision) -> [String; 3] {
    let decision = match field.decision {
        Decision::Apply => "apply",
        Decision::Suggest => "suggest",
        Decision::Abstain => "abstain",
    };
    [
        field
            .value
            .as_ref()
            .map_or(String::new(), ToString::to_string),
        format!("{:.4}", field.confidence),
        decision.to_owned(),
    ]
}

/// The labels that are sure enough to be shown.
fn labels(labels: &[LabelDecision]) -> String {
    let shown = labels
        .iter()
        .filter(|label| label.decision != Decision::Abstain);
    let names: Vec<&str> = shown.map(|label| label.value.as_str()).collect();
    names.join(", ")
}

fn csv_row(cells: &[String]) -> anyhow::Result<Vec<u8>> {
    let mut writer = ::csv::WriterBuilder::new()
        .buffer_capacity(512)
        .from_writer(Vec::new());
    writer.write_record(cells)?;
    writer.into_inner().context("a row could not be made")
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
