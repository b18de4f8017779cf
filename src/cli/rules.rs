//! `firstline rules`: checks a rule file, tries it on past tickets, and proposes rules.

use std::path::Path;

use anyhow::Context;

use super::args::{ReplayArgs, RulesCommand, SuggestArgs};
use super::{Exit, Output, output};
use crate::engine::{
    ChangedTicket, Effect, FieldReplay, Measures, ReplayOptions, RulesReplay, SuggestOptions,
};
use crate::triage::{FieldName, FieldValue, RULES_SCHEMA, Rules, Severity, Share};
use crate::{Engine, Settings};

pub(super) fn run(
    folder: &Path,
    settings: Settings,
    command: &RulesCommand,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    match command {
        RulesCommand::Check { file, strict } => check(file, *strict, output),
        RulesCommand::Schema => {
            output.line(RULES_SCHEMA.trim_end())?;
            Ok(Exit::Done)
        }
        RulesCommand::Replay(args) => replay(folder, settings, args, output),
        RulesCommand::Suggest(args) => suggest(folder, settings, args, output),
    }
}

pub(super) fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} could not be read", file.display()))
}

fn check(file: &Path, is_strict: bool, output: &mut Output) -> anyhow::Result<Exit> {
    let checked = Rules::check(&file.display().to_string(), &read(file)?);
    let is_bad = |severity| severity == Severity::Error || is_strict;
    let mut severities = checked.problems.iter().map(|problem| problem.severity);
    let exit = if severities.any(is_bad) {
        Exit::NotInOrder
    } else {
        Exit::Done
    };
    if output.is_json {
        output.json(&checked)?;
        return Ok(exit);
    }
    for problem in &checked.problems {
        output.line(&problem.with_line(&checked.file))?;
        output.line("")?;
    }
    let count = |severity| {
        let problems = checked.problems.iter();
        problems
            .filter(|problem| problem.severity == severity)
            .count()
    };
    output.line(&format!(
        "{}: {} errors, {} warnings",
        checked.file,
        count(Severity::Error),
        count(Severity::Warning)
    ))?;
    Ok(exit)
}

fn replay(
    folder: &Path,
    settings: Settings,
    args: &ReplayArgs,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let new = Rules::parse(&args.file.display().to_string(), &read(&args.file)?)?;
    let engine = Engine::open_reading(folder, settings)?;
    let options = ReplayOptions {
        since: args.since,
        fields: args
            .field
            .map_or(FieldName::ALL.to_vec(), |field| vec![field]),
        rules_alone: args.rules_alone,
        limit: args.limit,
    };
    let replay = engine.replay_rules(new, &options)?;
    let exit = Exit::of_found(replay.tickets > 0);
    if output.is_json {
        output.json(&replay)?;
        return Ok(exit);
    }
    output.line(&format!(
        "{} tickets, rules {} in use, {} new; {}",
        replay.tickets,
        replay.before_digest,
        replay.after_digest,
        decided_by(&replay)
    ))?;
    for field in &replay.fields {
        print_field(field, output)?;
    }
    output::warnings(&replay.warnings);
    Ok(exit)
}

fn decided_by(replay: &RulesReplay) -> String {
    let told = match replay.corrections {
        0 => String::new(),
        n => format!(" and {n} corrections"),
    };
    match &replay.model_version {
        Some(version) => format!("decided by the rules with model {version}{told}"),
        None if !told.is_empty() => format!("decided by the rules{told}"),
        None => "decided by the rules alone".to_owned(),
    }
}

fn print_field(field: &FieldReplay, output: &mut Output) -> anyhow::Result<()> {
    output.line(&format!(
        "\n{}: {} of {} judged tickets change, {} become right, {} were right",
        output.bold(field.field.as_str()),
        field.changed,
        field.judged,
        field.mended,
        field.broken
    ))?;
    output.line(&format!(
        "{:28} {:>24} {:>24} {:>24}",
        "value (95 % interval)", "precision", "recall", "coverage"
    ))?;
    print_measures("all", (&field.before, &field.after), output)?;
    for value in field
        .values
        .iter()
        .filter(|value| value.before != value.after)
    {
        let name = value.value.to_string();
        print_measures(&name, (&value.before, &value.after), output)?;
    }
    for change in &field.changes {
        print_change(change, output)?;
    }
    Ok(())
}

fn print_measures(
    name: &str,
    (before, after): (&Measures, &Measures),
    output: &mut Output,
) -> anyhow::Result<()> {
    for (name, measures) in [(name, before), ("  new", after)] {
        output.line(&format!(
            "{name:28} {:>24} {:>24} {:>24}",
            percent(measures.precision),
            percent(measures.recall),
            percent(measures.coverage)
        ))?;
        if before == after {
            break;
        }
    }
    Ok(())
}

fn percent(share: Share) -> String {
    let Some(value) = share.value else {
        return "-".to_owned();
    };
    let (low, high) = (share.low * 100.0, share.high * 100.0);
    format!("{:.1} % ({low:.1} to {high:.1})", value * 100.0)
}

fn print_change(change: &ChangedTicket, output: &mut Output) -> anyhow::Result<()> {
    let effect = match change.effect {
        Effect::Broken => "was right",
        Effect::Mended => "becomes right",
        Effect::Other => "changes",
    };
    let or_human = |value: &Option<FieldValue>| match value {
        Some(value) => value.to_string(),
        None => "left to a human".to_owned(),
    };
    output.line(&format!(
        "{effect}: {}  [{}]\n     {} -> {} ({:.0} %), has {}; rules {}",
        change.subject,
        change.id,
        or_human(&change.before),
        or_human(&change.after),
        change.confidence * 100.0,
        change
            .final_value
            .as_ref()
            .map_or("none".to_owned(), ToString::to_string),
        change.rules.join(", ")
    ))
}

fn suggest(
    folder: &Path,
    settings: Settings,
    args: &SuggestArgs,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let engine = Engine::open_reading(folder, settings)?;
    let found = engine.suggest_rules(&SuggestOptions {
        field: args.field,
        since: args.since,
        min_support: usize::try_from(args.min_support)?,
        min_precision: args.min_precision,
        limit: args.limit,
    })?;
    if output.is_json {
        output.json(&found)?;
    } else {
        output.line(found.toml.trim_end())?;
        output::note(&format!(
            "{} rules from {} older tickets, tried on {} newer ones",
            found.suggestions.len(),
            found.older_tickets,
            found.newer_tickets
        ));
    }
    Ok(Exit::of_found(!found.suggestions.is_empty()))
}
