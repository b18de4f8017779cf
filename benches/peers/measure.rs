//! Runs the queries of a class one after the other and makes a line of a table of their times.

use std::time::{Duration, Instant};

use super::queries::Class;

/// After so long a class ends where it is ...
const ENOUGH: Duration = Duration::from_secs(30);

/// ... but not before so many queries.
const MIN_QUERIES: usize = 10;

/// Runs before the clock counts.
const WARM_UP: usize = 3;

/// Above the lines of the table.
pub const HEADER: &str = "| queries | engine | run | mean ms | p50 ms | p99 ms | hits of 10 |\n|---|---|---|---|---|---|---|";

/// What one query took and gave.
pub struct Answer {
    pub took: Duration,
    pub n_hits: usize,
}

/// The line of the table for one engine and class. The last queries of the class warm up. With less
/// than 100 queries p99 is the slowest.
pub fn measure(engine: &str, class: &Class, search: &mut dyn FnMut(&str) -> Answer) -> String {
    let started = Instant::now();
    for query in class.queries.iter().rev().take(WARM_UP) {
        search(query);
    }
    let mut took_ms = Vec::new();
    let mut n_hits = 0;
    for query in &class.queries {
        if started.elapsed() > ENOUGH && took_ms.len() >= MIN_QUERIES {
            break;
        }
        let answer = search(query);
        took_ms.push(answer.took.as_secs_f64() * 1000.0);
        n_hits += answer.n_hits;
    }
    took_ms.sort_by(f64::total_cmp);
    let n = took_ms.len();
    let mean = took_ms.iter().sum::<f64>() / n as f64;
    let rank = |percent: usize| took_ms[(n * percent).div_ceil(100) - 1];
    format!(
        "| {} | {engine} | {n} | {mean:.1} | {:.1} | {:.1} | {:.1} |",
        class.name,
        rank(50),
        rank(99),
        n_hits as f64 / n as f64,
    )
}
