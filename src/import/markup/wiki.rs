//! Jira's wiki markup (REST v2, CSV exports) to text, by Atlassian's "Text Formatting Notation
//! Help". Line by line, as its own renderer works; what is no markup is text.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::Text;
use super::writer::Writer;

/// A macro at its begin or end: `{code:java}`, `{panel:title=x}`, `{color}`.
static MACRO: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"\{(code|noformat|panel|quote|color|anchor|info|note|tip|warning|expand)(:[^}\n]*)?\}",
    )
    .ok()
});

/// A link: `[text|url]`, `[url]`, `[~user]`.
static LINK: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\[([^\[\]|\n]+)(\|[^\[\]\n]*)?\]").ok());

/// An image or attachment: `!file.png|thumbnail!`.
static IMAGE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"!([^\s!|]+\.[A-Za-z0-9]{2,5})(\|[^!\n]*)?!").ok());

/// Emphasis around words: `*bold*`, `_italic_`, `{{code}}`, `??cite??`, `-deleted-`, `+inserted+`.
/// Signs inside a word are text: error codes and paths are full of them.
static EMPHASIS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(^|[\s(\[>])(?:\*(\S(?:[^*\n]*\S)?)\*|_(\S(?:[^_\n]*\S)?)_|\+(\S(?:[^+\n]*\S)?)\+|\?\?(\S(?:[^?\n]*\S)?)\?\?)($|[\s.,;:!?)\]<])",
    )
    .ok()
});

/// The text of wiki markup.
pub(in crate::import) fn wiki(markup: &str) -> Text {
    let mut reader = Reader::default();
    for line in markup.lines() {
        reader.line(line);
    }
    if reader.verbatim.is_some() {
        reader.writer.close_code();
    }
    reader.close_lists(0);
    reader.writer.finish()
}

#[derive(Default)]
struct Reader {
    writer: Writer,
    /// The macro that is open and keeps its text to the letter.
    verbatim: Option<&'static str>,
    depth: usize,
}

impl Reader {
    /// Cuts a line at its macros.
    fn line(&mut self, line: &str) {
        let mut rest = line;
        let mut is_begin = true;
        loop {
            if let Some(name) = self.verbatim {
                let end = format!("{{{name}}}");
                let Some((code, after)) = rest.split_once(&end) else {
                    self.writer.text(rest);
                    self.writer.text("\n");
                    return;
                };
                self.writer.text(code);
                self.writer.close_code();
                self.verbatim = None;
                rest = after;
            }
            let found = MACRO.as_ref().and_then(|regex| regex.captures(rest));
            let Some((whole, name)) = found.and_then(|found| Some((found.get(0)?, found.get(1)?)))
            else {
                self.plain(rest, is_begin);
                return;
            };
            let before = rest.get(..whole.start()).unwrap_or_default();
            if !before.is_empty() {
                self.plain_part(before, is_begin);
                is_begin = false;
            }
            match name.as_str() {
                "code" => self.open_verbatim("code"),
                "noformat" => self.open_verbatim("noformat"),
                "color" | "anchor" => {}
                _ => self.writer.paragraph(),
            }
            rest = rest.get(whole.end()..).unwrap_or_default();
            // The end of the line that opens a block is no line of it.
            if self.verbatim.is_some() && rest.trim().is_empty() {
                return;
            }
        }
    }

    fn open_verbatim(&mut self, name: &'static str) {
        self.writer.open_code();
        self.verbatim = Some(name);
    }

    /// The end of a line.
    fn plain(&mut self, text: &str, is_begin: bool) {
        if is_begin && text.trim().is_empty() {
            self.close_lists(0);
            self.writer.paragraph();
            return;
        }
        self.plain_part(text, is_begin);
        if self.verbatim.is_none() {
            self.writer.line();
        }
    }

    fn plain_part(&mut self, text: &str, is_begin: bool) {
        if !is_begin {
            self.writer.text(&inline(text));
            return;
        }
        let trimmed = text.trim_start();
        if let Some(rest) = heading(trimmed) {
            self.close_lists(0);
            self.writer.paragraph();
            self.writer.text(&inline(rest));
            self.writer.paragraph();
        } else if let Some((signs, rest)) = item(trimmed) {
            self.close_lists(signs.len());
            while self.depth < signs.len() {
                let is_numbered = signs.as_bytes().get(self.depth) == Some(&b'#');
                self.writer.open_list(is_numbered);
                self.depth += 1;
            }
            self.writer.item();
            self.writer.text(&inline(rest));
        } else if trimmed.starts_with('|') {
            self.writer.line();
            // Links and images first: they have the sign of cells inside.
            let row = inline(trimmed.trim());
            let cells = row.trim_matches('|').replace("||", "|");
            let cells: Vec<&str> = cells.split('|').map(str::trim).collect();
            self.writer.text(&cells.join(" | "));
        } else if trimmed.trim_end().len() >= 4 && trimmed.trim_end().chars().all(|c| c == '-') {
            self.writer.paragraph();
        } else {
            self.close_lists(0);
            self.writer
                .text(&inline(trimmed.strip_prefix("bq. ").unwrap_or(trimmed)));
        }
    }

    fn close_lists(&mut self, depth: usize) {
        while self.depth > depth {
            self.writer.close_list();
            self.depth -= 1;
        }
    }
}

fn heading(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('h')?;
    let rest = rest.strip_prefix(|c: char| ('1'..='6').contains(&c))?;
    rest.strip_prefix(". ")
}

/// The signs of a list item and its text: `** text`, `# text`, `- text`.
fn item(line: &str) -> Option<(&str, &str)> {
    let end = line.find(|c| !matches!(c, '*' | '#' | '-'))?;
    let (signs, rest) = line.split_at(end);
    let rest = rest.strip_prefix(' ')?;
    (!signs.is_empty() && signs.len() <= 8).then_some((signs, rest))
}

/// Takes the signs out of a line; only a line that has some is worked on.
fn inline(text: &str) -> String {
    if !text.contains(['[', '!', '*', '_', '+', '?', '{', '\\']) {
        return text.to_owned();
    }
    let mut text = text
        .replace("{{", "")
        .replace("}}", "")
        .replace("\\\\", " ");
    if let Some(link) = LINK.as_ref() {
        text = link.replace_all(&text, link_text).into_owned();
    }
    if let Some(image) = IMAGE.as_ref() {
        text = image.replace_all(&text, "$1").into_owned();
    }
    if let Some(emphasis) = EMPHASIS.as_ref() {
        text = emphasis.replace_all(&text, "$1$2$3$4$5$6").into_owned();
    }
    text
}

/// What a link shows: its text, or the place when it has none. `[Errno 13]` is no link.
fn link_text(found: &Captures<'_>) -> String {
    let part = |at: usize| found.get(at).map_or("", |part| part.as_str());
    let text = part(1);
    match (part(2), text.strip_prefix('~')) {
        ("", Some(user)) => user.to_owned(),
        ("", None) if text.contains("://") || text.starts_with("mailto:") => {
            text.trim_start_matches("mailto:").to_owned()
        }
        ("", None) => part(0).to_owned(),
        (_, _) => text.to_owned(),
    }
}
