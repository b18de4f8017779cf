//! Single files as articles: Markdown and HTML with front matter, and Word documents.
//!
//! A file says who may see it only in its front matter (`visibility: public`); anything else, and
//! nothing at all, is internal.

use std::sync::Arc;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use serde_json::Value;

use super::super::assemble::{Raw, RawContent};
use super::super::detect::Shape;
use super::super::draft::{
    Draft, at, category, first_text, keep, keep_text, names_at, restricted, some, text_at,
};
use super::super::inputs::Input;
use super::super::lines::MAX_LINE_BYTES;
use super::super::markup;
use super::super::{NoteKind, Refused, Taken};
use super::{Object, docx};
use crate::model::{Article, ArticleState, Visibility};

/// Fields of the front matter that have a place of their own.
const TAKEN: [&str; 19] = [
    "id",
    "title",
    "tags",
    "keywords",
    "labels",
    "category",
    "categories",
    "language",
    "lang",
    "visibility",
    "groups",
    "draft",
    "state",
    "status",
    "date",
    "created",
    "updated",
    "lastmod",
    "url",
];

/// The record of a file.
pub(in crate::import) fn file(input: &Input, shape: Shape, on_read: &dyn Fn(usize)) -> Raw {
    let content = input
        .read_all(MAX_LINE_BYTES, on_read)
        .map_err(|error| Refused::new(format!("it could not be read: {error}")))
        .and_then(|content| record(&input.path_inside, shape, &content));
    Raw {
        file: Arc::clone(&input.name),
        position: 1,
        content: content.map(|record| {
            let json = serde_json::to_vec(&record).unwrap_or_default();
            RawContent::Json(record, json)
        }),
    }
}

fn record(path: &str, shape: Shape, content: &[u8]) -> Result<Object, Refused> {
    if shape == Shape::Docx {
        return docx::record(path, content);
    }
    let form = if shape == Shape::Html {
        "html"
    } else if shape == Shape::ConfluenceHtml {
        "page"
    } else {
        "markdown"
    };
    Ok(Object::from_iter([
        ("path".to_owned(), Value::from(path)),
        (form.to_owned(), Value::from(decoded(content))),
    ]))
}

/// By the byte order mark, by what the head of an HTML file says, as UTF-8, or as Windows-1252,
/// which every byte is.
fn decoded(content: &[u8]) -> String {
    if let Some((encoding, _)) = Encoding::for_bom(content) {
        return encoding.decode(content).0.into_owned();
    }
    let head = String::from_utf8_lossy(content.get(..content.len().min(1_024)).unwrap_or_default());
    let said = head
        .to_lowercase()
        .split_once("charset=")
        .and_then(|(_, rest)| {
            let label = rest.trim_start_matches(['"', '\'']);
            let end = label.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
            Encoding::for_label(label.get(..end?)?.as_bytes())
        });
    let encoding = match (said, std::str::from_utf8(content)) {
        (_, Ok(text)) => return text.to_owned(),
        (Some(encoding), Err(_)) if encoding != UTF_8 => encoding,
        (_, Err(_)) => WINDOWS_1252,
    };
    encoding.decode(content).0.into_owned()
}

pub(super) fn convert(mut draft: Draft<'_>, record: &Object) -> Result<Taken, Refused> {
    let path = text_at(record, &["path"]);
    let mut fields = Object::new();
    // A slash is no sign of an id.
    let mut article = draft.article(&path.replace(['/', '\\'], ":"))?;
    if let Value::String(html) = at(record, &["html"]) {
        let page = markup::page(html);
        article.title = page.title;
        article.language = language(&page.language);
        article.body = draft.html("body", html);
    } else {
        let text = text_at(record, &["markdown"]);
        let rest = match markup::front_matter(&text) {
            Ok((front, rest)) => {
                fields = front;
                rest
            }
            Err(reason) => {
                draft.note(NoteKind::UnknownValue, "front matter", reason);
                &text
            }
        };
        article.body = draft.markdown("body", rest);
    }
    let id = text_at(&fields, &["id"]);
    if !id.is_empty() {
        article.id = draft.article(&id)?.id;
    }
    fill(&mut draft, &mut article, &fields);
    if article.title.trim().is_empty() {
        article.title = title(&article.body, &path);
    }
    let parent = path
        .rsplit_once('/')
        .and_then(|(folder, _)| folder.rsplit('/').next());
    if article.category.is_none() {
        article.category =
            category(&[parent.unwrap_or_default().to_owned()]).filter(|folder| folder != ".");
    }
    keep_text(&mut article.extra, "path", &path);
    draft.done_article(article)
}

/// Takes what the front matter says; the fields that have no place are kept as they are.
fn fill(draft: &mut Draft<'_>, article: &mut Article, fields: &Object) {
    if let Some(title) = some(text_at(fields, &["title"])) {
        article.title = title;
    }
    for field in ["tags", "keywords", "labels"] {
        article.tags.extend(names_at(fields, &[field]));
        let list = text_at(fields, &[field]);
        article.tags.extend(
            list.split(',')
                .filter_map(|tag| some(tag.trim().to_owned())),
        );
    }
    let named = first_text(fields, &[&["category"], &["categories"]]);
    let mut levels = names_at(fields, &["categories"]);
    if levels.is_empty() {
        levels.push(named);
    }
    article.category = category(&levels);
    let lang = first_text(fields, &[&["language"], &["lang"]]);
    article.language = language(&lang).or(article.language.take());
    article.url = some(text_at(fields, &["url"]));
    for name in ["created", "date"] {
        article.created_at = draft
            .time("created_at", at(fields, &[name]))
            .or(article.created_at);
    }
    for name in ["lastmod", "updated"] {
        article.updated_at = draft
            .time("updated_at", at(fields, &[name]))
            .or(article.updated_at);
    }
    let state = first_text(fields, &[&["state"], &["status"]]).to_lowercase();
    // Anything but a clear no is a draft.
    let said = at(fields, &["draft"]);
    let is_draft = !(said.is_null() || *said == Value::Bool(false) || said == "false");
    article.state = match (is_draft, state.as_str()) {
        (false, "" | "published" | "current") => ArticleState::Published,
        (false, "archived") => ArticleState::Archived,
        _ => ArticleState::Draft,
    };
    article.visibility = visibility(draft, fields);
    for (name, value) in fields
        .iter()
        .filter(|(name, _)| !TAKEN.contains(&name.as_str()))
    {
        keep(&mut article.extra, &format!("front_{name}"), value);
    }
}

fn visibility(draft: &mut Draft<'_>, fields: &Object) -> Visibility {
    let groups = names_at(fields, &["groups"]);
    let said = text_at(fields, &["visibility"]);
    match (said.as_str(), groups.is_empty()) {
        (_, false) => restricted(groups),
        ("public", true) => Visibility::Public,
        ("" | "internal", true) => Visibility::Internal,
        ("restricted", true) => restricted([]),
        (other, true) => {
            let detail = format!("{other:?} is not understood, so it is internal");
            draft.note(NoteKind::UnknownValue, "visibility", detail);
            Visibility::Internal
        }
    }
}

fn language(tag: &str) -> Option<String> {
    let code: String = tag.chars().take_while(char::is_ascii_alphabetic).collect();
    some(code.to_lowercase()).filter(|code| code.len() == 2)
}

/// The first line of the text, else the name of the file.
fn title(body: &str, path: &str) -> String {
    let first = body.lines().map(str::trim).find(|line| !line.is_empty());
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let name = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    first.unwrap_or(name).chars().take(120).collect()
}
