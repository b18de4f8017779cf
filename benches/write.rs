//! Writing: an import to durable and searchable, one acknowledged change, a hundred writers.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a bench that cannot go on should stop; it owns its clock and is no library"
)]

mod data;

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use data::Data;
use firstline::import::ndjson;
use firstline::{Document, Engine, Settings};

/// Documents of one import.
const IMPORTED: usize = 60_000;

/// Writers at one time.
const WRITERS: usize = 100;

/// Changes that each of them writes.
const CHANGES: usize = 20;

fn import(c: &mut Criterion) {
    let data = Data::load(IMPORTED);
    let lines: Vec<String> = data
        .documents
        .iter()
        .map(|document| serde_json::to_string(document).unwrap())
        .collect();
    let input = lines.join("\n");
    let mut group = c.benchmark_group("import");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(data.documents.len() as u64));
    group.bench_function(format!("{}/{}", data.name, data.documents.len()), |b| {
        b.iter_with_large_drop(|| {
            let folder = tempfile::tempdir().unwrap();
            let engine = Engine::open(folder.path(), Settings::default()).unwrap();
            let records = ndjson(input.as_bytes(), firstline::import::Options::default());
            let report = engine.import(records, &mut |_| ()).unwrap();
            engine.wait_visible(report.newest_seq).unwrap();
            (engine, folder)
        });
    });
    group.finish();
}

/// The document with another id and another word, so that every write is one.
fn changed(document: &Document, n: usize) -> Document {
    let mut json = serde_json::to_value(document).unwrap();
    json["id"] = serde_json::Value::from(format!("bench-{n}"));
    serde_json::from_value(json).unwrap()
}

fn put(c: &mut Criterion) {
    let data = Data::load(1_000);
    let (_folder, engine) = data.engine();
    let mut n = 0;
    c.bench_function("put/one writer", |b| {
        b.iter(|| {
            n += 1;
            engine
                .put(changed(&data.documents[n % data.documents.len()], n))
                .unwrap()
        });
    });
    let mut group = c.benchmark_group("put");
    group
        .sample_size(10)
        .throughput(Throughput::Elements((WRITERS * CHANGES) as u64));
    group.bench_function(format!("{WRITERS} writers"), |b| {
        b.iter_custom(|rounds| {
            let mut took = Duration::ZERO;
            for _ in 0..rounds {
                n += WRITERS * CHANGES;
                took += hundred_writers(&engine, &data, n);
            }
            took
        });
    });
    group.finish();
}

fn hundred_writers(engine: &Engine, data: &Data, first: usize) -> Duration {
    let started = Instant::now();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                for change in 0..CHANGES {
                    let n = first + writer * CHANGES + change;
                    let document = changed(&data.documents[n % data.documents.len()], n);
                    engine.put(document).unwrap();
                }
            });
        }
    });
    started.elapsed()
}

criterion_group!(benches, import, put);
criterion_main!(benches);
