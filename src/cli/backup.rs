//! `firstline backup`: the store as one file.

use std::path::Path;

use serde_json::json;

use super::args::BackupArgs;
use super::{Exit, Output, progress};
use crate::store;

pub(super) fn run(folder: &Path, args: &BackupArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let bar = progress::count(0);
    store::backup(folder, &args.target, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    let size_bytes = std::fs::metadata(&args.target)?.len();
    if output.is_json {
        output.json(&json!({"file": args.target, "size_bytes": size_bytes}))?;
    } else {
        output.line(&format!(
            "{} bytes in {}",
            size_bytes,
            args.target.display()
        ))?;
    }
    Ok(Exit::Done)
}
