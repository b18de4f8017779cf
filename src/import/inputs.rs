//! What an import reads: a file, a folder, a zip archive or a stream, each plain or gzip; every
//! one of them can be opened again, for some formats are read twice.
//!
//! Nothing is ever written under a name that an input gives, and links inside folders are not
//! followed. Archives have limits, so that a few kilobytes cannot become a full disk or an endless
//! read: see the constants.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::Crc;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder};
use tempfile::NamedTempFile;
use zip::CompressionMethod;

/// The room for reading ahead.
const BUFFER_BYTES: usize = 256 * 1024;

/// Members that an archive may have.
const MAX_MEMBERS: usize = 100_000;

/// An input may unpack to so many times its size; real exports reach 30.
const MAX_RATIO: u64 = 200;

/// What an input may unpack to whatever its size, in bytes.
const MAX_UNPACKED_SMALL: u64 = 64 * 1024 * 1024;

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

#[derive(Debug, Clone)]
struct Member {
    archive: Arc<Archive>,
    offset: u64,
    packed_bytes: u64,
    is_packed: bool,
    crc: u32,
}

#[derive(Debug)]
enum Archive {
    File(PathBuf),
    Kept(Arc<NamedTempFile>),
}

impl Archive {
    fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Kept(file) => file.path(),
        }
    }
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

    /// Keeps a stream in a temporary file, so that it can be read like any other.
    ///
    /// # Errors
    /// When the stream cannot be read or the file not be written.
    pub fn keep(name: &str, reader: &mut dyn Read) -> io::Result<Self> {
        let mut file = NamedTempFile::new()?;
        let size_bytes = io::copy(reader, &mut file)?;
        let file = Arc::new(file);
        let mut inputs = Self::default();
        if is_archive(file.path())? && !is_document(file.path()) {
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

    fn leave_out(&mut self, name: String, reason: String) {
        self.left_out.push((name, reason));
    }

    fn collect(&mut self, folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            let file_type = entry.file_type()?;
            if file_type.is_symlink() {
                let reason = "a link; links are not followed".to_owned();
                self.leave_out(path.display().to_string(), reason);
            } else if file_type.is_dir() {
                self.collect(&path, paths)?;
            } else if paths.len() >= MAX_FILES {
                return Err(io::Error::other(format!("more than {MAX_FILES} files")));
            } else {
                paths.push(path);
            }
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path, folder: &Path) -> io::Result<()> {
        let size_bytes = std::fs::metadata(path)?.len();
        let name = path.display().to_string();
        if is_archive(path)? && !is_document(path) {
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
        let file = BufReader::new(File::open(archive.path())?);
        let mut zip = zip::ZipArchive::new(file).map_err(io::Error::other)?;
        if zip.len() > MAX_MEMBERS {
            let detail = format!(
                "the archive has {} members, more than {MAX_MEMBERS}",
                zip.len()
            );
            return Err(io::Error::other(detail));
        }
        let mut found = Vec::new();
        for at in 0..zip.len() {
            let member = zip.by_index_raw(at).map_err(io::Error::other)?;
            let member_name = member.name().map_err(io::Error::other)?.into_owned();
            if member_name.ends_with('/') {
                continue;
            }
            let name = format!("{name}/{member_name}");
            let reason = match (
                member.encrypted(),
                member.compression(),
                member.data_start(),
            ) {
                (true, _, _) => "it is encrypted".to_owned(),
                (false, CompressionMethod::Stored | CompressionMethod::Deflated, Some(offset)) => {
                    let place = Member {
                        archive: Arc::clone(archive),
                        offset,
                        packed_bytes: member.compressed_size(),
                        is_packed: member.compression() == CompressionMethod::Deflated,
                        crc: member.crc32(),
                    };
                    found.push(Input {
                        name: name.into(),
                        path_inside: member_name.into(),
                        size_bytes: member.compressed_size(),
                        place: Place::Member(place),
                    });
                    continue;
                }
                (false, method, _) => format!("it is packed by {method}, which is not read"),
            };
            self.leave_out(name, reason);
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        self.files.extend(found);
        Ok(())
    }
}

impl Input {
    /// Opens the file, through gzip when it starts like it. `on_read` gets the number of bytes of
    /// the packed file that were read.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open<'a>(&self, on_read: &'a dyn Fn(usize)) -> io::Result<Box<dyn BufRead + 'a>> {
        let file = File::open(self.path())?;
        let reader: Box<dyn BufRead + 'a> = match &self.place {
            Place::File(_) | Place::Kept(_) => buffered(Counted {
                reader: file,
                on_read,
            }),
            Place::Member(member) => member.open(file, on_read)?,
        };
        through_gzip(reader, self.size_bytes)
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
            Place::Member(member) => member.archive.path(),
        }
    }
}

impl Member {
    /// Reads the member where it lies, so that many can be open and none borrows the archive.
    fn open<'a>(
        &self,
        mut file: File,
        on_read: &'a dyn Fn(usize),
    ) -> io::Result<Box<dyn BufRead + 'a>> {
        file.seek(SeekFrom::Start(self.offset))?;
        let counted = Counted {
            reader: file.take(self.packed_bytes),
            on_read,
        };
        let reader = buffered(counted);
        let unpacked: Box<dyn Read + 'a> = if self.is_packed {
            Box::new(DeflateDecoder::new(reader))
        } else {
            Box::new(reader)
        };
        let checked = Checked {
            reader: unpacked,
            crc: Crc::new(),
            expected: self.crc,
        };
        Ok(buffered(Bounded::new(checked, self.packed_bytes)))
    }
}

fn buffered<'a>(reader: impl Read + 'a) -> Box<dyn BufRead + 'a> {
    Box::new(BufReader::with_capacity(BUFFER_BYTES, reader))
}

fn through_gzip<'a>(
    mut reader: Box<dyn BufRead + 'a>,
    packed_bytes: u64,
) -> io::Result<Box<dyn BufRead + 'a>> {
    if reader.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        let decoder = MultiGzDecoder::new(reader);
        return Ok(buffered(Bounded::new(decoder, packed_bytes)));
    }
    Ok(reader)
}

fn is_archive(path: &Path) -> io::Result<bool> {
    let mut start = [0_u8; 4];
    let n_read = File::open(path)?.read(&mut start)?;
    Ok(n_read == 4 && start == *b"PK\x03\x04")
}

/// Whether the archive is a Word document, which is one file to its readers.
fn is_document(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    zip::ZipArchive::new(BufReader::new(file))
        .is_ok_and(|zip| zip.index_for_name("word/document.xml").is_some())
}

struct Counted<'a, R> {
    reader: R,
    on_read: &'a dyn Fn(usize),
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.reader.read(buffer)?;
        (self.on_read)(n_read);
        Ok(n_read)
    }
}

/// Ends a stream that unpacks to far more than any honest export does.
struct Bounded<R> {
    reader: R,
    left: u64,
}

impl<R> Bounded<R> {
    fn new(reader: R, packed_bytes: u64) -> Self {
        let left = packed_bytes
            .saturating_mul(MAX_RATIO)
            .max(MAX_UNPACKED_SMALL);
        Self { reader, left }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.reader.read(buffer)?;
        let Some(left) = self.left.checked_sub(n_read as u64) else {
            let detail = format!(
                "it unpacks to more than {MAX_RATIO} times its size, as no honest export does"
            );
            return Err(io::Error::other(detail));
        };
        self.left = left;
        Ok(n_read)
    }
}

/// Compares the checksum at the end.
struct Checked<R> {
    reader: R,
    crc: Crc,
    expected: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.reader.read(buffer)?;
        self.crc.update(buffer.get(..n_read).unwrap_or_default());
        if n_read == 0 && !buffer.is_empty() && self.crc.sum() != self.expected {
            return Err(io::Error::other(
                "the archive is damaged: a checksum is wrong",
            ));
        }
        Ok(n_read)
    }
}
