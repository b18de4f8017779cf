//! What all readers of XML need of an event. The five entities of XML and characters by number are
//! read; any other entity is kept as it is written, so that none is ever expanded.

use quick_xml::events::{BytesRef, BytesStart};

/// What a reference stands for.
pub(super) fn character(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return character.to_string();
    }
    let name = reference.xml10_content();
    match name.as_ref() {
        "amp" => "&".to_owned(),
        "lt" => "<".to_owned(),
        "gt" => ">".to_owned(),
        "quot" => "\"".to_owned(),
        "apos" => "'".to_owned(),
        other => format!("&{other};"),
    }
}

/// The value of an attribute as it is written, or nothing.
pub(super) fn attribute(start: &BytesStart<'_>, wanted: &str) -> String {
    let found = start
        .attributes()
        .flatten()
        .find(|attribute| attribute.key.as_ref() == wanted);
    found
        .map(|attribute| attribute.value.into_owned())
        .unwrap_or_default()
}
