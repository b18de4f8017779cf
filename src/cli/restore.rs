//! `firstline restore`: a backup into a new data folder.

use std::path::Path;

use serde_json::json;

use super::args::RestoreArgs;
use super::{Exit, Output, progress};
use crate::store::{self, StoreReader};

pub(super) fn run(folder: &Path, args: &RestoreArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let bar = progress::count(0);
    store::restore(&args.source, folder, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    let counts = StoreReader::open_folder(folder)?.counts()?;
    let (articles, tickets) = (counts.articles, counts.tickets);
    if output.is_json {
        output.json(&json!({"articles": articles, "tickets": tickets}))?;
    } else {
        output.line(&format!(
            "{articles} articles and {tickets} tickets restored into {}; the next start makes the \
             indexes",
            folder.display()
        ))?;
    }
    Ok(Exit::Done)
}
