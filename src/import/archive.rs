//! Zip archives: their members, each read where it lies, within limits.
//!
//! A member gives no more bytes than its entry says, and all entries together say no more than an
//! honest export of that size holds: neither a member that lies nor thousands that overlap can
//! become an endless read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use tempfile::NamedTempFile;
use zip::CompressionMethod;
use zip::read::ZipFile;

use super::bounded::{Bounded, Counted, buffered, most_unpacked};

/// Members that an archive may have.
const MAX_MEMBERS: usize = 100_000;

/// The parts that only Word documents and workbooks have: archives that are one file to a reader.
const PARTS_OF_ONE_FILE: [&str; 2] = ["word/document.xml", "xl/workbook.xml"];

/// Where an archive lies.
#[derive(Debug)]
pub(super) enum Archive {
    File(PathBuf),
    Kept(Arc<NamedTempFile>),
}

/// A file in an archive.
#[derive(Debug, Clone)]
pub(super) struct Member {
    archive: Arc<Archive>,
    offset: u64,
    packed_bytes: u64,
    /// What its entry says.
    unpacked_bytes: u64,
    is_packed: bool,
    crc: u32,
}

/// The name of a member, and the member, or why it is not read.
pub(super) type Listed = (String, Result<Member, String>);

impl Archive {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Kept(file) => file.path(),
        }
    }

    /// The files in an archive, in the order of their names.
    ///
    /// # Errors
    /// When it is damaged or breaks a limit.
    pub(super) fn members(self: &Arc<Self>) -> io::Result<Vec<Listed>> {
        let file = File::open(self.path())?;
        let most = most_unpacked(file.metadata()?.len());
        let mut zip = zip::ZipArchive::new(BufReader::new(file)).map_err(io::Error::other)?;
        if zip.len() > MAX_MEMBERS {
            let n_members = zip.len();
            let detail = format!("the archive has {n_members} members, more than {MAX_MEMBERS}");
            return Err(io::Error::other(detail));
        }
        let mut listed = Vec::new();
        let mut unpacked_bytes = 0_u64;
        for at in 0..zip.len() {
            let member = zip.by_index_raw(at).map_err(io::Error::other)?;
            let name = member.name().map_err(io::Error::other)?.into_owned();
            if name.ends_with('/') {
                continue;
            }
            unpacked_bytes = unpacked_bytes.saturating_add(member.size());
            listed.push((name, self.member(&member)));
        }
        if unpacked_bytes > most {
            let detail = format!(
                "the archive says that it unpacks to {unpacked_bytes} bytes, more than {most}, as \
                 no honest export of its size does"
            );
            return Err(io::Error::other(detail));
        }
        listed.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(listed)
    }

    fn member<R: Read>(self: &Arc<Self>, member: &ZipFile<'_, R>) -> Result<Member, String> {
        if member.encrypted() {
            return Err("it is encrypted".to_owned());
        }
        let method = member.compression();
        let is_read = matches!(
            method,
            CompressionMethod::Stored | CompressionMethod::Deflated
        );
        let Some(offset) = member.data_start().filter(|_| is_read) else {
            return Err(format!("it is packed by {method}, which is not read"));
        };
        Ok(Member {
            archive: Arc::clone(self),
            offset,
            packed_bytes: member.compressed_size(),
            unpacked_bytes: member.size(),
            is_packed: method == CompressionMethod::Deflated,
            crc: member.crc32(),
        })
    }
}

/// Whether a file is an archive of files: not one whose parts make one file.
///
/// # Errors
/// When it cannot be read.
pub(super) fn is_archive(path: &Path) -> io::Result<bool> {
    let mut start = [0_u8; 4];
    let mut file = File::open(path)?;
    let n_read = file.read(&mut start)?;
    if n_read < 4 || start != *b"PK\x03\x04" {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(0))?;
    let is_one_file = zip::ZipArchive::new(BufReader::new(file)).is_ok_and(|zip| {
        let has = |part: &&str| zip.index_for_name(part).is_some();
        PARTS_OF_ONE_FILE.iter().any(has)
    });
    Ok(!is_one_file)
}

impl Member {
    pub(super) fn archive_path(&self) -> &Path {
        self.archive.path()
    }

    pub(super) fn packed_bytes(&self) -> u64 {
        self.packed_bytes
    }

    /// Reads the member where it lies, so that many can be open and none borrows the archive.
    pub(super) fn open<'a>(
        &self,
        mut file: File,
        on_read: &'a dyn Fn(usize),
    ) -> io::Result<Box<dyn BufRead + 'a>> {
        file.seek(SeekFrom::Start(self.offset))?;
        let reader = buffered(Counted::new(file.take(self.packed_bytes), on_read));
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
        let detail = "the archive is damaged: a member is longer than it says";
        Ok(buffered(Bounded::new(checked, self.unpacked_bytes, detail)))
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
