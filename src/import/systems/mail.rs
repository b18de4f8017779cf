//! E-mail: a thread is a ticket, its first message the description, the others comments. Threads by
//! `References` and `In-Reply-To` (RFC 5322, 3.6.4); quoted replies and signatures are kept apart.
//! Bounces (RFC 3462) and automatic replies (RFC 3834) are no tickets.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use mail_parser::{HeaderValue, Message, MessageParser, MimeHeaders, PartType};
use regex::Regex;
use serde_json::Value;

use super::super::assemble::{Raw, RawContent, Raws};
use super::super::draft::{Draft, keep, keep_text, person, skipped, some};
use super::super::inputs::Input;
use super::super::tables::Tables;
use super::super::{NoteKind, Original, Refused, System, Taken};
use super::mailbox::{MAX_MESSAGE_BYTES, Mailbox, append};
use crate::model::{Comment, DocumentKey, TicketId, Time};

/// The set of a thread's messages in the tables.
const MESSAGES: &str = "messages";

/// Prefixes of replies and forwards in the languages that mail programs write.
static PREFIX: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^\s*(?:re|fwd?|aw|wg|sv|vs|vb|tr|rv|res|enc|antw|odp|r|i)(?:\[\d+\])?\s*:\s*")
        .ok()
});

/// The line over a quoted message, in the languages that mail programs write.
static ATTRIBUTION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^(?:on\b.{4,200}\bwrote:|am\b.{4,200}\bschrieb\b.{0,100}:|le\b.{4,200}\ba écrit\s*:|el\b.{4,200}\bescribió:|il\b.{4,200}\bha scritto:|-{2,}\s*(?:original message|ursprüngliche nachricht|original-nachricht|message d'origine|mensaje original)\s*-{2,})\s*$",
    )
    .ok()
});

/// A message that comes in alone, and the ticket it belongs to.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The ticket of its thread.
    pub key: DocumentKey,
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
    let ids = Ids::of(message);
    let id = TicketId::new(ticket_id(ids.first()))
        .map_err(|error| Refused::field("id", error.to_string()))?;
    if MessageParser::default()
        .parse(message)
        .is_none_or(|message| message.headers().is_empty())
    {
        return Err(Refused::new("this is no e-mail message: it has no headers"));
    }
    Ok(Incoming {
        key: DocumentKey::Ticket(id),
        message: message.to_vec(),
    })
}

impl Incoming {
    /// The thread with this message as its last.
    #[must_use]
    pub fn after(&self, thread: Option<Original>) -> Original {
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
        Original {
            system: System::Eml,
            content,
        }
    }
}

/// The ids by which messages find their thread.
struct Ids {
    own: String,
    /// Oldest first.
    before: Vec<String>,
}

impl Ids {
    fn of(message: &[u8]) -> Self {
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
        Self { own, before }
    }

    fn first(&self) -> &str {
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

fn ticket_id(first: &str) -> String {
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
    failed: Vec<Raw>,
}

impl Threads {
    fn read(&mut self, input: &Input, on_read: &dyn Fn(usize)) {
        let reader = match input.open(on_read) {
            Ok(reader) => reader,
            Err(error) => {
                let refused = Refused::fatal(format!("it could not be read: {error}"));
                return self.fail(input, 1, refused);
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
        self.failed.push(Raw {
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
        if let Some(failed) = self.failed.pop() {
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

/// One message as a desk reads it.
struct Mail {
    id: String,
    from: Option<String>,
    date: Option<Time>,
    subject: String,
    own: String,
    quoted: String,
    signature: String,
    attachments: Vec<String>,
    priority: String,
}

pub(super) fn convert(mut draft: Draft<'_>, mailbox: &[u8]) -> Result<Taken, Refused> {
    let mut mails = Vec::new();
    let mut automatic = None;
    let mut first = None;
    let mut seen = HashSet::new();
    for message in Mailbox::new(mailbox) {
        let message = message?;
        let ids = Ids::of(&message);
        first.get_or_insert_with(|| ids.first().to_owned());
        if !seen.insert(ids.own.clone()) {
            continue;
        }
        let parsed = MessageParser::default().parse(&message[..]);
        let Some(parsed) = parsed.filter(|parsed| !parsed.headers().is_empty()) else {
            return Err(Refused::new("this is no e-mail message: it has no headers"));
        };
        match why_automatic(&parsed) {
            Some(reason) => automatic = Some(reason),
            None => mails.push(mail(&mut draft, &parsed, ids.own)),
        }
    }
    let Some(first) = first else {
        return Err(Refused::new("there is no message"));
    };
    // Messages without a date stay where they stood.
    mails.sort_by_key(|mail| mail.date);
    let mut mails = mails.into_iter();
    let Some(opening) = mails.next() else {
        return Ok(skipped(automatic.unwrap_or("no message")));
    };
    let mut ticket = draft.ticket(&first)?;
    ticket.id = TicketId::new(ticket_id(&first))
        .map_err(|error| Refused::field("id", error.to_string()))?;
    ticket.subject = without_prefixes(&opening.subject);
    ticket.description = opening.own;
    if ticket.subject.is_empty() && ticket.description.trim().is_empty() {
        draft.note(NoteKind::Filled, "subject", "neither subject nor text");
        "(no subject)".clone_into(&mut ticket.subject);
    }
    ticket.requester = opening.from;
    ticket.channel = Some("email".to_owned());
    ticket.created_at = opening.date;
    ticket.updated_at = opening.date;
    draft.priority(&mut ticket, &opening.priority);
    let extra = &mut ticket.extra;
    keep_text(extra, "message_id", &opening.id);
    keep_text(extra, "quoted", &opening.quoted);
    keep_text(extra, "signature", &opening.signature);
    let mut attachments = opening.attachments;
    for mail in mails {
        ticket.updated_at = mail.date.max(ticket.updated_at);
        attachments.extend(mail.attachments);
        ticket.comments.push(Comment {
            author: mail.from,
            created_at: mail.date,
            body: mail.own,
            public: true,
        });
    }
    keep(&mut ticket.extra, "attachments", &Value::from(attachments));
    draft.done_ticket(ticket, None)
}

/// Why a message is none that a person wrote for the desk.
fn why_automatic(message: &Message<'_>) -> Option<&'static str> {
    let is_report = message.content_type().is_some_and(|kind| {
        kind.ctype().eq_ignore_ascii_case("multipart")
            && kind
                .subtype()
                .is_some_and(|kind| kind.eq_ignore_ascii_case("report"))
    });
    if is_report {
        return Some("a bounce or another delivery report");
    }
    let header = |name: &'static str| {
        let raw = message.header_raw(name).unwrap_or_default();
        raw.trim().to_lowercase()
    };
    let submitted = header("Auto-Submitted");
    let subject = message.subject().unwrap_or_default().to_lowercase();
    let is_away = [
        "automatic reply",
        "out of office",
        "automatische antwort",
        "réponse automatique",
    ]
    .iter()
    .any(|start| subject.starts_with(start));
    let is_reply = submitted.starts_with("auto-replied")
        || header("Precedence") == "auto_reply"
        || (is_away && submitted.starts_with("auto-"));
    is_reply.then_some("an automatic reply")
}

fn mail(draft: &mut Draft<'_>, message: &Message<'_>, id: String) -> Mail {
    let mut attachments: Vec<String> = message
        .attachments()
        .filter_map(|part| part.attachment_name().map(str::to_owned))
        .collect();
    let text = without_uuencoded(&text_of(draft, message), &mut attachments);
    let subject = message.subject().unwrap_or_default();
    let is_forward = subject.to_lowercase().trim_start().starts_with("fw");
    let (own, quoted, signature) = match is_forward {
        // What was forwarded is the trouble.
        true => (text.trim().to_owned(), String::new(), String::new()),
        false => parts_of(&text),
    };
    let from = message.from().and_then(|from| from.first());
    let from = from.and_then(|from| {
        person(
            from.name().unwrap_or_default(),
            from.address().unwrap_or_default(),
        )
    });
    let received = message.received().and_then(mail_parser::Received::date);
    let date = message
        .date()
        .copied()
        .filter(mail_parser::DateTime::is_valid);
    let date = match date.or(received.filter(mail_parser::DateTime::is_valid)) {
        Some(date) => Some(Time::from_unix_seconds(date.to_timestamp())),
        None => {
            let raw = message.header_raw("Date").unwrap_or("none").trim();
            let shown: String = raw.chars().take(40).collect();
            draft.note(
                NoteKind::BadDate,
                "created_at",
                format!("{shown:?} is no date"),
            );
            None
        }
    };
    let importance = message
        .header_raw("Importance")
        .or(message.header_raw("X-Priority"));
    let priority = importance.unwrap_or_default().split_whitespace().next();
    Mail {
        id,
        from,
        date,
        subject: subject.split_whitespace().collect::<Vec<_>>().join(" "),
        own,
        quoted,
        signature,
        attachments,
        priority: priority.unwrap_or_default().to_owned(),
    }
}

/// The text of a message: plain text before HTML.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of all kinds of parts only these two are text"
)]
fn text_of(draft: &mut Draft<'_>, message: &Message<'_>) -> String {
    let plain = message.text_bodies().find_map(|part| match &part.body {
        PartType::Text(text) => some(text.to_string()),
        _ => None,
    });
    if let Some(plain) = plain {
        return plain;
    }
    let html = message.html_bodies().find_map(|part| match &part.body {
        PartType::Html(html) => some(html.to_string()),
        _ => None,
    });
    html.map(|html| draft.html("description", &html))
        .unwrap_or_default()
}

/// The subject without the signs of replies and forwards.
fn without_prefixes(subject: &str) -> String {
    let mut rest = subject.trim();
    while let Some(found) = PREFIX.as_ref().and_then(|prefix| prefix.find(rest)) {
        rest = rest.get(found.end()..).unwrap_or_default();
    }
    rest.to_owned()
}

/// Takes files that were written into the text (`begin 644 name` to `end`) out of it.
fn without_uuencoded(text: &str, attachments: &mut Vec<String>) -> String {
    if !text.contains("begin ") {
        return text.to_owned();
    }
    let mut kept = String::with_capacity(text.len());
    let mut is_inside = false;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_end();
        if is_inside {
            is_inside = trimmed != "end";
            continue;
        }
        let name = trimmed.strip_prefix("begin ").and_then(|rest| {
            let (mode, name) = rest.split_once(' ')?;
            let is_mode = mode.len() == 3 && mode.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
            is_mode.then_some(name)
        });
        match name {
            Some(name) => {
                attachments.push(name.to_owned());
                is_inside = true;
            }
            None => kept.push_str(line),
        }
    }
    kept
}

/// What the writer wrote, what was quoted, and the signature. A text that would lose everything is
/// the writer's whole.
fn parts_of(text: &str) -> (String, String, String) {
    let (mut own, mut quoted, mut signature) = (String::new(), String::new(), String::new());
    let mut in_signature = false;
    let mut is_below = false;
    for line in text.lines() {
        let is_attribution = ATTRIBUTION
            .as_ref()
            .is_some_and(|regex| regex.is_match(line.trim()));
        if line.trim_end() == "--" || line == "-- " {
            in_signature = true;
            continue;
        }
        is_below |= is_attribution && line.trim_start().starts_with('-');
        let target = if is_below || is_attribution || line.starts_with('>') {
            in_signature = false;
            &mut quoted
        } else if in_signature {
            &mut signature
        } else {
            &mut own
        };
        target.push_str(line);
        target.push('\n');
    }
    if !own.chars().any(char::is_alphanumeric) {
        return (text.trim().to_owned(), String::new(), String::new());
    }
    let trimmed = |text: String| text.trim().to_owned();
    (trimmed(own), trimmed(quoted), trimmed(signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_signatures_stand_apart() {
        let text = "It still drops.\n\nOn Mon, 2 Mar 2026, Desk <d@x.example> wrote:\n\
                    > Restart it.\n\nThanks\n-- \nJan\nSales\n";
        let (own, quoted, signature) = parts_of(text);
        assert_eq!(own, "It still drops.\n\n\nThanks");
        assert!(
            quoted.starts_with("On Mon") && quoted.ends_with("> Restart it."),
            "{quoted}"
        );
        assert_eq!(signature, "Jan\nSales");
        assert_eq!(parts_of("> only quoted").0, "> only quoted");
    }

    #[test]
    fn subjects_lose_their_prefixes_and_no_more() {
        for (subject, expected) in [
            ("Re: AW: Fwd: [x] VPN", "[x] VPN"),
            ("RE[2]: VPN", "VPN"),
            ("Red: light", "Red: light"),
            ("", ""),
        ] {
            assert_eq!(without_prefixes(subject), expected);
        }
    }
}
