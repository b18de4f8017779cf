//! Backup and restore of the store file.
//!
//! A backup is one SQLite file, complete and consistent, taken with SQLite's online backup from a
//! running server. Indexes are not part of it: they are made anew from the store. A restored store
//! has a new id, so an index of the old one is not taken for its own.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::schema::{check_header, new_store_id, open_for_reading};
use super::{Error, FILE_NAME, file_of};

/// Pages copied in one step: 4 MiB, so that progress moves and other readers get their turn.
const PAGES_PER_STEP: i32 = 1_024;

/// Copies the store of `folder` into the new file `target`. `progress` gets pages done and pages
/// in all. The server may go on writing; the copy is the state at the start.
///
/// # Errors
/// [`Error::Exists`] when the target is there; it is never overwritten.
pub fn backup(
    folder: &Path,
    target: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), Error> {
    if target.exists() {
        return Err(Error::Exists(target.to_owned()));
    }
    let source = open_for_reading(&file_of(folder))?;
    // An open read transaction pins the snapshot: without it every write by the server would
    // start the copy over.
    let snapshot = source.unchecked_transaction()?;
    snapshot.query_row("SELECT count(*) FROM setting", [], |row| {
        row.get::<_, i64>(0)
    })?;
    let part = part_of(target);
    remove_if_there(&part)?;
    copy(&snapshot, &part, progress)?;
    std::fs::rename(&part, target).map_err(|source| Error::Io {
        path: target.to_owned(),
        source,
    })
}

fn copy(
    source: &Connection,
    target: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), Error> {
    let mut connection = Connection::open(target)?;
    {
        let backup = Backup::new(source, &mut connection)?;
        loop {
            let step = backup.step(PAGES_PER_STEP)?;
            let state = backup.progress();
            let total = u64::try_from(state.pagecount).unwrap_or(0);
            let left = u64::try_from(state.remaining).unwrap_or(0);
            progress(total.saturating_sub(left), total);
            if step == StepResult::Done {
                break;
            }
            if step != StepResult::More {
                // Another process has the source; it will be done soon.
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        }
    }
    // A plain file without a log beside it, so that copying one file is enough.
    connection.pragma_update(None, "journal_mode", "DELETE")?;
    Ok(())
}

/// Puts the backup `source` into the data folder, which must have no store yet. The copy gets a
/// new store id, so no index of earlier contents is taken for its own.
///
/// # Errors
/// [`Error::Exists`] when the folder has a store; [`Error::NotAStore`] when the backup is none or
/// damaged. The folder is untouched then.
pub fn restore(
    source: &Path,
    folder: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), Error> {
    let target = file_of(folder);
    if target.exists() {
        return Err(Error::Exists(target));
    }
    if !source.is_file() {
        return Err(Error::Missing(source.to_owned()));
    }
    check_header(source)?;
    let damaged = |detail: String| Error::NotAStore {
        path: source.to_owned(),
        detail,
    };
    let connection = open_for_reading(source)?;
    let health: String = connection
        .query_row("PRAGMA quick_check", [], |row| row.get(0))
        .map_err(|error| damaged(error.to_string()))?;
    if health != "ok" {
        return Err(damaged(health));
    }
    connection
        .query_row(
            "SELECT value FROM setting WHERE name = 'store_id'",
            [],
            |_| Ok(()),
        )
        .map_err(|error| damaged(error.to_string()))?;
    std::fs::create_dir_all(folder).map_err(|source| Error::Io {
        path: folder.to_owned(),
        source,
    })?;
    let part = folder.join(format!("{FILE_NAME}.part"));
    remove_if_there(&part)?;
    copy(&connection, &part, progress)?;
    let restored = Connection::open(&part)?;
    restored.execute(
        "UPDATE setting SET value = ?1 WHERE name = 'store_id'",
        [new_store_id()?],
    )?;
    restored.close().map_err(|(_, error)| error)?;
    std::fs::rename(&part, &target).map_err(|source| Error::Io {
        path: target,
        source,
    })
}

fn part_of(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

fn remove_if_there(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::Io {
            path: path.to_owned(),
            source: error,
        }),
        _ => Ok(()),
    }
}
