//! Answering: search, similar and triage in the engine, and the same queries to SQLite FTS5.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a bench that cannot go on should stop; it owns its clock and is no library"
)]

mod data;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use data::Data;
use firstline::{Audience, Document, SearchQuery, SimilarQuery, TicketText};
use rusqlite::Connection;

/// Documents to answer from.
const DOCUMENTS: usize = 400_000;

/// Longer queries are whole tickets: they go to similar.
const MAX_SEARCH_CHARS: usize = 120;

fn answer(c: &mut Criterion) {
    let data = Data::load(DOCUMENTS);
    let (_folder, engine) = data.engine();
    let size = data.documents.len();
    let is_search = |query: &&String| query.chars().count() <= MAX_SEARCH_CHARS;
    let (searches, tickets): (Vec<&String>, Vec<&String>) =
        data.queries.iter().partition(is_search);
    let analyst = Audience::Analyst(std::collections::BTreeSet::new());

    let mut next = cycle(&searches);
    c.bench_function(&format!("search/{}/{size}", data.name), |b| {
        b.iter(|| engine.search(&SearchQuery::text(next()), &analyst).unwrap());
    });
    let mut next = cycle(&tickets);
    c.bench_function(&format!("similar/{}/{size}", data.name), |b| {
        b.iter(|| {
            engine
                .similar(&SimilarQuery::text(ticket(next())), &analyst)
                .unwrap()
        });
    });
    let mut next = cycle(&tickets);
    c.bench_function(&format!("triage/{}/{size}", data.name), |b| {
        b.iter(|| engine.triage(&ticket(next()), &analyst).unwrap());
    });
    drop(engine);

    let (_peer_folder, peer) = fts5(&data);
    let mut next = cycle(&searches);
    c.bench_function(&format!("search-fts5/{}/{size}", data.name), |b| {
        b.iter(|| black_box(search_fts5(&peer, next())));
    });
}

fn cycle<'a>(texts: &'a [&String]) -> impl FnMut() -> &'a str {
    let mut n = 0;
    move || {
        n += 1;
        texts
            .get(n % texts.len().max(1))
            .map_or("printer does not print", |text| text.as_str())
    }
}

fn ticket(text: &str) -> TicketText {
    let (subject, description) = text.split_once('\n').unwrap_or((text, ""));
    TicketText {
        subject: subject.to_owned(),
        description: description.to_owned(),
        ..TicketText::default()
    }
}

/// The articles in SQLite's own full-text index, ranked by its BM25 with the title weighted alike.
fn fts5(data: &Data) -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(folder.path().join("fts5.db")).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE VIRTUAL TABLE article USING fts5(id UNINDEXED, title, body, tokenize = 'porter unicode61');
             BEGIN;",
        )
        .unwrap();
    let mut insert = connection
        .prepare("INSERT INTO article VALUES (?1, ?2, ?3)")
        .unwrap();
    for document in &data.documents {
        if let Document::Article(article) = document {
            insert
                .execute([article.id.as_str(), &article.title, &article.body])
                .unwrap();
        }
    }
    drop(insert);
    connection
        .execute_batch("COMMIT; INSERT INTO article(article) VALUES ('optimize');")
        .unwrap();
    (folder, connection)
}

fn search_fts5(connection: &Connection, query: &str) -> Vec<(String, String)> {
    let words: Vec<String> = query
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| format!("\"{word}\""))
        .collect();
    let mut statement = connection
        .prepare_cached(
            "SELECT id, snippet(article, 2, '*', '*', '', 24) FROM article
             WHERE article MATCH ?1 ORDER BY bm25(article, 0, 3.0, 1.0) LIMIT 10",
        )
        .unwrap();
    let rows = statement.query_map([words.join(" OR ")], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50);
    targets = answer
}
criterion_main!(benches);
