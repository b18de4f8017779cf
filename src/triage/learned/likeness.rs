//! How alike a ticket is to some that are remembered one by one: the cosine of what stands in both.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::super::decision::LearnedKind;
use super::features::{Feature, Features};
use super::vocabulary::{Vocabulary, times};
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
            let amount = weight.map(|weight| times(feature.count) * weight);
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
        LearnedKind::Pair | LearnedKind::Together => false,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TicketText;

    fn traits(subject: &str) -> Traits {
        let features = Features::of(&TicketText {
            subject: subject.to_owned(),
            ..TicketText::default()
        });
        Traits::of(&features, None)
    }

    #[test]
    fn the_same_words_are_alike_and_small_words_are_not() {
        let mut remembered = Remembered::default();
        for subject in [
            "the printer on the floor",
            "the badge reader on the floor",
            "mail",
        ] {
            remembered.push(&traits(subject));
        }
        let alike = remembered.alike(&traits("the badge reader on the floor"));
        let numbers: Vec<u32> = alike.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [1, 0], "{alike:?}");
        assert!((alike[0].1 - 1.0).abs() < 1e-6, "{alike:?}");
        assert!(alike[1].1 < 0.5, "{alike:?}");
        assert!(remembered.alike(&traits("what is on the")).is_empty());
    }
}
