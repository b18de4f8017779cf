//! Opens plain and gzip streams for the formats that are read as they come.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

/// The room for reading ahead.
const BUFFER_BYTES: usize = 256 * 1024;

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
