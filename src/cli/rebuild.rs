//! `firstline rebuild`: the indexes anew from the store.

use std::path::Path;
use std::time::Duration;

use super::{Exit, Output, progress, serve};
use crate::Settings;
use crate::model::Kind;

pub(super) fn run(folder: &Path, settings: Settings, output: &mut Output) -> anyhow::Result<Exit> {
    let engine = serve::open(folder, settings)?;
    engine.rebuild()?;
    for kind in Kind::ALL {
        let bar = progress::count(0);
        bar.set_message(format!("{kind}s"));
        while let Some(progress) = engine.rebuild_progress(kind) {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
            std::thread::sleep(Duration::from_millis(20));
        }
        bar.finish_and_clear();
    }
    let status = engine.status()?;
    if output.is_json {
        output.json(&status.indexes)?;
    } else {
        for index in &status.indexes {
            output.line(&format!(
                "{} {}s indexed",
                index.summary.documents, index.kind
            ))?;
        }
    }
    Ok(Exit::Done)
}
