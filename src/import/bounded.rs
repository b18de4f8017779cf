//! Readers that count what they read, and end a stream that gives more than it may.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

/// The room for reading ahead.
const BUFFER_BYTES: usize = 256 * 1024;

/// An input may unpack to so many times its size; real exports reach 30.
const MAX_RATIO: u64 = 200;

/// What an input may unpack to whatever its size, in bytes.
const MAX_UNPACKED_SMALL: u64 = 64 * 1024 * 1024;

const TOO_MUCH: &str = "it unpacks to more than 200 times its size, as no honest export does";

/// What an honest input of a size unpacks to at most, in bytes.
pub(super) fn most_unpacked(packed_bytes: u64) -> u64 {
    packed_bytes
        .saturating_mul(MAX_RATIO)
        .max(MAX_UNPACKED_SMALL)
}

pub(super) fn buffered<'a>(reader: impl Read + 'a) -> Box<dyn BufRead + 'a> {
    Box::new(BufReader::with_capacity(BUFFER_BYTES, reader))
}

/// The stream unpacked when it begins like gzip, else as it is.
///
/// # Errors
/// When it cannot be read.
pub(super) fn through_gzip<'a>(
    mut reader: Box<dyn BufRead + 'a>,
    packed_bytes: u64,
) -> io::Result<Box<dyn BufRead + 'a>> {
    if reader.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        let decoder = MultiGzDecoder::new(reader);
        let most = most_unpacked(packed_bytes);
        return Ok(buffered(Bounded::new(decoder, most, TOO_MUCH)));
    }
    Ok(reader)
}

/// Tells how many bytes are read.
pub(super) struct Counted<'a, R> {
    reader: R,
    on_read: &'a dyn Fn(usize),
}

impl<'a, R> Counted<'a, R> {
    pub(super) fn new(reader: R, on_read: &'a dyn Fn(usize)) -> Self {
        Self { reader, on_read }
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.reader.read(buffer)?;
        (self.on_read)(n_read);
        Ok(n_read)
    }
}

/// Ends a stream that gives more than it may.
pub(super) struct Bounded<R> {
    reader: R,
    left: u64,
    detail: &'static str,
}

impl<R> Bounded<R> {
    pub(super) fn new(reader: R, most: u64, detail: &'static str) -> Self {
        Self {
            reader,
            left: most,
            detail,
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.reader.read(buffer)?;
        match self.left.checked_sub(n_read as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(self.detail)),
        }
        Ok(n_read)
    }
}

/// Ends a stream when one piece of it takes more than its share. Whoever cuts the pieces sets the
/// share anew for each.
pub(super) struct Shared<R> {
    reader: R,
    left: Rc<Cell<usize>>,
    detail: String,
}

impl<R> Shared<R> {
    pub(super) fn new(reader: R, left: &Rc<Cell<usize>>, detail: String) -> Self {
        Self {
            reader,
            left: Rc::clone(left),
            detail,
        }
    }
}

impl<R: Read> Read for Shared<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.reader.read(buffer)?;
        match self.left.get().checked_sub(n_read) {
            Some(left) => self.left.set(left),
            None => return Err(io::Error::other(self.detail.clone())),
        }
        Ok(n_read)
    }
}
