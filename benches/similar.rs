//! Similar tickets for whole tickets, one thread, beside tantivy's own answers over the same index.
//!
//! `cargo bench --bench similar -- FOLDER [N]` with a data folder that holds tickets (made by the
//! bench `million`) and the queries of the folder that `FIRSTLINE_BENCH_DATA` names. Three things are
//! timed for every query: the whole answer of Firstline; tantivy's `MoreLikeThisQuery` as it is; and
//! tantivy's union of all terms of the ticket, every match scored. Overlap@10 is the share of the ten
//! best of the exhaustive answer: for Firstline that of its own formula without budget, for
//! `MoreLikeThisQuery` that of the union, which is BM25.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a bench that cannot go on should stop; it is no library"
)]

mod data;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use data::Query;
use firstline::eval::percentile;
use firstline::text::{Language, analyze};
use firstline::{Audience, Engine, Settings, SimilarQuery, TicketText};
use tantivy::collector::{Count, TopDocs};
use tantivy::query::{BooleanQuery, BoostQuery, MoreLikeThisQuery, Occur, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, OwnedValue};
use tantivy::tokenizer::WhitespaceTokenizer;
use tantivy::{Index, Searcher, Term};

/// Queries are timed after so many that warm up.
const N_WARM_UP: usize = 50;

/// Mails are at least this long, in characters.
const MIN_CHARS: usize = 200;

/// What was measured of one way to answer.
#[derive(Default)]
struct Measured {
    times: Vec<u64>,
    overlap: f64,
}

impl Measured {
    fn row(&mut self, name: &str) {
        let n = self.times.len().max(1) as f64;
        let [p50, p99] = [50, 99].map(|percent| percentile(&mut self.times, percent) as f64);
        println!(
            "{name:<34} {:>8.2} {:>8.2} {:>10.3}",
            p50 / 1_000.0,
            p99 / 1_000.0,
            self.overlap / n
        );
    }
}

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let [folder, n @ ..] = args.as_slice() else {
        println!("similar: nothing to do without a data folder: FOLDER [N]");
        return;
    };
    let n = n.first().map_or(300, |n| n.parse().unwrap());
    let folder = Path::new(folder);
    let tickets = tickets(n + N_WARM_UP);
    let settings = Settings::load(folder, std::env::vars()).unwrap();
    let engine = Engine::open_reading(folder, settings).unwrap();
    let peer = Peer::open(&folder.join("tickets"));
    let n_terms: usize = tickets.iter().map(|text| Peer::terms(text).len()).sum();
    println!(
        "{} tickets, {} queries of {:.0} distinct terms",
        peer.searcher.num_docs(),
        tickets.len() - N_WARM_UP,
        n_terms as f64 / tickets.len() as f64
    );
    println!(
        "{:<34} {:>8} {:>8} {:>10}",
        "", "p50 ms", "p99 ms", "overlap@10"
    );
    firstline(&engine, &tickets);
    peer.measure(&tickets);
}

/// Whole tickets: title, line break, text.
fn tickets(n: usize) -> Vec<String> {
    let queries = data::ticket_queries();
    let is_long = |query: &&Query| query.text.chars().count() >= MIN_CHARS;
    let tickets: Vec<String> = queries
        .iter()
        .filter(is_long)
        .map(|query| query.text.clone())
        .collect();
    let step = (tickets.len() / n).max(1);
    tickets.into_iter().step_by(step).take(n).collect()
}

fn firstline(engine: &Engine, tickets: &[String]) {
    let (mut bounded, mut ranked, mut exhaustive) = (
        Measured::default(),
        Measured::default(),
        Measured::default(),
    );
    for (at, text) in tickets.iter().enumerate() {
        let (subject, description) = text.split_once('\n').unwrap_or((text, ""));
        let mut query = SimilarQuery::text(TicketText {
            subject: subject.to_owned(),
            description: description.to_owned(),
            ..TicketText::default()
        });
        query.min_similarity = Some(0.0);
        let ask = |query: &SimilarQuery, measured: &mut Measured| -> Vec<String> {
            let started = Instant::now();
            let answer = engine.similar(query, &Audience::Everything).unwrap();
            measured.add(at, started);
            answer.hits.into_iter().map(|hit| hit.id).collect()
        };
        let found = ask(&query, &mut bounded);
        let started = Instant::now();
        let settings = engine.similar_settings();
        let ids = engine.similar_ids(&query, settings, &Audience::Everything);
        ranked.add(at, started);
        assert_eq!(ids.unwrap(), found);
        query.is_exhaustive = true;
        let all = ask(&query, &mut exhaustive);
        if at >= N_WARM_UP {
            bounded.overlap += overlap(&found, &all);
            ranked.overlap += overlap(&found, &all);
            exhaustive.overlap += 1.0;
        }
    }
    bounded.row("firstline, the whole answer");
    ranked.row("firstline, ids only");
    exhaustive.row("firstline, without budget");
}

impl Measured {
    fn add(&mut self, at: usize, started: Instant) {
        if at >= N_WARM_UP {
            let us = started.elapsed().as_micros();
            self.times.push(u64::try_from(us).unwrap());
        }
    }
}

fn overlap<T: PartialEq>(found: &[T], all: &[T]) -> f64 {
    let both = found.iter().filter(|id| all.contains(id)).count();
    both as f64 / all.len().max(1) as f64
}

/// The same index through tantivy's own queries.
struct Peer {
    searcher: Searcher,
    whole: Field,
}

impl Peer {
    fn open(folder: &Path) -> Self {
        let current = std::fs::read_to_string(folder.join("CURRENT")).unwrap();
        let index = Index::open_in_dir(folder.join(current.trim())).unwrap();
        // Queries come analyzed: only the name of the tokenizer is needed.
        index
            .tokenizers()
            .register("firstline", WhitespaceTokenizer::default());
        Self {
            searcher: index.reader().unwrap().searcher(),
            whole: index.schema().get_field("whole").unwrap(),
        }
    }

    /// The distinct terms of a text with how often they stand in it.
    fn terms(text: &str) -> BTreeMap<String, u32> {
        let mut terms = BTreeMap::new();
        analyze(text, &[Language::English], |token| {
            *terms.entry(token.term.to_owned()).or_default() += 1;
        });
        terms
    }

    fn measure(&self, tickets: &[String]) {
        let (mut like, mut union) = (Measured::default(), Measured::default());
        for (at, text) in tickets.iter().enumerate() {
            let terms = Self::terms(text);
            let started = Instant::now();
            let (all, _) = self
                .searcher
                .search(
                    &self.union(&terms),
                    &(TopDocs::with_limit(10).order_by_score(), Count),
                )
                .unwrap();
            union.add(at, started);
            let words: Vec<String> = terms
                .iter()
                .flat_map(|(term, n)| std::iter::repeat_n(term.clone(), *n as usize))
                .collect();
            let started = Instant::now();
            let query = MoreLikeThisQuery::builder()
                .with_document_fields(vec![(self.whole, vec![OwnedValue::Str(words.join(" "))])]);
            let top = TopDocs::with_limit(10).order_by_score();
            let found = self.searcher.search(&query, &top).unwrap();
            like.add(at, started);
            if at >= N_WARM_UP {
                let ids = |top: &[(f32, tantivy::DocAddress)]| -> Vec<_> {
                    top.iter().map(|(_, doc)| *doc).collect()
                };
                like.overlap += overlap(&ids(&found), &ids(&all));
                union.overlap += 1.0;
            }
        }
        like.row("tantivy MoreLikeThisQuery");
        union.row("tantivy union, every match scored");
    }

    fn union(&self, terms: &BTreeMap<String, u32>) -> BooleanQuery {
        let clause = |(term, n): (&String, &u32)| {
            let term = Term::from_field_text(self.whole, term);
            let query = TermQuery::new(term, IndexRecordOption::WithFreqs);
            let boosted = BoostQuery::new(Box::new(query), *n as f32);
            (
                Occur::Should,
                Box::new(boosted) as Box<dyn tantivy::query::Query>,
            )
        };
        BooleanQuery::new(terms.iter().map(clause).collect())
    }
}
