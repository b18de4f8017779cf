//! `POST /v1/triage`: a decision on a new ticket with its reasons, or decisions on many.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::App;
use super::access::Caller;
use super::params::{Params, json};
use super::problem::Problem;
use crate::engine::{Asked, Correction, Decided, Lane, TriageAnswer, Wanted, instant};
use crate::model::{Fields, Role, TicketId, TicketText, Time};
use crate::store::Change;

/// The most tickets in one request.
const MAX_TICKETS: usize = 1_000;

/// The most corrections in one answer.
const MAX_CORRECTIONS: usize = 2_000;

const NO_WORDS: &str = "a subject or a description is needed";

/// What to decide on: one ticket, or a list of them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TriageRequest {
    /// What the ticket is about, in one line.
    subject: String,
    /// What the requester wrote.
    description: String,
    /// How it came.
    channel: Option<String>,
    /// Who asked.
    requester: Option<String>,
    /// The organisation of the requester.
    organisation: Option<String>,
    /// The product it is about.
    product: Option<String>,
    /// When it came; now when not given.
    created_at: Option<Time>,
    /// The names of the attached files.
    attachments: Vec<String>,
    /// Further fields of the desk, for rules that ask for them.
    fields: Fields,
    /// The id under which the desk has the ticket, or will have it: for decisions that are stored.
    ticket_id: Option<TicketId>,
    /// Many tickets, up to 1,000, each an object with the fields above; then none of them is given
    /// here.
    tickets: Option<Vec<Value>>,
    /// Whether similar tickets and articles are shown: yes for one ticket, no for many when not
    /// given.
    evidence: Option<bool>,
    /// Whether decisions are kept, to be replayed and judged.
    store: bool,
}

/// What was told since the model was learned.
#[derive(Debug, Serialize)]
struct CorrectionsAnswer {
    /// Each ticket that counts, the newest first.
    corrections: Vec<Correction>,
}

/// The decisions on many tickets.
#[derive(Debug, Serialize)]
struct BatchAnswer {
    /// One for each ticket, in their order.
    decisions: Vec<BatchEntry>,
    /// How many tickets were refused.
    refused: usize,
    /// Microseconds from the request, once it was read, to the answer.
    took_us: u64,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum BatchEntry {
    Decided(Box<Decided>),
    Refused { error: TicketProblem },
}

/// What is wrong with a ticket of many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct TicketProblem {
    /// Which ticket, from 0.
    index: usize,
    /// The field at fault, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// What is wrong.
    detail: String,
}

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/v1/triage", post(triage))
        .route("/v1/triage/corrections", get(corrections))
}

/// Everybody may ask about one ticket: the intake form of a portal has a reader's key. What is
/// shown beside the decision is what the key may see, and the notes of rules are for analysts. To
/// write to the store, and heavy work, take an analyst.
async fn triage(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, Problem> {
    let mut request: TriageRequest = json(&app, body).await?;
    if request.store || request.tickets.is_some() {
        caller.require(Role::Analyst)?;
    }
    request.check()?;
    match request.tickets.take() {
        None => Ok(Json(one(&app, &caller, request).await?).into_response()),
        Some(tickets) => {
            let wanted = Wanted {
                evidence: request.evidence.unwrap_or(false),
                store: request.store,
            };
            Ok(Json(many(&app, &caller, tickets, wanted).await?).into_response())
        }
    }
}

/// What was told since the model was learned and counts, the newest first: every analyst may see
/// the tickets it was told of.
async fn corrections(
    State(app): State<App>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<CorrectionsAnswer>, Problem> {
    caller.require(Role::Analyst)?;
    let limit = params.number("limit", 100, 1..=MAX_CORRECTIONS);
    params.finish()?;
    let listed = app.compute(Lane::Light, move |engine| engine.corrections(limit));
    Ok(Json(CorrectionsAnswer {
        corrections: listed.await?,
    }))
}

async fn one(app: &App, caller: &Caller, request: TriageRequest) -> Result<TriageAnswer, Problem> {
    let wanted = Wanted {
        evidence: request.evidence.unwrap_or(true),
        store: request.store,
    };
    let asked = request.asked();
    let audience = caller.audience.clone();
    let computed = app.compute(Lane::Light, move |engine| {
        engine.triage_one(asked, wanted, &audience)
    });
    let (mut answer, change) = computed.await?;
    if !caller.is_at_least(Role::Analyst) {
        answer.decided.decision.drop_notes();
    }
    if let Some(change) = change {
        answer.decided.decision_id = app.write(change).await?.decision;
    }
    Ok(answer)
}

async fn many(
    app: &App,
    caller: &Caller,
    tickets: Vec<Value>,
    wanted: Wanted,
) -> Result<BatchAnswer, Problem> {
    let started = instant();
    let audience = caller.audience.clone();
    let computed = app.compute(Lane::Heavy, move |engine| {
        let (asked, problems) = read(tickets);
        let decided = engine.triage_all(asked, wanted, &audience)?;
        Ok((decided, problems))
    });
    let (decided, problems) = computed.await?;
    let decided = store(app, decided).await?;
    let took_us = instant().saturating_duration_since(started).as_micros();
    Ok(BatchAnswer {
        refused: problems.len(),
        decisions: in_order(decided, problems),
        took_us: u64::try_from(took_us).unwrap_or(u64::MAX),
    })
}

/// Has the decisions written that are to be stored; all of them, or none.
async fn store(
    app: &App,
    decided: Vec<(Decided, Option<Change>)>,
) -> Result<Vec<Decided>, Problem> {
    let (mut decided, changes): (Vec<Decided>, Vec<Option<Change>>) = decided.into_iter().unzip();
    let changes: Vec<Change> = changes.into_iter().flatten().collect();
    if !changes.is_empty() {
        // Either every decision is stored or none.
        let outcomes = app.write_all(changes).await?;
        for (decided, outcome) in decided.iter_mut().zip(outcomes) {
            decided.decision_id = outcome.decision;
        }
    }
    Ok(decided)
}

/// The tickets that can be decided on, and what is wrong with the others.
fn read(tickets: Vec<Value>) -> (Vec<Asked>, Vec<TicketProblem>) {
    let (mut asked, mut problems) = (Vec::with_capacity(tickets.len()), Vec::new());
    for (index, ticket) in tickets.into_iter().enumerate() {
        match ticket_of(ticket) {
            Ok(ticket) => asked.push(ticket),
            Err((field, detail)) => problems.push(TicketProblem {
                index,
                field,
                detail,
            }),
        }
    }
    (asked, problems)
}

/// A ticket of many, or the field at fault and what is wrong.
fn ticket_of(ticket: Value) -> Result<Asked, (Option<String>, String)> {
    let at = |field: &str, detail: String| (Some(field.to_owned()), detail);
    let Value::Object(mut ticket) = ticket else {
        return Err((None, "a ticket is a JSON object".to_owned()));
    };
    let ticket_id = match ticket.remove("ticket_id") {
        None | Some(Value::Null) => None,
        Some(id) => {
            let id = serde_json::from_value::<TicketId>(id);
            Some(id.map_err(|error| at("ticket_id", error.to_string()))?)
        }
    };
    let ticket: TicketText = serde_path_to_error::deserialize(Value::Object(ticket))
        .map_err(|error| at(&error.path().to_string(), error.inner().to_string()))?;
    if ticket.is_blank() {
        return Err(at("subject", NO_WORDS.to_owned()));
    }
    Ok(Asked { ticket, ticket_id })
}

/// Decisions and problems in the order of their tickets.
fn in_order(decided: Vec<Decided>, problems: Vec<TicketProblem>) -> Vec<BatchEntry> {
    let mut entries: Vec<BatchEntry> = decided
        .into_iter()
        .map(|decided| BatchEntry::Decided(Box::new(decided)))
        .collect();
    // The problems come in order, so all before one are in place already.
    for error in problems {
        entries.insert(error.index, BatchEntry::Refused { error });
    }
    entries
}

impl TriageRequest {
    fn check(&self) -> Result<(), Problem> {
        let problem = match &self.tickets {
            None if self.words_are_blank() => Some(("subject", NO_WORDS.to_owned())),
            None => None,
            Some(_) if self.has_a_ticket() => Some((
                "tickets",
                "are given together with a ticket: one of both".to_owned(),
            )),
            Some(tickets) if tickets.len() > MAX_TICKETS => Some((
                "tickets",
                format!("there are {}, more than {MAX_TICKETS}", tickets.len()),
            )),
            Some(_) => None,
        };
        match problem {
            Some((field, detail)) => Err(Problem::field(field, detail)),
            None => Ok(()),
        }
    }

    fn words_are_blank(&self) -> bool {
        self.subject.trim().is_empty() && self.description.trim().is_empty()
    }

    /// Whether any field of a ticket stands beside the list.
    fn has_a_ticket(&self) -> bool {
        let texts = [
            &self.channel,
            &self.requester,
            &self.organisation,
            &self.product,
        ];
        let has_words = !self.subject.is_empty() || !self.description.is_empty();
        let has_text = texts.into_iter().any(Option::is_some);
        let has_lists = !self.attachments.is_empty() || !self.fields.is_empty();
        let has_more = self.created_at.is_some() || self.ticket_id.is_some();
        has_words || has_text || has_lists || has_more
    }

    fn asked(self) -> Asked {
        Asked {
            ticket: TicketText {
                subject: self.subject,
                description: self.description,
                channel: self.channel,
                requester: self.requester,
                organisation: self.organisation,
                product: self.product,
                created_at: self.created_at,
                attachments: self.attachments,
                fields: self.fields,
            },
            ticket_id: self.ticket_id,
        }
    }
}
