//! Writes answers to standard output and everything else to standard error.

use std::io::{self, IsTerminal, Write};

use anyhow::Context;
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use super::args::{Cli, LogFormat};

/// Standard output.
pub(super) struct Output {
    stdout: io::BufWriter<io::Stdout>,
    pub(super) is_json: bool,
    is_colored: bool,
}

impl Output {
    pub(super) fn new(is_json: bool) -> Self {
        let stdout = io::stdout();
        let is_colored = stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self {
            stdout: io::BufWriter::new(stdout),
            is_json,
            is_colored,
        }
    }

    /// One line.
    pub(super) fn line(&mut self, text: &str) -> anyhow::Result<()> {
        writeln!(self.stdout, "{}", printable(text))?;
        Ok(())
    }

    /// A value as JSON.
    pub(super) fn json(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        serde_json::to_writer_pretty(&mut self.stdout, value).map_err(io::Error::from)?;
        writeln!(self.stdout)?;
        Ok(())
    }

    /// Standard output, for bytes that are written as they are.
    pub(super) fn writer(&mut self) -> &mut impl Write {
        &mut self.stdout
    }

    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        self.stdout.flush()?;
        Ok(())
    }

    /// The text in bold on a terminal.
    pub(super) fn bold(&self, text: &str) -> String {
        if self.is_colored {
            format!("\u{1b}[1m{}\u{1b}[0m", printable(text))
        } else {
            text.to_owned()
        }
    }
}

/// The text without what would drive a terminal: tickets are written by anyone.
fn printable(text: &str) -> String {
    let is_own = text.contains("\u{1b}[1m");
    let keep = |c: &char| !c.is_control() || *c == '\n' || *c == '\t' || (is_own && *c == '\u{1b}');
    text.chars().filter(keep).collect()
}

/// Says something that is no answer.
pub(super) fn note(text: &str) {
    // Nobody is left to tell when standard error is closed.
    writeln!(io::stderr(), "{}", printable(text)).unwrap_or_default();
}

/// Says what an answer warns of.
pub(super) fn warnings(warnings: &[String]) {
    warnings.iter().for_each(|warning| note(warning));
}

/// Says what went wrong.
pub(super) fn error(text: &str) {
    note(&format!("firstline: {text}"));
}

/// Starts the log, to standard error.
pub(super) fn start_log(cli: &Cli) -> anyhow::Result<()> {
    let default = if cli.is_server() { "info" } else { "warn" };
    let level = cli.log.as_deref().unwrap_or(default);
    // The libraries below log at info what is of no use to a desk.
    let filter = match level {
        "trace" | "debug" | "info" | "warn" | "error" | "off" => {
            format!("warn,firstline={level}")
        }
        other => other.to_owned(),
    };
    let filter = EnvFilter::try_new(filter).context("--log is no log level")?;
    let log = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_env_filter(filter);
    match cli.log_format {
        LogFormat::Text => log
            .with_ansi(io::stderr().is_terminal())
            .with_target(false)
            .init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    Ok(())
}
