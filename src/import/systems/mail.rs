//! E-mail: a thread (`mail_threads`) is a ticket, its first message the description, the others
//! comments; quoted replies and signatures are kept apart (`mail_text`). Bounces (RFC 3462) and
//! automatic replies (RFC 3834) are no tickets.

use std::collections::HashSet;

use mail_parser::{Message, MessageParser, MimeHeaders, PartType};
use serde_json::Value;

use super::super::draft::{Draft, keep, keep_text, person, skipped, some};
use super::super::{NoteKind, Refused, Taken};
use super::mail_charset::as_utf8;
use super::mail_text::{Parts, parts_of, without_prefixes, without_uuencoded};
use super::mail_threads::{Ids, ticket_id};
use super::mailbox::Mailbox;
use crate::model::{Comment, TicketId, Time};

/// One message as a desk reads it.
struct Mail {
    id: String,
    from: Option<String>,
    date: Option<Time>,
    /// Where it stands among the others.
    place: Option<Time>,
    subject: String,
    parts: Parts,
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
        let message = as_utf8(&message);
        let parsed = MessageParser::default().parse(message.as_ref());
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
    in_order(&mut mails, &first);
    let mut mails = mails.into_iter();
    let Some(opening) = mails.next() else {
        return Ok(skipped(automatic.unwrap_or("no message")));
    };
    let mut ticket = draft.ticket(&first)?;
    ticket.id = TicketId::new(ticket_id(&first))
        .map_err(|error| Refused::field("id", error.to_string()))?;
    ticket.subject = without_prefixes(&opening.subject);
    ticket.description = opening.parts.own;
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
    keep_text(extra, "quoted", &opening.parts.quoted);
    keep_text(extra, "signature", &opening.parts.signature);
    let mut attachments = opening.attachments;
    for mail in mails {
        ticket.updated_at = mail.date.max(ticket.updated_at);
        attachments.extend(mail.attachments);
        ticket.comments.push(Comment {
            author: mail.from,
            created_at: mail.date,
            body: mail.parts.own,
            public: true,
        });
    }
    keep(&mut ticket.extra, "attachments", &Value::from(attachments));
    draft.done_ticket(ticket, None)
}

/// The message that began the thread, then the others by date; one without a date stays behind the
/// one before it.
fn in_order(mails: &mut [Mail], first: &str) {
    let mut before = None;
    for mail in mails.iter_mut() {
        mail.place = mail.date.or(before);
        before = mail.place;
    }
    mails.sort_by_key(|mail| (mail.id != first, mail.place));
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
        || message.header_raw("X-Autoreply").is_some()
        || message.header_raw("X-Autorespond").is_some()
        || (is_away && submitted.starts_with("auto-"));
    is_reply.then_some("an automatic reply")
}

fn mail(draft: &mut Draft<'_>, message: &Message<'_>, id: String) -> Mail {
    let mut attachments: Vec<String> = message
        .attachments()
        .filter_map(|part| some(part.attachment_name()?.trim().to_owned()))
        .collect();
    let text = without_uuencoded(&text_of(draft, message), &mut attachments);
    let subject = message.subject().unwrap_or_default();
    let is_forward = subject.to_lowercase().trim_start().starts_with("fw");
    let parts = match is_forward {
        // What was forwarded is the trouble.
        true => Parts {
            own: text.trim().to_owned(),
            ..Parts::default()
        },
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
        place: None,
        subject: subject.split_whitespace().collect::<Vec<_>>().join(" "),
        parts,
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
    // A picture between two paragraphs makes two parts of them.
    let plain = message.text_bodies().filter_map(|part| match &part.body {
        PartType::Text(text) => some(text.to_string()),
        _ => None,
    });
    let plain: Vec<String> = plain.collect();
    if !plain.is_empty() {
        return plain.join("\n\n");
    }
    let html = message.html_bodies().find_map(|part| match &part.body {
        PartType::Html(html) => some(html.to_string()),
        _ => None,
    });
    html.map(|html| draft.html("description", &html))
        .unwrap_or_default()
}
