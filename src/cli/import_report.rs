//! The report of an import as a person reads it: one line that says it all, then what was not taken
//! as it came, most frequent first.

use super::Output;
use crate::import::{NoteKind, Report};

/// Prints the report.
pub(super) fn print(report: &Report, output: &mut Output) -> anyhow::Result<()> {
    if output.is_json {
        return output.json(report);
    }
    if report.is_dry_run {
        output.line("dry run, nothing is stored")?;
    }
    output.line(&summary(report))?;
    let skipped = report.skipped_because.iter();
    let skipped = skipped.map(|(reason, count)| (*count, reason.clone()));
    section("skipped", skipped, output)?;
    for (kind, title) in [
        (
            NoteKind::UnknownValue,
            "values that are not understood, kept raw",
        ),
        (NoteKind::BadDate, "dates that do not read, left empty"),
        (NoteKind::Filled, "filled in"),
        (
            NoteKind::Markup,
            "markup without a text of its own, dropped",
        ),
    ] {
        let notes = report.notes.iter().filter(|note| note.kind == kind);
        let notes = notes.map(|note| (note.count, format!("{}: {}", note.field, note.detail)));
        section(title, notes, output)?;
    }
    let more = [(report.notes_not_listed, "not listed".to_owned())];
    section(
        "more of these",
        more.into_iter().filter(|(count, _)| *count > 0),
        output,
    )?;
    let masked = report.masked.iter();
    section(
        "masked",
        masked.map(|(kind, count)| (*count, (*kind).to_owned())),
        output,
    )?;
    let visibility = report.visibility.iter();
    let visibility = visibility.map(|(name, count)| (*count, (*name).to_owned()));
    section("visibility", visibility, output)?;
    if report.is_incomplete {
        output.line("the input ended before its end: what came after is missing")?;
    }
    Ok(())
}

/// What came of all records, in one line.
fn summary(report: &Report) -> String {
    let mut parts = match report.is_dry_run {
        true => vec![of(report.articles, "article"), of(report.tickets, "ticket")],
        false => vec![
            format!("{} new", report.created),
            format!("{} updated", report.updated),
            format!("{} unchanged", report.unchanged),
        ],
    };
    for (count, what) in [
        (report.older, "older or met twice"),
        (report.removed, "removed"),
        (report.skipped, "skipped"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    parts.push(format!("{} refused", report.refused));
    format!("{}: {}", of(report.lines, "record"), parts.join(", "))
}

/// `1 ticket`, `2 tickets`.
fn of(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn section(
    title: &str,
    rows: impl Iterator<Item = (u64, String)>,
    output: &mut Output,
) -> anyhow::Result<()> {
    let mut rows: Vec<(u64, String)> = rows.collect();
    if rows.is_empty() {
        return Ok(());
    }
    rows.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    output.line(title)?;
    for (count, row) in rows {
        output.line(&format!("{count:>7}  {row}"))?;
    }
    Ok(())
}
