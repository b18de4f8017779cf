//! What resolved the tickets of an answer: every fix once, with the tickets that it resolved.
//!
//! Resolutions whose words are mostly the same are one fix. A fix counts by the scores of its
//! tickets, so by how many they are, how similar and how recent; a ticket that was opened again
//! counts half, for the fix did not hold. Method: ours.

use std::collections::BTreeSet;

use serde::Serialize;

use super::SimilarHit;
use crate::model::Time;
use crate::text::{Language, analyze};

/// Two resolutions are one fix when they share so many of the terms that either has.
const SAME_FIX: f32 = 0.5;

/// One fix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Resolution {
    /// What was done, as the most similar of its tickets tells it.
    pub resolution: String,
    /// The tickets that it resolved, most similar first.
    pub tickets: Vec<String>,
    /// How many there are in `tickets`.
    pub n_tickets: usize,
    /// How many of them were opened again.
    pub n_reopened: usize,
    /// The highest similarity among them, 0 to 1.
    pub similarity: f32,
    /// When it last helped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_resolved_at: Option<Time>,
    /// The sum of the scores of the tickets; a reopened one counts half.
    pub score: f32,
}

/// The distinct fixes of tickets, best first. The tickets come best first, each with the language
/// that it is in.
#[must_use]
pub fn resolutions(found: &[(SimilarHit, Language)]) -> Vec<Resolution> {
    let mut groups: Vec<(BTreeSet<String>, Resolution)> = Vec::new();
    for (hit, language) in found {
        let Some(shown) = &hit.resolution else {
            continue;
        };
        let mut terms = BTreeSet::new();
        analyze(shown, &[*language], |token| {
            terms.insert(token.term.to_owned());
        });
        let known = groups
            .iter_mut()
            .find(|(others, _)| shared(&terms, others) >= SAME_FIX);
        match known {
            Some((_, group)) => group.add(hit),
            None => {
                let mut group = Resolution {
                    resolution: shown.clone(),
                    tickets: Vec::new(),
                    n_tickets: 0,
                    n_reopened: 0,
                    similarity: 0.0,
                    last_resolved_at: None,
                    score: 0.0,
                };
                group.add(hit);
                groups.push((terms, group));
            }
        }
    }
    let mut fixes: Vec<Resolution> = groups.into_iter().map(|(_, group)| group).collect();
    fixes.sort_by(|a, b| b.score.total_cmp(&a.score));
    fixes
}

impl Resolution {
    fn add(&mut self, hit: &SimilarHit) {
        self.tickets.push(hit.id.clone());
        self.n_tickets += 1;
        self.n_reopened += usize::from(hit.is_reopened);
        self.similarity = self.similarity.max(hit.similarity);
        self.last_resolved_at = self.last_resolved_at.max(hit.resolved_at);
        self.score += if hit.is_reopened {
            hit.score / 2.0
        } else {
            hit.score
        };
    }
}

/// The share of the terms of either that both have (Jaccard); 1 for two texts without terms.
#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn shared(a: &BTreeSet<String>, b: &BTreeSet<String>) -> f32 {
    let both = a.intersection(b).count();
    let either = a.len() + b.len() - both;
    if either == 0 {
        1.0
    } else {
        both as f32 / either as f32
    }
}
