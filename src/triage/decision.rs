//! What triage answers.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::model::{Impact, Priority, Ticket, TicketText, Urgency};

/// A field that triage decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldName {
    /// A leaf of the taxonomy.
    Category,
    /// The team inbox.
    Queue,
    /// The extent of the damage.
    Impact,
    /// How soon it hurts.
    Urgency,
}

impl FieldName {
    /// All of them, in the order in which they are answered.
    pub const ALL: [Self; 4] = [Self::Category, Self::Queue, Self::Impact, Self::Urgency];

    /// The field with this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str() == name)
    }

    /// The name in rule files and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Queue => "queue",
            Self::Impact => "impact",
            Self::Urgency => "urgency",
        }
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which kind of label: a ticket may have any number of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelKind {
    /// For whoever works on it.
    Tag,
    /// For the process: VIP, security, major incident.
    Flag,
}

impl LabelKind {
    /// The name in rule files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Flag => "flag",
        }
    }
}

/// What kind of thing in a ticket a learned weight belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LearnedKind {
    /// A word of subject or description, with its shape.
    Word,
    /// A word of the subject, beside what it is worth anywhere.
    Subject,
    /// Two words in a row.
    Pair,
    /// Two words that stand near each other but not in a row, in any order.
    Together,
    /// A field with its value.
    Field,
}

/// A value of a field: a number for impact and urgency, a name for the others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FieldValue {
    /// Impact or urgency.
    Number(u8),
    /// Category or queue.
    Name(String),
}

impl FieldValue {
    /// The value of a field as it is written in a rule file.
    pub(crate) fn new(field: FieldName, text: &str) -> Self {
        match (field, text.parse()) {
            (FieldName::Impact | FieldName::Urgency, Ok(number)) => Self::Number(number),
            _ => Self::Name(text.to_owned()),
        }
    }
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => fmt::Display::fmt(number, f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// What to do with a decided value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Sure enough to set it.
    Apply,
    /// Worth showing to the analyst who decides.
    Suggest,
    /// A human should decide; the best value, if any, is a guess.
    Abstain,
}

/// Which text of the ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MatchedIn {
    /// The subject.
    Subject,
    /// The description.
    Description,
}

/// Where a rule found what it looks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Matched {
    /// Which text of the ticket.
    #[serde(rename = "in")]
    pub field: MatchedIn,
    /// The first character, counted in characters from 0.
    pub start: usize,
    /// The character after the last.
    pub end: usize,
    /// What stands there.
    pub text: String,
}

impl Matched {
    /// The place of a stretch of bytes of a ticket.
    pub(super) fn new(field: MatchedIn, range: Range<usize>, ticket: &TicketText) -> Self {
        let text = match field {
            MatchedIn::Subject => &ticket.subject,
            MatchedIn::Description => &ticket.description,
        };
        let n_chars = |range: Range<usize>| text.get(range).unwrap_or_default().chars().count();
        let start = n_chars(0..range.start);
        Self {
            field,
            start,
            end: start + n_chars(range.clone()),
            text: text.get(range).unwrap_or_default().to_owned(),
        }
    }
}

/// One contribution to the score of a value. The weights of a value's reasons add up to its score.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Reason {
    /// What spoke for the value before anything was read.
    Bias {
        /// Log-odds.
        weight: f64,
    },
    /// A rule that fired.
    Rule {
        /// The rule's id.
        rule: String,
        /// Log-odds.
        weight: f64,
        /// What it found; nothing when it asks for fields only.
        matched: Vec<Matched>,
        /// The fields that it asks for, with what the ticket says.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        fields: BTreeMap<String, String>,
        /// The rule's name.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// The rule's note, for analysts.
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// The weight that the file states, where past tickets have changed it.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated: Option<f64>,
    },
    /// Something in the ticket that past tickets with and without the value tell apart.
    Learned {
        /// What kind of thing it is.
        feature: LearnedKind,
        /// What it is.
        text: String,
        /// Log-odds.
        weight: f64,
    },
    /// All that was learned about the rest of the ticket, as one sum.
    Others {
        /// How many things in the ticket are in it.
        n: usize,
        /// Log-odds.
        weight: f64,
    },
    /// A rule that fired and sets the value, whatever the weights say.
    Set {
        /// The rule's id.
        rule: String,
        /// Always 0: what is set is no matter of weights.
        weight: f64,
        /// What it found; nothing when it asks for fields only.
        matched: Vec<Matched>,
        /// The fields that it asks for, with what the ticket says.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        fields: BTreeMap<String, String>,
        /// Why the desk wants it so.
        reason: String,
    },
    /// It is the queue of categories that are likely.
    Category {
        /// The likeliest of them.
        category: String,
        /// The log-odds of all of them together, beside every queue being as likely.
        weight: f64,
    },
    /// Somebody told the value of a ticket that is alike, since the model was learned.
    Correction {
        /// The number of the correction, which is that of the change that told it.
        correction: u64,
        /// Log-odds.
        weight: f64,
    },
}

impl Reason {
    /// What it contributes.
    #[must_use]
    pub fn weight(&self) -> f64 {
        match self {
            Self::Bias { weight }
            | Self::Rule { weight, .. }
            | Self::Learned { weight, .. }
            | Self::Others { weight, .. }
            | Self::Set { weight, .. }
            | Self::Category { weight, .. }
            | Self::Correction { weight, .. } => *weight,
        }
    }
}

/// A value that was not chosen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alternative {
    /// The value.
    pub value: FieldValue,
    /// Its probability, 0 to 1.
    pub confidence: f64,
    /// Its score.
    pub score: f64,
}

/// The decision on one field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldDecision {
    /// The best value; none when nothing speaks for any.
    pub value: Option<FieldValue>,
    /// Its probability, 0 to 1.
    pub confidence: f64,
    /// What to do with it.
    pub decision: Decision,
    /// From which confidence on this value is applied, 0 to 1; above 1 where it never is, because it
    /// was never right often enough.
    pub threshold: f64,
    /// The sum of the reasons' weights.
    pub score: f64,
    /// What contributed to the score, the heaviest first.
    pub reasons: Vec<Reason>,
    /// The next best values that something speaks for, at most three.
    pub alternatives: Vec<Alternative>,
    /// What the answer hangs on; none where it would be the same without all of the reasons but the
    /// bias.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counterfactual: Option<Counterfactual>,
    /// The question whose answer would tell two values apart that are close.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<String>,
    /// In how many past tickets the value was learned from; none where only rules decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub examples: Option<u32>,
    /// Whether the ticket is likely about none of the values.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub out_of_scope: bool,
}

/// What the answer hangs on: without some of the reasons it would be another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counterfactual {
    /// What the answer would be: another value, or none where nothing would speak for any.
    pub value: Option<FieldValue>,
    /// By how much the answer leads over it now, in log-odds, or over nothing, which has a score of 0;
    /// below 0 where a policy sets the answer against the weights.
    pub lead: f64,
    /// The fewest reasons without which it would be so, the heaviest first. A queue that follows the
    /// category hangs on what the category hangs on: there they are as few as none of them can be
    /// left out.
    pub without: Vec<Removed>,
}

/// A reason that would be missing: a rule with all that it gives and sets, a thing in the ticket, or
/// a correction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Removed {
    /// What it is.
    #[serde(flatten)]
    pub what: RemovedWhat,
    /// By how much the lead would shrink without it, in log-odds: 0 for a policy. That of a queue that
    /// follows the category is the lead of the likeliest categories.
    pub weight: f64,
}

/// What would be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RemovedWhat {
    /// A rule that fired.
    Rule {
        /// Its id.
        rule: String,
    },
    /// Something in the ticket.
    Learned {
        /// What kind of thing it is.
        feature: LearnedKind,
        /// What it is.
        text: String,
    },
    /// What somebody told of a ticket that is alike.
    Correction {
        /// Its number.
        correction: u64,
    },
}

/// The decision on one tag or flag. Each is decided for itself: the score is the log-odds that the
/// ticket has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelDecision {
    /// The tag or flag.
    pub value: String,
    /// The probability that the ticket has it, 0 to 1.
    pub confidence: f64,
    /// What to do with it.
    pub decision: Decision,
    /// The sum of the reasons' weights.
    pub score: f64,
    /// What contributed to the score, the heaviest first.
    pub reasons: Vec<Reason>,
}

/// The priority and what it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PriorityDecision {
    /// 1 first, 5 last.
    pub value: Priority,
    /// The row of the matrix.
    pub impact: Impact,
    /// The column of the matrix.
    pub urgency: Urgency,
}

/// The decision on a ticket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TriageDecision {
    /// Whether a human should decide the category.
    pub needs_human: bool,
    /// What it is about.
    pub category: FieldDecision,
    /// Who should work on it.
    pub queue: FieldDecision,
    /// The extent of the damage.
    pub impact: FieldDecision,
    /// How soon it hurts.
    pub urgency: FieldDecision,
    /// Read from the matrix; none when impact or urgency is unknown.
    pub priority: Option<PriorityDecision>,
    /// The tags that a rule speaks for or against, the likeliest first.
    pub tags: Vec<LabelDecision>,
    /// The flags that a rule speaks for or against, the likeliest first.
    pub flags: Vec<LabelDecision>,
    /// Further fields of the desk, learned from its past tickets.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, FieldDecision>,
    /// Names the rules that decided: the same digest, model and ticket give the same decision.
    pub rules_digest: String,
    /// Names the model that decided and, after a `+`, what was told since it was learned; none where
    /// only rules do.
    pub model_version: Option<String>,
}

impl TriageDecision {
    /// The decision on a field.
    #[must_use]
    pub fn field(&self, field: FieldName) -> &FieldDecision {
        match field {
            FieldName::Category => &self.category,
            FieldName::Queue => &self.queue,
            FieldName::Impact => &self.impact,
            FieldName::Urgency => &self.urgency,
        }
    }

    /// Takes the notes of rules out of the reasons: they are written for those who work at the desk.
    pub fn drop_notes(&mut self) {
        let own = [
            &mut self.category,
            &mut self.queue,
            &mut self.impact,
            &mut self.urgency,
        ];
        let fields = own.into_iter().chain(self.fields.values_mut());
        let of_fields = fields.map(|field| &mut field.reasons);
        let labels = self.tags.iter_mut().chain(&mut self.flags);
        let of_labels = labels.map(|label| &mut label.reasons);
        for reason in of_fields.chain(of_labels).flatten() {
            if let Reason::Rule { note, .. } = reason {
                *note = None;
            }
        }
    }
}

/// The value that the ticket has now.
#[must_use]
pub fn final_value(field: FieldName, ticket: &Ticket) -> Option<FieldValue> {
    match field {
        FieldName::Category => ticket.category.clone().map(FieldValue::Name),
        FieldName::Queue => ticket.queue.clone().map(FieldValue::Name),
        FieldName::Impact => ticket
            .impact
            .map(|impact| FieldValue::Number(impact.into())),
        FieldName::Urgency => ticket
            .urgency
            .map(|urgency| FieldValue::Number(urgency.into())),
    }
}
