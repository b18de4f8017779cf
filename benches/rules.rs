//! Deciding by 5,000 rules on a ticket of 200 words.
//!
//! Words are made from syllables by a fixed seed, so that the rules look for as many different
//! ones as those of a large desk do. Nine of ten rules look for words and phrases, the others for
//! a regex, a beginning of a word, words close together, a field or the time.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a bench that cannot go on should stop; it is no library"
)]

use std::fmt::Write as _;

use criterion::{Criterion, criterion_group, criterion_main};
use firstline::TicketText;
use firstline::model::{PriorityMatrix, Time};
use firstline::triage::{Rules, Thresholds};

const RULES: usize = 5_000;
const CATEGORIES: usize = 50;
const WORDS: usize = 12_000;
const TICKET_WORDS: usize = 200;

/// Numbers that look like chance: Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    /// The smaller of several: common words are common.
    fn word<'w>(&mut self, words: &'w [String]) -> &'w str {
        let at = (0..3).map(|_| self.below(words.len())).min().unwrap();
        &words[at]
    }
}

fn words(chance: &mut Chance) -> Vec<String> {
    const SYLLABLES: [&str; 24] = [
        "ba", "co", "du", "fe", "gi", "ha", "jo", "ku", "le", "mi", "na", "po", "qua", "re", "si",
        "ta", "vo", "wu", "xe", "zi", "bran", "clo", "dris", "flem",
    ];
    let word = |chance: &mut Chance| {
        let n = 2 + chance.below(3);
        (0..n).map(|_| SYLLABLES[chance.below(24)]).collect()
    };
    (0..WORDS).map(|_| word(chance)).collect()
}

/// A file of rules that speak for categories, or each for a tag.
fn rules(words: &[String], chance: &mut Chance, effect: &str) -> String {
    let mut text = String::from("format = 1\n[calendar]\ntime_zone = \"Europe/Berlin\"\n");
    text.push_str("hours = { mon = \"08:00-17:00\", tue = \"08:00-17:00\" }\n[queues]\n");
    for category in 0..CATEGORIES {
        writeln!(text, "c{category} = \"q{}\"", category % 7).unwrap();
    }
    let tags: Vec<String> = (0..CATEGORIES).map(|tag| format!("\"c{tag}\"")).collect();
    let text_of_tags = format!("tags = [{}]\n", tags.join(", "));
    text.insert_str("format = 1\n".len(), &text_of_tags);
    for rule in 0..RULES {
        let mut word = || chance.word(words).to_owned();
        let condition = match rule % 50 {
            0 => format!("regexes = ['(?i)\\b{}[- ]?\\d+\\b']", word()),
            1 => format!("regexes = ['(?i){} .{{0,20}}{}']", word(), word()),
            2 => format!("stems = [\"{}\"]", word()),
            3 => format!("near = [\"{}\", \"{}\"]", word(), word()),
            4 => format!(
                "requester = \"*@{}.example\"\nwords = [\"{}\"]",
                word(),
                word()
            ),
            _ => format!(
                "words = [\"{}\", \"{}\"]\nphrases = [\"{} {}\"]\nunless = [\"{}\"]",
                word(),
                word(),
                word(),
                word(),
                word()
            ),
        };
        let category = chance.below(CATEGORIES);
        writeln!(
            text,
            "[[rule]]\nid = \"r{rule}\"\n{condition}\n{effect} = {{ c{category} = 1.5 }}"
        )
        .unwrap();
    }
    text
}

/// Tickets of two hundred words.
fn tickets(words: &[String], chance: &mut Chance) -> Vec<TicketText> {
    // A tenth of the words of a ticket are those of the rules; the others are everyday words.
    let everyday: Vec<String> = (0..2_000)
        .map(|n| format!("Everyday{}", to_letters(n)))
        .collect();
    (0..100)
        .map(|_| {
            let mut text = |n: usize| -> String {
                let mut word = || match chance.below(10) {
                    0 => chance.word(words).to_owned(),
                    _ => chance.word(&everyday).to_owned(),
                };
                (0..n).map(|_| word()).collect::<Vec<String>>().join(" ")
            };
            TicketText {
                subject: text(8),
                description: text(TICKET_WORDS - 8),
                requester: Some("somebody@desk.example".to_owned()),
                created_at: Some(Time::parse("2026-03-14T09:12:00Z").unwrap()),
                ..TicketText::default()
            }
        })
        .collect()
}

fn decide(c: &mut Criterion) {
    let mut chance = Chance(1);
    let words = words(&mut chance);
    let for_tags = rules(&words, &mut Chance(2), "tag");
    let for_tags = Rules::parse("bench", &for_tags).unwrap();
    let text = rules(&words, &mut chance, "category");
    let rules = Rules::parse("bench", &text).unwrap();
    let tickets = tickets(&words, &mut chance);
    let thresholds = Thresholds {
        apply: 0.9,
        suggest: 0.5,
    };
    let matrix = PriorityMatrix::default();
    let n_reasons: usize = tickets
        .iter()
        .map(|ticket| {
            rules
                .decide(ticket, thresholds, &matrix)
                .category
                .reasons
                .len()
        })
        .sum();
    assert!(n_reasons > 0, "rules fire at all");
    let mut next = 0;
    c.bench_function(&format!("rules/decide/{RULES}"), |b| {
        b.iter(|| {
            next += 1;
            rules.decide(&tickets[next % tickets.len()], thresholds, &matrix)
        });
    });
    // Nothing is weighed against anything: what it takes to see which rules fire, and why.
    c.bench_function(&format!("rules/conditions/{RULES}"), |b| {
        b.iter(|| {
            next += 1;
            for_tags.decide(&tickets[next % tickets.len()], thresholds, &matrix)
        });
    });
    c.bench_function(&format!("rules/parse/{RULES}"), |b| {
        b.iter(|| Rules::parse("bench", &text).unwrap());
    });
    c.bench_function(&format!("rules/check/{RULES}"), |b| {
        b.iter(|| Rules::check("bench", &text));
    });
}

fn to_letters(mut n: usize) -> String {
    let mut letters = String::new();
    loop {
        letters.push(char::from(b'a' + (n % 26) as u8));
        n /= 26;
        if n == 0 {
            return letters;
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = decide
}
criterion_main!(benches);
