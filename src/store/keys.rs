//! API keys: 256 random bits, of which only a hash is stored.
//!
//! A random key needs no slow password hash: there is nothing to guess. The hash is BLAKE3 in its
//! key-derivation mode with a context of our own, so it matches no other program's.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use super::Error;
use super::schema::{open_for_reading, open_for_writing};
use crate::model::{Role, Time};

const CONTEXT: &str = "firstline 2026-11 api key";

/// What is kept of an API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiKey {
    /// For people: whose key it is.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// The groups whose restricted documents its holder sees.
    pub groups: BTreeSet<String>,
    /// When it was made.
    pub created_at: String,
}

/// A key that was just made. The secret is shown once and stored nowhere.
#[derive(Debug, Clone, Serialize)]
pub struct NewKey {
    /// What is kept.
    #[serde(flatten)]
    pub key: ApiKey,
    /// What the holder sends as `Authorization: Bearer`.
    pub secret: String,
}

/// Makes a key, also while a server runs on the folder; it counts from the next request on.
///
/// # Errors
/// [`Error::Key`] when the name is blank or taken.
pub fn add_key(
    folder: &Path,
    name: &str,
    role: Role,
    groups: BTreeSet<String>,
    now: Time,
) -> Result<NewKey, Error> {
    if name.trim().is_empty() {
        return Err(Error::Key("a key needs a name".to_owned()));
    }
    let connection = open_for_writing(folder)?;
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| Error::Random(error.to_string()))?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let secret = format!("fl_{hex}");
    let key = ApiKey {
        name: name.to_owned(),
        role,
        groups,
        created_at: now.to_string(),
    };
    let groups = serde_json::to_string(&key.groups).map_err(Error::Json)?;
    let added = connection.execute(
        "INSERT INTO api_key (name, role, groups, hash, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (name) DO NOTHING",
        params![
            key.name,
            key.role.as_str(),
            groups,
            hash(&secret),
            key.created_at
        ],
    )?;
    if added == 0 {
        return Err(Error::Key(format!("there is a key named {name:?} already")));
    }
    Ok(NewKey { key, secret })
}

/// Takes a key back; requests with it are refused from then on.
///
/// # Errors
/// [`Error::Key`] when there is none of this name.
pub fn revoke_key(folder: &Path, name: &str) -> Result<(), Error> {
    let connection = open_for_writing(folder)?;
    match connection.execute("DELETE FROM api_key WHERE name = ?1", [name])? {
        0 => Err(Error::Key(format!("there is no key named {name:?}"))),
        _ => Ok(()),
    }
}

/// All keys, by name.
///
/// # Errors
/// An error of the database.
pub fn list_keys(folder: &Path) -> Result<Vec<ApiKey>, Error> {
    let connection = open_for_reading(&super::file_of(folder))?;
    let mut statement =
        connection.prepare("SELECT name, role, groups, created_at FROM api_key ORDER BY name")?;
    statement
        .query_map([], read)?
        .map(|key| key.map_err(Error::from))
        .collect()
}

/// The key with this secret.
pub(super) fn find(connection: &Connection, secret: &str) -> Result<Option<ApiKey>, Error> {
    connection
        .prepare_cached("SELECT name, role, groups, created_at FROM api_key WHERE hash = ?1")?
        .query_row([hash(secret)], read)
        .optional()
        .map_err(Error::from)
}

fn hash(secret: &str) -> [u8; 32] {
    blake3::derive_key(CONTEXT, secret.as_bytes())
}

/// A role or group list that does not read is taken for the least right there is.
fn read(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    let role: String = row.get(1)?;
    let groups: String = row.get(2)?;
    Ok(ApiKey {
        name: row.get(0)?,
        role: Role::from_name(&role).unwrap_or(Role::Reader),
        groups: serde_json::from_str(&groups).unwrap_or_default(),
        created_at: row.get(3)?,
    })
}
