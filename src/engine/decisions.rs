//! Stored decisions, read again and made again.
//!
//! A decision that is linked to a ticket is for those who may see the ticket as it is now; while
//! there is no such ticket, for admins only, because nobody knows who will be allowed to see it.
//! One without a ticket is for every analyst. What was shown beside a decision, past tickets and
//! articles, is not kept: it is of the indexes of that day.
//!
//! Made again, a decision is compared byte for byte, or it is said which input is gone: its rules and
//! its model are kept as long as it is, and what corrections said in it is kept with it. It goes with
//! its ticket or after `triage.keep_days`; numbers are never given twice.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::triage::{DecisionSettings, Gone};
use super::{Engine, Error};
use crate::model::{
    Audience, DecisionId, DocumentKey, Kind, TicketId, TicketText, Time, Visibility,
};
use crate::store::{self, StoredDecision};
use crate::triage::{Said, TriageDecision};

/// Differences that are listed.
const MAX_DIFFERENCES: usize = 100;

/// A stored decision with all that it was made from.
#[derive(Debug, Clone, Serialize)]
pub struct DecisionRecord {
    /// Its id.
    pub id: DecisionId,
    /// When it was made.
    pub created_at: Time,
    /// The version of Firstline that decided.
    pub program: String,
    /// The ticket that came of it, when that is known.
    pub ticket_id: Option<TicketId>,
    /// The ticket as it was asked with.
    pub ticket: TicketText,
    /// The settings that it depends on.
    pub settings: DecisionSettings,
    /// Names the rules; empty when there were none.
    pub rules_digest: String,
    /// Names the learned model; none when there was none.
    pub model_version: Option<String>,
    /// What corrections said of the ticket; none when there were none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told: Option<Said>,
    /// The decision, byte for byte.
    pub decision: Box<RawValue>,
}

/// What came of making a decision again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DecisionReplay {
    /// The stored decision.
    pub id: DecisionId,
    /// Whether it came out as it is stored, byte for byte.
    pub same: bool,
    /// The inputs that are no longer there; nothing was decided then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<Gone>,
    /// What came out differently, the first hundred places.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<DecisionDifference>,
    /// The version of Firstline that decided.
    pub program: String,
    /// The version that decided again.
    pub replayed_by: &'static str,
    /// The decision as it came out now.
    pub decision: Option<TriageDecision>,
}

/// A place in which two decisions differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DecisionDifference {
    /// The place: `category.reasons.0.weight`.
    pub path: String,
    /// What is stored; none when there is nothing.
    pub stored: Option<Value>,
    /// What came out; none when there is nothing.
    pub replayed: Option<Value>,
}

impl Engine {
    /// A stored decision, when the audience may see it.
    ///
    /// # Errors
    /// [`Error::NoDecision`] when there is none, it is gone, or it must not be seen: they cannot be
    /// told apart.
    pub fn stored_decision(
        &self,
        id: DecisionId,
        audience: &Audience,
    ) -> Result<DecisionRecord, Error> {
        let stored = self.visible_decision(id, audience)?;
        let settings = settings_of(&stored)?;
        let told = said_in(&stored)?;
        let decision =
            RawValue::from_string(stored.decision).map_err(|error| damaged(id, &error))?;
        Ok(DecisionRecord {
            id,
            created_at: stored.created_at,
            program: stored.program,
            ticket_id: stored.ticket_id,
            ticket: stored.ticket,
            settings,
            rules_digest: stored.rules_digest,
            model_version: stored.model_version,
            told,
            decision,
        })
    }

    /// Makes a stored decision again, from the ticket, the settings, the rules and the model of
    /// that time and what corrections said then, and compares.
    ///
    /// # Errors
    /// As [`Engine::stored_decision`].
    pub fn replay_decision(
        &self,
        id: DecisionId,
        audience: &Audience,
    ) -> Result<DecisionReplay, Error> {
        let stored = self.visible_decision(id, audience)?;
        let settings = settings_of(&stored)?;
        let mut replay = DecisionReplay {
            id,
            same: false,
            gone: Vec::new(),
            differences: Vec::new(),
            program: stored.program.clone(),
            replayed_by: env!("CARGO_PKG_VERSION"),
            decision: None,
        };
        match self.decider_of(&stored, settings)? {
            Err(gone) => replay.gone = gone,
            Ok(decider) => {
                let decision = decider.decide(&stored.ticket);
                let json = serde_json::to_string(&decision)?;
                replay.same = json == stored.decision;
                if !replay.same {
                    replay.differences = differences(&stored.decision, &json)
                        .map_err(|error| damaged(id, &error))?;
                }
                replay.decision = Some(decision);
            }
        }
        Ok(replay)
    }

    fn visible_decision(
        &self,
        id: DecisionId,
        audience: &Audience,
    ) -> Result<StoredDecision, Error> {
        let none = Error::NoDecision {
            id,
            keep_days: self.settings.triage.keep_days,
        };
        match self.store.decision(id)? {
            Some(stored) if self.may_see_decision(&stored, audience)? => Ok(stored),
            Some(_) | None => Err(none),
        }
    }

    fn may_see_decision(
        &self,
        stored: &StoredDecision,
        audience: &Audience,
    ) -> Result<bool, Error> {
        let Some(ticket_id) = &stored.ticket_id else {
            return Ok(audience.may_see(Kind::Ticket, &Visibility::Internal));
        };
        let ticket = self
            .store
            .document(&DocumentKey::Ticket(ticket_id.clone()))?;
        Ok(match ticket {
            Some(ticket) => audience.may_see(Kind::Ticket, ticket.visibility()),
            None => *audience == Audience::Everything,
        })
    }
}

fn settings_of(stored: &StoredDecision) -> Result<DecisionSettings, Error> {
    serde_json::from_str(&stored.settings).map_err(|error| damaged(stored.id, &error))
}

/// What corrections said in a stored decision.
pub(super) fn said_in(stored: &StoredDecision) -> Result<Option<Said>, Error> {
    let told = stored.told.as_deref().map(serde_json::from_str);
    told.transpose().map_err(|error| damaged(stored.id, &error))
}

fn damaged(id: DecisionId, error: &serde_json::Error) -> Error {
    Error::Store(store::Error::DamagedDecision {
        what: format!("the decision {id}"),
        detail: error.to_string(),
    })
}

/// The places in which two decisions differ, in the order of the alphabet.
fn differences(stored: &str, replayed: &str) -> Result<Vec<DecisionDifference>, serde_json::Error> {
    let (stored, replayed): (Value, Value) = (
        serde_json::from_str(stored)?,
        serde_json::from_str(replayed)?,
    );
    let mut found = Vec::new();
    compare("", Some(&stored), Some(&replayed), &mut found);
    found.truncate(MAX_DIFFERENCES);
    Ok(found)
}

fn compare(
    path: &str,
    stored: Option<&Value>,
    replayed: Option<&Value>,
    found: &mut Vec<DecisionDifference>,
) {
    let below = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    match (stored, replayed) {
        (Some(Value::Object(stored)), Some(Value::Object(replayed))) => {
            let only_replayed = replayed.keys().filter(|name| !stored.contains_key(*name));
            for name in stored.keys().chain(only_replayed) {
                compare(&below(name), stored.get(name), replayed.get(name), found);
            }
        }
        (Some(Value::Array(stored)), Some(Value::Array(replayed))) => {
            for at in 0..stored.len().max(replayed.len()) {
                let name = below(&at.to_string());
                compare(&name, stored.get(at), replayed.get(at), found);
            }
        }
        (stored, replayed) if stored == replayed => {}
        (stored, replayed) => found.push(DecisionDifference {
            path: path.to_owned(),
            stored: stored.cloned(),
            replayed: replayed.cloned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named_by_their_place() {
        let stored = r#"{"a": {"value": "x", "reasons": [{"weight": 1.5}]}, "b": 1, "c": null}"#;
        let replayed = r#"{"a": {"value": "y", "reasons": [{"weight": 1.5}, 2]}, "b": 1, "d": []}"#;
        let found = differences(stored, replayed).unwrap();
        let found: Vec<(&str, String)> = found
            .iter()
            .map(|found| {
                let text = |value: &Option<Value>| {
                    value
                        .as_ref()
                        .map_or("nothing".to_owned(), Value::to_string)
                };
                let change = format!("{} -> {}", text(&found.stored), text(&found.replayed));
                (found.path.as_str(), change)
            })
            .collect();
        let expected = [
            ("a.reasons.1", "nothing -> 2"),
            ("a.value", "\"x\" -> \"y\""),
            ("c", "null -> nothing"),
            ("d", "nothing -> []"),
        ];
        let expected = expected.map(|(path, change)| (path, change.to_owned()));
        assert_eq!(found, expected);
        assert!(differences(stored, stored).unwrap().is_empty());
    }
}
