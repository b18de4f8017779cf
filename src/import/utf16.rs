//! Reads UTF-16 as UTF-8, told by its byte order mark: what Windows writes when the output of a
//! command goes to a file, and what spreadsheets call "Unicode text".

use std::io::{BufRead, Read, Result};

use encoding_rs::{Decoder, Encoding, UTF_8};

/// The room for reading ahead.
const BUFFER_BYTES: usize = 64 * 1024;

/// The stream as UTF-8 when it begins like UTF-16, else as it is.
pub(super) fn through_utf16<'a>(
    mut reader: Box<dyn BufRead + 'a>,
) -> Result<Box<dyn BufRead + 'a>> {
    let encoding = match Encoding::for_bom(reader.fill_buf()?) {
        Some((encoding, _)) if encoding != UTF_8 => encoding,
        Some(_) | None => return Ok(reader),
    };
    Ok(Box::new(Utf16 {
        reader,
        decoder: encoding.new_decoder_with_bom_removal(),
        decoded: vec![0; BUFFER_BYTES],
        next: 0,
        end: 0,
        is_done: false,
    }))
}

/// A stream of UTF-16 while it is read.
struct Utf16<R> {
    reader: R,
    decoder: Decoder,
    /// What is decoded ahead. The decoder needs room for a character, which a caller may not give.
    decoded: Vec<u8>,
    next: usize,
    end: usize,
    is_done: bool,
}

impl<R: BufRead> BufRead for Utf16<R> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        while self.next >= self.end && !self.is_done {
            let source = self.reader.fill_buf()?;
            self.is_done = source.is_empty();
            let decoded = &mut self.decoded;
            let (_, n_read, n_written, _) =
                self.decoder.decode_to_utf8(source, decoded, self.is_done);
            self.reader.consume(n_read);
            (self.next, self.end) = (0, n_written);
        }
        Ok(self.decoded.get(self.next..self.end).unwrap_or_default())
    }

    fn consume(&mut self, n_bytes: usize) {
        self.next += n_bytes;
    }
}

impl<R: BufRead> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let n_read = self.fill_buf()?.read(buffer)?;
        self.consume(n_read);
        Ok(n_read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    #[test]
    fn utf_16_becomes_utf_8_and_anything_else_stays() {
        let text = "{\"id\": \"ü😀\"}\n";
        let check = |bytes: &[u8]| {
            for capacity in [2, 3, 64] {
                let reader = BufReader::with_capacity(capacity, bytes);
                let mut read = String::new();
                let mut stream = through_utf16(Box::new(reader)).unwrap();
                stream.read_to_string(&mut read).unwrap();
                assert_eq!(read, text);
            }
        };
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        check(&[&[0xff, 0xfe], little.as_slice()].concat());
        check(&[&[0xfe, 0xff], big.as_slice()].concat());
        check(text.as_bytes());
    }
}
