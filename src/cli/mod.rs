//! The command line: one file per command.
//!
//! Answers go to standard output, everything else to standard error. Exit code 0 means done or
//! found, 1 nothing found, 2 an error. A reader that closes the pipe is no error.

mod args;
mod backup;
mod demo;
mod eval;
mod import;
mod import_report;
mod keys;
mod output;
mod progress;
mod rebuild;
mod restore;
mod rules;
mod search;
mod serve;
mod similar;
mod status;
mod ticket;
mod train;
mod triage;
mod triage_batch;
mod tune;
mod verify;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use args::{Cli, Command};
use output::Output;

use crate::Settings;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// Done, or something found.
    Done,
    /// Nothing found.
    NothingFound,
    /// What was checked is not in order.
    NotInOrder,
}

impl Exit {
    /// Whether there was anything to show.
    fn of_found(is_found: bool) -> Self {
        if is_found {
            Self::Done
        } else {
            Self::NothingFound
        }
    }
}

/// Runs the program with the arguments it was called with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut output = Output::new(cli.json);
    let ended = run(&cli, &mut output).and_then(|exit| {
        output.flush()?;
        Ok(exit)
    });
    match ended {
        Ok(Exit::Done) => ExitCode::SUCCESS,
        Ok(Exit::NothingFound) => ExitCode::from(1),
        Ok(Exit::NotInOrder) => ExitCode::from(2),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}

fn run(cli: &Cli, output: &mut Output) -> anyhow::Result<Exit> {
    output::start_log(cli)?;
    let folder = cli.data_folder();
    let settings = Settings::load(&folder, std::env::vars()).context("the settings are wrong")?;
    match &cli.command {
        Command::Demo(args) => demo::run(&folder, settings, args, output),
        Command::Serve(args) => serve::run(&folder, settings, args),
        Command::Import(args) => import::run(&folder, settings, args, output),
        Command::Search(args) => search::run(&folder, settings, args, output),
        Command::Similar(args) => similar::run(&folder, settings, args, output),
        Command::Triage(args) => triage::run(&folder, settings, args, output),
        Command::Rules(args) => rules::run(&folder, settings, &args.command, output),
        Command::Status => status::run(&folder, settings, output),
        Command::Rebuild => rebuild::run(&folder, settings, output),
        Command::Verify => verify::run(&folder, settings, output),
        Command::Backup(args) => backup::run(&folder, args, output),
        Command::Restore(args) => restore::run(&folder, args, output),
        Command::Train => train::run(&folder, settings, output),
        Command::Eval(args) => eval::run(&folder, settings, &args.command, output),
        Command::Tune(args) => tune::run(&folder, settings, args, output),
        Command::Keys(args) => keys::run(&folder, &args.command, output),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
