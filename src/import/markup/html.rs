//! HTML and Confluence's storage format (XHTML with `ac:` and `ri:` elements) to text, on the
//! tokens of html5ever: no tree is built, so depth costs nothing and broken markup is read as
//! browsers read it. CDATA is text, as in XML: Confluence keeps code in it.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::{Rawtext, Rcdata, ScriptData};
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use super::Text;
use super::html_table::Tables;
use super::writer::Writer;

/// A whole page: its title, its language, its text.
#[derive(Debug, Default)]
pub(in crate::import) struct Page {
    pub(in crate::import) title: String,
    pub(in crate::import) language: String,
    pub(in crate::import) text: Text,
}

/// The text of a piece of HTML, or of storage format.
pub(in crate::import) fn html(html: &str) -> Text {
    page(html).text
}

/// The text of a page, with what its head says.
pub(in crate::import) fn page(html: &str) -> Page {
    let sink = Sink(RefCell::new(Reader::default()));
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    // No script is ever run, so one call reads all of the input.
    drop(tokenizer.feed(&input));
    tokenizer.end();
    let mut reader = tokenizer.sink.0.into_inner();
    reader.tables.close_all(&mut reader.writer);
    Page {
        title: reader
            .title
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
        language: reader.language,
        text: reader.writer.finish(),
    }
}

struct Sink(RefCell<Reader>);

/// What has been read so far.
#[derive(Default)]
struct Reader {
    writer: Writer,
    /// The elements that are open and whose content is no text.
    hidden: Vec<String>,
    in_title: bool,
    title: String,
    language: String,
    /// Links to pages without a text of their own: where they began, and what they lead to.
    links: Vec<(usize, String)>,
    tables: Tables,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line_number: u64) -> TokenSinkResult<()> {
        let mut reader = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => reader.text(&text),
            Token::TagToken(tag) => return reader.tag(&tag),
            Token::DoctypeToken(_)
            | Token::CommentToken(_)
            | Token::NullCharacterToken
            | Token::EOFToken
            | Token::ParseError(_) => {}
        }
        TokenSinkResult::Continue
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        // CDATA is text wherever it stands.
        true
    }
}

impl Reader {
    fn text(&mut self, text: &str) {
        if self.in_title {
            self.title.push_str(text);
        } else if self.hidden.is_empty() {
            self.writer.text(text);
        }
    }

    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name: &str = &tag.name;
        if tag.kind == TagKind::EndTag {
            self.close(name);
            return TokenSinkResult::Continue;
        }
        self.open(name, tag);
        if tag.self_closing {
            self.close(name);
            return TokenSinkResult::Continue;
        }
        match name {
            "script" => TokenSinkResult::RawData(ScriptData),
            "style" | "iframe" | "noembed" | "noframes" | "xmp" => {
                TokenSinkResult::RawData(Rawtext)
            }
            "title" | "textarea" => TokenSinkResult::RawData(Rcdata),
            _ => TokenSinkResult::Continue,
        }
    }

    fn open(&mut self, name: &str, tag: &Tag) {
        if name == "title" {
            self.in_title = self.title.is_empty();
        }
        if name == "html" {
            self.language = attribute(tag, "lang").unwrap_or_default();
        }
        if is_hidden(name) {
            self.hidden.push(name.to_owned());
        }
        if !self.hidden.is_empty() {
            return;
        }
        match name {
            "p" | "blockquote" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "hr" | "dl"
            | "ac:rich-text-body" | "ac:layout-section" | "ac:task-list" => {
                self.writer.paragraph();
            }
            "br" => self.writer.line_break(),
            "ul" | "menu" => self.writer.open_list(false),
            "ol" => self.writer.open_list(true),
            "li" | "ac:task" => self.writer.item(),
            "dt" | "dd" | "div" | "section" | "article" | "header" | "main" | "figure"
            | "figcaption" | "address" | "fieldset" | "form" | "details" | "summary"
            | "caption" | "body" | "aside" | "footer" | "option" => self.writer.line(),
            "table" => self.tables.open_table(&mut self.writer),
            "tr" => self.tables.row(&mut self.writer),
            "td" | "th" => self.tables.open_cell(&mut self.writer),
            "pre" | "listing" | "xmp" | "ac:plain-text-body" => self.writer.open_code(),
            "img" | "ac:image" | "ac:emoticon" | "object" | "embed" | "video" | "audio"
            | "canvas" | "map" => self.writer.drop(format!("<{name}>")),
            _ => self.open_confluence(name, tag),
        }
    }

    /// The elements of Confluence that mean something to a reader.
    fn open_confluence(&mut self, name: &str, tag: &Tag) {
        match name {
            "ac:structured-macro" | "ac:macro" => {
                self.writer.line();
                let macro_name = attribute(tag, "ac:name").unwrap_or_default();
                if !SHOWN_MACROS.contains(&macro_name.as_str()) {
                    let shown: String = macro_name.chars().take(40).collect();
                    self.writer.drop(format!("macro {shown}"));
                }
            }
            "ac:link" => self.links.push((self.writer.len(), String::new())),
            "ri:page" | "ri:blog-post" => {
                if let Some((_, target)) = self.links.last_mut() {
                    *target = attribute(tag, "ri:content-title").unwrap_or_default();
                }
            }
            "time" => {
                if let Some(date) = attribute(tag, "datetime").filter(|_| tag.self_closing) {
                    self.writer.text(&date);
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if name == "title" {
            self.in_title = false;
        }
        if let Some(at) = self.hidden.iter().rposition(|open| open == name) {
            self.hidden.truncate(at);
            return;
        }
        if !self.hidden.is_empty() {
            return;
        }
        match name {
            "p" | "blockquote" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "dl"
            | "ac:rich-text-body" | "ac:layout-section" | "ac:task-list" => {
                self.writer.paragraph();
            }
            "ul" | "ol" | "menu" => self.writer.close_list(),
            "table" => self.tables.close_table(&mut self.writer),
            "tr" => self.tables.row(&mut self.writer),
            "td" | "th" => self.tables.close_cell(&mut self.writer),
            "pre" | "listing" | "xmp" | "ac:plain-text-body" if self.writer.is_verbatim() => {
                self.writer.close_code();
            }
            "li"
            | "ac:task"
            | "dt"
            | "dd"
            | "div"
            | "section"
            | "article"
            | "header"
            | "main"
            | "figure"
            | "ac:structured-macro"
            | "option" => self.writer.line(),
            "ac:link" => {
                if let Some((begin, target)) = self.links.pop()
                    && self.writer.len() == begin
                {
                    self.writer.text(&target);
                }
            }
            _ => {}
        }
    }
}

/// Macros that are what their bodies say.
const SHOWN_MACROS: [&str; 14] = [
    "code", "noformat", "info", "note", "tip", "warning", "panel", "expand", "excerpt", "section",
    "column", "details", "status", "quote",
];

/// Elements whose content is for machines, or stands elsewhere too.
fn is_hidden(name: &str) -> bool {
    matches!(
        name,
        "script"
            | "style"
            | "noscript"
            | "template"
            | "svg"
            | "math"
            | "iframe"
            | "head"
            | "nav"
            | "ac:parameter"
            | "ac:default-parameter"
            | "ac:placeholder"
            | "ac:task-id"
            | "ac:task-uuid"
            | "ac:task-status"
            | "ac:adf-attribute"
            | "ac:adf-fallback"
            | "ac:adf-mark"
    )
}

fn attribute(tag: &Tag, name: &str) -> Option<String> {
    let found = tag
        .attrs
        .iter()
        .find(|attribute| &*attribute.name.local == name);
    found.map(|attribute| attribute.value.to_string())
}
