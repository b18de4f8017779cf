//! What imported documents were made from, packed by LZ4: about a fifth of its size, at hundreds of
//! megabytes a second.
//!
//! With them `firstline import --again` converts by better rules or tables without a new export.
//! Where texts are masked none is kept: it would tell what the texts no longer do.

use rusqlite::{Connection, OptionalExtension, params};

use super::Error;
use crate::model::{DocumentKey, Kind};

/// The record of another system from which a document was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredOriginal {
    /// The system, by its name.
    pub system: String,
    /// The record.
    pub content: Vec<u8>,
}

/// An original, the document it belongs to, and where it stands among all originals.
#[derive(Debug, Clone)]
pub struct OriginalRow {
    /// Where it stands; grows.
    pub row: i64,
    /// The document.
    pub key: DocumentKey,
    /// The original.
    pub original: StoredOriginal,
}

/// Keeps an original in place of the one that the document had; the same one is not written again.
pub(super) fn put(
    connection: &Connection,
    key: &DocumentKey,
    original: &StoredOriginal,
) -> Result<(), Error> {
    let packed = lz4_flex::block::compress_prepend_size(&original.content);
    connection
        .prepare_cached(
            "INSERT INTO original (kind, id, system, content) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (kind, id) DO UPDATE SET system = ?3, content = ?4
             WHERE system <> ?3 OR content <> ?4",
        )?
        .execute(params![
            key.kind().as_str(),
            key.id(),
            original.system,
            packed
        ])?;
    Ok(())
}

pub(super) fn remove(connection: &Connection, key: &DocumentKey) -> Result<(), Error> {
    connection
        .prepare_cached("DELETE FROM original WHERE kind = ?1 AND id = ?2")?
        .execute(params![key.kind().as_str(), key.id()])?;
    Ok(())
}

pub(super) fn get(
    connection: &Connection,
    key: &DocumentKey,
) -> Result<Option<StoredOriginal>, Error> {
    let found = connection
        .prepare_cached("SELECT system, content FROM original WHERE kind = ?1 AND id = ?2")?
        .query_row(params![key.kind().as_str(), key.id()], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    found
        .map(|(system, packed)| unpacked(key, system, &packed))
        .transpose()
}

/// Up to `limit` originals behind a place, in order.
pub(super) fn after(
    connection: &Connection,
    row: i64,
    limit: u32,
) -> Result<Vec<OriginalRow>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT rowid, kind, id, system, content FROM original WHERE rowid > ?1
         ORDER BY rowid LIMIT ?2",
    )?;
    let rows = statement.query_map(params![row, limit], |row| {
        Ok((
            row.get::<_, i64>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, String>(2)?,
            row.get::<_, String>(3)?,
            row.get::<_, Vec<u8>>(4)?,
        ))
    })?;
    let mut originals = Vec::new();
    for found in rows {
        let (row, kind, id, system, packed) = found?;
        let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind);
        let key = kind.and_then(|kind| DocumentKey::new(kind, id).ok());
        // A row of no known kind is none of ours.
        if let Some(key) = key {
            let original = unpacked(&key, system, &packed)?;
            originals.push(OriginalRow { row, key, original });
        }
    }
    Ok(originals)
}

fn unpacked(key: &DocumentKey, system: String, packed: &[u8]) -> Result<StoredOriginal, Error> {
    let content = lz4_flex::block::decompress_size_prepended(packed).map_err(|error| {
        Error::DamagedOriginal {
            key: key.to_string(),
            detail: error.to_string(),
        }
    })?;
    Ok(StoredOriginal { system, content })
}
