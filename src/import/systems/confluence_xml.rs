//! Confluence's space export, `entities.xml`: read twice as a stream. The first reading keeps what
//! is small (pages without bodies, spaces, labels, permissions), the second meets the bodies and
//! joins them, one at a time. Old revisions, drafts' duplicates and deleted pages are never kept.
//!
//! Format: ours by reading exports of 3.4 to 8.5; Atlassian documents none. No entity is ever
//! expanded, depth and the size of every single piece are bounded.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;
use std::sync::Arc;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value, json};

use super::super::assemble::{Raw, RawContent, Raws};
use super::super::inputs::Input;
use super::super::lines::MAX_LINE_BYTES;
use super::super::{Refused, Skipped};

/// Elements inside elements; an export has five.
const MAX_DEPTH: usize = 32;

/// Pages above pages that are followed.
const MAX_ANCESTORS: usize = 64;

/// The element around all objects.
const ROOT: &str = "hibernate-generic";

/// What one object may take, in bytes.
const MAX_OBJECT_BYTES: usize = MAX_LINE_BYTES;

/// Objects that are read; everything else is passed over.
const WANTED: [&str; 9] = [
    "Space",
    "Page",
    "BlogPost",
    "BodyContent",
    "Label",
    "Labelling",
    "ContentPermissionSet",
    "ContentPermission",
    "SpacePermission",
];

/// The pages of an export.
pub(in crate::import) fn pages<'a>(input: &'a Input, on_read: &'a dyn Fn(usize)) -> Raws<'a> {
    match Index::read(input) {
        Ok(index) => Box::new(Pages {
            file: Arc::clone(&input.name),
            objects: Objects::open(input, on_read),
            index,
            n_records: 0,
            is_done: false,
            without_body: None,
        }),
        Err(refused) => Box::new(std::iter::once(Raw {
            file: Arc::clone(&input.name),
            position: 1,
            content: Err(refused),
        })),
    }
}

/// A page without its body.
#[derive(Debug, Default)]
struct Page {
    is_blog: bool,
    title: String,
    space: Option<u64>,
    parent: Option<u64>,
    version: String,
    created: String,
    modified: String,
    status: String,
    is_done: bool,
}

#[derive(Debug, Default)]
struct Space {
    key: String,
    name: String,
    is_public: bool,
}

/// All that is small.
#[derive(Debug, Default)]
struct Index {
    pages: BTreeMap<u64, Page>,
    spaces: HashMap<u64, Space>,
    labels: HashMap<u64, String>,
    labelled: HashMap<u64, Vec<u64>>,
    /// The content of a set of view permissions.
    sets: HashMap<u64, u64>,
    /// Who is named by a set: groups and users.
    readers: HashMap<u64, Vec<String>>,
    /// Who may see a page that has view permissions of its own.
    viewers: HashMap<u64, Vec<String>>,
    skipped: Vec<&'static str>,
}

impl Index {
    fn read(input: &Input) -> Result<Self, Refused> {
        let mut index = Self::default();
        for object in Objects::open(input, &|_| ()) {
            match object {
                Ok(object) => index.add(&object),
                // Told in the second reading, where the position is counted.
                Err(refused) if refused.is_fatal => break,
                Err(_) => {}
            }
        }
        index.join_permissions();
        Ok(index)
    }

    fn add(&mut self, object: &Object) {
        let Some(id) = object.id else {
            return;
        };
        match object.class.as_str() {
            "Space" => {
                let space = self.spaces.entry(id).or_default();
                space.key = object.text("key");
                space.name = object.text("name");
            }
            "Page" | "BlogPost" => self.add_page(id, object),
            "Label" => {
                self.labels.insert(id, object.text("name"));
            }
            "Labelling" => {
                if let (Some(label), Some(content)) =
                    (object.reference("label"), object.reference("content"))
                {
                    self.labelled.entry(content).or_default().push(label);
                }
            }
            "ContentPermissionSet" => {
                let is_view = object.text("type").eq_ignore_ascii_case("view");
                if let Some(content) = object.reference("owningContent").filter(|_| is_view) {
                    self.sets.insert(id, content);
                }
            }
            "ContentPermission" => self.add_permission(object),
            "SpacePermission" => self.add_space_permission(object),
            _ => {}
        }
    }

    fn add_page(&mut self, id: u64, object: &Object) {
        if object.reference("originalVersion").is_some() {
            self.skipped.push("an old revision");
            return;
        }
        let status = object.text("contentStatus");
        match status.as_str() {
            "deleted" => self.skipped.push("a deleted page"),
            // A draft of a page that is there as well.
            "draft" => self.skipped.push("a draft"),
            _ => {
                let page = Page {
                    is_blog: object.class == "BlogPost",
                    title: object.text("title"),
                    space: object.reference("space"),
                    parent: object.reference("parent"),
                    version: object.text("version"),
                    created: object.text("creationDate"),
                    modified: object.text("lastModificationDate"),
                    status,
                    is_done: false,
                };
                self.pages.insert(id, page);
            }
        }
    }

    fn add_permission(&mut self, object: &Object) {
        let is_view = object.text("type").eq_ignore_ascii_case("view");
        let set = object
            .reference("owningSet")
            .or_else(|| object.reference("owner"));
        let Some(set) = set.filter(|_| is_view) else {
            return;
        };
        let readers = self.readers.entry(set).or_default();
        let group = object.text("groupName");
        if !group.is_empty() {
            readers.push(format!("confluence-group-{group}"));
        }
        for field in ["userSubject", "userName"] {
            let user = object.text(field);
            if !user.is_empty() {
                readers.push(format!("confluence-user-{user}"));
            }
        }
    }

    /// Anonymous users may view: nobody is named, neither a group nor a user.
    fn add_space_permission(&mut self, object: &Object) {
        let is_view = object.text("type") == "VIEWSPACE";
        let names = ["group", "userSubject", "userName", "groupName"];
        let is_for_some = names.iter().any(|name| object.has(name));
        let all_users = object.text("allUsersSubject");
        let is_anonymous = all_users == "anonymous-users" || (all_users.is_empty() && !is_for_some);
        if let Some(space) = object
            .reference("space")
            .filter(|_| is_view && is_anonymous)
        {
            self.spaces.entry(space).or_default().is_public = true;
        }
    }

    /// The page with its body, as REST gives one.
    fn take(&mut self, id: u64, body: &str, is_wiki: bool) -> Option<RawContent> {
        let page = self.pages.get_mut(&id).filter(|page| !page.is_done)?;
        page.is_done = true;
        let page = self.pages.get(&id)?;
        let mut ancestors = Vec::new();
        let mut restricted = self.restricted(id);
        let mut above = page.parent;
        while let Some(parent_id) = above.filter(|_| ancestors.len() < MAX_ANCESTORS) {
            let Some(parent) = self.pages.get(&parent_id) else {
                break;
            };
            ancestors.push(json!({"id": parent_id.to_string(), "title": parent.title}));
            // Who may see a page must be named on all restricted ones above it; one group that is
            // named on one of them only would be too many.
            restricted = narrower(restricted, self.restricted(parent_id));
            above = parent.parent;
        }
        ancestors.reverse();
        let space = page.space.and_then(|space| self.spaces.get(&space));
        let labels = self.labelled.get(&id).into_iter().flatten();
        let labels: Vec<&String> = labels.filter_map(|label| self.labels.get(label)).collect();
        let status = if page.status.is_empty() {
            "current"
        } else {
            &page.status
        };
        let form = if is_wiki { "wiki" } else { "storage" };
        let record = json!({
            "id": id.to_string(),
            "type": if page.is_blog { "blogpost" } else { "page" },
            "status": status,
            "title": page.title,
            "space": space.map(|space| json!({"key": space.key, "name": space.name})),
            "ancestors": ancestors,
            "labels": labels,
            "history": {"createdDate": page.created},
            "version": {"number": page.version, "when": page.modified},
            "body": {form: {"value": body}},
            "isPublic": space.is_some_and(|space| space.is_public),
            "isRestricted": restricted.is_some(),
            "readers": restricted.unwrap_or_default(),
        });
        let Value::Object(record) = record else {
            return None;
        };
        let json = serde_json::to_vec(&record).unwrap_or_default();
        Some(RawContent::Json(record, json))
    }

    /// Who may see a page by its own permissions, if not everybody.
    fn restricted(&self, content: u64) -> Option<Vec<String>> {
        self.viewers.get(&content).cloned()
    }

    /// Joins the sets of permissions with those whom they name.
    fn join_permissions(&mut self) {
        let mut sets: Vec<(u64, u64)> = self.sets.drain().collect();
        sets.sort_unstable();
        for (set, content) in sets {
            let readers = self.readers.remove(&set).unwrap_or_default();
            self.viewers.entry(content).or_default().extend(readers);
        }
    }
}

/// The groups that both name; the same when only one says anything.
fn narrower(a: Option<Vec<String>>, b: Option<Vec<String>>) -> Option<Vec<String>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.into_iter().filter(|reader| b.contains(reader)).collect()),
        (a, b) => a.or(b),
    }
}

/// The second reading.
struct Pages<'a> {
    file: Arc<str>,
    objects: Objects<'a>,
    index: Index,
    n_records: u64,
    is_done: bool,
    /// The pages that were left without a body, the last one first.
    without_body: Option<Vec<u64>>,
}

impl Pages<'_> {
    fn raw(&mut self, content: Result<RawContent, Refused>) -> Raw {
        self.n_records += 1;
        Raw {
            file: Arc::clone(&self.file),
            position: self.n_records,
            content,
        }
    }

    /// A page without body, or one that is not kept.
    fn rest(&mut self) -> Option<RawContent> {
        if let Some(reason) = self.index.skipped.pop() {
            return Some(RawContent::Skipped(Skipped {
                reason: reason.to_owned(),
                removes: None,
            }));
        }
        let pages = &self.index.pages;
        let ids = self.without_body.get_or_insert_with(|| {
            let open = pages.iter().filter(|(_, page)| !page.is_done);
            open.map(|(id, _)| *id).rev().collect()
        });
        let id = ids.pop()?;
        self.index.take(id, "", false)
    }
}

impl Iterator for Pages<'_> {
    type Item = Raw;

    fn next(&mut self) -> Option<Raw> {
        while !self.is_done {
            let Some(object) = self.objects.next() else {
                self.is_done = true;
                break;
            };
            let object = match object {
                Ok(object) => object,
                Err(refused) => {
                    self.is_done = refused.is_fatal;
                    return Some(self.raw(Err(refused)));
                }
            };
            if object.class != "BodyContent" {
                continue;
            }
            let is_wiki = object.text("bodyType") == "0";
            // Inside CDATA an end of CDATA is written with a space.
            let body = object.text("body").replace("]] >", "]]>");
            let content = object.reference("content");
            if let Some(content) = content.and_then(|id| self.index.take(id, &body, is_wiki)) {
                return Some(self.raw(Ok(content)));
            }
        }
        let content = self.rest()?;
        Some(self.raw(Ok(content)))
    }
}

/// One object of the export: its simple properties, and where its references lead.
#[derive(Debug, Default)]
struct Object {
    class: String,
    id: Option<u64>,
    texts: Map<String, Value>,
    references: HashMap<String, String>,
}

impl Object {
    fn text(&self, name: &str) -> String {
        let text = self.texts.get(name).and_then(Value::as_str);
        let reference = || self.references.get(name).map(String::as_str);
        text.or_else(reference)
            .unwrap_or_default()
            .trim()
            .to_owned()
    }

    fn reference(&self, name: &str) -> Option<u64> {
        self.references.get(name)?.trim().parse().ok()
    }

    fn has(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }
}

type Bytes<'a> = Clean<Bounded<Box<dyn BufRead + 'a>>>;

/// The wanted objects of an export.
struct Objects<'a> {
    reader: Option<Reader<BufReader<Bytes<'a>>>>,
    failed: Option<Refused>,
    left: Rc<Cell<usize>>,
    buffer: Vec<u8>,
    /// Whether the element around all objects has ended.
    is_closed: bool,
}

impl<'a> Objects<'a> {
    fn open(input: &Input, on_read: &'a dyn Fn(usize)) -> Self {
        let left = Rc::new(Cell::new(MAX_OBJECT_BYTES));
        let (reader, failed) = match input.open(on_read) {
            Ok(reader) => {
                let bounded = Bounded {
                    reader,
                    left: Rc::clone(&left),
                };
                let mut reader = Reader::from_reader(BufReader::new(Clean { reader: bounded }));
                reader.config_mut().check_end_names = false;
                reader.config_mut().allow_unmatched_ends = true;
                reader.config_mut().expand_empty_elements = true;
                (Some(reader), None)
            }
            Err(error) => {
                let detail = format!("it could not be read: {error}");
                (None, Some(Refused::fatal(detail)))
            }
        };
        Self {
            reader,
            failed,
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
        let mut building = Building::default();
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
            Event::GeneralRef(reference) => {
                let resolved = match reference.resolve_char_ref() {
                    Ok(Some(character)) => character.to_string(),
                    _ => named(&reference.xml10_content()),
                };
                Ok(self.text(&resolved))
            }
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
        let attribute = |wanted: &str| attribute(start, wanted);
        match start.name().as_ref() {
            "object" => {
                let class = attribute("class");
                self.is_wanted = WANTED.contains(&class.as_str());
                self.outside = self.depth - 1;
                self.object = Object {
                    class,
                    ..Object::default()
                };
                self.n_bytes = 0;
            }
            "property" if self.depth == self.outside + 2 => {
                self.property = attribute("name");
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
                } else if !self.property.is_empty() {
                    let property = std::mem::take(&mut self.property);
                    self.object.references.insert(property, id);
                }
            }
            "property" => {
                let property = std::mem::take(&mut self.property);
                if !property.is_empty() && self.is_wanted {
                    let text = std::mem::take(&mut self.text);
                    self.object.texts.insert(property, Value::from(text));
                }
            }
            "object" if std::mem::take(&mut self.is_wanted) => return Step::Object,
            _ => {}
        }
        Step::Further
    }
}

/// The five entities of XML; any other is kept as it is written.
fn named(name: &str) -> String {
    match name {
        "amp" => "&".to_owned(),
        "lt" => "<".to_owned(),
        "gt" => ">".to_owned(),
        "quot" => "\"".to_owned(),
        "apos" => "'".to_owned(),
        other => format!("&{other};"),
    }
}

fn attribute(start: &BytesStart<'_>, wanted: &str) -> String {
    let found = start
        .attributes()
        .flatten()
        .find(|attribute| attribute.key.as_ref() == wanted);
    found
        .map(|attribute| attribute.value.into_owned())
        .unwrap_or_default()
}

/// Ends the stream when a single piece takes more than its share.
struct Bounded<R> {
    reader: R,
    left: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.reader.read(buffer)?;
        match self.left.get().checked_sub(n_read) {
            Some(left) => self.left.set(left),
            None => {
                let detail = format!("an object has more than {MAX_OBJECT_BYTES} bytes");
                return Err(io::Error::other(detail));
            }
        }
        Ok(n_read)
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
