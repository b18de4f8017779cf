//! Stored decisions, with all that they were made from: the ticket as it was asked with, the
//! settings that mattered, and the text of the rules, which is kept once for all decisions of it.
//!
//! A decision goes with the ticket that it is linked to, and when it is too old; the rules and the
//! model go with the last decision of them. What a decision says is not read here: it comes and goes
//! as JSON.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::reader::document_of;
use super::schema::has_format;
use super::{Error, models};
use crate::model::{Day, DecisionId, Document, Kind, Ticket, TicketId, TicketText, Time};

/// A decision to keep.
#[derive(Debug, Clone)]
pub struct NewDecision {
    /// When it was made.
    pub created_at: Time,
    /// The version of Firstline that decided.
    pub program: String,
    /// The ticket that came of it, when that is known.
    pub ticket_id: Option<TicketId>,
    /// The ticket as it was asked with.
    pub ticket: TicketText,
    /// The settings that mattered, as JSON.
    pub settings: String,
    /// Names the rules; empty when there were none.
    pub rules_digest: String,
    /// The text of the rules.
    pub rules: Arc<str>,
    /// Names the model; none when there was none.
    pub model_version: Option<String>,
    /// What corrections said, as JSON; none when there were none.
    pub told: Option<String>,
    /// The decision as JSON: these bytes are kept.
    pub decision: String,
}

/// A decision as it was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDecision {
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
    /// The settings that mattered, as JSON.
    pub settings: String,
    /// Names the rules; empty when there were none.
    pub rules_digest: String,
    /// Names the model; none when there was none.
    pub model_version: Option<String>,
    /// What corrections said, as JSON; none when there were none.
    pub told: Option<String>,
    /// The decision as JSON, byte for byte.
    pub decision: String,
}

/// A decision and the ticket that came of it, as that is now.
#[derive(Debug, Clone, PartialEq)]
pub struct DecidedTicket {
    /// The decision.
    pub id: DecisionId,
    /// What was decided, as JSON.
    pub decision: String,
    /// The ticket.
    pub ticket: Ticket,
}

/// Keeps a decision, and its rules when they are new.
pub(super) fn add(connection: &Connection, new: &NewDecision) -> Result<DecisionId, Error> {
    let ticket = serde_json::to_string(&new.ticket).map_err(Error::Json)?;
    connection
        .prepare_cached(
            "INSERT INTO decision (created_at, program, ticket_id, rules_digest, model_version,
                                   settings, ticket, told, content)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            new.created_at.to_string(),
            new.program,
            new.ticket_id.as_ref().map(TicketId::as_str),
            new.rules_digest,
            new.model_version,
            new.settings,
            ticket,
            new.told,
            packed(&new.decision)
        ])?;
    let id = DecisionId::of_number(connection.last_insert_rowid());
    if !has_rules(connection, &new.rules_digest)? {
        connection
            .prepare_cached("INSERT INTO rule_file (digest, content) VALUES (?1, ?2)")?
            .execute(params![new.rules_digest, packed(&new.rules)])?;
    }
    Ok(id)
}

fn has_rules(connection: &Connection, digest: &str) -> Result<bool, Error> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM rule_file WHERE digest = ?1)")?
        .query_row([digest], |row| row.get(0))
        .map_err(Error::from)
}

/// The decision with this id, or `None`.
pub(super) fn get(
    connection: &Connection,
    id: DecisionId,
) -> Result<Option<StoredDecision>, Error> {
    if !has_format(connection, 4)? {
        return Ok(None);
    }
    let told = match has_format(connection, 6)? {
        true => "told",
        false => "NULL",
    };
    connection
        .prepare_cached(&format!(
            "SELECT created_at, program, ticket_id, ticket, settings, rules_digest, model_version,
                    content, {told}
             FROM decision WHERE number = ?1"
        ))?
        .query_row([id.number()], RowParts::read)
        .optional()?
        .map(|parts| parts.decision(id))
        .transpose()
}

/// The text of the rules with this digest, or `None` when it is not kept.
pub(super) fn rules_text(connection: &Connection, digest: &str) -> Result<Option<String>, Error> {
    let content = connection
        .prepare_cached("SELECT content FROM rule_file WHERE digest = ?1")?
        .query_row([digest], |row| row.get::<_, Vec<u8>>(0))
        .optional()?;
    let damaged = |detail| Error::DamagedDecision {
        what: format!("the rules {digest}"),
        detail,
    };
    content
        .map(|content| unpacked(&content).map_err(damaged))
        .transpose()
}

/// The text of the rules that the newest decision was made by, or `None` when there is no decision.
pub(super) fn newest_rules_text(connection: &Connection) -> Result<Option<String>, Error> {
    if !has_format(connection, 4)? {
        return Ok(None);
    }
    let digest: Option<String> = connection
        .prepare_cached("SELECT rules_digest FROM decision ORDER BY number DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    match digest {
        Some(digest) => rules_text(connection, &digest),
        None => Ok(None),
    }
}

/// Calls `sink` with the decisions of a period, both days included, whose tickets are there; with
/// the last one of a ticket only, oldest first.
pub(super) fn decided_tickets(
    connection: &Connection,
    (from, to): (Day, Day),
    sink: &mut dyn FnMut(DecidedTicket),
) -> Result<(), Error> {
    if !has_format(connection, 4)? {
        return Ok(());
    }
    // CROSS JOIN is taken in the order as written: the period first, not all tickets.
    let mut statement = connection.prepare_cached(
        "SELECT decision.number, decision.content, document.seq, document.body
         FROM decision
         CROSS JOIN document ON document.kind = 'ticket' AND document.id = decision.ticket_id
         WHERE substr(decision.created_at, 1, 10) BETWEEN ?1 AND ?2
           AND document.body IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM decision AS later
                           WHERE later.ticket_id = decision.ticket_id
                             AND later.number > decision.number
                             AND substr(later.created_at, 1, 10) <= ?2)
         ORDER BY substr(decision.created_at, 1, 10), decision.number",
    )?;
    let mut rows = statement.query(params![from.to_string(), to.to_string()])?;
    while let Some(row) = rows.next()? {
        sink(decided_ticket(row)?);
    }
    Ok(())
}

fn decided_ticket(row: &Row<'_>) -> Result<DecidedTicket, Error> {
    let id = DecisionId::of_number(row.get(0)?);
    let decision = unpacked(&row.get::<_, Vec<u8>>(1)?).map_err(|detail| damaged(id, detail))?;
    let unreadable = |source| Error::Unreadable {
        key: format!("ticket of decision {id}"),
        seq: row.get(2).unwrap_or_default(),
        source,
    };
    let body: String = row.get(3)?;
    match document_of(Kind::Ticket, &body).map_err(unreadable)? {
        Document::Ticket(ticket) => Ok(DecidedTicket {
            id,
            decision,
            ticket,
        }),
        Document::Article(_) => Err(damaged(id, "it is linked to an article".to_owned())),
    }
}

/// Drops the decisions on a ticket: they hold its text.
pub(super) fn forget_ticket(connection: &Connection, ticket_id: &TicketId) -> Result<(), Error> {
    let n_forgotten = connection
        .prepare_cached("DELETE FROM decision WHERE ticket_id = ?1")?
        .execute([ticket_id.as_str()])?;
    match n_forgotten {
        0 => Ok(()),
        _ => forget_unnamed(connection),
    }
}

/// Drops the decisions from before a day.
pub(super) fn forget_before(connection: &Connection, day: Day) -> Result<(), Error> {
    connection.execute(
        "DELETE FROM decision WHERE substr(created_at, 1, 10) < ?1",
        [day.to_string()],
    )?;
    forget_unnamed(connection)
}

/// Drops the rules and models that no decision was made by.
fn forget_unnamed(connection: &Connection) -> Result<(), Error> {
    connection
        .prepare_cached(
            "DELETE FROM rule_file WHERE NOT EXISTS
                 (SELECT 1 FROM decision WHERE rules_digest = rule_file.digest)",
        )?
        .execute([])?;
    models::forget_unnamed(connection)
}

/// A row as SQLite has it.
struct RowParts {
    created_at: String,
    program: String,
    ticket_id: Option<String>,
    ticket: String,
    settings: String,
    rules_digest: String,
    model_version: Option<String>,
    content: Vec<u8>,
    told: Option<String>,
}

impl RowParts {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            created_at: row.get(0)?,
            program: row.get(1)?,
            ticket_id: row.get(2)?,
            ticket: row.get(3)?,
            settings: row.get(4)?,
            rules_digest: row.get(5)?,
            model_version: row.get(6)?,
            content: row.get(7)?,
            told: row.get(8)?,
        })
    }

    fn decision(self, id: DecisionId) -> Result<StoredDecision, Error> {
        let damaged = |detail: String| damaged(id, detail);
        Ok(StoredDecision {
            id,
            created_at: Time::parse(&self.created_at)
                .map_err(|error| damaged(error.to_string()))?,
            program: self.program,
            ticket_id: self
                .ticket_id
                .map(TicketId::new)
                .transpose()
                .map_err(|error| damaged(error.to_string()))?,
            ticket: serde_json::from_str(&self.ticket)
                .map_err(|error| damaged(error.to_string()))?,
            settings: self.settings,
            rules_digest: self.rules_digest,
            model_version: self.model_version,
            told: self.told,
            decision: unpacked(&self.content).map_err(damaged)?,
        })
    }
}

fn damaged(id: DecisionId, detail: String) -> Error {
    Error::DamagedDecision {
        what: format!("the decision {id}"),
        detail,
    }
}

fn packed(text: &str) -> Vec<u8> {
    lz4_flex::block::compress_prepend_size(text.as_bytes())
}

fn unpacked(packed: &[u8]) -> Result<String, String> {
    let bytes =
        lz4_flex::block::decompress_size_prepended(packed).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}
