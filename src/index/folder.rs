//! The folder of one index: generations, of which the file `CURRENT` names the live one.
//!
//! A rebuild fills a new generation beside the live one and publishes it by replacing `CURRENT`,
//! which a file system does in one step: after a crash either the old or the new one is live,
//! never none and never half of one. A damaged generation is set aside, not deleted; only the
//! latest set aside is kept.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::Error;
use super::schema::folder_name;
use crate::model::Kind;

const POINTER: &str = "CURRENT";
const GENERATION: &str = "generation-";
const SET_ASIDE: &str = "set-aside-";

/// The folder of the index of one kind in a data folder.
#[derive(Debug, Clone)]
pub struct IndexFolder {
    root: PathBuf,
}

impl IndexFolder {
    /// The index folder of a kind; nothing is made yet.
    #[must_use]
    pub fn new(data_folder: &Path, kind: Kind) -> Self {
        Self {
            root: data_folder.join(folder_name(kind)),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The generation that `CURRENT` names, whether or not it can be opened.
    ///
    /// # Errors
    /// [`Error::Io`] when `CURRENT` is there but cannot be read.
    pub fn live(&self) -> Result<Option<PathBuf>, Error> {
        let pointer = self.root.join(POINTER);
        match fs::read(&pointer) {
            Ok(bytes) => Ok(std::str::from_utf8(&bytes)
                .ok()
                .map(str::trim)
                .filter(|name| number_of(name).is_some())
                .map(|name| self.root.join(name))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Io {
                path: pointer,
                source,
            }),
        }
    }

    /// The newest generation there is, live or not.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn newest(&self) -> Result<Option<PathBuf>, Error> {
        Ok(self.generations()?.pop().map(|(_, path)| path))
    }

    /// Makes the folder of a new generation, empty and not live yet.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn new_generation(&self) -> Result<PathBuf, Error> {
        fs::create_dir_all(&self.root).map_err(|source| self.error(source))?;
        let newest = self.generations()?.last().map_or(0, |(number, _)| *number);
        let path = self.root.join(format!("{GENERATION}{}", newest + 1));
        fs::create_dir(&path).map_err(|source| Error::Io {
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }

    /// Makes a generation the live one. From the return on it survives a crash.
    ///
    /// # Errors
    /// [`Error::Io`]; the former live generation then stays so.
    pub fn publish(&self, generation: &Path) -> Result<(), Error> {
        let name = generation
            .file_name()
            .unwrap_or_default()
            .as_encoded_bytes();
        let draft = self.root.join(format!("{POINTER}.new"));
        let write = || -> std::io::Result<()> {
            let mut file = fs::File::create(&draft)?;
            file.write_all(name)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&draft, self.root.join(POINTER))?;
            fs::File::open(&self.root)?.sync_all()
        };
        write().map_err(|source| self.error(source))
    }

    /// Puts every generation but `keep` out of the way: `damaged` is renamed and kept, the others
    /// were superseded or never finished and are deleted.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn clear(&self, keep: Option<&Path>, damaged: Option<&Path>) -> Result<(), Error> {
        for (number, path) in self.generations()? {
            if Some(path.as_path()) == keep {
                continue;
            }
            if Some(path.as_path()) == damaged {
                self.remove_set_aside()?;
                let aside = self.root.join(format!("{SET_ASIDE}{number}"));
                fs::rename(&path, &aside).map_err(|source| Error::Io { path, source })?;
            } else {
                fs::remove_dir_all(&path).map_err(|source| Error::Io { path, source })?;
            }
        }
        Ok(())
    }

    fn remove_set_aside(&self) -> Result<(), Error> {
        for path in self.entries(SET_ASIDE)? {
            fs::remove_dir_all(&path).map_err(|source| Error::Io { path, source })?;
        }
        Ok(())
    }

    fn generations(&self) -> Result<Vec<(u64, PathBuf)>, Error> {
        let mut generations: Vec<(u64, PathBuf)> = self
            .entries(GENERATION)?
            .into_iter()
            .filter_map(|path| Some((number_of(path.file_name()?.to_str()?)?, path)))
            .collect();
        generations.sort();
        Ok(generations)
    }

    fn entries(&self, prefix: &str) -> Result<Vec<PathBuf>, Error> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(self.error(source)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| self.error(source))?;
            if entry.file_name().to_string_lossy().starts_with(prefix) {
                paths.push(entry.path());
            }
        }
        Ok(paths)
    }

    fn error(&self, source: std::io::Error) -> Error {
        Error::Io {
            path: self.root.clone(),
            source,
        }
    }
}

/// The number in `generation-7`.
fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix(GENERATION)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pointer_decides_what_is_live() {
        let data = tempfile::tempdir().unwrap();
        let folder = IndexFolder::new(data.path(), Kind::Ticket);
        assert_eq!(folder.live().unwrap(), None);
        let first = folder.new_generation().unwrap();
        assert_eq!(
            folder.live().unwrap(),
            None,
            "a generation is not live before it is published"
        );
        folder.publish(&first).unwrap();
        let second = folder.new_generation().unwrap();
        assert_eq!(folder.live().unwrap(), Some(first.clone()));
        folder.publish(&second).unwrap();
        folder.clear(Some(&second), Some(&first)).unwrap();
        assert_eq!(folder.live().unwrap(), Some(second));
        assert!(folder.path().join("set-aside-1").is_dir());
        assert!(!first.exists());
    }

    #[test]
    fn a_pointer_of_garbage_names_nothing() {
        let data = tempfile::tempdir().unwrap();
        let folder = IndexFolder::new(data.path(), Kind::Article);
        folder.new_generation().unwrap();
        for garbage in [&b"../../etc"[..], b"\xff\xfe", b"", b"generation-x"] {
            fs::write(folder.path().join(POINTER), garbage).unwrap();
            assert_eq!(folder.live().unwrap(), None);
        }
    }
}
