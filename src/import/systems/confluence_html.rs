//! Pages of Confluence's HTML export: a zip with one file a page. The text is what stands in
//! `main-content`; the way to the page and who wrote it when are said above it, attachments and the
//! footer below. It does not say who may see the page: internal. Shape by reading exports.

use serde_json::Value;

use super::super::draft::{Draft, category, keep_text, text_at};
use super::super::markup;
use super::super::{Refused, Taken};
use super::Object;

/// What begins the part below the text.
const BELOW: [&str; 3] = [
    "class=\"pageSection",
    "id=\"comments-section",
    "id=\"footer",
];

/// Whether an HTML file is such a page.
pub(in crate::import) fn is_page(head: &str) -> bool {
    head.contains("id=\"breadcrumb") && head.contains("class=\"page-metadata\"")
}

pub(super) fn convert(mut draft: Draft<'_>, record: &Object) -> Result<Taken, Refused> {
    let path = text_at(record, &["path"]);
    let html = text_at(record, &["page"]);
    let key = page_id(&path);
    let mut article = draft.article(&key.replace(['/', '\\'], ":"))?;
    let way: Vec<String> = lines_of(inside(&html, "id=\"breadcrumbs\"", "</ol>"));
    let title = markup::page(&html).title;
    let space = way.first().map(|space| format!("{space} : "));
    let without_space = space.and_then(|space| title.strip_prefix(&space).map(str::to_owned));
    article.title = without_space.unwrap_or(title);
    article.category = category(&way);
    let body = inside(&html, "id=\"main-content\"", "\u{0}");
    article.body = draft.html("body", above(body));
    let said = lines_of(inside(&html, "class=\"page-metadata\"", "</div>")).join(" ");
    if let Some((who, date)) = said.rsplit_once(" on ") {
        article.updated_at = draft.time("updated_at", &Value::from(date.trim()));
        let author = who.split_once(" by ").map_or("", |(_, author)| author);
        let author = author.split(',').next().unwrap_or_default();
        keep_text(&mut article.extra, "author", author.trim());
    }
    keep_text(&mut article.extra, "key", &key);
    keep_text(&mut article.extra, "path", &path);
    draft.done_article(article)
}

/// The number in the name of the file, `Title_98361.html`, which is the page's own; else the path.
fn page_id(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let number = stem.rsplit('_').next().unwrap_or_default();
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { number } else { path }.to_owned()
}

/// What stands in the element with this attribute, up to an end.
fn inside<'h>(html: &'h str, attribute: &str, end: &str) -> &'h str {
    let after = html.split_once(attribute).map_or("", |(_, after)| after);
    let content = after.split_once('>').map_or("", |(_, content)| content);
    content.split(end).next().unwrap_or_default()
}

/// The text of the page without what stands below it.
fn above(body: &str) -> &str {
    let ends = BELOW.iter().filter_map(|sign| body.find(sign));
    let Some(end) = ends.min() else {
        return body;
    };
    let body = body.get(..end).unwrap_or_default();
    body.rsplit_once('<').map_or(body, |(body, _)| body)
}

/// The lines of some HTML, without the signs of its lists.
fn lines_of(html: &str) -> Vec<String> {
    let text = markup::html(html).text;
    let lines = text.lines().map(|line| without_sign(line).to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

/// The text of a list item: `2. text`, `- text`.
fn without_sign(line: &str) -> &str {
    let line = line.trim();
    match line.split_once(". ") {
        Some((number, text)) if number.bytes().all(|byte| byte.is_ascii_digit()) => text,
        Some(_) | None => line.strip_prefix("- ").unwrap_or(line),
    }
}
