//! Cuts a stream of JSON into records without parsing it, in memory bounded by one record.
//!
//! What systems answer is a record, one record a line, a list of records, or an object around such
//! lists (`{"tickets": [...], "users": [...], "next_page": ...}`). An object is taken for one around
//! lists when a member with a usual name holds a list of objects and nothing before it names a
//! record (`id`, `key`). Method: ours; only depth, strings and top-level members are followed, the
//! records themselves are checked by whoever parses them.

use std::io::{BufRead, ErrorKind};

use memchr::memchr;

use super::Refused;
use super::json_lists::{LISTS, MARKS};
use super::json_scan::{Reached, Scan};
use super::lines::MAX_LINE_BYTES;
use super::pieces::Piece;

/// Objects around lists may be nested so deep: `{"result": {"articles": [...]}}`.
const MAX_WRAPPERS: usize = 3;

const NO_MEMBER: &str = "an object has something that is no member";

/// The pieces of a stream of JSON.
pub(super) struct JsonStream<R> {
    reader: R,
    /// The lists that are open, outermost first.
    lists: Vec<Open>,
    is_done: bool,
    has_begun: bool,
    has_records: bool,
}

/// A wrapper that is open.
enum Open {
    /// An object around lists.
    Object,
    /// A list of records, with its name.
    List(Option<String>),
}

/// Why there is no piece.
enum Fault {
    /// The input failed, or ended in the middle of something.
    Input(String),
    /// What stands there is no JSON, or not where it stands.
    Wrong(&'static str),
    /// A record has more bytes than any may have. All of it was passed over.
    TooLong,
}

type Found = Result<Option<Piece>, Fault>;

impl<R: BufRead> JsonStream<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            lists: Vec::new(),
            is_done: false,
            has_begun: false,
            has_records: false,
        }
    }

    fn find(&mut self) -> Found {
        loop {
            let Some(byte) = self.peek_token()? else {
                return match self.lists.is_empty() {
                    true => Ok(None),
                    false => Err(ends("list")),
                };
            };
            match (self.lists.last(), byte) {
                (Some(Open::List(_)), b']') | (Some(Open::Object), b'}') => {
                    self.reader.consume(1);
                    self.lists.pop();
                }
                (Some(_), b',') => self.reader.consume(1),
                (Some(Open::Object), b'"') => {
                    if let Some(piece) = self.member()? {
                        return Ok(Some(piece));
                    }
                }
                (Some(Open::Object), _) => return Err(Fault::Wrong(NO_MEMBER)),
                (None, b'[') => {
                    self.reader.consume(1);
                    self.lists.push(Open::List(None));
                }
                (None, b'{') => {
                    if let Some(piece) = self.object(None)? {
                        return Ok(Some(piece));
                    }
                }
                (Some(Open::List(list)), _) => {
                    let list = list.clone();
                    let mut json = Vec::new();
                    self.value(&mut json)?;
                    return Ok(Some(Piece::Record { list, json }));
                }
                (None, _) => return Err(Fault::Wrong("this is no JSON")),
            }
        }
    }

    /// Reads a member of an object around lists: a list is opened, anything else is a piece.
    fn member(&mut self) -> Found {
        let mut json = Vec::new();
        self.value(&mut json)?;
        let name = name_of(&json);
        self.expect_colon()?;
        match self.peek_token()? {
            Some(b'[') if LISTS.contains(&name.as_str()) => {
                self.reader.consume(1);
                self.lists.push(Open::List(Some(name)));
                Ok(None)
            }
            Some(b'{') if LISTS.contains(&name.as_str()) => self.object(Some(name)),
            _ => {
                json.clear();
                self.value(&mut json)?;
                Ok(Some(Piece::Beside { name, json }))
            }
        }
    }

    /// Reads an object until it is clear whether it is a record or stands around lists. In the
    /// latter case it is opened, and its first members are dropped: they say nothing of records.
    fn object(&mut self, list: Option<String>) -> Found {
        let mut json = vec![b'{'];
        self.reader.consume(1);
        let found = self.members(&mut json, list);
        if matches!(found, Err(Fault::TooLong)) {
            self.scan(None, Scan::of_open_object(self.lists.is_empty()))?;
        }
        found
    }

    fn members(&mut self, json: &mut Vec<u8>, list: Option<String>) -> Found {
        let mut is_record = self.lists.len() >= MAX_WRAPPERS;
        loop {
            if json.len() > MAX_LINE_BYTES {
                return Err(Fault::TooLong);
            }
            match self.peek_token()? {
                Some(b'}') => {
                    self.reader.consume(1);
                    json.push(b'}');
                    let json = std::mem::take(json);
                    return Ok(Some(Piece::Record { list, json }));
                }
                Some(b',') => {
                    self.reader.consume(1);
                    json.push(b',');
                }
                Some(b'"') => {
                    let begin = json.len();
                    self.value(json)?;
                    let name = name_of(json.get(begin..).unwrap_or_default());
                    self.expect_colon()?;
                    is_record |= MARKS.contains(&name.as_str());
                    let next = self.peek_token()?;
                    if !is_record && self.opens_list(&name, next)? {
                        self.lists.push(Open::Object);
                        return self.open(name, next);
                    }
                    json.push(b':');
                    self.value(json)?;
                }
                Some(_) => return Err(Fault::Wrong(NO_MEMBER)),
                None => return Err(ends("record")),
            }
        }
    }

    /// Opens what `opens_list` has found.
    fn open(&mut self, name: String, next: Option<u8>) -> Found {
        if next == Some(b'{') {
            return self.object(Some(name));
        }
        self.reader.consume(1);
        self.lists.push(Open::List(Some(name)));
        Ok(None)
    }

    /// Whether a member holds a list of objects, or an object that may stand around one.
    fn opens_list(&mut self, name: &str, next: Option<u8>) -> Result<bool, Fault> {
        if !LISTS.contains(&name) {
            return Ok(false);
        }
        match next {
            Some(b'{') => Ok(name == "result" || name == "data"),
            Some(b'[') => {
                // Look past the bracket without consuming it: the first element tells.
                let buffer = self.fill()?;
                let rest = buffer.get(1..).unwrap_or_default();
                let first = rest.iter().find(|byte| !byte.is_ascii_whitespace());
                Ok(matches!(first, Some(b'{' | b']') | None))
            }
            _ => Ok(false),
        }
    }

    fn expect_colon(&mut self) -> Result<(), Fault> {
        if self.peek_token()? == Some(b':') {
            self.reader.consume(1);
            return Ok(());
        }
        Err(Fault::Wrong("a member of an object has no value"))
    }

    /// The next byte that is no white space; it is not consumed.
    fn peek_token(&mut self) -> Result<Option<u8>, Fault> {
        loop {
            let is_begun = self.has_begun;
            let buffer = self.fill()?;
            if buffer.is_empty() {
                return Ok(None);
            }
            // The bytes of a byte order mark stand for nothing in front of everything.
            let is_space = |byte: &&u8| {
                byte.is_ascii_whitespace() || (!is_begun && matches!(byte, 0xef | 0xbb | 0xbf))
            };
            let n_space = buffer.iter().take_while(is_space).count();
            let found = buffer.get(n_space).copied();
            self.reader.consume(n_space);
            if found.is_some() {
                self.has_begun = true;
                return Ok(found);
            }
        }
    }

    fn fill(&mut self) -> Result<&[u8], Fault> {
        // A loop that returns the borrow would not pass the borrow checker: fill, then borrow.
        loop {
            match self.reader.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(&error)),
            }
        }
        self.reader.fill_buf().map_err(|error| failed(&error))
    }

    /// Appends one whole value; a string with its quotes.
    fn value(&mut self, json: &mut Vec<u8>) -> Result<(), Fault> {
        let scan = Scan::of_value(self.lists.is_empty());
        self.scan(Some(json), scan)
    }

    /// Reads to the end of a value, and appends it where it is wanted and not too long.
    fn scan(&mut self, mut json: Option<&mut Vec<u8>>, mut scan: Scan) -> Result<(), Fault> {
        let mut is_too_long = false;
        loop {
            let buffer = self.fill()?;
            if buffer.is_empty() {
                return match scan.may_end() {
                    true => Ok(()),
                    false => Err(ends("record")),
                };
            }
            let (n_bytes, reached) = scan.advance(buffer);
            if let Some(json) = &mut json {
                is_too_long |= json.len() + n_bytes > MAX_LINE_BYTES;
                if !is_too_long {
                    json.extend_from_slice(buffer.get(..n_bytes).unwrap_or_default());
                }
            }
            self.reader.consume(n_bytes);
            match reached {
                Reached::Further => {}
                Reached::End if is_too_long => return Err(Fault::TooLong),
                Reached::End => return Ok(()),
                Reached::OpenString => {
                    return Err(Fault::Wrong("a string is not closed on its line"));
                }
            }
        }
    }

    /// Passes over the rest of a line.
    fn skip_line(&mut self) -> Result<(), Fault> {
        loop {
            let buffer = self.fill()?;
            let end = memchr(b'\n', buffer);
            let n_bytes = end.map_or(buffer.len(), |end| end + 1);
            self.reader.consume(n_bytes);
            if end.is_some() || n_bytes == 0 {
                return Ok(());
            }
        }
    }

    /// What a fault means to the stream: a record is refused, or the stream has ended. Where
    /// records stand on lines of their own, one that is no JSON ends with its line.
    fn refused(&mut self, fault: Fault) -> Refused {
        let detail = match fault {
            Fault::TooLong => {
                return Refused::new(format!("a record has more than {MAX_LINE_BYTES} bytes"));
            }
            Fault::Wrong(detail) if self.has_records && self.lists.is_empty() => {
                match self.skip_line() {
                    Ok(()) => return Refused::new(detail),
                    Err(_) => detail.to_owned(),
                }
            }
            Fault::Wrong(detail) => detail.to_owned(),
            Fault::Input(detail) => detail,
        };
        self.is_done = true;
        Refused::fatal(detail)
    }
}

fn failed(error: &std::io::Error) -> Fault {
    Fault::Input(format!("the input ends here: {error}"))
}

fn ends(inside: &str) -> Fault {
    Fault::Input(format!("the JSON ends in the middle of a {inside}"))
}

impl<R: BufRead> Iterator for JsonStream<R> {
    type Item = Result<Piece, Refused>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        match self.find() {
            Ok(Some(piece)) => {
                self.has_records = true;
                Some(Ok(piece))
            }
            Ok(None) => {
                self.is_done = true;
                None
            }
            Err(fault) => Some(Err(self.refused(fault))),
        }
    }
}

/// The name in a quoted string; one with escapes is none of ours, whatever it is.
fn name_of(json: &[u8]) -> String {
    let inner = json
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    String::from_utf8_lossy(inner.unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    fn pieces(text: &str, capacity: usize) -> Vec<String> {
        let reader = BufReader::with_capacity(capacity, text.as_bytes());
        JsonStream::new(reader)
            .map(|piece| match piece {
                Ok(Piece::Record { list, json }) => {
                    let json = String::from_utf8(json).unwrap();
                    format!("{}: {json}", list.unwrap_or_default())
                }
                Ok(Piece::Beside { name, json }) => {
                    format!("beside {name}: {}", String::from_utf8(json).unwrap())
                }
                Err(refused) => format!("error: {}", refused.detail),
            })
            .collect()
    }

    #[test]
    fn every_wrapper_gives_its_records() {
        let check = |text: &str, expected: &[&str]| {
            for capacity in [1, 7, 4096] {
                assert_eq!(pieces(text, capacity), expected, "{text} {capacity}");
            }
        };
        check(
            "\u{feff}[{\"id\":1}, {\"id\":2}]",
            &[": {\"id\":1}", ": {\"id\":2}"],
        );
        check(
            "{\"id\":1}\n{\"id\":2}\n",
            &[": {\"id\":1}", ": {\"id\":2}"],
        );
        check(
            "{\"count\":2,\"tickets\":[{\"id\":1,\"t\":\"]}\\\"\"}],\"users\":[{\"id\":9}],\"next\":null}",
            &[
                "tickets: {\"id\":1,\"t\":\"]}\\\"\"}",
                "users: {\"id\":9}",
                "beside next: null",
            ],
        );
        check(
            "{\"result\":{\"meta\":{},\"articles\":[{\"id\":1}]}}",
            &["articles: {\"id\":1}"],
        );
        check(
            "{\"result\":{\"sys_id\":\"a\"}}",
            &["result: {\"sys_id\":\"a\"}"],
        );
        check(
            "{\"id\":1,\"comments\":[{\"id\":2}]}",
            &[": {\"id\":1,\"comments\":[{\"id\":2}]}"],
        );
        check("{\"issues\":[]}", &[]);
        check("", &[]);
    }

    #[test]
    fn a_cut_stream_says_so_after_its_records() {
        let found = pieces("{\"tickets\":[{\"id\":1},{\"id\":", 4096);
        assert_eq!(found[0], "tickets: {\"id\":1}");
        assert!(found[1].contains("ends in the middle"), "{found:?}");
    }

    /// One bad line of a hundred thousand must not hide the others, nor an endless record fill the
    /// memory.
    #[test]
    fn a_bad_record_ends_with_its_line_and_a_long_one_with_itself() {
        for bad in [
            "nonsense",
            "{bad}",
            "{\"id\":\"open",
            "{\"id\"}",
            "{\"a\":{\"b\":\"open",
        ] {
            let found = pieces(&format!("{{\"id\":1}}\n{bad}\n{{\"id\":2}}\n"), 8);
            assert_eq!(found.len(), 3, "{found:?}");
            assert!(found[1].starts_with("error: "), "{found:?}");
            assert_eq!(found[2], ": {\"id\":2}");
        }
        assert_eq!(
            pieces("nonsense\n{\"id\":2}", 8),
            ["error: this is no JSON"]
        );
        let commas = ",".repeat(MAX_LINE_BYTES + 9);
        let text = "x".repeat(MAX_LINE_BYTES + 9);
        for long in [
            format!("{{{commas}\"id\":1}}"),
            format!("{{\"id\":1,\"x\":\"{text}\",\"y\":[]}}"),
            format!("{{\"{text}\":1}}"),
        ] {
            for (before, after) in [("", "\n"), ("{\"issues\":[", ",")] {
                let end = if before.is_empty() { "" } else { "]}" };
                let found = pieces(&format!("{before}{long}{after}{{\"id\":2}}{end}"), 1 << 16);
                assert_eq!(found.len(), 2);
                assert!(
                    found[0].contains("more than 16777216 bytes"),
                    "{}",
                    found[0].len()
                );
                assert!(found[1].ends_with(": {\"id\":2}"), "{}", found[1]);
            }
        }
    }

    proptest! {
        #[test]
        fn what_serde_reads_is_cut_at_the_same_places(
            values in proptest::collection::vec("[ -~]{0,12}", 0..5),
            capacity in 1_usize..40,
        ) {
            let records: Vec<_> = values
                .iter()
                .map(|text| serde_json::json!({"id": text, "x": [text, {"y": text}]}))
                .collect();
            let text = serde_json::json!({"issues": records}).to_string();
            // A list may start at the end of the buffer: one byte is looked past the bracket.
            let reader = BufReader::with_capacity(capacity, text.as_bytes());
            let cut: Vec<serde_json::Value> = JsonStream::new(reader)
                .map(|piece| match piece.unwrap() {
                    Piece::Record { json, .. } => serde_json::from_slice(&json).unwrap(),
                    Piece::Beside { name, .. } => panic!("{name}"),
                })
                .collect();
            prop_assert_eq!(cut, records);
        }
    }
}
