//! Where an import comes from: a file, a folder of files, or standard input; plain or gzip.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

/// The room for reading ahead.
const BUFFER_BYTES: usize = 256 * 1024;

/// The format of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values with a header line.
    Csv,
}

impl Format {
    /// The format that the name of a file promises, `.gz` left out.
    #[must_use]
    pub fn of_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// A file to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its format.
    pub format: Format,
    /// Its size, for progress.
    pub size_bytes: u64,
}

/// The files behind a path: itself, or what a folder holds in a format that is known, in order of
/// names, folders within it included. `format` is taken for what its name does not tell.
///
/// # Errors
/// When the path cannot be read, or no file in it has a known format.
pub fn input_files(path: &Path, format: Option<Format>) -> std::io::Result<Vec<InputFile>> {
    let mut files = Vec::new();
    if path.is_dir() {
        collect(path, &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
    } else {
        let size_bytes = std::fs::metadata(path)?.len();
        let of_name = format.or_else(|| Format::of_name(path));
        files.extend(of_name.map(|format| InputFile {
            path: path.to_owned(),
            format,
            size_bytes,
        }));
    }
    if files.is_empty() {
        let detail = "no file with a name in .ndjson, .jsonl or .csv (each also with .gz)";
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            detail,
        ));
    }
    Ok(files)
}

fn collect(folder: &Path, files: &mut Vec<InputFile>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if let Some(format) = Format::of_name(&path) {
            let size_bytes = std::fs::metadata(&path)?.len();
            files.push(InputFile {
                path,
                format,
                size_bytes,
            });
        }
    }
    Ok(())
}

/// Opens a file; gzip is told by its first bytes, not by the name. `on_read` gets the number of
/// bytes of the file that were read.
///
/// # Errors
/// When the file cannot be read.
pub fn open<'a>(
    path: &Path,
    on_read: impl FnMut(usize) + 'a,
) -> std::io::Result<Box<dyn BufRead + 'a>> {
    let file = Counted {
        reader: File::open(path)?,
        on_read,
    };
    unpacked(BufReader::with_capacity(BUFFER_BYTES, file))
}

/// Reads through gzip when the input starts like it.
///
/// # Errors
/// When the input cannot be read.
pub fn unpacked<'a>(mut reader: impl BufRead + 'a) -> std::io::Result<Box<dyn BufRead + 'a>> {
    if reader.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        let decoder = MultiGzDecoder::new(reader);
        Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder)))
    } else {
        Ok(Box::new(reader))
    }
}

struct Counted<R, F> {
    reader: R,
    on_read: F,
}

impl<R: Read, F: FnMut(usize)> Read for Counted<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n_read = self.reader.read(buffer)?;
        (self.on_read)(n_read);
        Ok(n_read)
    }
}
