//! Learned models, each once, by the version that its decisions name. The newest is the one in use.
//!
//! A model stays as long as a stored decision names it, so that the decision can be made again, and
//! the newest few stay for those that are about to be stored. What a model says is not read here: it
//! comes and goes as bytes.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::Error;
use super::schema::{has_format, open_for_writing};

/// So many models stay that no decision names: whoever decides by one is told of the next within a
/// second.
const KEPT_UNNAMED: u32 = 3;

/// Which model, and its place: a later one has a greater number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelName {
    /// Its place.
    pub number: i64,
    /// Names it.
    pub version: String,
}

/// Keeps a model and makes it the newest, also while a server runs on the folder. It is on disk when
/// this returns. Cost: a transaction of its size, during which other writers wait.
///
/// # Errors
/// An error of the database.
pub fn put_model(folder: &Path, version: &str, content: &[u8]) -> Result<ModelName, Error> {
    let mut connection = open_for_writing(folder)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(
        "INSERT OR REPLACE INTO model (version, content) VALUES (?1, ?2)",
        params![version, content],
    )?;
    let number = transaction.last_insert_rowid();
    forget_unnamed(&transaction)?;
    transaction.commit()?;
    Ok(ModelName {
        number,
        version: version.to_owned(),
    })
}

/// The newest model, or `None`.
pub(super) fn newest(connection: &Connection) -> Result<Option<ModelName>, Error> {
    if !has_format(connection, 6)? {
        return Ok(None);
    }
    connection
        .prepare_cached("SELECT number, version FROM model ORDER BY number DESC LIMIT 1")?
        .query_row([], |row| {
            Ok(ModelName {
                number: row.get(0)?,
                version: row.get(1)?,
            })
        })
        .optional()
        .map_err(Error::from)
}

/// The model of a version, or `None` when it is not kept.
pub(super) fn get(connection: &Connection, version: &str) -> Result<Option<Vec<u8>>, Error> {
    if !has_format(connection, 6)? {
        return Ok(None);
    }
    connection
        .prepare_cached("SELECT content FROM model WHERE version = ?1")?
        .query_row([version], |row| row.get(0))
        .optional()
        .map_err(Error::from)
}

/// Drops the models that no decision names, but for the newest.
pub(super) fn forget_unnamed(connection: &Connection) -> Result<(), Error> {
    // The expression is that of the index: what stands before a `+` names the model.
    connection
        .prepare_cached(
            "DELETE FROM model
             WHERE number NOT IN (SELECT number FROM model ORDER BY number DESC LIMIT ?1)
               AND NOT EXISTS
                   (SELECT 1 FROM decision
                    WHERE substr(model_version, 1, instr(model_version || '+', '+') - 1)
                        = model.version)",
        )?
        .execute([KEPT_UNNAMED])?;
    Ok(())
}
