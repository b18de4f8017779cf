//! Triage: from the words of a ticket to an explained decision on category, queue, impact, urgency
//! and, by the matrix, priority.
//!
//! Pure: rules and ticket in, decision out; no disk, no clock, no index. One arithmetic: every
//! value of a field has a score, the sum of the weights that speak for it, and every weight is
//! given as a reason, so the reasons add up to the score. Weights are log-odds; softmax over the
//! values gives the confidence. Where it is too low the decision is to leave it to a human.

mod condition;
mod correction;
mod counterfactual;
mod decide;
mod decision;
mod file;
mod file_calendar;
mod file_condition;
mod file_question;
mod form;
mod labels;
mod learned;
mod literals;
mod matcher;
mod problems;
mod question;
mod queue;
mod reader;
mod reasons;
mod refute;
mod review;
mod rules;
mod share;
mod weigh;

pub use correction::{Corrections, Said, SaidByOne};
pub use decide::{Basis, Thresholds};
pub use decision::{
    Alternative, Counterfactual, Decision, FieldDecision, FieldName, FieldValue, LabelDecision,
    LabelKind, LearnedKind, Matched, MatchedIn, PriorityDecision, Reason, Removed, RemovedWhat,
    TriageDecision, final_value,
};
pub use learned::{
    Judged, Model, ModelError, PRECISIONS, PastTicket, TrainedField, Training, calibration_error,
    coverage_at,
};
pub use problems::{Problem, ProblemKind, Problems, Severity};
pub use rules::{RULES_SCHEMA, Rules, RulesSummary};
pub use share::Share;
