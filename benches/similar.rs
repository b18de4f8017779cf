//! Similar tickets for whole tickets, one thread, beside others who answer the same question.
//!
//! `cargo bench --bench similar -- FOLDER [N [TICKETS]]` with a data folder that holds tickets (made
//! by the bench `million`), the queries of the folder that `FIRSTLINE_BENCH_DATA` names, and the file
//! that the tickets were imported from. Timed are Firstline's whole answer, its ids alone, and its
//! exhaustive answer; over the same index tantivy's `MoreLikeThisQuery` as it is and the union of all
//! terms, every match scored; with TICKETS Lucene's `MoreLikeThis` over the same texts (needs Java and
//! Maven).
//!
//! Every query is asked in several rounds and the quickest counts, which leaves out what other programs
//! take of the processor; between two rounds of a query all others are asked. Overlap@10 is the share
//! of the ten best of an exhaustive answer: Firstline's own formula, or BM25, which is the union.

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
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use data::Query;
use data::million::Text;
use firstline::eval::percentile;
use firstline::text::{Language, analyze};
use firstline::{Audience, Engine, Settings, SimilarQuery, TicketText};
use tantivy::collector::{Count, TopDocs};
use tantivy::query::{BooleanQuery, BoostQuery, MoreLikeThisQuery, Occur, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, OwnedValue};
use tantivy::tokenizer::WhitespaceTokenizer;
use tantivy::{DocAddress, Index, Searcher, Term};

const ROUNDS: usize = 10;

/// Mails are at least this long, in characters.
const MIN_CHARS: usize = 200;

/// The ids of the ten best, by query.
type Answers = Vec<Vec<String>>;

/// What was measured of one way to answer.
struct Measured {
    /// The quickest of each query, in nanoseconds.
    times: Vec<u64>,
    answers: Answers,
}

impl Measured {
    /// Asks every query in several rounds.
    fn of(tickets: &[String], rounds: usize, mut ask: impl FnMut(&str) -> Vec<String>) -> Self {
        let mut times = vec![u64::MAX; tickets.len()];
        let mut answers = vec![Vec::new(); tickets.len()];
        for _ in 0..rounds {
            for ((ticket, time), answer) in tickets.iter().zip(&mut times).zip(&mut answers) {
                let started = Instant::now();
                *answer = ask(ticket);
                *time = (*time).min(u64::try_from(started.elapsed().as_nanos()).unwrap());
            }
        }
        Self { times, answers }
    }

    fn row(&self, name: &str, exhaustive: &Answers, union: &Answers) {
        let mut times = self.times.clone();
        let mean = times.iter().sum::<u64>() as f64 / times.len().max(1) as f64 / 1e6;
        let [p50, p99] = [50, 99].map(|percent| percentile(&mut times, percent) as f64 / 1e6);
        let [own, bm25] = [exhaustive, union].map(|all| overlap(&self.answers, all));
        println!("{name:<36} {mean:>8.2} {p50:>8.2} {p99:>8.2} {own:>10.3} {bm25:>10.3}");
    }
}

fn overlap(found: &Answers, all: &Answers) -> f64 {
    let of_query = |(found, all): (&Vec<String>, &Vec<String>)| {
        let both = found.iter().filter(|id| all.contains(id)).count();
        both as f64 / all.len().max(1) as f64
    };
    found.iter().zip(all).map(of_query).sum::<f64>() / found.len().max(1) as f64
}

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let [folder, more @ ..] = args.as_slice() else {
        println!("similar: nothing to do without a data folder: FOLDER [N [TICKETS]]");
        return;
    };
    let folder = Path::new(folder);
    let tickets = tickets(more.first().map_or(300, |n| n.parse().unwrap()));
    let settings = Settings::load(folder, std::env::vars()).unwrap();
    let engine = Engine::open_reading(folder, settings).unwrap();
    let peer = Peer::open(folder);
    peer.describe(folder, &tickets);
    let whole = Measured::of(&tickets, ROUNDS, |text| {
        let answer = engine.similar(&asked(text), &Audience::Everything).unwrap();
        answer.hits.into_iter().map(|hit| hit.id).collect()
    });
    let ids = |query: &SimilarQuery| {
        let settings = engine.similar_settings();
        let ids = engine.similar_ids(query, settings, &Audience::Everything);
        ids.unwrap()
    };
    let ranked = Measured::of(&tickets, ROUNDS, |text| ids(&asked(text)));
    let exhaustive = Measured::of(&tickets, 2, |text| {
        ids(&SimilarQuery {
            is_exhaustive: true,
            ..asked(text)
        })
    });
    let like = Measured::of(&tickets, ROUNDS, |text| peer.like(text));
    let union = Measured::of(&tickets, 2, |text| peer.all_matches(text));
    let row = |measured: &Measured, name: &str| {
        measured.row(name, &exhaustive.answers, &union.answers);
    };
    row(&whole, "Firstline, texts and fixes too");
    row(&ranked, "Firstline, ids alone");
    row(&exhaustive, "Firstline, exhaustive");
    row(&like, "tantivy MoreLikeThisQuery");
    row(&union, "tantivy union, every match scored");
    if let Some(file) = more.get(1) {
        for (name, measured) in lucene(Path::new(file), &tickets) {
            row(&measured, &format!("Lucene MoreLikeThis, {name}"));
        }
    }
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

fn asked(text: &str) -> SimilarQuery {
    let (subject, description) = text.split_once('\n').unwrap_or((text, ""));
    let mut query = SimilarQuery::text(TicketText {
        subject: subject.to_owned(),
        description: description.to_owned(),
        ..TicketText::default()
    });
    query.min_similarity = Some(0.0);
    query
}

/// The same index through tantivy's own queries.
struct Peer {
    searcher: Searcher,
    whole: Field,
}

impl Peer {
    fn open(folder: &Path) -> Self {
        let folder = folder.join("tickets");
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

    fn describe(&self, folder: &Path, tickets: &[String]) {
        let n_docs = self.searcher.num_docs();
        let current = std::fs::read_to_string(folder.join("tickets/CURRENT")).unwrap();
        let files = std::fs::read_dir(folder.join("tickets").join(current.trim())).unwrap();
        let forward: u64 = files
            .map(|file| file.unwrap())
            .filter(|file| file.path().extension().is_some_and(|it| it == "forward"))
            .map(|file| file.metadata().unwrap().len())
            .sum();
        let n_terms: usize = tickets.iter().map(|text| terms(text).len()).sum();
        println!(
            "{n_docs} tickets in {} segments, forward index {:.0} bytes a ticket",
            self.searcher.segment_readers().len(),
            forward as f64 / n_docs as f64
        );
        println!(
            "{} queries of {:.0} distinct terms; overlap@10 with the exhaustive answer, and BM25",
            tickets.len(),
            n_terms as f64 / tickets.len() as f64
        );
        println!(
            "{:<36} {:>8} {:>8} {:>8} {:>10} {:>10}",
            "", "mean ms", "p50 ms", "p99 ms", "exhaustive", "BM25"
        );
    }

    /// `MoreLikeThisQuery` as it is.
    fn like(&self, text: &str) -> Vec<String> {
        let words: Vec<String> = terms(text)
            .iter()
            .flat_map(|(term, n)| std::iter::repeat_n(term.clone(), *n as usize))
            .collect();
        let query = MoreLikeThisQuery::builder()
            .with_document_fields(vec![(self.whole, vec![OwnedValue::Str(words.join(" "))])]);
        let top = TopDocs::with_limit(10).order_by_score();
        self.ids(&self.searcher.search(&query, &top).unwrap())
    }

    /// BM25 over all terms; counting the matches keeps tantivy from leaving some out, which for so
    /// many terms takes longer.
    fn all_matches(&self, text: &str) -> Vec<String> {
        let clause = |(term, n): (&String, &u32)| {
            let term = Term::from_field_text(self.whole, term);
            let query = TermQuery::new(term, IndexRecordOption::WithFreqs);
            let boosted = BoostQuery::new(Box::new(query), *n as f32);
            (
                Occur::Should,
                Box::new(boosted) as Box<dyn tantivy::query::Query>,
            )
        };
        let union = BooleanQuery::new(terms(text).iter().map(clause).collect());
        let wanted = (TopDocs::with_limit(10).order_by_score(), Count);
        let (top, _) = self.searcher.search(&union, &wanted).unwrap();
        self.ids(&top)
    }

    fn ids(&self, top: &[(f32, DocAddress)]) -> Vec<String> {
        let id = |(_, address): &(f32, DocAddress)| {
            let segment = self.searcher.segment_reader(address.segment_ord);
            let column = segment.fast_fields().str("id").unwrap().unwrap();
            let ord = column.term_ords(address.doc_id).next().unwrap();
            let mut id = String::new();
            column.ord_to_str(ord, &mut id).unwrap();
            id
        };
        top.iter().map(id).collect()
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

/// What the Java program beside this one measures, by the way it asks.
fn lucene(file: &Path, tickets: &[String]) -> BTreeMap<String, Measured> {
    let folder = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/lucene/run");
    let started = Command::new(script)
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut started = started.unwrap();
    {
        let mut input = BufWriter::new(started.stdin.take().unwrap());
        for line in firstline::import::open(file, |_| ()).unwrap().lines() {
            let text: Text = serde_json::from_str(&line.unwrap()).unwrap();
            let (title, body) = (on_one_line(&text.title), on_one_line(&text.body));
            writeln!(input, "D\t{}\t{title} {body}", text.id).unwrap();
        }
        for ticket in tickets {
            writeln!(input, "Q\t{}", on_one_line(ticket)).unwrap();
        }
    }
    let mut of_ways: BTreeMap<String, Measured> = BTreeMap::new();
    for line in BufReader::new(started.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let mut parts = line.split('\t');
        let measured = of_ways
            .entry(parts.next().unwrap().to_owned())
            .or_insert_with(|| Measured {
                times: Vec::new(),
                answers: Vec::new(),
            });
        let us: u64 = parts.next().unwrap().parse().unwrap();
        measured.times.push(us * 1_000);
        measured.answers.push(parts.map(str::to_owned).collect());
    }
    assert!(
        started.wait().unwrap().success(),
        "see what Java says above"
    );
    of_ways
}

/// Tabs and line ends part the columns and lines of what Java reads.
fn on_one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}
