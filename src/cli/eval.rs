//! `firstline eval`: how good the answers are, on judged data.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;

use super::args::{EvalCommand, EvalSearchArgs, EvalSimilarArgs, EvalTriageArgs};
use super::{Exit, Output};
use crate::engine::Error;
use crate::eval::{self, JudgedSet, Report};
use crate::model::{Audience, Kind};
use crate::{Engine, Rules, Settings};

pub(super) fn run(
    folder: &Path,
    settings: Settings,
    command: &EvalCommand,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let report = match command {
        EvalCommand::Search(args) => search(folder, settings, args)?,
        EvalCommand::Similar(args) => similar(folder, settings, args)?,
        EvalCommand::Triage(args) => return triage(args, output),
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

fn search(folder: &Path, settings: Settings, args: &EvalSearchArgs) -> anyhow::Result<Report> {
    let mut set = JudgedSet::read(&args.set, &args.query_field, args.split.as_deref())?;
    set.queries
        .truncate(args.limit_queries.unwrap_or(usize::MAX));
    let audience = Audience::of(args.role, &BTreeSet::new());
    let desk = Desk::open(folder, settings, &args.set, &mut set, Kind::Article)?;
    Ok(eval::search(&desk.engine, &set, desk.documents, &audience)?)
}

fn similar(folder: &Path, settings: Settings, args: &EvalSimilarArgs) -> anyhow::Result<Report> {
    let mut set = JudgedSet::read_similar(&args.set, args.split.as_deref())?;
    set.queries
        .truncate(args.limit_queries.unwrap_or(usize::MAX));
    let desk = Desk::open(folder, settings, &args.set, &mut set, Kind::Ticket)?;
    Ok(eval::similar(
        &desk.engine,
        &set,
        desk.documents,
        args.past_only,
    )?)
}

fn triage(args: &EvalTriageArgs, output: &mut Output) -> anyhow::Result<Exit> {
    let rules = match &args.rules {
        Some(path) => Rules::parse(&path.display().to_string(), &super::rules::read(path)?)?,
        None => Rules::default(),
    };
    let report = eval::triage(&args.set, &args.field, &rules, args.precision)?;
    if output.is_json {
        output.json(&report)?;
        return Ok(Exit::Done);
    }
    output.line("set                field              train   test values accuracy macro-F1   ECE  trained  p50 us  p99 us")?;
    output.line(&format!(
        "{:<18} {:<16} {:>7} {:>6} {:>6} {:>8.2} {:>8.2} {:>5.3} {:>6.1} s {:>7} {:>7}",
        report.set,
        report.field,
        report.train,
        report.test,
        report.values,
        report.accuracy,
        report.macro_f1,
        report.ece,
        report.train_seconds,
        report.predict_us_p50,
        report.predict_us_p99,
    ))?;
    for (precision, coverage) in &report.coverage_at_precision {
        output.line(&format!(
            "{:.1} % decided at a precision of {precision}",
            coverage * 100.0
        ))?;
    }
    if let Some(scope) = report.out_of_scope {
        output.line(&format!(
            "out of scope: {:.2} % found, with {:.2} % of the others right",
            scope.recall, scope.in_scope_accuracy
        ))?;
    }
    Ok(Exit::Done)
}

/// The desk that is asked.
pub(super) struct Desk {
    pub(super) engine: Engine,
    /// How many documents there are to be found.
    pub(super) documents: u64,
    /// Where the documents of the set are while they are needed.
    _temporary: Option<tempfile::TempDir>,
}

impl Desk {
    /// The documents of the set in a data folder of their own, or the data folder as it is.
    pub(super) fn open(
        folder: &Path,
        settings: Settings,
        set_folder: &Path,
        set: &mut JudgedSet,
        kind: Kind,
    ) -> anyhow::Result<Self> {
        let Some(documents) = eval::documents(set_folder)? else {
            let engine = Engine::open_reading(folder, settings)?;
            let indexes = engine.status()?.indexes;
            let index = indexes.iter().find(|index| index.kind == kind.as_str());
            return Ok(Self {
                documents: index.map_or(0, |index| index.summary.documents),
                engine,
                _temporary: None,
            });
        };
        set.rename(&documents.names);
        let temporary = tempfile::tempdir().context("there is no room for an index")?;
        let engine = Engine::open(temporary.path(), settings)?;
        let imported = engine.import(documents.records.into_iter(), &mut |_| ())?;
        wait_indexed(&engine, imported.newest_seq)?;
        Ok(Self {
            engine,
            documents: imported.created,
            _temporary: Some(temporary),
        })
    }
}

/// Waits as long as the index gets on: a large set takes a busy machine longer than one wait.
fn wait_indexed(engine: &Engine, seq: u64) -> Result<(), Error> {
    loop {
        let before = engine.visible_seq();
        match engine.wait_visible(seq) {
            Err(Error::NotVisibleYet) if engine.visible_seq() > before => {}
            waited => return waited,
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "times are shown with two places"
)]
fn milliseconds(us: u64) -> f64 {
    us as f64 / 1_000.0
}
