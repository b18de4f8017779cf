//! Triage with a learned model: one ticket with all reasons, many on all processors, and learning.
//!
//! Works on the demo desk with its rules, or without rules on the set that `FIRSTLINE_BENCH_SET`
//! names: a folder with `train.jsonl` and `test.jsonl` as `firstline eval triage` reads them, with a
//! `category`. The tickets that are decided were not learned from. Those of one hundred words are
//! real ones, cut there; where fewer than a hundred are so long, several are joined.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a bench that cannot go on should stop; it owns its clock and is no library"
)]

mod data;

use std::path::{Path, PathBuf};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use data::Data;
use firstline::engine::{Asked, Wanted};
use firstline::eval::past_tickets;
use firstline::{Audience, Document, Engine, Settings, TicketText};

const FIELD: &str = "category";

/// Words of the tickets that are decided one by one.
const WORDS: usize = 100;

/// Fewer long tickets than this say too little.
const ENOUGH: usize = 100;

/// Tickets of a batch: what one request may have.
const BATCH: usize = 1_000;

/// A desk, and new tickets.
struct Desk {
    past: Data,
    rules: Option<PathBuf>,
    new: Vec<TicketText>,
}

impl Desk {
    fn load() -> Self {
        match std::env::var_os("FIRSTLINE_BENCH_SET") {
            Some(folder) => Self::of_set(Path::new(&folder)),
            None => Self::demo(),
        }
    }

    fn demo() -> Self {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
        Self {
            past: Data::demo(usize::MAX),
            rules: Some(corpus.join("demo/rules.toml")),
            new: texts(&corpus.join("eval/triage"), "test.jsonl"),
        }
    }

    fn of_set(folder: &Path) -> Self {
        let past = past_tickets(folder, "train.jsonl", FIELD).unwrap();
        let documents = past.into_iter().enumerate().map(|(number, past)| {
            let category = past.values.get(FIELD).map(ToString::to_string);
            let ticket = serde_json::json!({
                "kind": "ticket",
                "id": format!("past-{number}"),
                "subject": past.ticket.subject,
                "description": past.ticket.description,
                "category": category,
                "status": "resolved",
            });
            serde_json::from_value::<Document>(ticket).unwrap()
        });
        Self {
            past: Data {
                name: folder.file_name().unwrap().to_string_lossy().into_owned(),
                documents: documents.collect(),
                queries: Vec::new(),
            },
            rules: None,
            new: texts(folder, "test.jsonl"),
        }
    }

    fn open(&self) -> (tempfile::TempDir, Engine) {
        let folder = tempfile::tempdir().unwrap();
        if let Some(rules) = &self.rules {
            std::fs::copy(rules, folder.path().join("rules.toml")).unwrap();
        }
        let engine = Engine::open(folder.path(), Settings::default()).unwrap();
        self.past.import_into(&engine);
        (folder, engine)
    }

    /// New tickets of a hundred words.
    fn long(&self) -> Vec<TicketText> {
        let texts: Vec<String> = self.new.iter().map(TicketText::whole).collect();
        let words = |text: &str| text.split_whitespace().count();
        let mut long: Vec<String> = texts.clone();
        long.retain(|text| words(text) >= WORDS);
        if long.len() < ENOUGH {
            long = texts
                .windows(WORDS)
                .map(|texts| texts.join(" "))
                .filter(|text| words(text) >= WORDS)
                .collect();
        }
        long.iter().map(|text| of_words(text, WORDS)).collect()
    }
}

fn texts(folder: &Path, name: &'static str) -> Vec<TicketText> {
    let past = past_tickets(folder, name, FIELD).unwrap();
    past.into_iter().map(|past| past.ticket).collect()
}

/// The first words of a text, ten of them as the subject.
fn of_words(text: &str, n_words: usize) -> TicketText {
    let words: Vec<&str> = text.split_whitespace().take(n_words).collect();
    let (subject, description) = words.split_at(words.len().min(10));
    TicketText {
        subject: subject.join(" "),
        description: description.join(" "),
        ..TicketText::default()
    }
}

fn triage(c: &mut Criterion) {
    let desk = Desk::load();
    let (_folder, engine) = desk.open();
    let report = engine.train().unwrap();
    let learned = report.fields.iter().find(|field| field.field == FIELD);
    let size = learned.unwrap().values;
    let name = &desk.past.name;

    let decider = engine.decider().unwrap();
    let long = desk.long();
    let mut next = 0;
    c.bench_function(&format!("triage/decide/{name}/{size}"), |b| {
        b.iter(|| {
            next += 1;
            decider.decide(&long[next % long.len()])
        });
    });

    let mut group = c.benchmark_group("triage/batch");
    group.throughput(Throughput::Elements(BATCH as u64));
    for (kind, tickets) in [("as-they-came", &desk.new), ("100-words", &long)] {
        let batch = tickets.iter().cycle().take(BATCH);
        let batch: Vec<Asked> = batch.map(asked).collect();
        group.bench_function(format!("{name}/{kind}/{size}"), |b| {
            b.iter_batched(
                || batch.clone(),
                |batch| decide_all(&engine, batch),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();

    let mut group = c.benchmark_group("triage/train");
    group.sample_size(10);
    group.throughput(Throughput::Elements(report.tickets as u64));
    group.bench_function(format!("{name}/{}", report.tickets), |b| {
        b.iter(|| engine.train().unwrap());
    });
    group.finish();
}

fn asked(ticket: &TicketText) -> Asked {
    Asked {
        ticket: ticket.clone(),
        ticket_id: None,
    }
}

/// What a request with many tickets does, when it does not ask for evidence.
fn decide_all(engine: &Engine, batch: Vec<Asked>) -> usize {
    let wanted = Wanted {
        evidence: false,
        store: false,
    };
    let decided = engine.triage_all(batch, wanted, &Audience::Everything);
    decided.unwrap().len()
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50);
    targets = triage
}
criterion_main!(benches);
