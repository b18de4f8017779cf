//! The objects of Confluence's `entities.xml`, as Hibernate wrote them: a stream of elements, each
//! with an id, properties and references to other objects. Only wanted classes are built; depth and
//! the size of every single object are bounded, and no entity is ever expanded.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::super::Refused;
use super::super::bounded::Shared;
use super::super::inputs::Input;
use super::super::lines::MAX_LINE_BYTES;
use super::super::pieces::unreadable;
use super::super::xml::{attribute, character};

/// Elements inside elements; an export has five.
const MAX_DEPTH: usize = 32;

/// The element around all objects.
const ROOT: &str = "hibernate-generic";

/// What one object may take, in bytes.
const MAX_OBJECT_BYTES: usize = MAX_LINE_BYTES;

/// One object of the export: its simple properties, and where its references lead.
#[derive(Debug, Default)]
pub(super) struct Object {
    pub(super) class: String,
    /// The number of the object; none for a user, who has a key.
    pub(super) id: Option<u64>,
    pub(super) key: String,
    texts: HashMap<String, String>,
    references: HashMap<String, String>,
}

impl Object {
    pub(super) fn text(&self, name: &str) -> String {
        let text = self.texts.get(name);
        let text = text.or_else(|| self.references.get(name));
        text.map_or("", |text| text.trim()).to_owned()
    }

    /// A text that is wanted once, without copying it.
    pub(super) fn take(&mut self, name: &str) -> String {
        self.texts.remove(name).unwrap_or_default()
    }

    pub(super) fn reference(&self, name: &str) -> Option<u64> {
        self.references.get(name)?.trim().parse().ok()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }
}

type Bytes<'a> = Clean<Shared<Box<dyn BufRead + 'a>>>;

/// The wanted objects of an export.
pub(super) struct Objects<'a> {
    reader: Option<Reader<BufReader<Bytes<'a>>>>,
    failed: Option<Refused>,
    wanted: &'static [&'static str],
    left: Rc<Cell<usize>>,
    buffer: Vec<u8>,
    /// Whether the element around all objects has ended.
    is_closed: bool,
}

impl<'a> Objects<'a> {
    pub(super) fn open(
        input: &Input,
        on_read: &'a dyn Fn(usize),
        wanted: &'static [&'static str],
    ) -> Self {
        let left = Rc::new(Cell::new(MAX_OBJECT_BYTES));
        let (reader, failed) = match input.open(on_read) {
            Ok(reader) => {
                let detail = format!("an object has more than {MAX_OBJECT_BYTES} bytes");
                let shared = Shared::new(reader, &left, detail);
                let mut reader = Reader::from_reader(BufReader::new(Clean { reader: shared }));
                reader.config_mut().check_end_names = false;
                reader.config_mut().allow_unmatched_ends = true;
                reader.config_mut().expand_empty_elements = true;
                (Some(reader), None)
            }
            Err(error) => (None, Some(unreadable(&error))),
        };
        Self {
            reader,
            failed,
            wanted,
            left,
            buffer: Vec::new(),
            is_closed: false,
        }
    }
}

impl Iterator for Objects<'_> {
    type Item = Result<Object, Refused>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(failed) = self.failed.take() {
            self.reader = None;
            return Some(Err(failed));
        }
        let reader = self.reader.as_mut()?;
        let mut building = Building {
            wanted: self.wanted,
            ..Building::default()
        };
        loop {
            self.buffer.clear();
            self.left
                .set(MAX_OBJECT_BYTES.saturating_sub(building.n_bytes));
            let step = match reader.read_event_into(&mut self.buffer) {
                Ok(Event::Eof) if !self.is_closed => {
                    Err(Refused::fatal("the XML ends before its end"))
                }
                Ok(Event::Eof) => Ok(Step::End),
                Ok(Event::End(end)) if end.name().as_ref() == ROOT => {
                    self.is_closed = true;
                    Ok(Step::Further)
                }
                Ok(event) => building.read(&event),
                Err(error) => {
                    let at = reader.error_position();
                    Err(Refused::fatal(format!(
                        "the XML is wrong at byte {at}: {error}"
                    )))
                }
            };
            match step {
                Ok(Step::Further) => {}
                Ok(Step::Object) => return Some(Ok(building.object)),
                Ok(Step::End) => {
                    self.reader = None;
                    return None;
                }
                Err(refused) => {
                    if refused.is_fatal {
                        self.reader = None;
                    }
                    return Some(Err(refused));
                }
            }
        }
    }
}

enum Step {
    Further,
    Object,
    End,
}

/// An object while its events come.
#[derive(Debug, Default)]
struct Building {
    wanted: &'static [&'static str],
    object: Object,
    depth: usize,
    is_wanted: bool,
    /// Where the object began: the depth outside it.
    outside: usize,
    property: String,
    /// Whether the text belongs to an `<id>`.
    in_id: bool,
    text: String,
    n_bytes: usize,
}

impl Building {
    fn read(&mut self, event: &Event<'_>) -> Result<Step, Refused> {
        match event {
            Event::Start(start) => self.open(start),
            Event::End(end) => {
                let name = end.name();
                Ok(self.close(name.as_ref()))
            }
            Event::Text(text) => Ok(self.text(&text.xml10_content())),
            Event::CData(text) => Ok(self.text(&text.xml10_content())),
            Event::GeneralRef(reference) => Ok(self.text(&character(reference))),
            Event::Empty(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_)
            | Event::Eof => Ok(Step::Further),
        }
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Result<Step, Refused> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Refused::fatal(format!(
                "elements stand more than {MAX_DEPTH} deep"
            )));
        }
        match start.name().as_ref() {
            "object" => {
                let class = attribute(start, "class");
                self.is_wanted = self.wanted.contains(&class.as_str());
                self.outside = self.depth - 1;
                self.object = Object {
                    class,
                    ..Object::default()
                };
                self.n_bytes = 0;
            }
            "property" if self.depth == self.outside + 2 => {
                self.property = attribute(start, "name");
                self.text.clear();
            }
            "id" => {
                self.in_id = true;
                self.text.clear();
            }
            // Lists of references say nothing that the other side does not.
            "collection" => self.property.clear(),
            _ => {}
        }
        Ok(Step::Further)
    }

    fn text(&mut self, text: &str) -> Step {
        if self.is_wanted && (self.in_id || !self.property.is_empty()) {
            self.n_bytes += text.len();
            self.text.push_str(text);
        }
        Step::Further
    }

    fn close(&mut self, name: &str) -> Step {
        self.depth = self.depth.saturating_sub(1);
        match name {
            "id" => {
                self.in_id = false;
                let id = std::mem::take(&mut self.text);
                if self.depth == self.outside + 1 {
                    self.object.id = id.trim().parse().ok();
                    id.trim().clone_into(&mut self.object.key);
                } else if !self.property.is_empty() {
                    let property = std::mem::take(&mut self.property);
                    self.object.references.insert(property, id);
                }
            }
            "property" => {
                let property = std::mem::take(&mut self.property);
                if !property.is_empty() && self.is_wanted {
                    let text = std::mem::take(&mut self.text);
                    self.object.texts.insert(property, text);
                }
            }
            "object" if std::mem::take(&mut self.is_wanted) => return Step::Object,
            _ => {}
        }
        Step::Further
    }
}

/// Makes spaces of the control characters that XML forbids and exports have all the same.
struct Clean<R> {
    reader: R,
}

impl<R: Read> Read for Clean<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.reader.read(buffer)?;
        for byte in buffer.iter_mut().take(n_read) {
            if *byte < b' ' && !matches!(*byte, b'\t' | b'\n' | b'\r') {
                *byte = b' ';
            }
        }
        Ok(n_read)
    }
}
