//! As many documents as are wanted, from fewer: the real texts as they are, then texts put together
//! from sentences of theirs.
//!
//! Goes in: files of JSON lines in the layout of the support corpus (`kind`, `title`, `body`,
//! `product`). Comes out: the same layout, one document at a time. A text that is made has the title
//! of one document and sentences of others of the same product, is as long as another one of them,
//! and is drawn as often as its product is found; words, lengths and repetition are therefore those
//! of the desk, while no sentence is new: the vocabulary does not grow as that of a real desk would.
//! No two documents have the same title and body. The same seed gives the same bytes.
//!
//! Held in memory: the texts that are read and 16 bytes for every document, never what is made.
//! Method: ours.

use std::collections::{BTreeMap, HashSet};
use std::io::BufRead;
use std::ops::Range;
use std::path::PathBuf;

use firstline::import::open;
use firstline::model::Kind;
use firstline::text::sentences;
use serde::{Deserialize, Serialize};

/// Sentences that follow each other in one document are taken together, at most this many.
const MAX_RUN: usize = 3;

/// Sentences that would make a text too long are passed over, so often for one text.
const MAX_PASSED_OVER: usize = 4;

/// A document in the layout of the support corpus.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Text {
    pub id: String,
    pub kind: Kind,
    #[serde(default)]
    pub title: String,
    pub body: String,
    #[serde(default)]
    pub product: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
}

/// What the documents become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinds {
    /// Every text is of this kind, whatever it was.
    All(Kind),
    /// Every text is of the kind that it was, or that its title was.
    AsTheyAre,
}

/// The documents, real ones first.
pub struct Million {
    lines: Box<dyn Iterator<Item = String>>,
    kinds: Kinds,
    left: usize,
    real: Pool,
    seen: HashSet<u128>,
    random: Random,
    n_made: usize,
}

impl Million {
    /// Reads `files` as far as needed and makes what is missing to `n` documents.
    pub fn new(files: Vec<PathBuf>, kinds: Kinds, n: usize, seed: u64) -> Self {
        let lines = files
            .into_iter()
            .flat_map(|file| open(&file, |_| ()).unwrap().lines().map(Result::unwrap));
        Self {
            lines: Box::new(lines),
            kinds,
            left: n,
            real: Pool::default(),
            seen: HashSet::with_capacity(n),
            random: Random(seed),
            n_made: 0,
        }
    }

    /// A document that was read, or one that is made when there are no more.
    fn candidate(&mut self) -> Text {
        if let Some(line) = self.lines.next() {
            let mut text: Text = serde_json::from_str(&line).unwrap();
            if let Kinds::All(kind) = self.kinds {
                text.kind = kind;
            }
            return text;
        }
        self.real.made(&mut self.random)
    }
}

impl Iterator for Million {
    type Item = Text;

    fn next(&mut self) -> Option<Text> {
        self.left = self.left.checked_sub(1)?;
        loop {
            let mut text = self.candidate();
            if !self.seen.insert(hash(&text)) {
                continue;
            }
            if text.id.is_empty() {
                self.n_made += 1;
                text.id = format!("gen-{:06}", self.n_made);
            } else {
                self.real.add(text.clone());
            }
            return Some(text);
        }
    }
}

/// The first half of a hash of all that is searched.
fn hash(text: &Text) -> u128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(text.title.as_bytes());
    hasher.update(&[0]);
    hasher.update(text.body.as_bytes());
    let bytes = hasher.finalize().as_bytes()[..16].try_into().unwrap();
    u128::from_le_bytes(bytes)
}

/// The real texts and where their sentences are.
#[derive(Default)]
struct Pool {
    texts: Vec<Source>,
    of_product: BTreeMap<String, Vec<usize>>,
}

struct Source {
    text: Text,
    sentences: Vec<Range<usize>>,
}

impl Pool {
    fn add(&mut self, text: Text) {
        let product = self.of_product.entry(text.product.clone()).or_default();
        product.push(self.texts.len());
        let sentences = sentences(&text.body).collect();
        self.texts.push(Source { text, sentences });
    }

    /// A text without id, as long as a real one of the same product.
    fn made(&self, random: &mut Random) -> Text {
        let model = &self.texts[random.below(self.texts.len())].text;
        let of_product = &self.of_product[&model.product];
        let other = |random: &mut Random| &self.texts[of_product[random.below(of_product.len())]];
        let titled = &other(random).text;
        let mut body = Body::new(model.body.len());
        while !body.is_full() {
            let source = other(random);
            if source.sentences.is_empty() {
                continue;
            }
            let first = random.below(source.sentences.len());
            let run = 1 + random.below(MAX_RUN);
            for sentence in source.sentences.iter().skip(first).take(run) {
                body.push(&source.text.body, sentence);
            }
        }
        Text {
            id: String::new(),
            body: body.text,
            ..titled.clone()
        }
    }
}

/// A text that grows to about a length in bytes.
struct Body {
    text: String,
    wanted: usize,
    n_passed_over: usize,
}

impl Body {
    fn new(wanted: usize) -> Self {
        Self {
            text: String::with_capacity(wanted * 2),
            wanted,
            n_passed_over: 0,
        }
    }

    fn is_full(&self) -> bool {
        self.text.len() >= self.wanted || self.n_passed_over >= MAX_PASSED_OVER
    }

    /// Adds a sentence when that brings the text nearer to its length, and always the first.
    fn push(&mut self, source: &str, sentence: &Range<usize>) {
        if self.is_full() {
            return;
        }
        let long = self.text.len() + sentence.len();
        if !self.text.is_empty() && long.abs_diff(self.wanted) >= self.wanted - self.text.len() {
            self.n_passed_over += 1;
            return;
        }
        if !self.text.is_empty() {
            self.text.push(if self.text.ends_with(['.', '!', '?']) {
                ' '
            } else {
                '\n'
            });
        }
        self.text.push_str(source.get(sentence.clone()).unwrap());
    }
}

/// `SplitMix64` (Steele, Lea and Flood 2014): the same numbers everywhere for the same seed.
pub struct Random(pub u64);

impl Random {
    /// A number below `n`, which is not 0; the bias for `n` far below 2^64 does not matter here.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        usize::try_from(z % n as u64).unwrap()
    }
}
