//! Brings different spellings of one word together: case, compatibility forms, diacritics.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Lower case in compatibility form (NFKC): `Ｗｉ-Ｆｉ` and `wi-fi` are one.
pub(super) fn lowercase(word: &str) -> String {
    if word.is_ascii() {
        word.to_ascii_lowercase()
    } else {
        word.nfkc().flat_map(char::to_lowercase).collect()
    }
}

/// Without diacritics, after stemming: `störung` becomes `storung`, `straße` `strasse`.
pub(super) fn without_diacritics(word: &str) -> String {
    if word.is_ascii() {
        return word.to_owned();
    }
    let mut folded = String::with_capacity(word.len());
    for c in word.nfd().filter(|&c| !is_combining_mark(c)) {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' => folded.push('d'),
            'ı' => folded.push('i'),
            other => folded.push(other),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_meet() {
        let check = |word: &str, expected: &str| {
            assert_eq!(without_diacritics(&lowercase(word)), expected);
        };
        check("Störung", "storung");
        check("STRASSE", "strasse");
        check("Straße", "strasse");
        check("Łódź", "lodz");
        check("ﬁle", "file");
        check("VPN", "vpn");
    }
}
