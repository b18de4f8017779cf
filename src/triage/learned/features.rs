//! What a model reads in a ticket: words, pairs of words, words of the subject, and fields.
//!
//! Words are lower case and folded but not stemmed: forms of one word share character n-grams (see
//! [`super::shape`]), which does the same for every language and for slips of the finger. A feature is
//! known by a hash of 64 bits (XXH64); its text is only needed to name it to people, and that is read
//! off the ticket.

use twox_hash::XxHash64;

use super::super::decision::LearnedKind;
use crate::model::TicketText;
use crate::text::{Language, analyze};

/// Words of a description that are read: beyond are logs, which say no more. 150, 200 and
/// 300 measure about the same.
const MAX_WORDS: usize = 300;

/// So often a word of the subject counts among all words. From 1 to 3 the accuracy gains
/// up to 0.9 points where there are subjects and long descriptions.
const SUBJECT_COUNT: f32 = 3.0;

/// Words of the description stand so far behind those of the subject.
const FAR: u32 = 1_000;

/// Bytes that a word of a ticket takes on average, with what is behind it.
const USUAL_WORD: usize = 6;

/// A longer word is known by its beginning.
const MAX_WORD_CHARS: usize = 40;

/// Something that a ticket has.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Feature {
    pub(super) key: u64,
    pub(super) kind: LearnedKind,
    /// How often.
    pub(super) count: f32,
    /// The first word, or the name of the field.
    first: u32,
    /// The second word of a pair, or the value of the field.
    second: Option<u32>,
}

/// All that a ticket has, each feature once, in order of keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Features {
    pub(super) list: Vec<Feature>,
    /// The words as they stand there.
    pub(super) words: Vec<Word>,
    texts: Texts,
}

/// A word where it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Word {
    /// The key of the word as a feature.
    pub(super) key: u64,
    pub(super) text: u32,
    /// Those of the description are far from those of the subject.
    pub(super) position: u32,
}

/// Short texts, one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
struct Texts {
    all: String,
    /// Where each ends.
    ends: Vec<u32>,
}

impl Texts {
    fn push(&mut self, text: &str) -> u32 {
        let cut = text.char_indices().nth(MAX_WORD_CHARS);
        let end = cut.map_or(text.len(), |(at, _)| at);
        self.all.push_str(text.get(..end).unwrap_or_default());
        let number = self.ends.len();
        self.ends.push(short(self.all.len()));
        short(number)
    }

    fn get(&self, number: u32) -> &str {
        let end = |number: usize| self.ends.get(number).map_or(0, |end| *end as usize);
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, end);
        self.all.get(start..end(number)).unwrap_or_default()
    }
}

/// Marks of kinds of features in keys: what is a word has the key of its text.
const OF_SUBJECT: u64 = 2;
const OF_PAIR: u64 = 3;
const OF_FIELD: u64 = 4;

/// One key of several, in this order. Keys are evenly spread, so that a product with an odd number, here
/// the golden ratio in 64 bits, and a sum spread evenly too.
fn key_of<const N: usize>(keys: [u64; N]) -> u64 {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    keys.into_iter()
        .fold(0, |all, key| all.wrapping_mul(GOLDEN).wrapping_add(key))
}

/// A place in a ticket: what is read of one is far shorter.
fn short(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

impl Features {
    /// Reads a ticket.
    pub(super) fn of(ticket: &TicketText) -> Self {
        let mut features = Self::with_room(ticket.subject.len() + ticket.description.len());
        features.read(&ticket.subject, true);
        features.read(&ticket.description, false);
        let fields = [
            ("channel", &ticket.channel),
            ("organisation", &ticket.organisation),
            ("product", &ticket.product),
        ];
        for (name, value) in fields {
            if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
                features.add_field(name, &value.to_lowercase());
            }
        }
        features.list.sort_unstable_by_key(|feature| feature.key);
        features.list.dedup_by(|later, first| {
            let is_same = later.key == first.key;
            if is_same {
                first.count += later.count;
            }
            is_same
        });
        features
    }

    /// With room for about all that so many bytes have.
    fn with_room(n_bytes: usize) -> Self {
        let n_words = (n_bytes / USUAL_WORD).min(2 * MAX_WORDS);
        Self {
            list: Vec::with_capacity(3 * n_words),
            words: Vec::with_capacity(n_words),
            texts: Texts {
                all: String::with_capacity(n_words * USUAL_WORD),
                ends: Vec::with_capacity(n_words),
            },
        }
    }

    fn read(&mut self, text: &str, is_subject: bool) {
        let mut last: Option<Word> = None;
        let mut n_words = 0;
        let start = self.words.last().map_or(0, |word| word.position + FAR);
        analyze(text, &[Language::Other], |token| {
            if n_words == MAX_WORDS {
                return;
            }
            n_words += 1;
            let (text, key) = self.read_text(token.term);
            let word = Word {
                key,
                text,
                position: start + token.position,
            };
            let count = if is_subject { SUBJECT_COUNT } else { 1.0 };
            self.add(LearnedKind::Word, key, (text, None), count);
            if is_subject {
                let key = key_of([OF_SUBJECT, key]);
                self.add(LearnedKind::Subject, key, (text, None), 1.0);
            }
            // Forms of one word stand at one place and make no pair.
            if let Some(before) = last
                && before.position < word.position
            {
                let key = key_of([OF_PAIR, before.key, key]);
                self.add(LearnedKind::Pair, key, (before.text, Some(text)), 1.0);
            }
            self.words.push(word);
            last = Some(word);
        });
    }

    fn add_field(&mut self, name: &str, value: &str) {
        let ((name, of_name), (value, of_value)) = (self.read_text(name), self.read_text(value));
        let key = key_of([OF_FIELD, of_name, of_value]);
        self.add(LearnedKind::Field, key, (name, Some(value)), 1.0);
    }

    /// A text with its key.
    fn read_text(&mut self, text: &str) -> (u32, u64) {
        let number = self.texts.push(text);
        (
            number,
            XxHash64::oneshot(0, self.texts.get(number).as_bytes()),
        )
    }

    fn add(
        &mut self,
        kind: LearnedKind,
        key: u64,
        (first, second): (u32, Option<u32>),
        count: f32,
    ) {
        self.list.push(Feature {
            key,
            kind,
            count,
            first,
            second,
        });
    }

    /// The word that a feature is, or its first one.
    pub(super) fn word(&self, feature: &Feature) -> &str {
        self.texts.get(feature.first)
    }

    /// Whether the ticket tells this field.
    pub(super) fn tells(&self, field: &str) -> bool {
        let mut features = self.list.iter();
        features.any(|feature| feature.kind == LearnedKind::Field && self.word(feature) == field)
    }

    /// What two words that stand together are called.
    pub(super) fn name_together(&self, first: u32, second: u32) -> String {
        format!("{} … {}", self.texts.get(first), self.texts.get(second))
    }

    /// What a feature is called.
    pub(super) fn name(&self, feature: &Feature) -> String {
        let first = self.texts.get(feature.first);
        match (feature.kind, feature.second) {
            (LearnedKind::Field, Some(second)) => format!("{first}={}", self.texts.get(second)),
            (_, Some(second)) => format!("{first} {}", self.texts.get(second)),
            (_, None) => first.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(subject: &str, description: &str) -> Vec<(LearnedKind, String, f32)> {
        let features = Features::of(&TicketText {
            subject: subject.to_owned(),
            description: description.to_owned(),
            channel: Some("Portal".to_owned()),
            ..TicketText::default()
        });
        let named = features.list.iter();
        let mut named: Vec<_> = named
            .map(|feature| (feature.kind, features.name(feature), feature.count))
            .collect();
        named.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        named
    }

    #[test]
    fn words_pairs_and_fields_are_read_and_counted() {
        let of = |kind, name: &str, count| (kind, name.to_owned(), count);
        assert_eq!(
            names("VPN down", "vpn Störung"),
            [
                of(LearnedKind::Word, "down", SUBJECT_COUNT),
                of(LearnedKind::Word, "storung", 1.0),
                of(LearnedKind::Word, "vpn", SUBJECT_COUNT + 1.0),
                of(LearnedKind::Subject, "down", 1.0),
                of(LearnedKind::Subject, "vpn", 1.0),
                of(LearnedKind::Pair, "vpn down", 1.0),
                of(LearnedKind::Pair, "vpn storung", 1.0),
                of(LearnedKind::Field, "channel=portal", 1.0),
            ]
        );
    }

    #[test]
    fn the_end_of_a_long_log_is_not_read() {
        let log = "word ".repeat(MAX_WORDS) + "tail";
        assert!(!names("", &log).iter().any(|(_, name, _)| name == "tail"));
    }
}
