//! SharePoint: site pages of Microsoft Graph, list items of older pages, and Word documents, whose
//! text `docx` has read. Shapes by the Graph reference ("sitePage").

use serde_json::Value;

use super::super::draft::{
    Draft, at, category, first_text, items_at, keep_text, some, text_at, text_of,
};
use super::super::{Refused, Taken};
use super::{Object, docx, files};
use crate::model::ArticleState;

pub(super) fn convert(mut draft: Draft<'_>, record: &Object) -> Result<Taken, Refused> {
    if record.contains_key("document") {
        return docx::convert(draft, record);
    }
    if record.contains_key("path") {
        return files::convert(draft, record);
    }
    let mut article = draft.article(&first_text(record, &[&["id"], &["fields", "id"]]))?;
    article.title = first_text(record, &[&["title"], &["fields", "Title"], &["name"]]);
    let mut parts = vec![text_at(record, &["description"])];
    for html in pieces(record) {
        parts.push(draft.html("body", &html));
    }
    parts.retain(|part| !part.trim().is_empty());
    article.body = parts.join("\n\n");
    article.summary = some(text_at(record, &["description"]));
    article.category = category(&[text_at(record, &["promotionKind"])])
        .filter(|promotion| promotion == "newsPost")
        .map(|_| "news".to_owned());
    article.created_at = draft.time("created_at", at(record, &["createdDateTime"]));
    article.updated_at = draft.time("updated_at", at(record, &["lastModifiedDateTime"]));
    article.url = some(text_at(record, &["webUrl"]));
    if !is_published(record) {
        article.state = ArticleState::Draft;
    }
    let extra = &mut article.extra;
    keep_text(extra, "key", &text_at(record, &["name"]));
    keep_text(
        extra,
        "author",
        &text_at(record, &["createdBy", "user", "displayName"]),
    );
    // Permissions are not part of a page: internal.
    draft.done_article(article)
}

/// A page says its level; a minor version is a draft whatever is said.
fn is_published(record: &Object) -> bool {
    let level = text_at(record, &["publishingState", "level"]);
    let version = text_at(record, &["publishingState", "versionId"]);
    let is_minor = version
        .split_once('.')
        .is_some_and(|(_, minor)| minor != "0");
    level == "published" && !is_minor
}

/// The pieces of HTML in the order of the page: sections, columns, web parts.
fn pieces(record: &Object) -> Vec<String> {
    let mut pieces = Vec::new();
    for field in ["WikiField", "CanvasContent1"] {
        pieces.push(text_at(record, &["fields", field]));
    }
    for section in items_at(record, &["canvasLayout", "horizontalSections"]) {
        let columns = section.get("columns").and_then(Value::as_array);
        for column in columns.into_iter().flatten() {
            add_parts(column, &mut pieces);
        }
    }
    add_parts(
        at(record, &["canvasLayout", "verticalSection"]),
        &mut pieces,
    );
    for part in items_at(record, &["webParts"]) {
        add_part(part, &mut pieces);
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn add_parts(column: &Value, pieces: &mut Vec<String>) {
    let parts = column.get("webparts").and_then(Value::as_array);
    for part in parts.into_iter().flatten() {
        add_part(part, pieces);
    }
}

fn add_part(part: &Value, pieces: &mut Vec<String>) {
    pieces.extend(part.get("innerHtml").map(text_of));
    let content = part
        .get("data")
        .and_then(|data| data.get("serverProcessedContent"));
    let texts = content.and_then(|content| content.get("searchablePlainTexts"));
    for text in texts.and_then(Value::as_array).into_iter().flatten() {
        let text = text.get("value").unwrap_or(text);
        pieces.push(escaped(&text_of(text)));
    }
}

/// Plain text among HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
