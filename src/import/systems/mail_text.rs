//! The text of a message as its writer wrote it: without quoted replies, signature, files written into
//! the text, and the signs of replies and forwards in front of the subject.

use std::sync::LazyLock;

use regex::Regex;

/// Prefixes of replies and forwards in the languages that mail programs write.
static PREFIX: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^\s*(?:re|fwd?|aw|wg|sv|vs|vb|tr|rv|res|enc|antw|odp|r|i)(?:\[\d+\])?\s*:\s*")
        .ok()
});

/// The line over a quoted message, in the languages that mail programs write.
static ATTRIBUTION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^(?:(?:on|at)\b.{4,200}\bwrote:|am\b.{4,200}\bschrieb\b.{0,100}:|le\b.{4,200}\ba écrit\s*:|el\b.{4,200}\bescribió:|il\b.{4,200}\bha scritto:|-{2,}\s*(?:original message|ursprüngliche nachricht|original-nachricht|message d'origine|mensaje original)\s*-{2,})\s*$",
    )
    .ok()
});

/// The first line of the header that mail programs write over the message they answer, and the line
/// that follows within the next three.
static HEADER_BELOW: LazyLock<Option<(Regex, Regex)>> = LazyLock::new(|| {
    let from = Regex::new(r"(?i)^\s*\*?(?:from|von|de|da|van)\s*:\*?\s*\S").ok()?;
    let sent = r"(?i)^\s*\*?(?:sent|date|gesendet|datum|envoy\u{e9}|enviado|inviato|verzonden)\s*:";
    Some((from, Regex::new(sent).ok()?))
});

/// The subject without the signs of replies and forwards.
pub(super) fn without_prefixes(subject: &str) -> String {
    let mut rest = subject.trim();
    while let Some(found) = PREFIX.as_ref().and_then(|prefix| prefix.find(rest)) {
        rest = rest.get(found.end()..).unwrap_or_default();
    }
    rest.to_owned()
}

/// Takes files that were written into the text (`begin 644 name` to `end`) out of it.
pub(super) fn without_uuencoded(text: &str, attachments: &mut Vec<String>) -> String {
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

/// A text in its parts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// What the writer wrote.
    pub(super) own: String,
    /// What was quoted, with the lines that say so.
    pub(super) quoted: String,
    pub(super) signature: String,
}

/// What the writer wrote, what was quoted, and the signature. A text that would lose everything is
/// the writer's whole.
pub(super) fn parts_of(text: &str) -> Parts {
    let mut parts = Parts::default();
    let mut in_signature = false;
    let mut is_below = false;
    let lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let rest = lines.get(at..).unwrap_or_default();
        is_below |= begins_header(rest) || is_line_over_original(line);
        let n_attribution = attribution(rest);
        let n_lines = n_attribution.max(1);
        if n_attribution == 0 && !is_below && line.trim_end() == "--" {
            in_signature = true;
            at += 1;
            continue;
        }
        let target = if is_below || n_attribution > 0 || line.starts_with('>') {
            in_signature = false;
            &mut parts.quoted
        } else if in_signature {
            &mut parts.signature
        } else {
            &mut parts.own
        };
        for line in rest.iter().take(n_lines) {
            target.push_str(line);
            target.push('\n');
        }
        at += n_lines;
    }
    if !parts.own.chars().any(char::is_alphanumeric) {
        return Parts {
            own: text.trim().to_owned(),
            ..Parts::default()
        };
    }
    for part in [&mut parts.own, &mut parts.quoted, &mut parts.signature] {
        *part = part.trim().to_owned();
    }
    parts
}

/// How many lines say who wrote the message that is quoted: programs break the long one in two.
fn attribution(lines: &[&str]) -> usize {
    let Some(regex) = ATTRIBUTION.as_ref() else {
        return 0;
    };
    let mut joined = String::new();
    for (at, line) in lines.iter().take(2).enumerate() {
        // A paragraph that begins like one is none of it.
        if at > 0 && line.trim().is_empty() {
            break;
        }
        joined.push_str(line.trim());
        if regex.is_match(&joined) {
            return at + 1;
        }
        joined.push(' ');
    }
    0
}

/// `-----Original Message-----`: everything below it is quoted.
fn is_line_over_original(line: &str) -> bool {
    let line = line.trim();
    line.starts_with('-')
        && ATTRIBUTION
            .as_ref()
            .is_some_and(|regex| regex.is_match(line))
}

/// Whether a header as Outlook writes it begins here: `From: ...`, `Sent: ...`.
fn begins_header(lines: &[&str]) -> bool {
    let (Some((from, sent)), Some((first, rest))) = (HEADER_BELOW.as_ref(), lines.split_first())
    else {
        return false;
    };
    from.is_match(first) && rest.iter().take(3).any(|line| sent.is_match(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_signatures_stand_apart() {
        let check = |text: &str, own: &str, quoted: &str, signature: &str| {
            let parts = parts_of(text);
            let found = (
                parts.own.as_str(),
                parts.quoted.as_str(),
                parts.signature.as_str(),
            );
            assert_eq!(found, (own, quoted, signature), "{text}");
        };
        check(
            "It still drops.\n\nOn Mon, 2 Mar 2026, Desk <d@x.example> wrote:\n> Restart it.\n\n\
             Thanks\n-- \nJan\nSales\n",
            "It still drops.\n\n\nThanks",
            "On Mon, 2 Mar 2026, Desk <d@x.example> wrote:\n> Restart it.",
            "Jan\nSales",
        );
        // Programs break the line over a quote, or write a header in place of it.
        let broken = "On Mon, 2 Mar 2026 at 10:00, Desk\n<d@x.example> wrote:";
        check(
            &format!("No.\n{broken}\n> a"),
            "No.",
            &format!("{broken}\n> a"),
            "",
        );
        let header = "From: Desk <d@x.example>\nSent: Monday\nTo: Ann\nSubject: VPN\n\nRestart it.";
        check(&format!("No.\n\n{header}"), "No.", header, "");
        check("From: here on\nit fails", "From: here on\nit fails", "", "");
        check(
            "-----Original Message-----\nx",
            "-----Original Message-----\nx",
            "",
            "",
        );
        check(
            "No.\n-----Original Message-----\nx\n--\ny",
            "No.",
            "-----Original Message-----\nx\n--\ny",
            "",
        );
        check("> only quoted", "> only quoted", "", "");
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
