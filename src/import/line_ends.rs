//! Makes the line ends of Windows those of everybody else while a stream is read.
//!
//! The CSV parser counts a line when it has read its `\n`. A row that ends with `\r\n` is done
//! before that, so every row of a Windows file would be reported one line too early. Ours.

use std::io::{BufRead, Read, Result};

/// Reads a stream without the `\r` of its `\r\n`; any other `\r` stays.
pub(super) struct LineEnds<R> {
    reader: R,
    /// The last byte was a `\r` that was not handed on yet.
    has_return: bool,
}

impl<R: BufRead> LineEnds<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            has_return: false,
        }
    }
}

impl<R: BufRead> LineEnds<R> {
    /// The next byte, or `None` at the end.
    fn next(&mut self) -> Result<Option<u8>> {
        let next = self.reader.fill_buf()?.first().copied();
        if self.has_return && next != Some(b'\n') {
            // It ends no line; the byte after it waits for its own turn.
            self.has_return = false;
            return Ok(Some(b'\r'));
        }
        self.reader.consume(usize::from(next.is_some()));
        if next == Some(b'\r') {
            self.has_return = true;
            return self.next();
        }
        self.has_return = false;
        Ok(next)
    }
}

impl<R: BufRead> Read for LineEnds<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut n_written = 0;
        for slot in buffer {
            match self.next()? {
                Some(byte) => *slot = byte,
                None => break,
            }
            n_written += 1;
        }
        Ok(n_written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_returns_of_line_ends_go() {
        let check = |text: &str, expected: &str| {
            for capacity in 1..8 {
                let reader = std::io::BufReader::with_capacity(capacity, text.as_bytes());
                let mut read = String::new();
                LineEnds::new(reader).read_to_string(&mut read).unwrap();
                assert_eq!(read, expected, "{capacity}");
            }
        };
        check("a\r\nb\r\n", "a\nb\n");
        check("a\rb\r\r\nc\r", "a\rb\r\nc\r");
        check("\n\r\n\r", "\n\n\r");
        check("", "");
    }
}
