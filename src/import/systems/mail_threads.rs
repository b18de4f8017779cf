//! Which messages belong together: by `References` and `In-Reply-To` (RFC 5322, 3.6.4). The messages
//! of an import wait in a temporary file until all are read; a message that comes in alone is put
//! behind those that its ticket is known by.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use mail_parser::{HeaderValue, MessageParser};

use super::super::assemble::{Raw, RawContent, Raws};
use super::super::inputs::Input;
use super::super::pieces::unreadable;
use super::super::tables::Tables;
use super::super::{Original, Refused, System};
use super::mailbox::{MAX_MESSAGE_BYTES, Mailbox, append};
use crate::model::{DocumentKey, TicketId};

/// The set of a thread's messages in the tables.
const MESSAGES: &str = "messages";

/// What the messages of a thread may take together for all of them to be kept, in bytes.
const MAX_THREAD_BYTES: usize = 64 * 1024 * 1024;

/// Messages before it that one may name; a longer list is cut.
const MAX_REFERENCES: usize = 100;

/// A message that comes in alone, and the ticket it belongs to.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The tickets that its thread may be: by the first message that it names, then by the others.
    pub keys: Vec<DocumentKey>,
    message: Vec<u8>,
}

/// Reads a message that comes in.
///
/// # Errors
/// When it is no message.
pub fn incoming(message: &[u8]) -> Result<Incoming, Refused> {
    if message.len() > MAX_MESSAGE_BYTES {
        let detail = format!("the message has more than {MAX_MESSAGE_BYTES} bytes");
        return Err(Refused::new(detail));
    }
    if MessageParser::default()
        .parse_headers(message)
        .is_none_or(|message| message.headers().is_empty())
    {
        return Err(Refused::new("this is no e-mail message: it has no headers"));
    }
    let ids = Ids::of(message);
    let named = ids.before.iter().chain([&ids.own]);
    let keys = named.map(|id| TicketId::new(ticket_id(id)).map(DocumentKey::Ticket));
    let keys: Result<Vec<DocumentKey>, _> = keys.collect();
    Ok(Incoming {
        keys: keys.map_err(|error| Refused::field("id", error.to_string()))?,
        message: message.to_vec(),
    })
}

impl Incoming {
    /// The thread with this message as its last; nothing when it becomes too long to keep.
    #[must_use]
    pub fn after(&self, thread: Option<Original>) -> Option<Original> {
        let mut content = match thread {
            Some(thread) if thread.system == System::Eml => thread.content,
            Some(_) | None => Vec::new(),
        };
        // Mail servers deliver a message twice rather than never.
        let own = Ids::of(&self.message).own;
        let mut known = Mailbox::new(content.as_slice()).flatten();
        if !known.any(|message| Ids::of(&message).own == own) {
            append(&mut content, &self.message);
        }
        (content.len() <= MAX_THREAD_BYTES).then_some(Original {
            system: System::Eml,
            content,
        })
    }

    /// The message without its thread.
    #[must_use]
    pub fn alone(&self) -> Original {
        let mut content = Vec::new();
        append(&mut content, &self.message);
        Original {
            system: System::Eml,
            content,
        }
    }
}

/// The ids by which messages find their thread.
pub(super) struct Ids {
    pub(super) own: String,
    /// Oldest first.
    before: Vec<String>,
}

impl Ids {
    pub(super) fn of(message: &[u8]) -> Self {
        let parsed = MessageParser::default().parse_headers(message);
        let own = parsed
            .as_ref()
            .and_then(|parsed| parsed.message_id().map(str::to_owned));
        let own = own.unwrap_or_else(|| blake3::hash(message).to_hex().to_string());
        let mut before = Vec::new();
        if let Some(parsed) = &parsed {
            before.extend(texts(parsed.references()));
            before.extend(texts(parsed.in_reply_to()));
        }
        before.retain(|id| *id != own);
        before.truncate(MAX_REFERENCES);
        Self { own, before }
    }

    /// The message that began the thread, as far as this one knows.
    pub(super) fn first(&self) -> &str {
        self.before.first().unwrap_or(&self.own)
    }
}

fn texts(value: &HeaderValue<'_>) -> Vec<String> {
    match value {
        HeaderValue::Text(text) => vec![text.to_string()],
        HeaderValue::TextList(list) => list.iter().map(ToString::to_string).collect(),
        HeaderValue::Address(_)
        | HeaderValue::DateTime(_)
        | HeaderValue::ContentType(_)
        | HeaderValue::Received(_)
        | HeaderValue::Empty => Vec::new(),
    }
}

pub(super) fn ticket_id(first: &str) -> String {
    let digest = blake3::hash(first.trim().as_bytes()).to_hex();
    format!(
        "{}:{}",
        System::Eml,
        digest.chars().take(20).collect::<String>()
    )
}

/// The threads of all files.
pub(in crate::import) fn threads<'a>(
    inputs: Vec<&'a Input>,
    on_read: &'a dyn Fn(usize),
) -> Raws<'a> {
    let mut threads = Threads::default();
    for input in inputs {
        threads.read(input, on_read);
    }
    Box::new(threads)
}

/// Messages on disk, by the thread they belong to.
#[derive(Default)]
struct Threads {
    tables: Tables,
    /// The first message of the thread that an id belongs to.
    roots: HashMap<String, String>,
    /// Where the threads began, in the order in which they came.
    begun: BTreeMap<usize, (String, Arc<str>, u64)>,
    known: HashMap<String, usize>,
    failed: VecDeque<Raw>,
}

impl Threads {
    fn read(&mut self, input: &Input, on_read: &dyn Fn(usize)) {
        let reader = match input.open(on_read) {
            Ok(reader) => reader,
            Err(error) => {
                return self.fail(input, 1, unreadable(&error));
            }
        };
        let is_mailbox = input.open(&|_| ()).is_ok_and(|mut reader| {
            reader
                .fill_buf()
                .is_ok_and(|head| head.starts_with(b"From "))
        });
        let messages: Box<dyn Iterator<Item = Result<Vec<u8>, Refused>>> = if is_mailbox {
            Box::new(Mailbox::new(reader))
        } else {
            drop(reader);
            let whole = input
                .read_all(MAX_MESSAGE_BYTES, on_read)
                .map_err(|error| Refused::new(format!("it could not be read: {error}")));
            Box::new(std::iter::once(whole))
        };
        for (at, message) in messages.enumerate() {
            let position = at as u64 + 1;
            match message.and_then(|message| self.add(input, position, &message)) {
                Ok(()) => {}
                Err(refused) => self.fail(input, position, refused),
            }
        }
    }

    fn fail(&mut self, input: &Input, position: u64, refused: Refused) {
        self.failed.push_back(Raw {
            file: Arc::clone(&input.name),
            position,
            content: Err(refused),
        });
    }

    fn add(&mut self, input: &Input, position: u64, message: &[u8]) -> Result<(), Refused> {
        let ids = Ids::of(message);
        let named = ids.before.iter().chain([&ids.own]);
        let root = named
            .clone()
            .find_map(|id| self.roots.get(id))
            .map_or_else(|| ids.first().to_owned(), Clone::clone);
        for id in named {
            self.roots.entry(id.clone()).or_insert_with(|| root.clone());
        }
        if !self.known.contains_key(&root) {
            let at = self.known.len();
            self.known.insert(root.clone(), at);
            self.begun
                .insert(at, (root.clone(), Arc::clone(&input.name), position));
        }
        self.tables
            .add_part(MESSAGES, root, message)
            .map_err(|error| Refused::fatal(format!("a temporary file failed: {error}")))
    }
}

impl Iterator for Threads {
    type Item = Raw;

    fn next(&mut self) -> Option<Raw> {
        if let Some(failed) = self.failed.pop_front() {
            return Some(failed);
        }
        let (_, (root, file, position)) = self.begun.pop_first()?;
        let content = self
            .tables
            .parts(MESSAGES, &root)
            .map_err(|error| Refused::new(error.to_string()))
            .map(|messages| {
                let mut mailbox = Vec::new();
                for message in messages {
                    append(&mut mailbox, &message);
                }
                RawContent::Messages(mailbox)
            });
        Some(Raw {
            file,
            position,
            content,
        })
    }
}
