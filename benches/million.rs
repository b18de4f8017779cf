//! Not a measurement but what one is made on: writes as many documents as are wanted to a file that
//! `firstline import` reads.
//!
//! `cargo bench --bench million -- articles|tickets|mixed N FILE [SEED]`, with the real texts in the
//! folder that `FIRSTLINE_BENCH_DATA` names. `articles` makes an article of every text, also of those
//! that were tickets, so that one index alone has N documents; `tickets` the same with tickets.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench that cannot go on should stop; it is no library"
)]

mod data;

use std::fs::File;
use std::io::{BufWriter, Write};

use data::million::{Kinds, Million};
use firstline::model::Kind;

const DEFAULT_SEED: u64 = 1;

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let [kinds, n, file, seed @ ..] = args.as_slice() else {
        println!("million: nothing to do without arguments: articles|tickets|mixed N FILE [SEED]");
        return;
    };
    let kinds = match kinds.as_str() {
        "articles" => Kinds::All(Kind::Article),
        "tickets" => Kinds::All(Kind::Ticket),
        "mixed" => Kinds::AsTheyAre,
        other => panic!("{other} is none of articles, tickets, mixed"),
    };
    let seed = seed
        .first()
        .map_or(DEFAULT_SEED, |seed| seed.parse().unwrap());
    let n = n.replace('_', "").parse().unwrap();

    let mut writer = BufWriter::new(File::create(file).unwrap());
    let mut n_chars = 0;
    for text in Million::new(data::texts(), kinds, n, seed) {
        n_chars += text.body.chars().count();
        serde_json::to_writer(&mut writer, &text).unwrap();
        writer.write_all(b"\n").unwrap();
    }
    writer.flush().unwrap();
    println!("{file}: {n} documents, {n_chars} characters of body, seed {seed}");
}
