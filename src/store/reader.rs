//! Reading documents, the change feed and the numbers of the store.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::decisions::{self, DecidedTicket, StoredDecision};
use super::feedback::{self, FeedbackCounts, SearchReport};
use super::keys::{self, ApiKey};
use super::models::{self, ModelName};
use super::originals::{self, OriginalRow, StoredOriginal};
use super::schema::{has_format, open_for_reading};
use super::writer::Author;
use super::{Error, file_of};
use crate::model::{Article, Day, DecisionId, Document, DocumentKey, Kind, Ticket, Time};

/// Changes are read up to so many bytes at a time.
const MAX_BYTES_OF_CHANGES: usize = 16 * 1024 * 1024;

/// How many documents the store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Articles, whatever their state.
    pub articles: u64,
    /// Tickets.
    pub tickets: u64,
}

/// One row of the change feed: the state of a document after its last change.
#[derive(Debug, Clone)]
pub struct StoredChange {
    /// The sequence number of the change.
    pub seq: u64,
    /// Which document.
    pub key: DocumentKey,
    /// The document, or `None` when it was deleted.
    pub document: Option<Document>,
}

/// A ticket that somebody wrote by hand, as it is now.
#[derive(Debug, Clone)]
pub struct WrittenTicket {
    /// The sequence number of the change.
    pub seq: u64,
    /// The ticket.
    pub ticket: Ticket,
    /// Who wrote it, and when.
    pub author: Author,
}

/// A piece of the change feed.
#[derive(Debug, Clone)]
pub struct Changes {
    /// Oldest first.
    pub changes: Vec<StoredChange>,
    /// Whether there were no more of them.
    pub is_last: bool,
}

/// Reads the store. Clones share a set of connections that grows with the readers at work.
#[derive(Debug, Clone)]
pub struct StoreReader {
    file: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl StoreReader {
    pub(super) fn open(file: &Path) -> Result<Self, Error> {
        let connection = open_for_reading(file)?;
        Ok(Self {
            file: file.to_owned(),
            idle: Arc::new(Mutex::new(vec![connection])),
        })
    }

    /// Opens the store of a data folder for reading, also while a server writes to it.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is none, [`Error::NewerFormat`] when it is of a newer version.
    pub fn open_folder(folder: &Path) -> Result<Self, Error> {
        Self::open(&file_of(folder))
    }

    /// Runs `read` on a connection that no other thread uses meanwhile.
    fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let reused = idle().pop();
        let connection = match reused {
            Some(connection) => connection,
            None => open_for_reading(&self.file)?,
        };
        let answer = read(&connection);
        idle().push(connection);
        answer
    }

    /// The document with this key, or `None`.
    ///
    /// # Errors
    /// An error of the database, or [`Error::Unreadable`].
    pub fn document(&self, key: &DocumentKey) -> Result<Option<Document>, Error> {
        self.document_where(
            "SELECT seq, kind, id, body FROM document WHERE kind = ?1 AND id = ?2",
            params![key.kind().as_str(), key.id()],
        )
    }

    /// The document whose last change has this number; `None` when it was changed again.
    ///
    /// # Errors
    /// An error of the database, or [`Error::Unreadable`].
    pub fn document_at(&self, seq: u64) -> Result<Option<Document>, Error> {
        self.document_where(
            "SELECT seq, kind, id, body FROM document WHERE seq = ?1",
            params![seq],
        )
    }

    /// The document in the one row that a query gives, or `None`.
    fn document_where(&self, sql: &str, params: impl Params) -> Result<Option<Document>, Error> {
        self.with(|connection| {
            connection
                .prepare_cached(sql)?
                .query_row(params, row_parts)
                .optional()?
                .map_or(Ok(None), |parts| {
                    change(parts).map(|change| change.document)
                })
        })
    }

    /// The sequence number of the last change of a document, its deletion included.
    ///
    /// # Errors
    /// An error of the database.
    pub fn seq_of(&self, key: &DocumentKey) -> Result<Option<u64>, Error> {
        self.with(|connection| {
            connection
                .prepare_cached("SELECT seq FROM document WHERE kind = ?1 AND id = ?2")?
                .query_row(params![key.kind().as_str(), key.id()], |row| row.get(0))
                .optional()
                .map_err(Error::from)
        })
    }

    /// Up to `limit` changes after sequence number `after`, oldest first; of one kind, or of both.
    /// There are fewer when their documents are large, at least one if there is any.
    ///
    /// # Errors
    /// An error of the database, or [`Error::Unreadable`].
    pub fn changes(&self, kind: Option<Kind>, after: u64, limit: usize) -> Result<Changes, Error> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT seq, kind, id, body FROM document
                 WHERE seq > ?1 AND (?2 IS NULL OR kind = ?2) ORDER BY seq LIMIT ?3",
            )?;
            let kind = kind.map(Kind::as_str);
            let n_rows = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut rows = statement.query_map(params![after, kind, n_rows], row_parts)?;
            let (mut changes, mut n_bytes) = (Vec::new(), 0);
            while n_bytes < MAX_BYTES_OF_CHANGES
                && let Some(parts) = rows.next()
            {
                let parts = parts?;
                n_bytes += parts.3.as_ref().map_or(0, String::len);
                changes.push(change(parts)?);
            }
            let is_last = changes.len() < limit && n_bytes < MAX_BYTES_OF_CHANGES;
            Ok(Changes { changes, is_last })
        })
    }

    /// The sequence numbers of all tickets whose last change, after `after`, was written by hand, the
    /// oldest first. Cost: a scan of an index of such documents alone.
    ///
    /// # Errors
    /// An error of the database.
    pub fn written_after(&self, after: u64) -> Result<Vec<u64>, Error> {
        self.with(|connection| {
            if !has_format(connection, 5)? {
                return Ok(Vec::new());
            }
            let mut statement = connection.prepare_cached(
                "SELECT seq FROM document
                 WHERE author IS NOT NULL AND kind = 'ticket' AND seq > ?1 ORDER BY seq",
            )?;
            let rows = statement.query_map([after], |row| row.get(0))?;
            rows.map(|row| row.map_err(Error::from)).collect()
        })
    }

    /// The numbers of the changes in which somebody said that the values of a ticket are right, of all
    /// tickets that have not been changed since.
    ///
    /// # Errors
    /// An error of the database.
    pub fn told(&self) -> Result<BTreeSet<u64>, Error> {
        self.with(|connection| {
            if !has_format(connection, 7)? {
                return Ok(BTreeSet::new());
            }
            let mut statement =
                connection.prepare_cached("SELECT seq FROM document WHERE is_told")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.map(|row| row.map_err(Error::from)).collect()
        })
    }

    /// The ticket that was written by hand in the change with this number; `None` when it was
    /// changed again.
    ///
    /// # Errors
    /// An error of the database, or [`Error::Unreadable`].
    pub fn written_ticket(&self, seq: u64) -> Result<Option<WrittenTicket>, Error> {
        self.with(|connection| {
            let row = connection
                .prepare_cached(
                    "SELECT seq, kind, id, body, author, written_at FROM document
                     WHERE seq = ?1 AND author IS NOT NULL",
                )?
                .query_row([seq], |row| {
                    Ok((row_parts(row)?, row.get(4)?, row.get::<_, String>(5)?))
                })
                .optional()?;
            let Some((parts, name, at)) = row else {
                return Ok(None);
            };
            let Some(Document::Ticket(ticket)) = change(parts)?.document else {
                return Ok(None);
            };
            // INVARIANT: the writer gives every author a time, and writes it in this form.
            let at = Time::parse(&at).ok();
            let author = at.map(|at| Author { name, at });
            Ok(author.map(|author| WrittenTicket {
                seq,
                ticket,
                author,
            }))
        })
    }

    /// The ids of all documents of a kind that are not deleted, with the sequence number of their
    /// last change, up to and including `up_to`.
    ///
    /// # Errors
    /// An error of the database.
    pub fn ids(&self, kind: Kind, up_to: u64) -> Result<Vec<(String, u64)>, Error> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, seq FROM document
                 WHERE kind = ?1 AND seq <= ?2 AND body IS NOT NULL",
            )?;
            statement
                .query_map(params![kind.as_str(), up_to], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?
                .map(|row| row.map_err(Error::from))
                .collect()
        })
    }

    /// The sequence number of the newest change, 0 for an empty store.
    ///
    /// # Errors
    /// An error of the database.
    pub fn newest_seq(&self) -> Result<u64, Error> {
        self.with(|connection| {
            connection
                .prepare_cached("SELECT coalesce(max(seq), 0) FROM document")?
                .query_row([], |row| row.get(0))
                .map_err(Error::from)
        })
    }

    /// How many documents there are. Cost: a scan of an index, about 30 ms a million documents.
    ///
    /// # Errors
    /// An error of the database.
    pub fn counts(&self) -> Result<Counts, Error> {
        self.with(|connection| {
            let count = |kind: Kind| -> Result<u64, Error> {
                connection
                    .prepare_cached(
                        "SELECT (SELECT count(*) FROM document WHERE kind = ?1)
                              - (SELECT count(*) FROM document WHERE kind = ?1 AND body IS NULL)",
                    )?
                    .query_row([kind.as_str()], |row| row.get(0))
                    .map_err(Error::from)
            };
            Ok(Counts {
                articles: count(Kind::Article)?,
                tickets: count(Kind::Ticket)?,
            })
        })
    }

    /// The random name of the store's contents; a restore gives a new one.
    ///
    /// # Errors
    /// An error of the database.
    pub fn store_id(&self) -> Result<String, Error> {
        let id = self.with(|connection| {
            connection
                .query_row(
                    "SELECT value FROM setting WHERE name = 'store_id'",
                    [],
                    |row| row.get(0),
                )
                .optional()
                .map_err(Error::from)
        })?;
        id.ok_or_else(|| Error::NotAStore {
            path: self.file.clone(),
            detail: "it has no store id".to_owned(),
        })
    }

    /// The key whose secret this is, or `None`.
    ///
    /// # Errors
    /// An error of the database.
    pub fn key_of(&self, secret: &str) -> Result<Option<ApiKey>, Error> {
        self.with(|connection| keys::find(connection, secret))
    }

    /// Whether any API key is configured.
    ///
    /// # Errors
    /// An error of the database.
    pub fn has_keys(&self) -> Result<bool, Error> {
        self.with(|connection| {
            connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM api_key)")?
                .query_row([], |row| row.get(0))
                .map_err(Error::from)
        })
    }

    /// What a document was made from, when another system wrote it.
    ///
    /// # Errors
    /// An error of the database, or [`Error::DamagedOriginal`].
    pub fn original(&self, key: &DocumentKey) -> Result<Option<StoredOriginal>, Error> {
        self.with(|connection| originals::get(connection, key))
    }

    /// Up to `limit` originals behind a place, in order; from the first behind 0.
    ///
    /// # Errors
    /// An error of the database, or [`Error::DamagedOriginal`].
    pub fn originals_after(&self, row: i64, limit: u32) -> Result<Vec<OriginalRow>, Error> {
        self.with(|connection| originals::after(connection, row, limit))
    }

    /// The decision with this id, or `None`.
    ///
    /// # Errors
    /// An error of the database, or [`Error::DamagedDecision`].
    pub fn decision(&self, id: DecisionId) -> Result<Option<StoredDecision>, Error> {
        self.with(|connection| decisions::get(connection, id))
    }

    /// The text of the rules by which stored decisions were made, or `None` when it is not kept.
    ///
    /// # Errors
    /// An error of the database, or [`Error::DamagedDecision`].
    pub fn rules_text(&self, digest: &str) -> Result<Option<String>, Error> {
        self.with(|connection| decisions::rules_text(connection, digest))
    }

    /// The newest model, or `None` before anything was learned.
    ///
    /// # Errors
    /// An error of the database.
    pub fn newest_model(&self) -> Result<Option<ModelName>, Error> {
        self.with(models::newest)
    }

    /// The bytes of the model of a version, or `None` when it is not kept.
    ///
    /// # Errors
    /// An error of the database.
    pub fn model(&self, version: &str) -> Result<Option<Vec<u8>>, Error> {
        self.with(|connection| models::get(connection, version))
    }

    /// The text of the rules that the newest stored decision was made by, or `None` when none is
    /// stored.
    ///
    /// # Errors
    /// An error of the database, or [`Error::DamagedDecision`].
    pub fn newest_rules_text(&self) -> Result<Option<String>, Error> {
        self.with(decisions::newest_rules_text)
    }

    /// Calls `sink` with the decisions of a period, both days included, whose tickets are there;
    /// with the last one of a ticket only, oldest first. Cost: a scan of the period.
    ///
    /// # Errors
    /// An error of the database; a decision or a ticket that does not read.
    pub fn decided_tickets(
        &self,
        period: (Day, Day),
        sink: &mut dyn FnMut(DecidedTicket),
    ) -> Result<(), Error> {
        self.with(|connection| decisions::decided_tickets(connection, period, sink))
    }

    /// What was ever said of each article, by its id.
    ///
    /// # Errors
    /// An error of the database.
    pub fn article_feedback(&self) -> Result<Vec<(String, FeedbackCounts)>, Error> {
        self.with(feedback::of_articles)
    }

    /// The queries that had hits on so many days since a day, the most frequent first. Cost: a scan
    /// of the period.
    ///
    /// # Errors
    /// An error of the database.
    pub fn frequent_queries(
        &self,
        since: Day,
        min_days: u32,
        limit: usize,
    ) -> Result<Vec<String>, Error> {
        self.with(|connection| feedback::frequent_queries(connection, since, min_days, limit))
    }

    /// What was searched for and said in a period, both days included, with up to `limit` queries
    /// in a list; nothing when an older version wrote the store. Cost: a scan of the period.
    ///
    /// # Errors
    /// An error of the database.
    pub fn search_report(&self, period: (Day, Day), limit: usize) -> Result<SearchReport, Error> {
        self.with(|connection| feedback::report(connection, period, limit))
    }
}

type Parts = (u64, String, String, Option<String>);

fn row_parts(row: &Row<'_>) -> rusqlite::Result<Parts> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn change((seq, kind, id, body): Parts) -> Result<StoredChange, Error> {
    let unreadable = |source| Error::Unreadable {
        key: format!("{kind} {id}"),
        seq,
        source,
    };
    let invalid = |message: String| unreadable(serde::de::Error::custom(message));
    let stored_kind = Kind::ALL
        .into_iter()
        .find(|known| known.as_str() == kind)
        .ok_or_else(|| invalid(format!("unknown kind {kind:?}")))?;
    let key =
        DocumentKey::new(stored_kind, id.as_str()).map_err(|error| invalid(error.to_string()))?;
    let document = body
        .map(|body| document_of(stored_kind, &body))
        .transpose()
        .map_err(unreadable)?;
    Ok(StoredChange { seq, key, document })
}

/// Reads the body of a row.
pub(super) fn document_of(kind: Kind, body: &str) -> Result<Document, serde_json::Error> {
    match kind {
        Kind::Article => serde_json::from_str::<Article>(body).map(Document::Article),
        Kind::Ticket => serde_json::from_str::<Ticket>(body).map(Document::Ticket),
    }
}
