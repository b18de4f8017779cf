//! `firstline status`: how a data folder is doing.

use std::path::Path;

use super::{Exit, Output};
use crate::{Engine, Settings};

pub(super) fn run(folder: &Path, settings: Settings, output: &mut Output) -> anyhow::Result<Exit> {
    let engine = Engine::open_reading(folder, settings)?;
    let status = engine.status()?;
    if output.is_json {
        output.json(&status)?;
        return Ok(Exit::Done);
    }
    let store = &status.store;
    output.line(&format!(
        "firstline {}, data format {}",
        status.version, store.format
    ))?;
    output.line(&format!(
        "store    {} articles, {} tickets, change {}, {}",
        store.articles,
        store.tickets,
        store.seq,
        mib(store.size_bytes)
    ))?;
    for index in &status.indexes {
        let lag = store.seq.saturating_sub(index.seq);
        let summary = index.summary;
        output.line(&format!(
            "{:8} {} documents in {} segments, {} deleted, {} changes behind, {}",
            format!("{}s", index.kind),
            summary.documents,
            summary.segments,
            summary.deleted,
            lag,
            mib(index.size_bytes)
        ))?;
    }
    let rules = &status.rules.summary;
    output.line(&format!(
        "rules    {} for {} categories",
        rules.rules, rules.categories
    ))?;
    if let Some(problem) = &status.rules.problem {
        output.line("         the file is wrong and was not taken:")?;
        for line in problem.lines() {
            output.line(&format!("         {line}"))?;
        }
    }
    let corrections = status.corrections;
    match &status.model {
        Some(model) => output.line(&format!(
            "model    {} from {} tickets, {corrections} corrections since",
            model.version, model.tickets
        ))?,
        None => output.line(&format!("model    none yet, {corrections} corrections"))?,
    }
    if let Some(problem) = &status.model_problem {
        output.line(&format!("         not taken: {problem}"))?;
    }
    Ok(Exit::Done)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "shown with one digit after the point"
)]
fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / (1024.0 * 1024.0))
}
