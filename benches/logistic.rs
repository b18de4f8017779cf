//! Learning beside scikit-learn's `LogisticRegression`, on exactly the same features, in one run.
//!
//! `cargo bench --bench logistic -- SET [FIELD [PYTHON]]`, where SET has `train.jsonl` and `test.jsonl` as
//! `firstline eval triage` reads them and PYTHON has scikit-learn. Firstline reads the texts, numbers
//! their features and learns, weights and how far to trust them; the peer is given the matrix (words, pairs
//! of words, words of the subject, character n-grams, weighed and scaled) and its time is that of `fit`
//! alone. Each is then asked for the test part.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a bench that cannot go on should stop; it owns its clock and is no library"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use firstline::Rules;
use firstline::eval::{past_tickets, triage};
use firstline::triage::{Model, PastTicket, Training};

const PRECISION: f64 = 0.9;

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let Some(set) = args.first() else {
        println!("logistic: nothing to do without a set: SET [FIELD [PYTHON]]");
        return;
    };
    let set = Path::new(set);
    let field = args.get(1).map_or("category", String::as_str);
    let python = args.get(2).map_or("python3", String::as_str);

    let rules = Rules::default();
    let mut past = past_tickets(set, "train.jsonl", field).unwrap();
    past.retain(|past| !past.values.is_empty());
    let training = Training {
        rules: &rules,
        fields: &[field],
        precision: PRECISION,
        seq: 0,
    };
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let model = Model::train(&past, training).unwrap();
    let wall = started.elapsed().as_secs_f64();
    let cpu = cpu_seconds() - cpu;
    let report = triage(set, field, &rules, PRECISION).unwrap();
    println!(
        "Firstline, texts to model: {wall:.2} s, {cpu:.2} s of CPU; again {:.2} s; accuracy {:.2}, macro-F1 {:.2}",
        report.train_seconds, report.accuracy, report.macro_f1
    );

    let folder = tempfile::tempdir().unwrap();
    let mut test = past_tickets(set, "test.jsonl", field).unwrap();
    test.retain(|past| !past.values.is_empty());
    write(folder.path(), "train", &model, field, &past);
    write(folder.path(), "test", &model, field, &test);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/logistic.py");
    let peer = Command::new(python)
        .args([script.as_ref(), folder.path()])
        .status();
    assert!(peer.unwrap().success(), "see what Python says above");
}

/// Writes a part of the set as a matrix by rows, every array in a file of its own.
fn write(folder: &Path, part: &str, model: &Model, field: &str, tickets: &[PastTicket]) {
    let file = |name: &str| {
        let path = folder.join(format!("{part}.{name}"));
        BufWriter::new(File::create(path).unwrap())
    };
    let numbers: BTreeMap<_, _> = model.values(field).iter().zip(0_u32..).collect();
    let (mut ends, mut columns) = (file("ends"), file("columns"));
    let (mut amounts, mut values) = (file("amounts"), file("values"));
    let mut end = 0_u64;
    for past in tickets {
        // A value that nobody learned is never right.
        let value = past.values.get(field).and_then(|value| numbers.get(value));
        let value = value.copied().unwrap_or(u32::MAX);
        values.write_all(&value.to_le_bytes()).unwrap();
        for (column, amount) in model.columns(&past.ticket) {
            columns.write_all(&column.to_le_bytes()).unwrap();
            amounts.write_all(&amount.to_le_bytes()).unwrap();
            end += 1;
        }
        ends.write_all(&end.to_le_bytes()).unwrap();
    }
    for mut file in [ends, columns, amounts, values] {
        file.flush().unwrap();
    }
}

/// What this process has taken of the processors, all threads together.
fn cpu_seconds() -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / TICKS_A_SECOND
}
