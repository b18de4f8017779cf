//! Words that stand together: two words of a ticket, near each other but not in a row.
//!
//! Frequent words say little alone, and the more in company: "new" and "started" are in all kinds of
//! tickets, together in those about a new colleague. So only pairs that many tickets have are learned,
//! and only where there are tickets enough to tell what they say from chance.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use rayon::prelude::*;

use super::features::Features;

/// With fewer tickets nothing is learned of words that stand together. With 30,000 tickets they gain
/// 0.7 points of accuracy and of macro-F1, with 19,000 0.3; with 3,000 to 15,000 they cost 0.1 to 0.5.
const ENOUGH: usize = 20_000;

/// One of so many tickets must have a pair for it to be learned. From one of 3,000 to one of 300
/// the accuracy stays the same to 0.1 points and there is half less to learn; by one of 150 half
/// of the gain is gone, as it is where the most frequent words are left out.
const RARITY: usize = 300;

/// Words that stand further apart than so many are not together. 4 gains half as much as 10, and 20
/// no more.
pub(super) const REACH: u32 = 10;

/// Two words of a ticket that stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Together {
    pub(super) key: u64,
    /// The text of the word that comes first.
    pub(super) first: u32,
    /// The text of the other one.
    pub(super) second: u32,
}

/// So many tickets must have a pair, or one of its words; none where tickets are too few.
pub(super) fn fewest(n_tickets: usize) -> Option<u32> {
    let fewest = u32::try_from(n_tickets / RARITY).unwrap_or(u32::MAX);
    (n_tickets >= ENOUGH).then_some(fewest)
}

/// Visits the pairs of a ticket whose words are both frequent, as often as they stand there.
pub(super) fn visit(
    ticket: &Features,
    is_frequent: impl Fn(u64) -> bool,
    mut visit: impl FnMut(Together),
) {
    let mut words = ticket.words.clone();
    words.retain(|word| is_frequent(word.key));
    for (place, second) in words.iter().enumerate() {
        for first in words.iter().take(place).rev() {
            let distance = second.position - first.position;
            if distance > REACH {
                break;
            }
            if distance > 1 && first.key != second.key {
                visit(Together {
                    key: key(first.key, second.key),
                    first: first.text,
                    second: second.text,
                });
            }
        }
    }
}

/// The key of two words in any order.
fn key(a: u64, b: u64) -> u64 {
    // Keys of words are evenly spread, so that any odd factor tells the two apart.
    a.min(b).wrapping_mul(3).wrapping_add(a.max(b))
}

/// In how many tickets each pair stands, where that is enough.
pub(super) fn learn(
    tickets: &[Features],
    fewest: u32,
    is_frequent: impl Fn(u64) -> bool + Sync,
) -> Vec<(u64, u32)> {
    type Counts = HashMap<u64, u32, FixedState>;
    let count = |tickets: &[Features]| {
        let mut counts = Counts::default();
        let mut keys = Vec::new();
        for ticket in tickets {
            visit(ticket, &is_frequent, |pair| keys.push(pair.key));
            keys.sort_unstable();
            keys.dedup();
            for key in keys.drain(..) {
                *counts.entry(key).or_default() += 1;
            }
        }
        counts
    };
    let add = |mut all: Counts, counts: Counts| {
        for (key, n_tickets) in counts {
            *all.entry(key).or_default() += n_tickets;
        }
        all
    };
    let n_threads = rayon::current_num_threads();
    let parts = tickets.par_chunks(tickets.len().div_ceil(n_threads).max(1));
    let counts = parts.map(count).reduce_with(add).unwrap_or_default();
    let mut counts = Vec::from_iter(counts);
    counts.retain(|(_, n_tickets)| *n_tickets >= fewest);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TicketText;

    fn of(description: &str) -> Features {
        Features::of(&TicketText {
            description: description.to_owned(),
            ..TicketText::default()
        })
    }

    fn pairs(features: &Features) -> Vec<Together> {
        let mut pairs = Vec::new();
        visit(features, |_| true, |pair| pairs.push(pair));
        pairs
    }

    fn names(description: &str) -> Vec<String> {
        let features = of(description);
        let pairs = pairs(&features).into_iter();
        let mut names: Vec<String> = pairs
            .map(|pair| features.name_together(pair.first, pair.second))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn words_near_each_other_but_not_in_a_row_stand_together() {
        assert_eq!(
            names("please reset my password"),
            ["please … my", "please … password", "reset … password"]
        );
        assert_eq!(names("vpn and vpn"), Vec::<String>::new(), "one word");
        let is_together = |n_between: u32| {
            let between = "x ".repeat(n_between as usize);
            names(&format!("vpn {between} down")).contains(&"vpn … down".to_owned())
        };
        assert!(is_together(1) && is_together(REACH - 1));
        assert!(!is_together(0) && !is_together(REACH));
    }

    #[test]
    fn the_order_of_the_words_does_not_matter() {
        let key = |text: &str| pairs(&of(text)).first().map(|pair| pair.key);
        assert_eq!(key("reset the router"), key("router to reset"));
        assert_ne!(key("reset the router"), key("reset the password"));
    }

    #[test]
    fn only_what_many_tickets_have_is_learned() {
        assert_eq!(fewest(ENOUGH - 1), None);
        assert_eq!(fewest(60_000), Some(200));
        let tickets = [
            "laptop is new, laptop is new",
            "new is laptop",
            "vpn is new",
        ]
        .map(of);
        let learned = learn(&tickets, 2, |_| true);
        assert_eq!(learned.len(), 1, "laptop and new: {learned:?}");
        assert_eq!(learned[0].1, 2, "tickets, not places");
    }
}
