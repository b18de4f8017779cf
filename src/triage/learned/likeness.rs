//! How alike a ticket is to some that are remembered one by one: the cosine of what stands in both.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::super::decision::LearnedKind;
use super::features::{Feature, Features};
use super::vocabulary::Vocabulary;
use crate::text::is_function_word;

/// Tickets that are less alike have nothing to do with each other: what they share is what many
/// tickets share.
const MIN_LIKENESS: f32 = 0.2;

/// The most alike are enough.
const MAX_ALIKE: usize = 20;

/// What stands in a ticket, by keys of features; the squares add up to 1.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Traits(Vec<(u64, f32)>);

impl Traits {
    /// Unlike learned weights this knows words that no past ticket had: a new product is what tickets
    /// of tomorrow have in common. Pairs of words must be known; of the others there are too many.
    pub(super) fn of(features: &Features, vocabulary: Option<&Vocabulary>) -> Self {
        let mut traits: Vec<(u64, f32)> = Vec::with_capacity(features.list.len());
        for feature in &features.list {
            let weight = match vocabulary {
                Some(vocabulary) => vocabulary.weight(feature),
                None => says_something(features, feature).then_some(1.0),
            };
            let amount = weight.map(|weight| (1.0 + feature.count.ln()) * weight);
            traits.extend(amount.map(|amount| (feature.key, amount)));
        }
        let squares: f32 = traits.iter().map(|(_, amount)| amount * amount).sum();
        let length = squares.max(f32::MIN_POSITIVE).sqrt();
        for (_, amount) in &mut traits {
            *amount /= length;
        }
        Self(traits)
    }
}

/// Whether something in a ticket is worth comparing while nothing is learned about how frequent it is.
fn says_something(features: &Features, feature: &Feature) -> bool {
    match feature.kind {
        LearnedKind::Word | LearnedKind::Subject => !is_function_word(features.word(feature)),
        LearnedKind::Field => true,
        LearnedKind::Pair => false,
    }
}

/// Tickets that are remembered, numbered one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Remembered {
    n_tickets: u32,
    by_trait: HashMap<u64, Vec<(u32, f32)>, FixedState>,
}

impl Remembered {
    /// Remembers one more ticket.
    pub(crate) fn push(&mut self, traits: &Traits) -> u32 {
        let number = self.n_tickets;
        for (key, amount) in &traits.0 {
            let tickets = self.by_trait.entry(*key).or_default();
            tickets.push((number, *amount));
        }
        self.n_tickets += 1;
        number
    }

    /// The tickets that are alike, the most alike first, with their likeness, 0 to 1.
    pub(crate) fn alike(&self, traits: &Traits) -> Vec<(u32, f32)> {
        let mut likeness = vec![0.0; self.n_tickets as usize];
        for (key, amount) in &traits.0 {
            for (number, of_ticket) in self.by_trait.get(key).into_iter().flatten() {
                if let Some(likeness) = likeness.get_mut(*number as usize) {
                    *likeness += amount * of_ticket;
                }
            }
        }
        let mut alike: Vec<(u32, f32)> = (0..).zip(likeness).collect();
        alike.retain(|(_, likeness)| *likeness >= MIN_LIKENESS);
        // Stable: of equal ones the older.
        alike.sort_by(|a, b| b.1.total_cmp(&a.1));
        alike.truncate(MAX_ALIKE);
        alike
    }
}
