//! Atlassian Document Format (the JSON of Jira's REST v3 and of Confluence's newer editor) to text.
//! Nodes by Atlassian's document "Atlassian Document Format: structure"; a node that is not known
//! gives the text of what is inside it.

use serde_json::Value;

use super::Text;
use super::writer::Writer;

/// The text of a document, or of any node of one.
pub(in crate::import) fn adf(document: &Value) -> Text {
    let mut writer = Writer::default();
    node(document, &mut writer);
    writer.finish()
}

/// Depth is bounded by that of the parser: 128.
fn node(value: &Value, writer: &mut Writer) {
    let name = value
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    match name {
        "text" => writer.text(
            value
                .get("text")
                .and_then(Value::as_str)
                .unwrap_or_default(),
        ),
        "hardBreak" => writer.line_break(),
        "paragraph" | "heading" | "blockquote" | "panel" | "rule" | "table" | "expand"
        | "nestedExpand" => {
            writer.paragraph();
            children(value, writer);
            writer.paragraph();
        }
        "bulletList" | "taskList" | "decisionList" => {
            writer.open_list(false);
            children(value, writer);
            writer.close_list();
        }
        "orderedList" => {
            writer.open_list(true);
            children(value, writer);
            writer.close_list();
        }
        "listItem" | "taskItem" | "decisionItem" => {
            writer.item();
            children(value, writer);
            writer.line();
        }
        "codeBlock" => {
            writer.open_code();
            children(value, writer);
            writer.close_code();
        }
        "tableRow" => row(value, writer),
        // What these show is in their attributes.
        "mention" | "emoji" | "status" => attribute(value, "text", writer),
        "date" | "inlineCard" | "blockCard" | "embedCard" => attribute(value, "url", writer),
        "mediaSingle" | "mediaGroup" | "media" | "mediaInline" | "extension"
        | "inlineExtension" => writer.drop(format!("node {name}")),
        _ => children(value, writer),
    }
}

fn children(value: &Value, writer: &mut Writer) {
    let content = value.get("content").and_then(Value::as_array);
    for child in content.into_iter().flatten() {
        node(child, writer);
    }
}

fn attribute(value: &Value, name: &str, writer: &mut Writer) {
    let text = value
        .get("attrs")
        .and_then(|attributes| attributes.get(name));
    writer.text(text.and_then(Value::as_str).unwrap_or_default());
}

/// The cells of a row on one line; what is inside a cell is inline text to a reader.
fn row(value: &Value, writer: &mut Writer) {
    writer.line();
    let cells = value.get("content").and_then(Value::as_array);
    let texts: Vec<String> = cells
        .into_iter()
        .flatten()
        .map(|cell| {
            let mut inner = Writer::default();
            children(cell, &mut inner);
            let text = inner.finish();
            for name in text.dropped {
                writer.drop(name);
            }
            text.text.split_whitespace().collect::<Vec<_>>().join(" ")
        })
        .collect();
    writer.text(&texts.join(" | "));
    writer.line();
}
