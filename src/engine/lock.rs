//! One process writes a data folder. The lock is the operating system's (it goes with the process,
//! however that ends); the file only says who has it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::Error;

const FILE_NAME: &str = "firstline.lock";

/// The right to write a data folder, given back when dropped.
#[derive(Debug)]
pub(super) struct FolderLock {
    file: File,
}

impl FolderLock {
    pub(super) fn take(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(FILE_NAME);
        let io = |source| Error::Folder {
            path: path.clone(),
            source,
        };
        std::fs::create_dir_all(folder).map_err(io)?;
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(folder.to_owned(), &mut file)),
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        let mut lock = Self { file };
        lock.write(&format!("process {}", std::process::id()));
        Ok(lock)
    }

    /// Says in the file what the process is doing; only for people.
    fn write(&mut self, what: &str) {
        let written = self
            .file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .and_then(|()| self.file.write_all(what.as_bytes()));
        if let Err(error) = written {
            tracing::warn!(%error, "the lock file could not be written");
        }
    }
}

fn in_use(folder: PathBuf, file: &mut File) -> Error {
    let mut holder = String::new();
    let is_known = file.read_to_string(&mut holder).is_ok() && !holder.is_empty();
    Error::InUse {
        folder,
        holder: if is_known {
            holder
        } else {
            "another process".to_owned()
        },
    }
}
