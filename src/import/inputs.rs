//! What an import reads: a file, a folder, a zip archive or a stream, each plain or gzip; every
//! one of them can be opened again, for some formats are read twice.
//!
//! Nothing is ever written under a name that an input gives, and links inside folders are not
//! followed. What is packed has limits, so that a few kilobytes cannot become a full disk or an
//! endless read.
//!
//! An archive unpacks to 200 times its size at most, all members together (small ones to 64 MB
//! whatever their size); a stream that must be read twice is kept packed in a temporary file.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::NamedTempFile;

use super::archive::{Archive, Member, is_archive};
use super::bounded::{Counted, buffered, through_gzip};
use super::utf16::through_utf16;

/// Files that an import reads, at most.
const MAX_FILES: usize = 1_000_000;

/// One file to import; it can be opened any number of times.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its path, or `archive.zip/member`.
    pub name: Arc<str>,
    /// Its path inside the folder or archive that is imported; the same wherever that lies.
    pub path_inside: Arc<str>,
    /// Its size before it is unpacked, for progress.
    pub size_bytes: u64,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    File(PathBuf),
    Member(Member),
    /// A stream, kept in a file that goes with the last input that names it.
    Kept(Arc<NamedTempFile>),
}

/// The files of an import, in the order of their names, and what was left out.
#[derive(Debug, Default)]
pub struct Inputs {
    /// The files.
    pub files: Vec<Input>,
    /// What was not looked into, with the reason.
    pub left_out: Vec<(String, String)>,
}

impl Inputs {
    /// The files behind a path: itself, what a folder holds, what an archive holds.
    ///
    /// # Errors
    /// When the path cannot be read, or an archive breaks a limit or is damaged.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut inputs = Self::default();
        if path.is_dir() {
            let folder = path;
            let mut paths = Vec::new();
            inputs.collect(path, &mut paths)?;
            paths.sort();
            for path in paths {
                // One bad archive in a folder does not stop the others.
                if let Err(error) = inputs.add_file(&path, folder) {
                    inputs.leave_out(path.display().to_string(), error.to_string());
                }
            }
        } else {
            inputs.add_file(path, path.parent().unwrap_or(path))?;
        }
        Ok(inputs)
    }

    /// Keeps a stream in a temporary file as it comes, so that it can be read like any other.
    ///
    /// # Errors
    /// When the stream cannot be read or the file not be written.
    pub fn keep(name: &str, reader: &mut dyn Read) -> io::Result<Self> {
        let mut file = NamedTempFile::new()?;
        let size_bytes = io::copy(reader, &mut file)?;
        let file = Arc::new(file);
        let mut inputs = Self::default();
        if is_archive(file.path())? {
            inputs.add_archive(name, &Arc::new(Archive::Kept(file)))?;
        } else {
            inputs.files.push(Input {
                name: name.into(),
                path_inside: name.into(),
                size_bytes,
                place: Place::Kept(file),
            });
        }
        Ok(inputs)
    }

    fn leave_out(&mut self, name: String, reason: impl Into<String>) {
        self.left_out.push((name, reason.into()));
    }

    fn collect(&mut self, folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            let file_type = entry.file_type()?;
            let reason = if file_type.is_symlink() {
                "a link; links are not followed"
            } else if is_hidden(&entry.file_name().to_string_lossy()) {
                "its name begins with a dot"
            } else if file_type.is_dir() {
                self.collect(&path, paths)?;
                continue;
            } else if !file_type.is_file() {
                // A pipe would wait for whoever writes to it.
                "no regular file"
            } else if paths.len() >= MAX_FILES {
                return Err(io::Error::other(format!("more than {MAX_FILES} files")));
            } else {
                paths.push(path);
                continue;
            };
            self.leave_out(path.display().to_string(), reason);
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path, folder: &Path) -> io::Result<()> {
        let size_bytes = std::fs::metadata(path)?.len();
        let name = path.display().to_string();
        if is_archive(path)? {
            return self.add_archive(&name, &Arc::new(Archive::File(path.to_owned())));
        }
        let inside = path.strip_prefix(folder).unwrap_or(path);
        self.files.push(Input {
            name: name.into(),
            path_inside: inside.to_string_lossy().into(),
            size_bytes,
            place: Place::File(path.to_owned()),
        });
        Ok(())
    }

    fn add_archive(&mut self, name: &str, archive: &Arc<Archive>) -> io::Result<()> {
        for (inside, member) in archive.members()? {
            let name = format!("{name}/{inside}");
            match member {
                // Macs put a shadow of each file beside it.
                Ok(_) if inside.rsplit(['/', '\\']).next().is_some_and(is_hidden) => {
                    self.leave_out(name, "its name begins with a dot");
                }
                Ok(member) => self.files.push(Input {
                    name: name.into(),
                    path_inside: inside.into(),
                    size_bytes: member.packed_bytes(),
                    place: Place::Member(member),
                }),
                Err(reason) => self.leave_out(name, reason),
            }
        }
        Ok(())
    }
}

fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

impl Input {
    /// Opens the file: through gzip when it starts like it, UTF-16 as UTF-8. `on_read` gets the
    /// number of bytes of the packed file that were read.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open<'a>(&self, on_read: &'a dyn Fn(usize)) -> io::Result<Box<dyn BufRead + 'a>> {
        let file = File::open(self.path())?;
        let reader = match &self.place {
            Place::File(_) | Place::Kept(_) => buffered(Counted::new(file, on_read)),
            Place::Member(member) => member.open(file, on_read)?,
        };
        through_utf16(through_gzip(reader, self.size_bytes)?)
    }

    /// The end of the name, after the last slash.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.name.rsplit(['/', '\\']).next().unwrap_or_default()
    }

    /// The whole content, when it is not longer than `limit`.
    pub(super) fn read_all(&self, limit: usize, on_read: &dyn Fn(usize)) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        let mut reader = self.open(on_read)?.take(limit as u64 + 1);
        reader.read_to_end(&mut content)?;
        match content.len() > limit {
            true => Err(io::Error::other(format!("it has more than {limit} bytes"))),
            false => Ok(content),
        }
    }

    fn path(&self) -> &Path {
        match &self.place {
            Place::File(path) => path,
            Place::Kept(file) => file.path(),
            Place::Member(member) => member.archive_path(),
        }
    }
}
