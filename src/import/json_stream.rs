//! Cuts a stream of JSON into records without parsing it, in memory bounded by one record.
//!
//! What systems answer is a record, one record a line, a list of records, or an object around such
//! lists (`{"tickets": [...], "users": [...], "next_page": ...}`). An object is taken for one around
//! lists when a member with a usual name holds a list of objects and nothing before it names a
//! record (`id`, `key`). Method: ours; only depth, strings and top-level members are followed, the
//! records themselves are checked by whoever parses them.

use std::io::{BufRead, ErrorKind};

use memchr::memchr2;

use super::Refused;
use super::lines::MAX_LINE_BYTES;

/// The members under which systems list their records.
const LISTS: [&str; 31] = [
    "tickets",
    "issues",
    "results",
    "result",
    "articles",
    "values",
    "value",
    "pages",
    "audits",
    "comments",
    "users",
    "groups",
    "organizations",
    "sections",
    "categories",
    "conversations",
    "folders",
    "agents",
    "requesters",
    "departments",
    "ticket_metrics",
    "metric_sets",
    "requests",
    "suspended_tickets",
    "data",
    "items",
    "notes",
    "spaces",
    "translations",
    "ticket_fields",
    "records",
];

/// The members that make an object a record.
const MARKS: [&str; 6] = ["id", "key", "kind", "sys_id", "number", "issueId"];

/// Objects around lists may be nested so deep: `{"result": {"articles": [...]}}`.
const MAX_WRAPPERS: usize = 3;

/// A piece of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A record, and the name of the list it stands in.
    Record {
        /// The member that holds the list; `None` for a record of its own.
        list: Option<String>,
        /// Its JSON.
        json: Vec<u8>,
    },
    /// A member beside the lists of an object around them.
    Beside {
        /// Its name.
        name: String,
        /// Its JSON.
        json: Vec<u8>,
    },
}

/// The pieces of a stream of JSON.
pub(super) struct JsonStream<R> {
    reader: R,
    /// The lists that are open, outermost first.
    lists: Vec<Open>,
    is_done: bool,
    has_begun: bool,
}

/// A wrapper that is open.
enum Open {
    /// An object around lists.
    Object,
    /// A list of records, with its name.
    List(Option<String>),
}

type Found = Result<Option<Piece>, Refused>;

impl<R: BufRead> JsonStream<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            lists: Vec::new(),
            is_done: false,
            has_begun: false,
        }
    }

    fn find(&mut self) -> Found {
        loop {
            let Some(byte) = self.peek_token()? else {
                return match self.lists.is_empty() {
                    true => Ok(None),
                    false => Err(Refused::fatal("the JSON ends in the middle of a list")),
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
                (Some(Open::Object), _) => {
                    return Err(Refused::fatal("an object has something that is no member"));
                }
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
                    let json = self.value(Vec::new())?;
                    return Ok(Some(Piece::Record { list, json }));
                }
                (None, _) => return Err(Refused::fatal("this is no JSON")),
            }
        }
    }

    /// Reads a member of an object around lists: a list is opened, anything else is a piece.
    fn member(&mut self) -> Found {
        let mut json = Vec::new();
        self.string(&mut json)?;
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
                let json = self.value(Vec::new())?;
                Ok(Some(Piece::Beside { name, json }))
            }
        }
    }

    /// Reads an object until it is clear whether it is a record or stands around lists. In the
    /// latter case it is opened, and its first members are dropped: they say nothing of records.
    fn object(&mut self, list: Option<String>) -> Found {
        let mut json = vec![b'{'];
        self.reader.consume(1);
        let mut is_record = self.lists.len() >= MAX_WRAPPERS;
        loop {
            match self.peek_token()? {
                Some(b'}') => {
                    self.reader.consume(1);
                    json.push(b'}');
                    return Ok(Some(Piece::Record { list, json }));
                }
                Some(b',') => {
                    self.reader.consume(1);
                    json.push(b',');
                }
                Some(b'"') => {
                    let begin = json.len();
                    self.string(&mut json)?;
                    let name = name_of(json.get(begin..).unwrap_or_default());
                    self.expect_colon()?;
                    is_record |= MARKS.contains(&name.as_str());
                    let next = self.peek_token()?;
                    if !is_record && self.opens_list(&name, next)? {
                        self.lists.push(Open::Object);
                        return self.open(name, next);
                    }
                    json.push(b':');
                    json = self.value(json)?;
                }
                Some(_) => return Err(Refused::fatal("an object has something that is no member")),
                None => return Err(Refused::fatal("the JSON ends in the middle of a record")),
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
    fn opens_list(&mut self, name: &str, next: Option<u8>) -> Result<bool, Refused> {
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

    fn expect_colon(&mut self) -> Result<(), Refused> {
        if self.peek_token()? == Some(b':') {
            self.reader.consume(1);
            return Ok(());
        }
        Err(Refused::fatal("a member of an object has no value"))
    }

    /// The next byte that is no white space; it is not consumed.
    fn peek_token(&mut self) -> Result<Option<u8>, Refused> {
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

    fn fill(&mut self) -> Result<&[u8], Refused> {
        // A loop that returns the borrow would not pass the borrow checker: fill, then borrow.
        loop {
            match self.reader.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(Refused::fatal(format!("the input ends here: {error}")));
                }
            }
        }
        self.reader
            .fill_buf()
            .map_err(|error| Refused::fatal(format!("the input ends here: {error}")))
    }

    /// Appends a string with its quotes; the opening quote is next.
    fn string(&mut self, json: &mut Vec<u8>) -> Result<(), Refused> {
        let mut scan = Scan::default();
        self.scan(json, &mut scan)
    }

    /// Appends one whole value.
    fn value(&mut self, mut json: Vec<u8>) -> Result<Vec<u8>, Refused> {
        let mut scan = Scan::default();
        self.scan(&mut json, &mut scan)?;
        Ok(json)
    }

    /// Appends bytes until the value that begins here is complete.
    fn scan(&mut self, json: &mut Vec<u8>, scan: &mut Scan) -> Result<(), Refused> {
        loop {
            let buffer = self.fill()?;
            if buffer.is_empty() {
                return match scan.is_bare {
                    true => Ok(()),
                    false => Err(Refused::fatal("the JSON ends in the middle of a record")),
                };
            }
            let (n_bytes, is_complete) = scan.advance(buffer);
            json.extend_from_slice(buffer.get(..n_bytes).unwrap_or_default());
            self.reader.consume(n_bytes);
            if is_complete {
                return Ok(());
            }
            if json.len() > MAX_LINE_BYTES {
                let detail = format!("a record has more than {MAX_LINE_BYTES} bytes");
                return Err(Refused::fatal(detail));
            }
        }
    }
}

/// Where in a value the scan is.
#[derive(Default)]
struct Scan {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// A number or a word, which ends before the sign after it.
    is_bare: bool,
}

impl Scan {
    /// How many bytes belong to the value, and whether it ends with them.
    fn advance(&mut self, buffer: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while let Some(&byte) = buffer.get(at) {
            if self.in_string {
                if self.is_escaped {
                    self.is_escaped = false;
                    at += 1;
                    continue;
                }
                let rest = buffer.get(at..).unwrap_or_default();
                let Some(found) = memchr2(b'"', b'\\', rest) else {
                    return (buffer.len(), false);
                };
                at += found + 1;
                if rest.get(found) == Some(&b'\\') {
                    self.is_escaped = true;
                } else {
                    self.in_string = false;
                    if self.depth == 0 {
                        return (at, true);
                    }
                }
                continue;
            }
            if self.is_bare && matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n') {
                return (at, true);
            }
            at += 1;
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return (at, true);
                    }
                }
                _ => self.is_bare |= self.depth == 0,
            }
        }
        (buffer.len(), false)
    }
}

impl<R: BufRead> Iterator for JsonStream<R> {
    type Item = Result<Piece, Refused>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let found = self.find();
        self.is_done = !matches!(found, Ok(Some(_)));
        found.transpose()
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
