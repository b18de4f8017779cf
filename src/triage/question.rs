//! The one question that would help to decide, when two values are close.
//!
//! The desk's own question for the two values comes first (`[[question]]` of the rule file). Without
//! one it is the field that the ticket does not tell and that tells most between the two.

use super::decision::{FieldDecision, FieldValue};
use super::rules::Rules;
use super::weigh::Parts;

/// Values whose lead, in log-odds, is larger are not close: the second is a third as likely.
const CLOSE: f64 = 1.1;

/// A field that tells less, in log-odds, is not worth a question.
const WORTH_ASKING: f64 = 0.5;

/// A question of the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) between: [FieldValue; 2],
    pub(super) ask: String,
}

/// What to ask so that the best value and the next can be told apart, if they are close.
pub(super) fn question(
    rules: &Rules,
    parts: &Parts<'_>,
    decision: &FieldDecision,
) -> Option<String> {
    let best = decision.value.as_ref()?;
    let next = decision.alternatives.first();
    let next = next.filter(|next| decision.score - next.score < CLOSE)?;
    let is_between = |question: &&Question| {
        question.between.contains(best) && question.between.contains(&next.value)
    };
    if let Some(of_desk) = rules.questions.iter().find(is_between) {
        return Some(of_desk.ask.clone());
    }
    let (field, tells) = parts.learned.as_ref()?.telling_field(best, &next.value)?;
    let ask = match field {
        "channel" => "How did the request come in?".to_owned(),
        "organisation" => "Which organisation is the requester of?".to_owned(),
        "product" => "Which product is it about?".to_owned(),
        other => format!("What is the {other}?"),
    };
    (tells >= WORTH_ASKING).then_some(ask)
}
