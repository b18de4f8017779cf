//! The one connection that writes documents.
//!
//! A document that is already stored in the same state is not written again. An imported one is not
//! taken when the stored one has a newer `updated_at`.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::Serialize;
use serde_json::{Map, Value};

use super::decisions::{self, NewDecision};
use super::feedback::{self, FeedbackRow, SearchCount};
use super::originals::{self, StoredOriginal};
use super::reader::document_of;
use super::schema::open_for_writing;
use super::{Error, FILE_NAME, StoreReader};
use crate::model::{Day, DecisionId, Document, DocumentKey, Fields, Ticket, TicketId, Time};

/// One change to the store.
#[derive(Debug, Clone)]
pub enum Change {
    /// Stores the document, in place of the one with its key.
    Put(Box<Document>),
    /// The same for a document that somebody wrote by hand.
    Write(Box<Written>),
    /// Sets fields of a stored ticket to what somebody says is right; the rest stays as it is.
    Correct(Box<TicketCorrection>),
    /// Stores the document of another system, unless a newer state of it is stored.
    Import(Box<Imported>),
    /// Removes the document with this key, and the decisions on it when it is a ticket.
    Delete(DocumentKey),
    /// Keeps what somebody said of an article; no document changes.
    Feedback(FeedbackRow),
    /// Keeps a decision; no document changes.
    Decision(Box<NewDecision>),
}

/// A document that somebody wrote by hand.
#[derive(Debug, Clone)]
pub struct Written {
    /// The document.
    pub document: Document,
    /// Who wrote it, and when.
    pub author: Author,
}

/// What somebody says is right about a ticket, whether or not it is resolved.
#[derive(Debug, Clone)]
pub struct TicketCorrection {
    /// The ticket.
    pub ticket_id: TicketId,
    /// The right values of its fields, as a stored ticket has them.
    pub fields: Fields,
    /// Who says it, and when.
    pub author: Author,
}

/// Who wrote a document by hand, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Author {
    /// The name of the API key; "local" where no keys are configured.
    #[serde(rename = "author")]
    pub name: String,
    /// When.
    pub at: Time,
}

/// A document that comes from another system.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The document; `updated_at` tells which of two states is the newer one.
    pub document: Document,
    /// What it was made from; the one that is stored stays when there is none.
    pub original: Option<StoredOriginal>,
}

/// What a change did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WriteStatus {
    /// The document is new.
    Created,
    /// The document replaced another one with its key.
    Updated,
    /// The very same document was stored already; nothing was written.
    Unchanged,
    /// A newer state of the document is stored; nothing was written.
    Older,
    /// The document was removed.
    Deleted,
    /// There was no document to remove.
    Missing,
    /// Feedback was kept; no document changed.
    Counted,
    /// A decision was kept; no document changed.
    Decided,
}

/// What a change did, and the sequence number under which its document now stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// What happened.
    pub status: WriteStatus,
    /// The sequence number of the document's last change; the store's newest for a missing one, for
    /// feedback and for a decision.
    pub seq: u64,
    /// The id of the decision that was kept.
    #[serde(skip)]
    pub decision: Option<DecisionId>,
    /// Whether somebody who could find the document before must not find it any more.
    #[serde(skip)]
    pub hides: bool,
}

impl Outcome {
    fn plain(status: WriteStatus, seq: u64) -> Self {
        Self {
            status,
            seq,
            decision: None,
            hides: false,
        }
    }
}

/// Writes documents. There is one for a store, in the process that holds the data folder's lock.
#[derive(Debug)]
pub struct StoreWriter {
    connection: Connection,
    reader: StoreReader,
    newest_seq: u64,
}

impl StoreWriter {
    /// Opens the store in `folder`, creating both when needed.
    ///
    /// # Errors
    /// [`Error::NewerFormat`] and [`Error::NotAStore`] leave the folder untouched.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let connection = open_for_writing(folder)?;
        let newest_seq =
            connection.query_row("SELECT coalesce(max(seq), 0) FROM document", [], |row| {
                row.get(0)
            })?;
        let reader = StoreReader::open(&folder.join(FILE_NAME))?;
        Ok(Self {
            connection,
            reader,
            newest_seq,
        })
    }

    /// A reader of the same store.
    #[must_use]
    pub fn reader(&self) -> StoreReader {
        self.reader.clone()
    }

    /// The sequence number of the newest change.
    #[must_use]
    pub fn newest_seq(&self) -> u64 {
        self.newest_seq
    }

    /// Applies all changes in one transaction, in order. When it returns they are on disk.
    ///
    /// # Errors
    /// On any error none of the changes was made.
    pub fn write(&mut self, changes: &[Change]) -> Result<Vec<Outcome>, Error> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut newest_seq = self.newest_seq;
        let outcomes = changes
            .iter()
            .map(|change| match change {
                Change::Put(document) => put(&transaction, (document, None), &mut newest_seq),
                Change::Write(written) => {
                    let by_hand = ByHand {
                        author: &written.author,
                        is_told: false,
                    };
                    put(
                        &transaction,
                        (&written.document, Some(by_hand)),
                        &mut newest_seq,
                    )
                }
                Change::Correct(correction) => correct(&transaction, correction, &mut newest_seq),
                Change::Import(imported) => import(&transaction, imported, &mut newest_seq),
                Change::Delete(key) => delete(&transaction, key, &mut newest_seq),
                Change::Feedback(row) => feedback::add(&transaction, row)
                    .map(|()| Outcome::plain(WriteStatus::Counted, newest_seq)),
                Change::Decision(new) => decisions::add(&transaction, new).map(|id| Outcome {
                    decision: Some(id),
                    ..Outcome::plain(WriteStatus::Decided, newest_seq)
                }),
            })
            .collect::<Result<Vec<_>, Error>>()?;
        transaction.commit()?;
        self.newest_seq = newest_seq;
        Ok(outcomes)
    }

    /// Adds counts of searches, all or none of them.
    ///
    /// # Errors
    /// An error of the database.
    pub fn count_searches(&mut self, counts: &[SearchCount]) -> Result<(), Error> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        feedback::count(&transaction, counts)?;
        Ok(transaction.commit()?)
    }

    /// Drops feedback and counts of searches from before a day. What was said of each article in
    /// all stays.
    ///
    /// # Errors
    /// An error of the database.
    pub fn forget_searches_before(&mut self, day: Day) -> Result<(), Error> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        feedback::forget_before(&transaction, day)?;
        Ok(transaction.commit()?)
    }

    /// Drops decisions from before a day, and the rules that only they were made by.
    ///
    /// # Errors
    /// An error of the database.
    pub fn forget_decisions_before(&mut self, day: Day) -> Result<(), Error> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        decisions::forget_before(&transaction, day)?;
        Ok(transaction.commit()?)
    }
}

/// How a document was written by hand.
#[derive(Debug, Clone, Copy)]
struct ByHand<'a> {
    author: &'a Author,
    /// Whether the author says that the values are right.
    is_told: bool,
}

fn put(
    connection: &Connection,
    (document, by_hand): (&Document, Option<ByHand<'_>>),
    newest_seq: &mut u64,
) -> Result<Outcome, Error> {
    let body = match document {
        Document::Article(article) => serde_json::to_string(article),
        Document::Ticket(ticket) => serde_json::to_string(ticket),
    }
    .map_err(Error::Json)?;
    let key = document.key();
    let stored = stored(connection, &key)?;
    let old = stored
        .as_ref()
        .and_then(|(seq, body)| Some((*seq, body.as_deref()?)));
    if let Some((seq, old)) = old
        && old == body
        // That somebody says so is new.
        && !by_hand.is_some_and(|by_hand| by_hand.is_told)
    {
        return Ok(Outcome::plain(WriteStatus::Unchanged, seq));
    }
    *newest_seq += 1;
    replace(connection, &key, (Some(&body), by_hand), *newest_seq)?;
    Ok(match old {
        Some((_, old)) => Outcome {
            hides: hides(&key, old, document),
            ..Outcome::plain(WriteStatus::Updated, *newest_seq)
        },
        None => Outcome::plain(WriteStatus::Created, *newest_seq),
    })
}

/// Corrects a ticket as it is by now; one that is gone or does not read is missing.
fn correct(
    connection: &Connection,
    correction: &TicketCorrection,
    newest_seq: &mut u64,
) -> Result<Outcome, Error> {
    let TicketCorrection {
        ticket_id,
        fields,
        author,
    } = correction;
    let key = DocumentKey::Ticket(ticket_id.clone());
    let stored = stored(connection, &key)?;
    let body = stored.and_then(|(_, body)| serde_json::from_str::<Map<String, Value>>(&body?).ok());
    let corrected = body.and_then(|mut body| {
        body.extend(fields.clone());
        // A state of the ticket that another system had before does not take its place again.
        body.insert("updated_at".to_owned(), author.at.to_string().into());
        serde_json::from_value::<Ticket>(body.into()).ok()
    });
    let Some(ticket) = corrected else {
        return Ok(Outcome::plain(WriteStatus::Missing, *newest_seq));
    };
    let told = ByHand {
        author,
        is_told: true,
    };
    put(connection, (&ticket.into(), Some(told)), newest_seq)
}

fn import(
    connection: &Connection,
    imported: &Imported,
    newest_seq: &mut u64,
) -> Result<Outcome, Error> {
    let key = imported.document.key();
    if let Some((seq, Some(body))) = stored(connection, &key)?
        // An old state that does not read is replaced by one that does.
        && let Ok(old) = document_of(key.kind(), &body)
        && updated_at(&old) > updated_at(&imported.document)
    {
        return Ok(Outcome::plain(WriteStatus::Older, seq));
    }
    let outcome = put(connection, (&imported.document, None), newest_seq)?;
    match &imported.original {
        Some(original) => originals::put(connection, &key, original)?,
        // One that is kept from before may tell what masked texts no longer do.
        None => originals::remove(connection, &key)?,
    }
    Ok(outcome)
}

fn updated_at(document: &Document) -> Option<Time> {
    match document {
        Document::Article(article) => article.updated_at,
        Document::Ticket(ticket) => ticket.updated_at,
    }
}

/// Whether an audience that could find the old state cannot find the new one.
fn hides(key: &DocumentKey, old: &str, new: &Document) -> bool {
    // An old state that does not read hides nothing: the index never took it.
    let Ok(old) = document_of(key.kind(), old) else {
        return false;
    };
    let terms = |document: &Document| match document.is_searchable() {
        true => document.visibility().terms(document.kind()),
        false => Vec::new(),
    };
    let new = terms(new);
    terms(&old).iter().any(|term| !new.contains(term))
}

fn delete(
    connection: &Connection,
    key: &DocumentKey,
    newest_seq: &mut u64,
) -> Result<Outcome, Error> {
    if let DocumentKey::Ticket(id) = key {
        decisions::forget_ticket(connection, id)?;
    }
    match stored(connection, key)? {
        Some((_, Some(_))) => {
            *newest_seq += 1;
            replace(connection, key, (None, None), *newest_seq)?;
            originals::remove(connection, key)?;
            Ok(Outcome {
                hides: true,
                ..Outcome::plain(WriteStatus::Deleted, *newest_seq)
            })
        }
        Some((_, None)) | None => Ok(Outcome::plain(WriteStatus::Missing, *newest_seq)),
    }
}

fn stored(
    connection: &Connection,
    key: &DocumentKey,
) -> Result<Option<(u64, Option<String>)>, Error> {
    connection
        .prepare_cached("SELECT seq, body FROM document WHERE kind = ?1 AND id = ?2")?
        .query_row(params![key.kind().as_str(), key.id()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
        .map_err(Error::from)
}

fn replace(
    connection: &Connection,
    key: &DocumentKey,
    (body, by_hand): (Option<&str>, Option<ByHand<'_>>),
    seq: u64,
) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO document (seq, kind, id, body, author, written_at, is_told)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            seq,
            key.kind().as_str(),
            key.id(),
            body,
            by_hand.map(|by_hand| &by_hand.author.name),
            by_hand.map(|by_hand| by_hand.author.at.to_string()),
            by_hand.is_some_and(|by_hand| by_hand.is_told),
        ])?;
    Ok(())
}
