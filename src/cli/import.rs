//! `firstline import`: files, folders and standard input into a data folder.

use std::io::{BufReader, stdin};
use std::path::Path;

use anyhow::Context;
use indicatif::ProgressBar;

use super::args::{FormatArg, ImportArgs};
use super::{Exit, Output, output, progress, serve};
use crate::import::{
    ColumnMap, Format, Options, Records, Report, csv, input_files, ndjson, open, unpacked,
};
use crate::{Engine, Settings};

/// Problems that are printed; all of those listed are in the JSON report.
const MAX_PRINTED: usize = 20;

pub(super) fn run(
    folder: &Path,
    settings: Settings,
    args: &ImportArgs,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let columns = ColumnMap::parse(&args.map)
        .map_err(anyhow::Error::msg)
        .context("--map")?;
    let import = Import {
        columns,
        options: Options {
            default_kind: args.kind,
        },
    };
    let format = args.format.map(|format| match format {
        FormatArg::Ndjson => Format::Ndjson,
        FormatArg::Csv => Format::Csv,
    });
    let mut report = Report::default();
    let engine;
    if args.path == Path::new("-") {
        engine = serve::open(folder, settings)?;
        let reader = unpacked(BufReader::new(stdin().lock()))?;
        let records = import.records(reader, format.unwrap_or(Format::Ndjson));
        report.add(take(
            &engine,
            "standard input",
            records,
            &ProgressBar::hidden(),
        )?);
    } else {
        let read = || format!("{} could not be read", args.path.display());
        let files = input_files(&args.path, format).with_context(read)?;
        engine = serve::open(folder, settings)?;
        let bar = progress::bytes(files.iter().map(|file| file.size_bytes).sum());
        for file in &files {
            let name = file.path.display().to_string();
            let reader = open(&file.path, |n_read| bar.inc(n_read as u64))
                .with_context(|| format!("{name} could not be read"))?;
            report.add(take(
                &engine,
                &name,
                import.records(reader, file.format),
                &bar,
            )?);
        }
        bar.finish_and_clear();
    }
    wait_visible(&engine, report.newest_seq)?;
    print(&report, output)?;
    let has_taken = report.created + report.updated + report.unchanged > 0;
    Ok(match (report.refused, has_taken) {
        (0, true) => Exit::Done,
        (0, false) => Exit::NothingFound,
        _ => Exit::NotInOrder,
    })
}

struct Import {
    columns: ColumnMap,
    options: Options,
}

impl Import {
    fn records<'a>(&self, reader: Box<dyn std::io::BufRead + 'a>, format: Format) -> Records<'a> {
        match format {
            Format::Ndjson => ndjson(reader, self.options),
            Format::Csv => csv(reader, &self.columns, self.options),
        }
    }
}

/// Imports one input; its problems are printed with its name.
fn take(
    engine: &Engine,
    name: &str,
    records: Records<'_>,
    bar: &ProgressBar,
) -> anyhow::Result<Report> {
    let mut report = engine
        .import(records, &mut |_| ())
        .with_context(|| format!("importing {name}"))?;
    for problem in &mut report.problems {
        problem.file = Some(name.to_owned());
    }
    for problem in report.problems.iter().take(MAX_PRINTED) {
        let field = problem
            .field
            .as_ref()
            .map_or(String::new(), |field| format!("{field}: "));
        bar.suspend(|| {
            output::note(&format!(
                "{name}:{}: {field}{}",
                problem.line, problem.detail
            ))
        });
    }
    let shown = report.problems.len().min(MAX_PRINTED) as u64;
    if report.refused > shown {
        bar.suspend(|| {
            output::note(&format!(
                "{name}: {} more lines were refused",
                report.refused - shown
            ));
        });
    }
    Ok(report)
}

/// Waits as long as the index makes progress.
fn wait_visible(engine: &Engine, seq: u64) -> anyhow::Result<()> {
    loop {
        let before = engine.visible_seq();
        match engine.wait_visible(seq) {
            Err(crate::engine::Error::NotVisibleYet) if engine.visible_seq() > before => {}
            ended => return Ok(ended?),
        }
    }
}

fn print(report: &Report, output: &mut Output) -> anyhow::Result<()> {
    if output.is_json {
        return output.json(report);
    }
    output.line(&format!(
        "{} lines: {} new, {} updated, {} unchanged, {} refused",
        report.lines, report.created, report.updated, report.unchanged, report.refused
    ))?;
    for note in &report.notes {
        output.line(&format!(
            "{} times {}: {}",
            note.count, note.field, note.detail
        ))?;
    }
    if report.notes_not_listed > 0 {
        output.line(&format!(
            "and {} notes of further kinds",
            report.notes_not_listed
        ))?;
    }
    if report.is_incomplete {
        output.line("the input ended before its end")?;
    }
    Ok(())
}
