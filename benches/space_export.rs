//! Writes a space export of Confluence, as large as it is wanted: `space_export FILE MEGABYTES`.
//! What reads it is `firstline import FILE --dry-run`; how much memory that takes is the question.
//!
//! Pages stand ten deep, each with nine old revisions, a comment, two labels and an attachment; one
//! in fifty is restricted. Bodies are about four kilobytes of storage format, before and behind the
//! page they belong to, as in real exports. The same call writes the same bytes.

use std::io::{BufWriter, Result, Write};

/// Old revisions of a page.
const REVISIONS: u64 = 9;

/// Numbers that the objects of one page take.
const STEP: u64 = 100;

fn main() -> Result<()> {
    // `cargo bench` puts flags of its own among the arguments.
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with("--"))
        .collect();
    let [path, megabytes] = args.as_slice() else {
        return Ok(());
    };
    let wanted = megabytes.parse::<u64>().unwrap_or(1) * 1_000_000;
    let file = std::fs::File::create(path)?;
    let mut out = Counted {
        out: BufWriter::new(file),
        n_bytes: 0,
    };
    writeln!(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<hibernate-generic datetime=\"2026-03-01 08:00:00\">"
    )?;
    object(
        &mut out,
        "Space",
        1,
        &[text("name", "IT"), text("key", "IT")],
    )?;
    let mut n_pages = 0;
    while out.n_bytes < wanted {
        n_pages += 1;
        page(&mut out, n_pages)?;
    }
    writeln!(out, "</hibernate-generic>")?;
    out.flush()
}

fn page(out: &mut impl Write, n: u64) -> Result<()> {
    let id = n * STEP;
    let title = cdata("title", &format!("Page {n} of the handbook"));
    let parent = match n % 10 {
        0 => String::new(),
        _ => reference("parent", "Page", id - STEP),
    };
    let dates = text("creationDate", "2024-04-22 16:35:21.231")
        + &text("lastModificationDate", "2025-01-14 13:08:11.166");
    if n.is_multiple_of(2) {
        body(out, id + 1, id, n)?;
    }
    let space = reference("space", "Space", 1);
    let current = text("contentStatus", "current");
    object(
        out,
        "Page",
        id,
        &[title.clone(), space, parent, dates, current],
    )?;
    if !n.is_multiple_of(2) {
        body(out, id + 1, id, n)?;
    }
    for revision in 1..=REVISIONS {
        let old = id + 10 * revision;
        let of = reference("originalVersion", "Page", id);
        object(out, "Page", old, &[title.clone(), of])?;
        body(out, old + 1, old, n + revision)?;
    }
    for at in 2..4 {
        let label = reference("label", "Label", at);
        object(
            out,
            "Labelling",
            id + at,
            &[label, reference("content", "Page", id)],
        )?;
    }
    object(
        out,
        "Comment",
        id + 4,
        &[reference("containerContent", "Page", id)],
    )?;
    object(out, "Attachment", id + 5, &[cdata("title", "picture.png")])?;
    if n.is_multiple_of(50) {
        let set = reference("owningSet", "ContentPermissionSet", id + 6);
        let owner = reference("owningContent", "Page", id);
        object(
            out,
            "ContentPermissionSet",
            id + 6,
            &[text("type", "View"), owner],
        )?;
        let permission = [text("type", "View"), set, cdata("groupName", "hr")];
        object(out, "ContentPermission", id + 7, &permission)?;
    }
    Ok(())
}

fn body(out: &mut impl Write, id: u64, page: u64, n: u64) -> Result<()> {
    let html: String = (0..12).map(|at| paragraph(n, at)).collect();
    let content = reference("content", "Page", page);
    object(
        out,
        "BodyContent",
        id,
        &[content, cdata("body", &html), text("bodyType", "2")],
    )
}

fn paragraph(n: u64, at: u64) -> String {
    let code = (n * 31 + at * 7) % 65_536;
    format!(
        "<h2>Step {at}</h2><p>Open the <strong>console</strong> of server {} and look for error \
         <code>0x8007{code:04X}</code> &amp; its neighbours.</p><ul><li>Restart the queue</li><li>Wait \
         until the lamp is green</li></ul><ac:structured-macro ac:name=\"code\"><ac:parameter \
         ac:name=\"language\">bash</ac:parameter><ac:plain-text-body><![CDATA[systemctl restart \
         mail-{code}]] ></ac:plain-text-body></ac:structured-macro>",
        n % 97
    )
}

fn object(out: &mut impl Write, class: &str, id: u64, properties: &[String]) -> Result<()> {
    writeln!(
        out,
        "<object class=\"{class}\" package=\"com.example\">\n<id name=\"id\">{id}</id>"
    )?;
    for property in properties {
        writeln!(out, "{property}")?;
    }
    writeln!(out, "</object>")
}

fn text(name: &str, text: &str) -> String {
    format!("<property name=\"{name}\">{text}</property>")
}

fn cdata(name: &str, inner: &str) -> String {
    text(name, &format!("<![CDATA[{inner}]]>"))
}

fn reference(name: &str, class: &str, id: u64) -> String {
    format!("<property name=\"{name}\" class=\"{class}\"><id name=\"id\">{id}</id></property>")
}

struct Counted<W> {
    out: W,
    n_bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let n_bytes = self.out.write(bytes)?;
        self.n_bytes += n_bytes as u64;
        Ok(n_bytes)
    }

    fn flush(&mut self) -> Result<()> {
        self.out.flush()
    }
}
