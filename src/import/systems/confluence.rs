//! Confluence pages: content of REST v1 and v2, results of a search, pages that `confluence_xml` has
//! put together from a space export, and pages of its HTML export (`confluence_html`).
//! Shapes by Atlassian's REST references and by recordings.

use serde_json::Value;

use super::super::draft::{
    Draft, WITH, at, category, first_text, gone, items_at, keep, keep_text, key_of, names_at,
    restricted, some, text_at, text_of,
};
use super::super::{Refused, Taken};
use super::confluence_index::narrower;
use super::{Joins, Object, Role, confluence_html};
use crate::model::{Article, ArticleState, Kind, Visibility};

pub(super) const JOINS: Joins = Joins {
    documents: &[],
    rows: &[("spaceId", "spaces")],
    parts: &[],
    author: None,
    names_fields: false,
};

pub(super) fn role(record: &Object) -> Role {
    if record.contains_key("page") {
        return Role::Document;
    }
    let content = content_of(record);
    match text_at(content, &["type"]).as_str() {
        "comment" => Role::Skip("a comment on a page"),
        "attachment" => Role::Skip("an attachment"),
        "global" | "personal" | "collaboration" | "knowledge_base" => Role::Row("spaces"),
        _ if content.contains_key("title") => Role::Document,
        _ if content.contains_key("prefix") => Role::Skip("a label"),
        _ => Role::Skip("no page: it has no title"),
    }
}

/// A search wraps what it finds.
fn content_of(record: &Object) -> &Object {
    match record.get("content") {
        Some(Value::Object(content)) => content,
        _ => record,
    }
}

pub(super) fn convert(mut draft: Draft<'_>, record: &Object) -> Result<Taken, Refused> {
    if record.contains_key("page") {
        return confluence_html::convert(draft, record);
    }
    let content = content_of(record);
    let id = text_at(content, &["id"]);
    let status = text_at(content, &["status"]);
    if matches!(status.as_str(), "trashed" | "deleted" | "historical") {
        return Ok(gone(key_of(&draft, Kind::Article, &id)?, &status));
    }
    let mut article = draft.article(&id)?;
    article.title = first_text(content, &[&["title"], &["name"]]);
    article.body = body(&mut draft, content);
    article.state = match status.as_str() {
        "current" => ArticleState::Published,
        "archived" => ArticleState::Archived,
        _ => ArticleState::Draft,
    };
    let space = first_text(content, &[&["space", "name"], &["space", "key"]]);
    let space = some(space).or_else(|| some(text_at(record, &[WITH, "spaceId", "name"])));
    let mut levels = vec![space.unwrap_or_default()];
    levels.extend(items_at(content, &["ancestors"]).iter().map(title_of));
    article.category = category(&levels);
    article.tags = labels(content);
    article.created_at = first_time(
        &mut draft,
        "created_at",
        [
            at(content, &["history", "createdDate"]),
            at(content, &["createdAt"]),
        ],
    );
    article.updated_at = first_time(
        &mut draft,
        "updated_at",
        [
            at(content, &["version", "when"]),
            at(content, &["version", "createdAt"]),
        ],
    )
    .or(article.created_at);
    article.url = url(content);
    article.visibility = visibility(content);
    keep_rest(&mut article, content, &id);
    draft.done_article(article)
}

fn keep_rest(article: &mut Article, content: &Object, id: &str) {
    let extra = &mut article.extra;
    keep_text(extra, "key", id);
    keep_text(
        extra,
        "space",
        &first_text(content, &[&["space", "key"], &["spaceId"]]),
    );
    keep_text(extra, "content_type", &text_at(content, &["type"]));
    keep(extra, "version", at(content, &["version", "number"]));
}

fn title_of(ancestor: &Value) -> String {
    ancestor.get("title").map(text_of).unwrap_or_default()
}

fn first_time(
    draft: &mut Draft<'_>,
    field: &str,
    values: [&Value; 2],
) -> Option<crate::model::Time> {
    let value = values.into_iter().find(|value| !value.is_null())?;
    draft.time(field, value)
}

/// The body in whichever form was asked for.
fn body(draft: &mut Draft<'_>, content: &Object) -> String {
    for form in ["storage", "view", "export_view", "styled_view"] {
        let html = text_at(content, &["body", form, "value"]);
        if !html.is_empty() {
            return draft.html("body", &html);
        }
    }
    let wiki = text_at(content, &["body", "wiki", "value"]);
    if !wiki.is_empty() {
        return draft.wiki("body", &wiki);
    }
    let document = text_at(content, &["body", "atlas_doc_format", "value"]);
    match serde_json::from_str::<Value>(&document) {
        Ok(document) => draft.adf("body", &document),
        Err(_) => String::new(),
    }
}

fn labels(content: &Object) -> Vec<String> {
    let mut labels = names_at(content, &["metadata", "labels", "results"]);
    labels.extend(names_at(content, &["labels", "results"]));
    labels.extend(names_at(content, &["labels"]));
    labels.sort();
    labels.dedup();
    labels
}

fn url(content: &Object) -> Option<String> {
    let webui = text_at(content, &["_links", "webui"]);
    let base = text_at(content, &["_links", "base"]);
    let itself = text_at(content, &["_links", "self"]);
    let host = itself.split_once("/rest/").map(|(host, _)| host.to_owned());
    match (webui.as_str(), some(base).or(host)) {
        ("", _) | (_, None) => None,
        (webui, Some(base)) => Some(format!("{base}{webui}")),
    }
}

/// A page is public only where its space says that everybody may see it: only a space export
/// does. Restrictions of the page or of one above it name who may.
fn visibility(content: &Object) -> Visibility {
    let mut readers = (at(content, &["isRestricted"]) == &Value::Bool(true))
        .then(|| names_at(content, &["readers"]));
    let restrictions = at(content, &["restrictions", "read", "restrictions"]);
    let above = items_at(content, &["ancestors"]).iter();
    let above = above.filter_map(|ancestor| {
        ancestor
            .get("restrictions")?
            .get("read")?
            .get("restrictions")
    });
    for restrictions in above.chain([restrictions]) {
        // Who is named on one of them only may not see it.
        readers = narrower(readers, named(restrictions));
    }
    if let Some(readers) = readers {
        return restricted(readers);
    }
    match at(content, &["isPublic"]) == &Value::Bool(true) {
        true => Visibility::Public,
        false => Visibility::Internal,
    }
}

/// Who is named by the restrictions of one page; none when nobody is.
fn named(restrictions: &Value) -> Option<Vec<String>> {
    let mut readers = Vec::new();
    for (kind, name) in [("group", "name"), ("user", "accountId")] {
        let results = restrictions.get(kind).and_then(|of| of.get("results"));
        for one in results.and_then(Value::as_array).into_iter().flatten() {
            let name = one.get(name).or_else(|| one.get("username"));
            let name = name.map(text_of).unwrap_or_default();
            readers.push(format!("confluence-{kind}-{name}"));
        }
    }
    (!readers.is_empty()).then_some(readers)
}
