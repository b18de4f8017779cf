//! Tells by its content whose export a file is, and of what shape. A name decides only where the
//! content cannot: Markdown has no mark of its own.

use std::io::BufRead;

use memchr::memmem;

use super::csv::delimiter_of;
use super::inputs::Input;
use super::systems::confluence_html;
use super::whose::system_of_json;
use super::{System, workbook};

/// What a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recognised {
    /// Whose export it is.
    pub system: System,
    pub(super) shape: Shape,
}

/// How the records of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Json,
    Csv,
    Workbook,
    ServiceNowXml,
    ConfluenceXml,
    ConfluenceHtml,
    Docx,
    Message,
    Mbox,
    Markdown,
    Html,
}

impl Shape {
    /// Whether the file is a list of records or rows, which may lead to each other.
    pub(super) fn is_of_records(self) -> bool {
        matches!(
            self,
            Self::Json | Self::Csv | Self::Workbook | Self::ServiceNowXml
        )
    }

    /// Whether the file is one document.
    pub(super) fn is_a_document(self) -> bool {
        matches!(
            self,
            Self::ConfluenceHtml | Self::Docx | Self::Markdown | Self::Html
        )
    }
}

impl Recognised {
    /// The system and the shape in words, as they are said before an import.
    #[must_use]
    pub fn in_words(self) -> String {
        let shape = match self.shape {
            Shape::Json => "JSON",
            Shape::Csv => "CSV",
            Shape::Workbook => "workbook (XLSX)",
            Shape::ServiceNowXml => "records (XML)",
            Shape::ConfluenceXml => "space export (XML)",
            Shape::ConfluenceHtml => "page of a space export (HTML)",
            Shape::Docx => "Word document",
            Shape::Message => "message",
            Shape::Mbox => "mbox",
            Shape::Markdown => "Markdown",
            Shape::Html => "HTML",
        };
        format!("{}, {shape}", self.system)
    }
}

/// What detection found.
pub(super) enum Detected {
    As(Recognised),
    /// JSON whose system its records do not tell: it may stand beside others that do.
    SomeJson,
    Nothing(&'static str),
}

/// Looks into a file. `forced` is the system that the caller names.
pub(super) fn detect(input: &Input, forced: Option<System>) -> std::io::Result<Detected> {
    let mut reader = input.open(&|_| ())?;
    let head = reader.fill_buf()?;
    let name = input.file_name();
    if head.is_empty() && !is_lines(name) && !ends(name, &[".csv"]) {
        return Ok(Detected::Nothing("it is empty"));
    }
    let shape = shape_of(head, name);
    let Some(shape) = shape else {
        return Ok(Detected::Nothing(
            "its content is none of the known formats",
        ));
    };
    if let Some(system) = forced {
        return Ok(Detected::As(Recognised { system, shape }));
    }
    let system = match shape {
        Shape::Json => match system_of_json(reader) {
            Some(system) => Some(system),
            None if is_lines(input.file_name()) => Some(System::Ndjson),
            None => return Ok(Detected::SomeJson),
        },
        Shape::Csv => Some(system_of_csv(head)),
        Shape::Workbook => Some(system_of_header(&workbook::header(input))),
        Shape::ServiceNowXml => Some(System::ServiceNow),
        Shape::ConfluenceXml | Shape::ConfluenceHtml => Some(System::Confluence),
        Shape::Docx => Some(System::SharePoint),
        Shape::Message | Shape::Mbox => Some(System::Eml),
        Shape::Markdown | Shape::Html => Some(System::Markdown),
    };
    Ok(match system {
        Some(system) => Detected::As(Recognised { system, shape }),
        None => Detected::SomeJson,
    })
}

fn is_lines(name: &str) -> bool {
    ends(name, &[".ndjson", ".jsonl"])
}

fn ends(name: &str, endings: &[&str]) -> bool {
    let name = name.to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    endings.iter().any(|ending| name.ends_with(ending))
}

fn shape_of(head: &[u8], name: &str) -> Option<Shape> {
    if head.starts_with(b"PK\x03\x04") {
        // Archives that are one file to their readers; their first part is the list of parts.
        return match memmem::find(head, b"xl/").is_some() || ends(name, &[".xlsx", ".xlsm"]) {
            true => Some(Shape::Workbook),
            false => Some(Shape::Docx),
        };
    }
    let bytes = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head);
    let text = String::from_utf8_lossy(bytes.get(..bytes.len().min(8_192)).unwrap_or_default());
    let start = text.trim_start();
    let lower: String = start.chars().take(400).collect::<String>().to_lowercase();
    if ends(name, &[".md", ".markdown", ".mdx"]) {
        return Some(Shape::Markdown);
    }
    if ends(name, &[".csv"]) {
        return Some(Shape::Csv);
    }
    if ends(name, &[".eml"]) {
        return Some(Shape::Message);
    }
    if is_lines(name) || start.starts_with(['{', '[']) {
        return Some(Shape::Json);
    }
    if lower.contains("<hibernate-generic") {
        return Some(Shape::ConfluenceXml);
    }
    if is_servicenow_xml(&lower) {
        return Some(Shape::ServiceNowXml);
    }
    if lower.starts_with("<!doctype html")
        || lower.starts_with("<html")
        || lower.contains("<html")
        || ends(name, &[".html", ".htm", ".xhtml"])
    {
        return Some(match confluence_html::is_page(&text) {
            true => Shape::ConfluenceHtml,
            false => Shape::Html,
        });
    }
    if ends(name, &[".mbox"]) || is_mbox(&text) {
        return Some(Shape::Mbox);
    }
    if is_message(&text) {
        return Some(Shape::Message);
    }
    if start.starts_with("---\n") || start.starts_with("# ") {
        return Some(Shape::Markdown);
    }
    let first = start.lines().next().unwrap_or_default();
    let is_named_otherwise = name.contains('.') && name != "-";
    (!is_named_otherwise && first.contains(',')).then_some(Shape::Csv)
}

/// Whether XML is what ServiceNow writes: `<unload>`, `<record_update>`, or `<xml>` around a table.
fn is_servicenow_xml(lower: &str) -> bool {
    let is_xml = lower.starts_with('<') && !lower.contains("<html");
    is_xml
        && ["<unload", "<record_update", "<xml>"]
            .iter()
            .any(|root| lower.contains(root))
}

fn is_mbox(text: &str) -> bool {
    let Some((first, rest)) = text.split_once('\n') else {
        return false;
    };
    first.starts_with("From ") && is_message(rest)
}

/// Whether the text begins with a header that names a sender, a subject or a message.
fn is_message(text: &str) -> bool {
    const TELLING: [&str; 8] = [
        "from",
        "subject",
        "message-id",
        "received",
        "return-path",
        "mime-version",
        "delivered-to",
        "date",
    ];
    let mut is_telling = false;
    for line in text.lines().take(60) {
        if line.trim().is_empty() {
            break;
        }
        if line.starts_with([' ', '\t', '>']) {
            continue;
        }
        let Some((name, _)) = line.split_once(':') else {
            return false;
        };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return false;
        }
        is_telling |= TELLING.contains(&name.to_lowercase().as_str());
    }
    is_telling
}

fn system_of_csv(head: &[u8]) -> System {
    let text = String::from_utf8_lossy(head);
    let header = text.lines().next().unwrap_or_default();
    let delimiter = char::from(delimiter_of(head));
    let names: Vec<String> = header
        .trim_start_matches('\u{feff}')
        .split(delimiter)
        .map(|name| name.trim().trim_matches('"').to_owned())
        .collect();
    system_of_header(&names)
}

/// Whose table it is, by the names of its columns.
fn system_of_header(names: &[String]) -> System {
    let has = |name: &str| names.iter().any(|own| own.eq_ignore_ascii_case(name));
    if has("issue key") && has("summary") {
        System::Jira
    } else if has("sys_id")
        || has("incident_state")
        || (has("number") && (has("short_description") || has("short description")))
    {
        System::ServiceNow
    } else {
        System::Csv
    }
}
