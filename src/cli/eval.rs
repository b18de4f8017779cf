//! `firstline eval`: how good the answers are, on judged data.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;

use super::args::EvalCommand;
use super::{Exit, Output};
use crate::eval::{self, JudgedSet};
use crate::model::Audience;
use crate::{Engine, Settings};

pub(super) fn run(
    folder: &Path,
    settings: Settings,
    command: &EvalCommand,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let EvalCommand::Search(args) = command;
    let mut set = JudgedSet::read(&args.set, &args.query_field, args.split.as_deref())?;
    if let Some(limit) = args.limit_queries {
        set.queries.truncate(limit);
    }
    let audience = Audience::of(args.role, &BTreeSet::new());
    let report = match eval::documents(&args.set)? {
        Some(documents) => {
            set.rename(&documents.names);
            let temporary = tempfile::tempdir().context("there is no room for an index")?;
            let engine = Engine::open(temporary.path(), settings)?;
            let imported = engine.import(documents.records.into_iter(), &mut |_| ())?;
            engine.wait_visible(imported.newest_seq)?;
            eval::search(&engine, &set, imported.created, &audience)?
        }
        None => {
            let engine = Engine::open_reading(folder, settings)?;
            let n_documents = engine
                .status()?
                .indexes
                .first()
                .map_or(0, |index| index.summary.documents);
            eval::search(&engine, &set, n_documents, &audience)?
        }
    };
    if output.is_json {
        output.json(&report)?;
        return Ok(Exit::Done);
    }
    let measures = report.measures;
    output.line("set               documents  queries  nDCG@10    MAP  MRR@10   R@10  R@100  p50 ms  p99 ms")?;
    output.line(&format!(
        "{:<16} {:>10} {:>8} {:>8.2} {:>6.2} {:>7.2} {:>6.2} {:>6.2} {:>7.2} {:>7.2}",
        report.set,
        report.documents,
        report.queries,
        measures.ndcg_at_10,
        measures.map,
        measures.mrr_at_10,
        measures.recall_at_10,
        measures.recall_at_100,
        milliseconds(report.p50_us),
        milliseconds(report.p99_us),
    ))?;
    Ok(Exit::Done)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "times are shown with two places"
)]
fn milliseconds(us: u64) -> f64 {
    us as f64 / 1_000.0
}
