//! Finds the end of a JSON value without parsing it: only depth and strings are followed.

use memchr::{memchr2, memchr3};

/// Where in a value the scan is.
#[derive(Default)]
pub(super) struct Scan {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// A number or a word, which ends before the sign after it.
    is_bare: bool,
    /// Whether a string must end on its line.
    is_line: bool,
}

/// How far a scan got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// The value goes on behind these bytes.
    Further,
    /// The value ends with these bytes.
    End,
    /// A string is open at the end of a line, where no string of JSON can be.
    OpenString,
}

impl Scan {
    /// From the first byte of a value. JSON forbids line ends in strings; `is_line` heeds that, so
    /// that a string that is never closed does not swallow the lines after it.
    pub(super) fn of_value(is_line: bool) -> Self {
        Self {
            is_line,
            ..Self::default()
        }
    }

    /// From between two members of an object that is open.
    pub(super) fn of_open_object(is_line: bool) -> Self {
        Self {
            depth: 1,
            is_line,
            ..Self::default()
        }
    }

    /// Whether the value may end with the input: a number or a word.
    pub(super) fn may_end(&self) -> bool {
        self.is_bare
    }

    /// How many bytes belong to the value.
    pub(super) fn advance(&mut self, buffer: &[u8]) -> (usize, Reached) {
        let mut at = 0;
        while let Some(&byte) = buffer.get(at) {
            if self.in_string {
                match self.string(buffer, at) {
                    (end, Reached::Further) => at = end,
                    stopped => return stopped,
                }
                continue;
            }
            if self.is_bare && matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n') {
                return (at, Reached::End);
            }
            at += 1;
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return (at, Reached::End);
                    }
                }
                _ => self.is_bare |= self.depth == 0,
            }
        }
        (buffer.len(), Reached::Further)
    }

    /// Reads on inside a string, from a place in the buffer.
    fn string(&mut self, buffer: &[u8], at: usize) -> (usize, Reached) {
        if std::mem::take(&mut self.is_escaped) {
            return (at + 1, Reached::Further);
        }
        let rest = buffer.get(at..).unwrap_or_default();
        let found = match self.is_line {
            true => memchr3(b'"', b'\\', b'\n', rest),
            false => memchr2(b'"', b'\\', rest),
        };
        let Some(found) = found else {
            return (buffer.len(), Reached::Further);
        };
        let end = at + found + 1;
        match rest.get(found) {
            Some(b'\\') => self.is_escaped = true,
            Some(b'\n') => return (end - 1, Reached::OpenString),
            _ => {
                self.in_string = false;
                if self.depth == 0 {
                    return (end, Reached::End);
                }
            }
        }
        (end, Reached::Further)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_it_ends_whatever_its_strings_hold() {
        let check = |text: &str, is_line: bool, expected: (usize, Reached)| {
            let mut scan = Scan::of_value(is_line);
            assert_eq!(scan.advance(text.as_bytes()), expected, "{text}");
        };
        check("\"a\\\"}\",", false, (6, Reached::End));
        check("{\"]\":[{}]}]", false, (10, Reached::End));
        check("12, 3", false, (2, Reached::End));
        check("{\"a", false, (3, Reached::Further));
        check("{\"a\nb\"}", false, (7, Reached::End));
        check("{\"a\nb\"}", true, (3, Reached::OpenString));
    }
}
