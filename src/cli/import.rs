//! `firstline import`: files, folders, archives and standard input into a data folder.

use std::io::{BufRead, BufReader, stdin};
use std::path::Path;

use anyhow::Context;

use super::args::ImportArgs;
use super::{Exit, Output, import_report, output, progress, serve};
use crate::import::{
    ColumnMap, Inputs, LineProblem, Mapping, Options, Plan, Records, Report, Sources, System, csv,
    dry_run, ndjson, unpacked,
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
    let mapping = mapping(folder, &settings, args)?;
    if args.again {
        let engine = serve::open(folder, settings)?;
        let report = engine.import_again(&mapping, &mut |_| ())?;
        wait_visible(&engine, report.newest_seq)?;
        return end(&report, output);
    }
    let columns = ColumnMap::parse(&args.map)
        .map_err(anyhow::Error::msg)
        .context("--map")?;
    let plan = Plan {
        from: args.from.0,
        options: Options {
            default_kind: args.kind,
        },
        columns,
        mapping,
        mask: args.mask || settings.import.mask,
    };
    let path = args.path.as_deref().unwrap_or(Path::new("-"));
    if path == Path::new("-") {
        return from_stdin(folder, settings, args, (&plan, output));
    }
    let inputs =
        Inputs::open(path).with_context(|| format!("{} could not be read", path.display()))?;
    let sources = plan.recognise(inputs);
    from_sources(folder, settings, args, (&plan, &sources, output))
}

/// The tables of words: those of the data folder, or of the file that is named.
fn mapping(folder: &Path, settings: &Settings, args: &ImportArgs) -> anyhow::Result<Mapping> {
    let default = folder.join(&settings.import.mapping);
    let path = args.mapping.as_deref().unwrap_or(&default);
    let file = match std::fs::read_to_string(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && args.mapping.is_none() => {
            String::new()
        }
        Err(error) => {
            return Err(error).with_context(|| format!("{} could not be read", path.display()));
        }
    };
    Mapping::with(&file).with_context(|| format!("{} is wrong", path.display()))
}

/// Reads standard input: Firstline's own formats as they come, anything else from a copy on disk.
fn from_stdin(
    folder: &Path,
    settings: Settings,
    args: &ImportArgs,
    (plan, output): (&Plan, &mut Output),
) -> anyhow::Result<Exit> {
    let mut reader = BufReader::new(stdin().lock());
    let own = match plan.from {
        Some(system) => Some(system).filter(|system| system.is_own()),
        None if !args.map.is_empty() => Some(System::Csv),
        None => {
            let head = reader.fill_buf()?;
            (head.is_empty() || is_own_json(head)).then_some(System::Ndjson)
        }
    };
    let Some(own) = own else {
        let inputs = Inputs::keep("standard input", &mut reader)?;
        let sources = plan.recognise(inputs);
        return from_sources(folder, settings, args, (plan, &sources, output));
    };
    let reader = unpacked(reader)?;
    let records: Records<'_> = if own == System::Csv {
        csv(reader, &plan.columns, plan.options)
    } else {
        ndjson(reader, plan.options)
    };
    let records = records.map(|record| plan.finish(record));
    let report = if args.dry_run {
        dry_run(records)
    } else {
        let engine = serve::open(folder, settings)?;
        store(&engine, Box::new(records))?
    };
    tell(&report.problems, report.refused, "standard input");
    end(&report, output)
}

/// Whether the first line looks like one of ours; a guess that decides only whether a copy is made.
fn is_own_json(head: &[u8]) -> bool {
    let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    serde_json::from_slice::<serde_json::Value>(first).is_ok_and(|value| {
        let has = |name: &str| value.get(name).is_some();
        has("kind") || (has("id") && !has("url") && !has("fields"))
    })
}

fn from_sources(
    folder: &Path,
    settings: Settings,
    args: &ImportArgs,
    (plan, sources, output): (&Plan, &Sources, &mut Output),
) -> anyhow::Result<Exit> {
    announce(sources);
    if sources.is_empty() {
        anyhow::bail!("there is nothing that can be imported; name the system with --from");
    }
    let bar = progress::bytes(sources.size_bytes());
    let on_read = |n_bytes: usize| bar.inc(n_bytes as u64);
    let records = sources.records(plan, &on_read);
    let mut report = if args.dry_run {
        dry_run(records)
    } else {
        let engine = serve::open(folder, settings)?;
        store(&engine, records)?
    };
    report.tell(sources);
    bar.finish_and_clear();
    tell(&report.problems, report.refused, "");
    end(&report, output)
}

/// Says what each file was taken for.
fn announce(sources: &Sources) {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for (input, recognised) in &sources.files {
        if sources.files.len() <= MAX_PRINTED {
            output::note(&format!("{}: {}", input.name, recognised.in_words()));
            continue;
        }
        let words = recognised.in_words();
        match counts.iter_mut().find(|(known, _)| *known == words) {
            Some((_, count)) => *count += 1,
            None => counts.push((words, 1)),
        }
    }
    for (words, count) in counts {
        output::note(&format!("{count} files: {words}"));
    }
    for (name, reason) in sources.left_out.iter().take(MAX_PRINTED) {
        output::note(&format!("{name}: left out, {reason}"));
    }
    if let Some(more) = sources.left_out.len().checked_sub(MAX_PRINTED + 1) {
        output::note(&format!("{} more files were left out", more + 1));
    }
}

fn store(engine: &Engine, records: Records<'_>) -> anyhow::Result<Report> {
    let report = engine.import(records, &mut |_| ()).context("importing")?;
    wait_visible(engine, report.newest_seq)?;
    Ok(report)
}

/// Prints the first problems with their places.
fn tell(problems: &[LineProblem], n_refused: u64, name: &str) {
    for problem in problems.iter().take(MAX_PRINTED) {
        let field = problem
            .field
            .as_ref()
            .map_or(String::new(), |field| format!("{field}: "));
        let file = problem.file.as_deref().unwrap_or(name);
        output::note(&format!(
            "{file}:{}: {field}{}",
            problem.line, problem.detail
        ));
    }
    let shown = problems.len().min(MAX_PRINTED) as u64;
    if n_refused > shown {
        output::note(&format!("{} more records were refused", n_refused - shown));
    }
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

fn end(report: &Report, output: &mut Output) -> anyhow::Result<Exit> {
    import_report::print(report, output)?;
    Ok(match (report.refused, report.lines) {
        (0, 0) => Exit::NothingFound,
        (0, _) if report.mapped + report.skipped > 0 => Exit::Done,
        (0, _) => Exit::NothingFound,
        _ => Exit::NotInOrder,
    })
}
