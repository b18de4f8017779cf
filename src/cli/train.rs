//! `firstline train`: learns triage from the desk's resolved tickets.

use std::path::Path;

use super::{Exit, Output};
use crate::engine::TrainReport;
use crate::{Engine, Settings};

pub(super) fn run(folder: &Path, settings: Settings, output: &mut Output) -> anyhow::Result<Exit> {
    let report = Engine::open_reading(folder, settings)?.train()?;
    if output.is_json {
        output.json(&report)?;
    } else {
        print(&report, output)?;
    }
    Ok(Exit::Done)
}

fn print(report: &TrainReport, output: &mut Output) -> anyhow::Result<()> {
    output
        .line("field            values  tickets  right, unseen  applied at the wanted precision")?;
    for field in &report.fields {
        output.line(&format!(
            "{:<16} {:>6} {:>8} {:>11.1} % {:>11.1} %",
            field.field,
            field.values,
            field.tickets,
            field.accuracy * 100.0,
            field.coverage * 100.0
        ))?;
        if !field.rare.is_empty() {
            let rare = field.rare.join(", ");
            output.line(&format!(
                "                 too few tickets to learn from: {rare}"
            ))?;
        }
    }
    output.line(&format!(
        "model {} from {} resolved tickets in {:.1} s, in use from now on",
        report.model_version,
        report.tickets,
        std::time::Duration::from_millis(report.took_ms).as_secs_f64()
    ))
}
