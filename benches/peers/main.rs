//! The same queries on the same articles, one thread, one after the other: Firstline, SQLite FTS5 and
//! PostgreSQL's full text.
//!
//! `cargo bench --bench peers -- FOLDER`, where `articles.ndjson` in the folder is what the bench
//! `million` has written and `desk` a data folder that has been imported from it (made when there is
//! none). Without a folder: the demo desk. The peers are built in temporary folders each time.
//! Each of them gives the ids, titles and marked passages of its ten best.
//!
//! Uses the public API only, so that later versions can be measured on the same folder.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a bench that cannot go on should stop; it owns its clock and is no library"
)]

#[path = "../data/mod.rs"]
mod data;
mod desk;
mod fts5;
mod measure;
mod postgres;
mod queries;

use std::path::Path;
use std::time::Instant;

use data::Data;
use desk::Desk;
use firstline::import::{Options, Taken, ndjson, open};
use firstline::{Article, Document};
use measure::{HEADER, measure};
use queries::Class;

fn main() {
    let folder = std::env::args().skip(1).find(|arg| arg != "--bench");
    let data = Data::load(if folder.is_some() { 0 } else { usize::MAX });
    let classes = queries::classes(&data.queries);
    let desk = folder.map_or_else(
        || Desk::demo(&data),
        |folder| Desk::of_folder(Path::new(&folder)),
    );

    println!("{} articles\n\n{HEADER}", desk.n_articles());
    for class in &classes {
        let mut search = |query: &str| desk.search(query);
        println!("{}", measure("Firstline", class, &mut search));
    }
    println!(
        "\nFirstline: {} MB on disk, {} MB resident\n",
        desk.size_mb(),
        resident_mb()
    );

    measure_fts5(&desk, &classes);
    measure_postgres(&desk, &classes);
}

fn measure_fts5(desk: &Desk, classes: &[Class]) {
    let started = Instant::now();
    let peer = fts5::Fts5::build(articles(desk.articles()));
    println!(
        "SQLite FTS5: built in {:.0?}, {} MB on disk\n\n{HEADER}",
        started.elapsed(),
        peer.size_mb()
    );
    for class in classes {
        let mut search = |query: &str| peer.search(query);
        println!("{}", measure("SQLite FTS5, OR", class, &mut search));
    }
}

fn measure_postgres(desk: &Desk, classes: &[Class]) {
    let started = Instant::now();
    let Some(server) = postgres::Server::start() else {
        println!("\nPostgreSQL: skipped, it is not installed (apt-get install postgresql)");
        return;
    };
    server.load(articles(desk.articles()));
    println!(
        "\n{}: built in {:.0?}, {} on disk\n\n{HEADER}",
        server.version(),
        started.elapsed(),
        server.size()
    );
    let mut session = server.session();
    for class in classes {
        for (name, prepare) in [
            ("PostgreSQL, AND", postgres::and_query as fn(&str) -> String),
            ("PostgreSQL, OR", postgres::or_query),
        ] {
            let mut search = |query: &str| session.search(&prepare(query));
            println!("{}", measure(name, class, &mut search));
        }
    }
}

/// The articles of a file, one at a time.
fn articles(file: &Path) -> impl Iterator<Item = Article> {
    let reader = open(file, |_| ()).unwrap();
    ndjson(reader, Options::default()).filter_map(|record| match record.content.unwrap() {
        Taken::Document(mapped) => match mapped.document {
            Document::Article(article) => Some(article),
            Document::Ticket(_) => None,
        },
        Taken::Skipped(_) => None,
    })
}

/// What this process holds in memory, mapped files included.
fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.unwrap_or(0u64) / 1024
}
