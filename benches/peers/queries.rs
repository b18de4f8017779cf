//! The queries, by how they come to be: typed, taken over from a title, pasted as a whole mail.

use super::data::Query;
use super::data::million::Random;

/// Queries of one class.
const N_QUERIES: usize = 300;

/// Titles are no longer than this, in characters, as in the bench `answer`.
const MAX_TITLE_CHARS: usize = 120;

/// Mails are at least this long, in characters.
const MIN_MAIL_CHARS: usize = 500;

/// The order is drawn with this seed, so that the first queries of a class are a fair sample of it.
const SEED: u64 = 1;

/// Queries of one kind, in an order drawn by lot.
pub struct Class {
    pub name: String,
    pub queries: Vec<String>,
}

/// All classes that have queries.
pub fn classes(queries: &[Query]) -> Vec<Class> {
    let is_title =
        |query: &&Query| query.is("title") && query.text.chars().count() <= MAX_TITLE_CHARS;
    let is_mail =
        |query: &&Query| query.is("ticket") && query.text.chars().count() >= MIN_MAIL_CHARS;
    let titles: Vec<&str> = queries
        .iter()
        .filter(is_title)
        .map(|query| query.text.as_str())
        .collect();
    let mails: Vec<&str> = queries
        .iter()
        .filter(is_mail)
        .map(|query| query.text.as_str())
        .collect();
    let titles = drawn(titles);
    let typed = titles
        .iter()
        .enumerate()
        .map(|(n, title)| first_words(title, 2 + n % 4));
    let classes = [
        class("first 2 to 5 words of titles", typed.collect()),
        class(
            "titles",
            titles.iter().map(|title| (*title).to_owned()).collect(),
        ),
        class(
            "whole mails",
            drawn(mails).into_iter().map(str::to_owned).collect(),
        ),
    ];
    classes
        .into_iter()
        .filter(|class| !class.queries.is_empty())
        .collect()
}

fn class(name: &str, queries: Vec<String>) -> Class {
    let n_words: usize = queries
        .iter()
        .map(|query| query.split_whitespace().count())
        .sum();
    let mean = n_words as f64 / queries.len().max(1) as f64;
    Class {
        name: format!("{name} ({mean:.1} words)"),
        queries,
    }
}

/// The first of the texts in an order drawn by lot (Fisher and Yates).
fn drawn(mut texts: Vec<&str>) -> Vec<&str> {
    let mut random = Random(SEED);
    for n in 0..texts.len().min(N_QUERIES) {
        let other = n + random.below(texts.len() - n);
        texts.swap(n, other);
    }
    texts.truncate(N_QUERIES);
    texts
}

fn first_words(title: &str, n: usize) -> String {
    let words: Vec<&str> = title.split_whitespace().take(n).collect();
    words.join(" ")
}
