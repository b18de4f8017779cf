//! Which features a model knows, and how much each counts in a ticket.
//!
//! A feature counts (1 + ln n) times a power of its idf for n occurrences (Salton and Buckley, 1988),
//! words, pairs, words that stand together and words of the subject each brought to a fixed length, so
//! that long tickets do not shout. A feature is learned when it stands in two tickets, a pair in three;
//! a word that was seen less is known by its shape alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::FixedState;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::decision::LearnedKind;
use super::features::{Feature, Features};
use super::numbered::{Known, Numbered};
use super::shape::shape;
use super::sparse::Sparse;
use super::together::{self, Together};

/// Tickets in which something must stand to be learned. Usual values are 1 to 5.
const MIN_TICKETS: u32 = 2;

/// The same for pairs, of which there are most. From 2 to 3 halves what there is to learn;
/// accuracy stays the same to 0.2 points.
const MIN_TICKETS_OF_PAIR: u32 = 3;

/// The power of the idf: 1 is usual, 0.5 the root. The prior already holds back what is
/// rare; 0.5 and 0.7 gain 0.1 to 0.2 points over 1 where there are tens of thousands of tickets.
const IDF_POWER: f64 = 0.6;

/// How much the shape of a word counts beside the word itself. Usual values are 0.5 to 1.3: short
/// tickets gain 0.4 points from 0.7 to 1, long ones lose none.
const SHAPE: f32 = 1.0;

/// The length of the pairs beside that of the words. At 1 the accuracy is up to a point lower,
/// at 0.5 lower by half a point where there are tens of thousands of tickets.
const PAIRS: f32 = 0.7;

/// The length of the words of a subject, as such, beside that of all words. From 0.5 to 1
/// the accuracy gains up to half a point or loses a third of one, by field.
const SUBJECT: f32 = 0.7;

/// The length of the words that stand together beside that of all words. 0.7 gains two thirds of what
/// 1 does, 1.3 the same.
const TOGETHER: f32 = 1.0;

/// How much a field counts.
pub(super) const FIELD: f32 = 0.3;

/// Learned features and shapes, numbered one after the other.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Vocabulary {
    features: Numbered,
    /// Words that stand together: features too, but found in another way.
    together: Numbered,
    shapes: Numbered,
    /// The idf of a word that was seen in one ticket, or none.
    rare_idf: f32,
    /// The idf of the rarest word that is looked at with others that stand near it, where any is.
    company_idf: Option<f32>,
    /// The learned values of every field, by the name of the field.
    fields: BTreeMap<String, Vec<u32>>,
}

/// A ticket as numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Vector {
    pub(super) entries: Vec<Entry>,
    /// The learned words that stand together.
    pub(super) together: Vec<Together>,
}

/// A part of a ticket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Entry {
    /// The learned feature or shape.
    pub(super) number: u32,
    /// How much it counts.
    pub(super) amount: f32,
    /// The place of the feature in the list of the ticket's, or behind its end that among words
    /// that stand together.
    pub(super) feature: usize,
}

impl Vocabulary {
    /// What is learned from these tickets.
    pub(super) fn learn(tickets: &[Features]) -> Self {
        let mut seen: HashMap<u64, (u32, LearnedKind), FixedState> = HashMap::default();
        let mut words: HashMap<u64, Vec<u64>, FixedState> = HashMap::default();
        let mut shapes: HashMap<u64, (u32, usize), FixedState> = HashMap::default();
        for (number, ticket) in tickets.iter().enumerate() {
            for feature in &ticket.list {
                let is_word = feature.kind == LearnedKind::Word;
                seen.entry(feature.key).or_insert((0, feature.kind)).0 += 1;
                if is_word {
                    let of_word = words.entry(feature.key);
                    for key in of_word.or_insert_with(|| shape(ticket.word(feature))) {
                        let (n_tickets, last) = shapes.entry(*key).or_insert((0, usize::MAX));
                        if *last != number {
                            (*n_tickets, *last) = (*n_tickets + 1, number);
                        }
                    }
                }
            }
        }
        let fewest = together::fewest(tickets.len());
        let is_frequent = |key| seen.get(&key).map(|(n_tickets, _)| *n_tickets) >= fewest;
        let together = fewest.map(|fewest| together::learn(tickets, fewest, is_frequent));
        let features = seen.into_iter().filter_map(|(key, (n_tickets, kind))| {
            let enough = match kind {
                LearnedKind::Pair => MIN_TICKETS_OF_PAIR,
                LearnedKind::Word
                | LearnedKind::Subject
                | LearnedKind::Together
                | LearnedKind::Field => MIN_TICKETS,
            };
            (n_tickets >= enough).then_some((key, n_tickets))
        });
        let shapes = shapes.into_iter().filter_map(|(key, (n_tickets, _))| {
            (n_tickets >= MIN_TICKETS).then_some((key, n_tickets))
        });
        let idf = |n_tickets: u32| inverse(tickets.len(), n_tickets);
        let with_idf = |(key, n_tickets)| (key, idf(n_tickets));
        let features = Numbered::new(0, features.map(with_idf));
        let together = together.into_iter().flatten();
        let together = Numbered::new(features.end(), together.map(with_idf));
        Self {
            shapes: Numbered::new(together.end(), shapes.map(with_idf)),
            together,
            features,
            rare_idf: idf(1),
            company_idf: fewest.map(idf),
            ..Self::default()
        }
        .with_fields(tickets)
    }

    fn with_fields(mut self, tickets: &[Features]) -> Self {
        let mut fields: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
        for ticket in tickets {
            let of_fields = ticket
                .list
                .iter()
                .filter(|one| one.kind == LearnedKind::Field);
            for feature in of_fields {
                let known = self.features.find(feature.key);
                let of_field = fields.entry(ticket.word(feature).to_owned()).or_default();
                of_field.extend(known.map(|known| known.number));
            }
        }
        let fields = fields
            .into_iter()
            .map(|(name, numbers)| (name, Vec::from_iter(numbers)));
        self.fields = fields.collect();
        self
    }

    /// The learned values of every field, by the name of the field.
    pub(super) fn fields(&self) -> &BTreeMap<String, Vec<u32>> {
        &self.fields
    }

    /// With what is not stored.
    pub(super) fn ready(self) -> Self {
        Self {
            features: self.features.ready(),
            together: self.together.ready(),
            shapes: self.shapes.ready(),
            ..self
        }
    }

    /// Features and shapes.
    pub(super) fn len(&self) -> usize {
        self.shapes.end()
    }

    /// Features alone: their numbers come first.
    fn n_features(&self) -> usize {
        self.together.end()
    }

    /// How much a feature counts where whole tickets are compared. A word that is not known counts
    /// as the rarest do; of pairs that are not known there are too many.
    pub(super) fn weight(&self, feature: &Feature) -> Option<f32> {
        match self.features.find(feature.key) {
            Some(known) => Some(known.idf),
            None => (feature.kind != LearnedKind::Pair).then_some(self.rare_idf),
        }
    }

    /// A ticket as numbers. What the model has never seen counts for the length of the ticket all
    /// the same: it tells that little of it is understood.
    pub(super) fn vector(&self, ticket: &Features) -> Vector {
        let together = self.together(ticket);
        let mut entries = Vec::with_capacity(ticket.list.len() + together.len());
        let mut unknown = Vec::new();
        let mut lengths = Lengths::default();
        for (place, feature) in ticket.list.iter().enumerate() {
            let known = self.features.find(feature.key);
            let idf = match known {
                Some(known) => known.idf,
                None if feature.kind == LearnedKind::Word => self.rare_idf,
                None => continue,
            };
            let amount = times(feature.count) * idf;
            *lengths.of(feature.kind) += amount * amount;
            match known {
                Some(known) => entries.push(Entry {
                    number: known.number,
                    amount,
                    feature: place,
                }),
                None => unknown.push((amount, place)),
            }
        }
        for (place, (known, n, _)) in (ticket.list.len()..).zip(&together) {
            let amount = times(f32::from(*n)) * known.idf;
            *lengths.of(LearnedKind::Together) += amount * amount;
            entries.push(Entry {
                number: known.number,
                amount,
                feature: place,
            });
        }
        let factors = lengths.factors();
        for entry in &mut entries {
            let feature = ticket.list.get(entry.feature);
            let kind = feature.map_or(LearnedKind::Together, |feature| feature.kind);
            entry.amount *= factors.factor(kind);
        }
        for (amount, place) in unknown {
            if let Some(feature) = ticket.list.get(place) {
                let amount = amount * factors.factor(feature.kind);
                let shape = self.shape(ticket.word(feature));
                entries.extend(shape.into_iter().map(|(number, share)| Entry {
                    number,
                    amount: amount * share,
                    feature: place,
                }));
            }
        }
        Vector {
            entries,
            together: together.into_iter().map(|(.., pair)| pair).collect(),
        }
    }

    /// The learned words that stand together, with their numbers and how often they do, in the order
    /// in which they are met.
    fn together(&self, ticket: &Features) -> Vec<(Known, u16, Together)> {
        let Some(rarest) = self.company_idf else {
            return Vec::new();
        };
        let is_frequent = |key| {
            let known = self.features.find(key);
            known.is_some_and(|known| known.idf <= rarest)
        };
        let mut pairs = Vec::with_capacity(ticket.words.len() * together::REACH as usize);
        together::visit(ticket, is_frequent, |pair| pairs.push(pair));
        let known = self.together.find_all(&pairs, |pair| pair.key);
        let mut found: Vec<(Known, u16, Together)> = Vec::with_capacity(known.len());
        // Where each is found, counted from one: sorting them would take longer than all the rest.
        let mut places = vec![0_u16; self.together.len()];
        for (known, pair) in known {
            let place = self.together.place(known.number);
            let Some(place) = place.and_then(|place| places.get_mut(place)) else {
                continue;
            };
            match found.get_mut(usize::from(*place).wrapping_sub(1)) {
                Some((_, n, _)) => *n += 1,
                None => {
                    found.push((known, 1, pair));
                    *place = u16::try_from(found.len()).unwrap_or_default();
                }
            }
        }
        found
    }

    /// A ticket with the shapes of learned words as numbers of their own.
    pub(super) fn spelt_out(&self, ticket: &Features, vector: &Vector) -> Vec<(u32, f32)> {
        let mut amounts: BTreeMap<u32, f32> = BTreeMap::new();
        for entry in &vector.entries {
            *amounts.entry(entry.number).or_default() += entry.amount;
            let feature = ticket.list.get(entry.feature);
            let is_learned = (entry.number as usize) < self.n_features();
            let is_word = |feature: &&Feature| is_learned && feature.kind == LearnedKind::Word;
            if let Some(word) = feature.filter(is_word) {
                for (number, share) in self.shape(ticket.word(word)) {
                    *amounts.entry(number).or_default() += entry.amount * share;
                }
            }
        }
        amounts.into_iter().collect()
    }

    /// The known part of the shape of a word, with the share of each n-gram.
    fn shape(&self, word: &str) -> Vec<(u32, f32)> {
        let keys = shape(word);
        let known = keys.iter().filter_map(|key| self.shapes.find(*key));
        let mut known: Vec<(u32, f32)> = known.map(|one| (one.number, one.idf)).collect();
        let length = known.iter().map(|(_, idf)| idf * idf).sum::<f32>().sqrt();
        for (_, share) in &mut known {
            *share *= SHAPE / length;
        }
        known
    }

    /// The shapes of all learned words: a row for every feature, numbers counted from the first shape.
    pub(super) fn shapes(&self, tickets: &[Features]) -> Sparse {
        let mut words: Vec<Option<&str>> = vec![None; self.n_features()];
        for ticket in tickets {
            for feature in &ticket.list {
                let is_word = feature.kind == LearnedKind::Word;
                if let Some(known) = self.features.find(feature.key).filter(|_| is_word)
                    && let Some(word) = words.get_mut(known.number as usize)
                {
                    *word = Some(ticket.word(feature));
                }
            }
        }
        let first = u32::try_from(self.n_features()).unwrap_or(u32::MAX);
        let rows = words.par_iter().map(|word| {
            let shape = word.map(|word| self.shape(word)).unwrap_or_default();
            let shape = shape.into_iter();
            shape
                .map(|(number, share)| (number - first, share))
                .collect()
        });
        let rows: Vec<Vec<(u32, f32)>> = rows.collect();
        Sparse::from_rows(self.shapes.len(), &rows)
    }
}

/// What occurring so many times counts, beside occurring once.
pub(super) fn times(n: f32) -> f32 {
    // Most things occur once.
    if n > 1.0 { 1.0 + n.ln() } else { 1.0 }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "tickets are counted, far below 2^52; 32 bits are enough for a logarithm"
)]
fn inverse(n: usize, n_tickets: u32) -> f32 {
    (((1 + n) as f64 / f64::from(1 + n_tickets)).ln() + 1.0).powf(IDF_POWER) as f32
}

/// The squared lengths of the kinds of features of a ticket, or the factors that they ask for.
#[derive(Default)]
struct Lengths {
    words: f32,
    subject: f32,
    pairs: f32,
    together: f32,
    fields: f32,
}

impl Lengths {
    fn of(&mut self, kind: LearnedKind) -> &mut f32 {
        match kind {
            LearnedKind::Word => &mut self.words,
            LearnedKind::Subject => &mut self.subject,
            LearnedKind::Pair => &mut self.pairs,
            LearnedKind::Together => &mut self.together,
            LearnedKind::Field => &mut self.fields,
        }
    }

    fn factors(mut self) -> Self {
        let factor = |squared: f32| 1.0 / squared.max(f32::MIN_POSITIVE).sqrt();
        self.words = factor(self.words);
        self.subject = SUBJECT * factor(self.subject);
        self.pairs = PAIRS * factor(self.pairs);
        self.together = TOGETHER * factor(self.together);
        self.fields = FIELD * factor(self.fields);
        self
    }

    fn factor(&self, kind: LearnedKind) -> f32 {
        match kind {
            LearnedKind::Word => self.words,
            LearnedKind::Subject => self.subject,
            LearnedKind::Pair => self.pairs,
            LearnedKind::Together => self.together,
            LearnedKind::Field => self.fields,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TicketText;

    #[test]
    fn with_many_tickets_words_that_stand_together_are_learned() {
        let of = |description: &str| {
            Features::of(&TicketText {
                description: description.to_owned(),
                ..TicketText::default()
            })
        };
        let (reset, other) = (of("reset my password"), of("my vpn is down"));
        let learn = |n_tickets: usize| {
            let tickets = [&reset, &other].into_iter().cycle().take(n_tickets);
            Vocabulary::learn(&tickets.cloned().collect::<Vec<_>>())
        };
        assert!(learn(2_000).vector(&reset).together.is_empty());
        let vector = learn(20_000).vector(&of("password to reset and to reset"));
        let last = vector.entries.last().unwrap();
        let pair = vector.together[0];
        assert_eq!(vector.together.len(), 1, "{vector:?}");
        assert_eq!(last.feature, 4 + 4, "behind four words and four pairs");
        assert!((last.amount - TOGETHER).abs() < 1e-6, "{vector:?}");
        assert_ne!(pair.first, pair.second);
    }
}
