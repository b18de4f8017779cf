//! Triage: from the words of a ticket to an explained decision on category, queue, impact, urgency
//! and, by the matrix, priority.
//!
//! Pure: rules and ticket in, decision out; no disk, no clock, no index. One arithmetic: every
//! value of a field has a score, the sum of the weights that speak for it, and every weight is
//! given as a reason, so the reasons add up to the score. Weights are log-odds; softmax over the
//! values gives the confidence. Where it is too low the decision is to leave it to a human.

mod decide;
mod decision;
mod matcher;
mod problems;
mod rules;

pub use decide::Thresholds;
pub use decision::{
    Alternative, Decision, FieldDecision, FieldName, FieldValue, Matched, MatchedIn,
    PriorityDecision, Reason, TriageDecision,
};
pub use problems::{Problem, Problems};
pub use rules::{Rules, RulesSummary};
