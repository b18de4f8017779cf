//! `firstline verify`: what is stored compared with what can be found.

use std::path::Path;

use super::{Exit, Output};
use crate::engine::Difference;
use crate::{Engine, Settings};

pub(super) fn run(folder: &Path, settings: Settings, output: &mut Output) -> anyhow::Result<Exit> {
    let engine = Engine::open_reading(folder, settings)?;
    let report = engine.verify()?;
    let exit = if report.is_clean {
        Exit::Done
    } else {
        Exit::NotInOrder
    };
    if output.is_json {
        output.json(&report)?;
        return Ok(exit);
    }
    for index in &report.indexes {
        output.line(&format!(
            "{}s: {} stored, {} found, up to change {}",
            index.kind, index.stored, index.indexed, index.index_seq
        ))?;
        print_difference("are stored and not found", &index.missing, output)?;
        print_difference("are found in an old state", &index.stale, output)?;
        print_difference("are found and not stored", &index.surplus, output)?;
    }
    output.line(if report.is_clean {
        "store and index agree"
    } else {
        "store and index differ"
    })?;
    Ok(exit)
}

fn print_difference(
    what: &str,
    difference: &Difference,
    output: &mut Output,
) -> anyhow::Result<()> {
    if difference.count == 0 {
        return Ok(());
    }
    let listed = difference.ids.join(", ");
    let more = if difference.count > difference.ids.len() as u64 {
        ", ..."
    } else {
        ""
    };
    output.line(&format!("  {} {what}: {listed}{more}", difference.count))
}
