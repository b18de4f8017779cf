//! Messages that break the rules of MIME: eight-bit bytes in headers, or in a body that names no
//! charset. The charset is the one that the message names somewhere, else it is guessed from the
//! bytes (chardetng, as Firefox guesses that of pages).

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::Encoding;
use memchr::memmem;

/// Bytes that a guess is made from.
const MAX_GUESSED_BYTES: usize = 64 * 1024;

/// The message with its raw bytes as UTF-8, where the message itself says nothing of them.
pub(super) fn as_utf8(message: &[u8]) -> Cow<'_, [u8]> {
    if std::str::from_utf8(message).is_ok() {
        return Cow::Borrowed(message);
    }
    let (header, body) = message.split_at(end_of_header(message));
    let is_header_raw = std::str::from_utf8(header).is_err();
    let named = named_charset(message);
    let is_body_raw = named.is_none() && std::str::from_utf8(body).is_err();
    if !is_header_raw && !is_body_raw {
        return Cow::Borrowed(message);
    }
    let encoding = named.unwrap_or_else(|| guess(message));
    let mut mended = match is_header_raw {
        true => decoded(encoding, header),
        false => header.to_vec(),
    };
    match is_body_raw {
        true => mended.extend(decoded(encoding, body)),
        false => mended.extend_from_slice(body),
    }
    Cow::Owned(mended)
}

fn decoded(encoding: &'static Encoding, bytes: &[u8]) -> Vec<u8> {
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    text.into_owned().into_bytes()
}

/// Where the first empty line begins.
fn end_of_header(message: &[u8]) -> usize {
    let ends = [b"\n\n".as_slice(), b"\n\r\n"];
    let ends = ends.iter().filter_map(|end| memmem::find(message, end));
    ends.min().unwrap_or(message.len())
}

/// The first charset that a part of the message names and that is known.
fn named_charset(message: &[u8]) -> Option<&'static Encoding> {
    let lower = message.to_ascii_lowercase();
    memmem::find_iter(&lower, b"charset=").find_map(|at| {
        let label = lower.get(at + b"charset=".len()..)?;
        let label = label.strip_prefix(b"\"").unwrap_or(label);
        let is_end = |byte: &u8| matches!(byte, b'"' | b';') || byte.is_ascii_whitespace();
        let end = label.iter().position(is_end).unwrap_or(label.len());
        Encoding::for_label(label.get(..end)?)
    })
}

fn guess(message: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    let head = message.get(..message.len().min(MAX_GUESSED_BYTES));
    detector.feed(head.unwrap_or_default(), true);
    detector.guess(tld_of_sender(message).as_deref(), Utf8Detection::Allow)
}

/// The country that the sender's address ends with: a few words are Greek as well as Russian.
fn tld_of_sender(message: &[u8]) -> Option<Vec<u8>> {
    let lower = message.get(..end_of_header(message))?.to_ascii_lowercase();
    let mut lines = lower.split(|byte| *byte == b'\n');
    let from = lines.find(|line| line.starts_with(b"from:"))?;
    let end = from.get(from.iter().rposition(|byte| *byte == b'.')? + 1..)?;
    let tld: Vec<u8> = end
        .iter()
        .copied()
        .take_while(u8::is_ascii_lowercase)
        .collect();
    (tld.len() == 2).then_some(tld)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &[u8], expected: &str) {
        assert_eq!(String::from_utf8_lossy(&as_utf8(message)), expected);
    }

    #[test]
    fn raw_bytes_are_read_by_the_charset_that_is_named_or_likely() {
        check(
            b"From: H\xe5vard\nContent-Type: text/plain; charset=iso-8859-1\n\n\xf8\n",
            "From: Håvard\nContent-Type: text/plain; charset=iso-8859-1\n\n\u{fffd}\n",
        );
        // "Принтер не печатает с утра" in KOI8-R, which nothing names.
        check(
            b"Subject: \xf0\xd2\xc9\xce\xd4\xc5\xd2\n\n\xce\xc5 \xd0\xc5\xde\xc1\xd4\xc1\xc5\xd4 \xd3 \xd5\xd4\xd2\xc1\n",
            "Subject: Принтер\n\nне печатает с утра\n",
        );
        check(
            b"From: a@x.ru\nSubject: \xf4\xc5\xd3\xd4\n\n\xd4\xc5\xd3\xd4\n",
            "From: a@x.ru\nSubject: Тест\n\nтест\n",
        );
        check("Subject: ü\n\nä\n".as_bytes(), "Subject: ü\n\nä\n");
        check(
            b"Subject: x\nContent-Type: text/plain; charset=\"x-unknown\"\n\nf\xfcr\n",
            "Subject: x\nContent-Type: text/plain; charset=\"x-unknown\"\n\nfür\n",
        );
    }
}
