//! Markdown to text on the events of pulldown-cmark, and the front matter in front of it (YAML
//! between `---`, TOML between `+++`).

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use saphyr_parser::{Event as YamlEvent, Parser as YamlParser};
use serde_json::{Map, Value};

use super::writer::Writer;
use super::{Text, html};

/// The longest front matter that is read, in bytes.
const MAX_FRONT_MATTER_BYTES: usize = 64 * 1024;

/// The text of Markdown.
pub(in crate::import) fn markdown(markdown: &str) -> Text {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES;
    let mut writer = Writer::default();
    let mut is_first_cell = false;
    for event in Parser::new_ext(markdown, options) {
        match event {
            Event::Text(text)
            | Event::Code(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text) => writer.text(&text),
            Event::SoftBreak => writer.text(" "),
            Event::HardBreak => writer.line_break(),
            Event::Rule => writer.paragraph(),
            Event::Html(text) | Event::InlineHtml(text) => {
                let inner = html(&text);
                writer.text(&inner.text);
            }
            Event::Start(Tag::TableRow | Tag::TableHead) => {
                writer.line();
                is_first_cell = true;
            }
            Event::Start(Tag::TableCell) => {
                if !std::mem::take(&mut is_first_cell) {
                    writer.cell();
                }
            }
            Event::Start(Tag::Image { .. }) => writer.drop("image"),
            Event::Start(tag) => open(&tag, &mut writer),
            Event::End(tag) => close(tag, &mut writer),
            Event::FootnoteReference(_) | Event::TaskListMarker(_) => {}
        }
    }
    writer.finish()
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "marks inside a line change nothing in plain text"
)]
fn open(tag: &Tag<'_>, writer: &mut Writer) {
    match tag {
        Tag::Paragraph | Tag::Heading { .. } | Tag::BlockQuote(_) | Tag::Table(_) => {
            writer.paragraph();
        }
        Tag::CodeBlock(_) => writer.open_code(),
        Tag::List(first) => writer.open_list(first.is_some()),
        Tag::Item => writer.item(),
        _ => {}
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "marks inside a line change nothing in plain text"
)]
fn close(tag: TagEnd, writer: &mut Writer) {
    match tag {
        TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::BlockQuote(_) | TagEnd::Table => {
            writer.paragraph();
        }
        TagEnd::CodeBlock => writer.close_code(),
        TagEnd::List(_) => writer.close_list(),
        TagEnd::Item | TagEnd::TableRow | TagEnd::TableHead => writer.line(),
        _ => {}
    }
}

/// The front matter of a file and what comes after it.
///
/// # Errors
/// Why the front matter does not read.
pub(in crate::import) fn front_matter(text: &str) -> Result<(Map<String, Value>, &str), String> {
    let text = text.trim_start_matches('\u{feff}');
    for (fence, is_yaml) in [("---", true), ("+++", false)] {
        let Some(inner) = text.strip_prefix(fence).and_then(after_line_end) else {
            continue;
        };
        let Some((matter, rest)) = split_at_fence(inner, fence) else {
            continue;
        };
        if matter.len() > MAX_FRONT_MATTER_BYTES {
            return Err(format!(
                "the front matter has more than {MAX_FRONT_MATTER_BYTES} bytes"
            ));
        }
        let fields = if is_yaml {
            yaml(matter)?
        } else {
            toml(matter)?
        };
        return Ok((fields, rest));
    }
    Ok((Map::new(), text))
}

fn after_line_end(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches([' ', '\t']);
    rest.strip_prefix("\r\n")
        .or_else(|| rest.strip_prefix('\n'))
}

fn split_at_fence<'t>(text: &'t str, fence: &str) -> Option<(&'t str, &'t str)> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_end() == fence {
            return Some((text.get(..at)?, text.get(at + line.len()..)?));
        }
        at += line.len();
    }
    None
}

fn toml(matter: &str) -> Result<Map<String, Value>, String> {
    let table: toml::Table = matter
        .parse()
        .map_err(|error: toml::de::Error| error.to_string())?;
    let fields = table.into_iter().map(|(name, value)| {
        // A date would become an object.
        let value = match value.as_datetime() {
            Some(date) => Value::from(date.to_string()),
            None => serde_json::to_value(value).unwrap_or_default(),
        };
        (name, value)
    });
    Ok(fields.collect())
}

/// Reads the top level of a mapping: texts and lists of texts. Deeper values are left out, and an
/// alias is refused: copies of copies would grow without bound.
fn yaml(matter: &str) -> Result<Map<String, Value>, String> {
    let mut fields = Map::new();
    let mut depth = 0_usize;
    let mut name: Option<String> = None;
    let mut list: Option<Vec<Value>> = None;
    for event in YamlParser::new_from_str(matter) {
        let (event, _) = event.map_err(|error| format!("the front matter is no YAML: {error}"))?;
        match event {
            YamlEvent::Alias(_) => return Err("the front matter has an alias".to_owned()),
            YamlEvent::MappingStart(..) => depth += 1,
            YamlEvent::SequenceStart(..) => {
                depth += 1;
                if depth == 2 && name.is_some() {
                    list = Some(Vec::new());
                }
            }
            YamlEvent::MappingEnd | YamlEvent::SequenceEnd => {
                depth = depth.saturating_sub(1);
                if depth == 1
                    && let Some(name) = name.take()
                {
                    fields.insert(name, list.take().map_or(Value::Null, Value::Array));
                }
            }
            YamlEvent::Scalar(text, ..) => match (depth, &mut list) {
                (2, Some(list)) => list.push(Value::from(text.as_ref())),
                (1, _) => match name.take() {
                    None => name = Some(text.into_owned()),
                    Some(name) => {
                        fields.insert(name, Value::from(text.as_ref()));
                    }
                },
                _ => {}
            },
            YamlEvent::Nothing
            | YamlEvent::StreamStart
            | YamlEvent::StreamEnd
            | YamlEvent::DocumentStart(_)
            | YamlEvent::DocumentEnd => {}
        }
    }
    Ok(fields)
}
