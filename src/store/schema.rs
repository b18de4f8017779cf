//! The tables, the format number in the file header, and how a connection is opened.
//!
//! The format is checked in the bytes of the file before SQLite opens it, so that a file of a
//! newer version, or one that is no store at all, is refused without being touched.
//!
//! An older store gets the tables of newer formats when it is opened for writing.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{Error, file_of};

/// The name of the store file in a data folder.
pub const FILE_NAME: &str = "firstline.db";

/// The format of the tables, kept in SQLite's `user_version`.
///
/// 1 had documents, keys and settings, 2 search feedback too, 3 the originals of imported documents, 4
/// decisions, 5 who wrote a document, 6 learned models and what corrections said in a decision, 7 whether
/// somebody said that the values of a ticket are right.
pub const FORMAT: i32 = 7;

/// "FLNE": marks the file as a Firstline store, in SQLite's `application_id`.
const APPLICATION_ID: i32 = 0x464C_4E45;

/// How long a connection waits for another process that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The tables of format 1.
const TABLES: &str = "
    CREATE TABLE document (
        seq  INTEGER PRIMARY KEY,  -- of the last change; gives the change feed its order
        kind TEXT NOT NULL,        -- 'article' or 'ticket'
        id   TEXT NOT NULL,
        body TEXT,                 -- JSON; NULL when deleted
        UNIQUE (kind, id)
    );
    CREATE INDEX deleted_document ON document (kind) WHERE body IS NULL;
    CREATE TABLE api_key (
        name       TEXT PRIMARY KEY,
        role       TEXT NOT NULL,         -- 'reader', 'analyst' or 'admin'
        groups     TEXT NOT NULL,         -- JSON array of names
        hash       BLOB NOT NULL UNIQUE,  -- of the key, which itself is never stored
        created_at TEXT NOT NULL
    );
    CREATE TABLE setting (
        name  TEXT PRIMARY KEY,
        value TEXT NOT NULL
    );
";

/// What format 2 adds. Nothing in it tells who asked, and no time is finer than a day.
const FEEDBACK_TABLES: &str = "
    CREATE TABLE article_feedback (
        article_id  TEXT PRIMARY KEY,
        helpful     INTEGER NOT NULL,
        not_helpful INTEGER NOT NULL,
        clicked     INTEGER NOT NULL,
        solved      INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE feedback (
        day        TEXT NOT NULL,  -- 2026-03-14, UTC
        query      TEXT,           -- as in search_count
        article_id TEXT NOT NULL,
        kind       TEXT NOT NULL   -- 'helpful', 'not_helpful', 'clicked' or 'solved'
    );
    CREATE INDEX feedback_of_day ON feedback (day);
    CREATE TABLE search_count (
        day          TEXT NOT NULL,
        query        TEXT NOT NULL,  -- lower case, white space collapsed, or '(not kept)'
        asked        INTEGER NOT NULL,
        without_hits INTEGER NOT NULL,
        clicked      INTEGER NOT NULL,
        PRIMARY KEY (day, query)
    ) WITHOUT ROWID;
";

/// What format 3 adds: what other systems' documents were made from, so that a better conversion
/// needs no new export.
const ORIGINAL_TABLE: &str = "
    CREATE TABLE original (
        kind    TEXT NOT NULL,
        id      TEXT NOT NULL,
        system  TEXT NOT NULL,
        content BLOB NOT NULL,  -- LZ4 block, the length in front
        UNIQUE (kind, id)
    );
";

/// What format 4 adds: decisions with all that they were made from. `AUTOINCREMENT`, so that the
/// number of a decision that is gone never names another one.
const DECISION_TABLES: &str = "
    CREATE TABLE decision (
        number        INTEGER PRIMARY KEY AUTOINCREMENT,  -- its id is 'D-' and this
        created_at    TEXT NOT NULL,
        program       TEXT NOT NULL,  -- the version of Firstline that decided
        ticket_id     TEXT,           -- of the ticket that came of it, when that is known
        rules_digest  TEXT NOT NULL,  -- of a rule_file; '' when there were no rules
        model_version TEXT,
        settings      TEXT NOT NULL,  -- JSON: thresholds and matrix
        ticket        TEXT NOT NULL,  -- JSON, as it was asked with
        content       BLOB NOT NULL   -- the decision: JSON, LZ4 block, the length in front
    );
    CREATE INDEX decision_of_day ON decision (substr(created_at, 1, 10));
    CREATE INDEX decision_of_ticket ON decision (ticket_id) WHERE ticket_id IS NOT NULL;
    CREATE INDEX decision_of_rules ON decision (rules_digest);
    CREATE TABLE rule_file (
        digest  TEXT PRIMARY KEY,
        content BLOB NOT NULL  -- LZ4 block, the length in front
    );
";

/// What format 5 adds: who wrote a document by hand, and when; nothing for what was imported.
const AUTHOR_COLUMNS: &str = "
    ALTER TABLE document ADD COLUMN author TEXT;     -- the name of an API key
    ALTER TABLE document ADD COLUMN written_at TEXT;
    CREATE INDEX written_document ON document (kind, seq) WHERE author IS NOT NULL;
";

/// What format 6 adds: models, which a folder had as files before, and what decisions took from
/// corrections. `AUTOINCREMENT`, so that the number of the newest tells whether there is another one.
const MODEL_TABLES: &str = "
    CREATE TABLE model (
        number  INTEGER PRIMARY KEY AUTOINCREMENT,  -- the newest is in use
        version TEXT NOT NULL UNIQUE,
        content BLOB NOT NULL
    );
    -- What stands before a '+' names the model, what comes after it the corrections.
    CREATE INDEX decision_of_model
        ON decision (substr(model_version, 1, instr(model_version || '+', '+') - 1));
    ALTER TABLE decision ADD COLUMN told TEXT;  -- JSON; NULL where no corrections were in use
";

/// What format 7 adds: whether the author of a ticket said that its values are right. Of what was
/// written by hand before nobody did.
const TOLD_COLUMN: &str = "
    ALTER TABLE document ADD COLUMN is_told INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX told_document ON document (seq) WHERE is_told;
";

/// Whether the store has what a format added. One that an older version wrote and that is only read
/// has not.
pub(super) fn has_format(connection: &Connection, wanted: i32) -> Result<bool, Error> {
    Ok(format(connection)? >= wanted)
}

fn format(connection: &Connection) -> Result<i32, Error> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Opens the store for writing, creating file and tables when there are none.
pub(super) fn open_for_writing(folder: &Path) -> Result<Connection, Error> {
    std::fs::create_dir_all(folder).map_err(|source| Error::Io {
        path: folder.to_owned(),
        source,
    })?;
    check_header(&file_of(folder))?;
    let mut connection = Connection::open(file_of(folder))?;
    configure(&connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    make_tables(&mut connection, folder)?;
    Ok(connection)
}

/// Makes what the store lacks of the tables of this version, in one transaction: a store of an
/// older version is of this one afterwards, or as it was.
fn make_tables(connection: &mut Connection, folder: &Path) -> Result<(), Error> {
    if format(connection)? == FORMAT {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Read again: another process may have been faster.
    let found = format(&transaction)?;
    if found > FORMAT {
        return Err(Error::NewerFormat {
            path: file_of(folder),
            found,
            known: FORMAT,
        });
    }
    if found < 1 {
        transaction.execute_batch(TABLES)?;
        transaction.execute(
            "INSERT INTO setting (name, value) VALUES ('store_id', ?1)",
            [new_store_id()?],
        )?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    if found < 2 {
        transaction.execute_batch(FEEDBACK_TABLES)?;
    }
    if found < 3 {
        transaction.execute_batch(ORIGINAL_TABLE)?;
    }
    if found < 4 {
        transaction.execute_batch(DECISION_TABLES)?;
    }
    if found < 5 {
        transaction.execute_batch(AUTHOR_COLUMNS)?;
    }
    if found < 6 {
        transaction.execute_batch(MODEL_TABLES)?;
    }
    if found < 7 {
        transaction.execute_batch(TOLD_COLUMN)?;
    }
    transaction.pragma_update(None, "user_version", FORMAT)?;
    Ok(transaction.commit()?)
}

/// Opens an existing store for reading only.
pub(super) fn open_for_reading(file: &Path) -> Result<Connection, Error> {
    if !file.exists() {
        return Err(Error::Missing(file.parent().unwrap_or(file).to_owned()));
    }
    check_header(file)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    configure(&connection)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<(), Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

/// A new random name for the contents of a store. Indexes carry it: an index of another store, or
/// of this one before a restore, is never taken for one of this store.
pub(super) fn new_store_id() -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| Error::Random(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Reads format and application id from the header of an SQLite file (its bytes 60 to 71; see
/// "The SQLite Database File Format", section 1.3). An empty or missing file is a new store.
pub(super) fn check_header(file: &Path) -> Result<(), Error> {
    let io = |source| Error::Io {
        path: file.to_owned(),
        source,
    };
    let mut header = Vec::with_capacity(100);
    match File::open(file) {
        Ok(file) => file.take(100).read_to_end(&mut header).map_err(io)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io(error)),
    };
    if header.is_empty() {
        return Ok(());
    }
    let number = |at: usize| {
        let bytes: [u8; 4] = header.get(at..at + 4)?.try_into().ok()?;
        Some(i32::from_be_bytes(bytes))
    };
    let not_a_store = |detail: &str| Error::NotAStore {
        path: file.to_owned(),
        detail: detail.to_owned(),
    };
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(not_a_store("it has no SQLite header"));
    }
    match (number(60), number(68)) {
        // Killed while it was created: the header is still in the write-ahead log.
        (Some(0), Some(0)) => Ok(()),
        (Some(found), Some(APPLICATION_ID)) if found > FORMAT => Err(Error::NewerFormat {
            path: file.to_owned(),
            found,
            known: FORMAT,
        }),
        (Some(_), Some(APPLICATION_ID)) => Ok(()),
        (Some(_), Some(_)) => Err(not_a_store("it is the SQLite database of another program")),
        _ => Err(not_a_store("its header is cut short")),
    }
}
