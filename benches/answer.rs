//! Answering: search, similar and triage in the engine.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a bench that cannot go on should stop; it owns its clock and is no library"
)]

mod data;

use criterion::{Criterion, criterion_group, criterion_main};
use data::Data;
use firstline::{Audience, SearchQuery, SimilarQuery, TicketText};

/// Documents to answer from.
const DOCUMENTS: usize = 400_000;

/// Longer queries are whole tickets: they go to similar.
const MAX_SEARCH_CHARS: usize = 120;

fn answer(c: &mut Criterion) {
    let data = Data::load(DOCUMENTS);
    let (_folder, engine) = data.engine();
    let size = data.documents.len();
    let is_search = |query: &&String| query.chars().count() <= MAX_SEARCH_CHARS;
    let (searches, tickets): (Vec<&String>, Vec<&String>) = data
        .queries
        .iter()
        .map(|query| &query.text)
        .partition(is_search);
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

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50);
    targets = answer
}
criterion_main!(benches);
