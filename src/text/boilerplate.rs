//! Drops from a mail what is not its writer's trouble: quoted replies, forwarded headers,
//! signatures and disclaimers.
//!
//! Cautious: a text that would lose everything is kept whole, and a forwarded thread keeps its
//! words (often the trouble is only in there); just its header lines go.

/// A line that starts the signature or the small print; what follows is dropped.
const ENDINGS: [&str; 10] = [
    "-- ",
    "--",
    "sent from my ",
    "gesendet von mein",
    "envoyé de mon ",
    "this e-mail and any attachment",
    "this email and any attachment",
    "this message is confidential",
    "confidentiality notice",
    "diese e-mail enthält vertrauliche",
];

/// The starts of the header lines of a forwarded or quoted mail.
const HEADERS: [&str; 14] = [
    "from:",
    "to:",
    "cc:",
    "sent:",
    "date:",
    "subject:",
    "von:",
    "an:",
    "gesendet:",
    "betreff:",
    "de :",
    "à :",
    "envoyé :",
    "objet :",
];

/// The text without quoting marks, mail headers, signature and disclaimer.
#[must_use]
pub fn without_boilerplate(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        let line = line.trim_start_matches(['>', ' ', '\t', '|']);
        let lower = line.to_lowercase();
        if ENDINGS.iter().any(|&ending| ends_mail(&lower, ending)) && has_words(&kept) {
            break;
        }
        let is_header = HEADERS.iter().any(|header| lower.starts_with(header));
        let is_rule = lower.starts_with("-----") || lower.starts_with("_____");
        if !is_header && !is_rule {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    let kept = kept.trim();
    if has_words(kept) {
        kept.to_owned()
    } else {
        text.to_owned()
    }
}

fn ends_mail(lower_line: &str, ending: &str) -> bool {
    match ending {
        "--" => lower_line.trim_end() == "--",
        _ => lower_line.starts_with(ending),
    }
}

fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(without_boilerplate(text), expected);
    }

    #[test]
    fn signature_and_disclaimer_go() {
        check("VPN is down\n--\nJane Doe\nHead of Things", "VPN is down");
        check(
            "VPN is down\nThis e-mail and any attachments are secret",
            "VPN is down",
        );
    }

    #[test]
    fn a_forwarded_thread_keeps_its_words() {
        check(
            "see below\n-----Original Message-----\nFrom: bob\nSubject: help\n> mail is stuck",
            "see below\nmail is stuck",
        );
    }

    #[test]
    fn nothing_but_boilerplate_is_kept_whole() {
        check("Sent from my iPhone", "Sent from my iPhone");
        check("From: bob", "From: bob");
    }
}
