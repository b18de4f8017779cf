//! Reads lines of bounded length from a stream of any length.

use std::io::{BufRead, ErrorKind};

use super::Refused;

/// The longest line that is read, in bytes; a longer one is skipped without being held in memory.
pub const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// The longest text of a single field, in bytes.
pub const MAX_FIELD_BYTES: usize = 4 * 1024 * 1024;

/// Some programs put it in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The lines of a stream, without their ends, each with its number from 1.
pub(super) struct Lines<R> {
    reader: R,
    line_number: u64,
    is_done: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            line_number: 0,
            is_done: false,
        }
    }

    /// Reads one line into `line`, as long as it is short enough. Gives its length in bytes, or
    /// `None` at the end.
    fn read(&mut self, line: &mut Vec<u8>) -> std::io::Result<Option<usize>> {
        let mut n_bytes = 0;
        loop {
            let buffer = match self.reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                return Ok((n_bytes > 0).then_some(n_bytes));
            }
            let end = buffer.iter().position(|&byte| byte == b'\n');
            let part = buffer
                .get(..end.unwrap_or(buffer.len()))
                .unwrap_or_default();
            if n_bytes + part.len() <= MAX_LINE_BYTES {
                line.extend_from_slice(part);
            }
            n_bytes += part.len();
            let n_consumed = part.len() + usize::from(end.is_some());
            self.reader.consume(n_consumed);
            if end.is_some() {
                return Ok(Some(n_bytes));
            }
        }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = (u64, Result<String, Refused>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        self.line_number += 1;
        let mut line = Vec::new();
        let read = self.read(&mut line);
        if self.line_number == 1 && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        let content = match read {
            Ok(None) => return None,
            Ok(Some(n_bytes)) if n_bytes > MAX_LINE_BYTES => Err(Refused::new(format!(
                "the line has {n_bytes} bytes, more than {MAX_LINE_BYTES}"
            ))),
            Ok(Some(_)) => String::from_utf8(line).map_err(|error| {
                let at = error.utf8_error().valid_up_to();
                Refused::new(format!("the line is not UTF-8: byte {} is wrong", at + 1))
            }),
            Err(error) => {
                self.is_done = true;
                Err(Refused::fatal(format!("the input ends here: {error}")))
            }
        };
        Some((self.line_number, content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_text() {
        let lines: Vec<_> = Lines::new("\u{feff}a\n\u{feff}b".as_bytes()).collect();
        assert_eq!(
            lines,
            [(1, Ok("a".to_owned())), (2, Ok("\u{feff}b".to_owned()))]
        );
    }

    #[test]
    fn a_line_too_long_is_skipped_and_the_next_one_is_read() {
        let mut input = vec![b'x'; MAX_LINE_BYTES + 1];
        input.extend_from_slice(b"\nnext\n\xff\nlast");
        let lines: Vec<_> = Lines::new(input.as_slice()).collect();
        assert!(
            lines[0]
                .1
                .as_ref()
                .unwrap_err()
                .detail
                .contains("16777217 bytes")
        );
        assert_eq!(lines[1], (2, Ok("next".to_owned())));
        assert!(
            lines[2]
                .1
                .as_ref()
                .unwrap_err()
                .detail
                .contains("byte 1 is wrong")
        );
        assert_eq!(lines[3], (4, Ok("last".to_owned())));
        assert_eq!(lines.len(), 4);
    }
}
