//! What a reader sees of each markup, and what must never be seen.

use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn html_keeps_lists_code_and_tables_and_no_script() {
    let text = html(
        "<style>p{x}</style><h2>Reset</h2><p>Open&nbsp;<b>portal</b> &amp; wait.<br>Then:</p>\
         <ol><li>Press <code>F2</code><ul><li>twice</li></ul></li><li><p>Type</p></li></ol>\
         <pre>  net use \\\\srv\\x\n  0x80070035</pre>\
         <table><tr><th>Code</th><th>Meaning</th></tr><tr><td>0x1</td><td>no</td></tr></table>\
         <script>alert('x < y')</script><img src=a.png alt=secret><p onclick='leak()'>End",
    );
    assert_eq!(
        text.text,
        "Reset\n\nOpen portal & wait.\nThen:\n\n1. Press F2\n  - twice\n2. Type\n\n  net use \
         \\\\srv\\x\n  0x80070035\n\nCode | Meaning\n0x1 | no\n\nEnd"
    );
    assert_eq!(Vec::from_iter(text.dropped), ["<img>"]);
}

/// Editors put paragraphs into cells, mails put whole texts into them, and ends may be left out.
#[test]
fn tables_are_rows_unless_they_are_a_layout() {
    let check = |table: &str, expected: &str| assert_eq!(html(table).text, expected, "{table}");
    check(
        "a<table><tbody><tr><th><p>Code</p></th><th><p>Meaning</p></th></tr><tr><td><p>0x1</p></td>\
         <td><p>no<br/>path</p><ul><li>x</li></ul></td></tr></tbody></table>b",
        "a\n\nCode | Meaning\n0x1 | no path - x\n\nb",
    );
    check("<table><tr><td>a<td>b<tr><td><td>d</table>", "a | b\n| d");
    check("<table><tr><td>a<td>b", "a | b");
    let long = "word ".repeat(100);
    check(
        &format!("<table><tr><td><p>{long}</p><p>End</p></td><td>b</td></tr></table>"),
        &format!("{}\n\nEnd\nb", long.trim()),
    );
    check(
        "<table><tr><td><table><tr><td>1</td><td>2</td></tr></table></td></tr></table>",
        "1 | 2",
    );
    check(
        "<table><tr><td><pre>a\n  b</pre></td></tr></table>",
        "a\n  b",
    );
    let deep = "<table><tr><td>".repeat(50_000) + "x";
    check(&deep, "x");
    check("<tr><td>a</td><td>b</td></tr>", "a | b");
}

#[test]
fn storage_format_shows_bodies_and_never_parameters() {
    let text = html(
        "<p>Run:</p><ac:structured-macro ac:name=\"code\"><ac:parameter ac:name=\"language\">\
         powershell</ac:parameter><ac:plain-text-body><![CDATA[if ($a -lt 3) {\n  <x> }]]>\
         </ac:plain-text-body></ac:structured-macro>\
         <ac:structured-macro ac:name=\"info\"><ac:parameter ac:name=\"title\">T</ac:parameter>\
         <ac:rich-text-body><p>Error 0x8004010F</p></ac:rich-text-body></ac:structured-macro>\
         <ac:structured-macro ac:name=\"jira\"><ac:parameter ac:name=\"key\">SEC-1</ac:parameter>\
         </ac:structured-macro><p>See <ac:link><ri:page ri:content-title=\"VPN setup\" /></ac:link> \
         or <ac:link><ri:page ri:content-title=\"Hidden\" /><ac:plain-text-link-body><![CDATA[here]]>\
         </ac:plain-text-link-body></ac:link>, by <time datetime=\"2024-01-01\" />.</p>\
         <ac:task-list><ac:task><ac:task-id>7</ac:task-id><ac:task-status>incomplete</ac:task-status>\
         <ac:task-body>Call</ac:task-body></ac:task></ac:task-list>",
    );
    assert_eq!(
        text.text,
        "Run:\n\nif ($a -lt 3) {\n  <x> }\n\nError 0x8004010F\n\nSee VPN setup or here, by \
         2024-01-01.\n\n- Call"
    );
    assert_eq!(Vec::from_iter(text.dropped), ["macro jira"]);
}

#[test]
fn wiki_markup_is_read_and_codes_are_kept() {
    let text = wiki(
        "h2. *Steps*\r\nOpen [the portal|https://p.example/x] as [~anna].\r\n# first _one_\r\n\
         ## deeper\r\n# second\r\n\r\n||Code||Meaning||\r\n|0x80070035|no *path*, [see|https://p.example]|\r\n\
         {code:title=run.ps1|borderStyle=solid}\r\nGet-Item *.log  # a*b*c\r\n{code}\r\n\
         {color:red}Red{color} and {{net_use_x}}, [Errno 13], C:\\temp_a_b, !shot.png|thumbnail!",
    );
    assert_eq!(
        text.text,
        "Steps\n\nOpen the portal as anna.\n\n1. first one\n  1. deeper\n2. second\n\n\
         Code | Meaning\n0x80070035 | no path, see\n\nGet-Item *.log  # a*b*c\n\n\
         Red and net_use_x, [Errno 13], C:\\temp_a_b, shot.png"
    );
}

#[test]
fn an_atlassian_document_is_read() {
    let paragraph =
        |text: &str| json!({"type": "paragraph", "content": [{"type": "text", "text": text}]});
    let text = adf(&json!({"type": "doc", "version": 1, "content": [
        paragraph("VPN drops."),
        {"type": "orderedList", "content": [
            {"type": "listItem", "content": [paragraph("Open")]},
            {"type": "listItem", "content": [paragraph("Close")]},
        ]},
        {"type": "codeBlock", "attrs": {"language": "bash"}, "content": [
            {"type": "text", "text": "a  b\n  0x1"}]},
        {"type": "table", "content": [{"type": "tableRow", "content": [
            {"type": "tableHeader", "content": [paragraph("Code")]},
            {"type": "tableCell", "content": [paragraph("619")]}]}]},
        {"type": "mediaSingle", "content": [{"type": "media", "attrs": {"id": "secret"}}]},
        {"type": "paragraph", "content": [{"type": "mention", "attrs": {"id": "7", "text": "@Anna"}}]},
    ]}));
    assert_eq!(
        text.text,
        "VPN drops.\n\n1. Open\n2. Close\n\na  b\n  0x1\n\nCode | 619\n\n@Anna"
    );
    assert_eq!(Vec::from_iter(text.dropped), ["node mediaSingle"]);
}

#[test]
fn markdown_and_its_front_matter_are_read() {
    let file = "---\ntitle: \"VPN: the basics\"\ntags: [vpn, home]\ndraft: true\ndeep: {a: 1}\n---\n\
                # VPN\n\nUse *this*:\n\n- one\n- two\n\n```sh\nip  a\n```\n\n|a|b|\n|-|-|\n|0x1|c|\n\n\
                <script>leak()</script>";
    let (fields, rest) = front_matter(file).unwrap();
    assert_eq!(fields["title"], "VPN: the basics");
    assert_eq!(fields["tags"], json!(["vpn", "home"]));
    assert_eq!(fields["draft"], "true");
    assert_eq!(
        markdown(rest).text,
        "VPN\n\nUse this:\n\n- one\n- two\n\nip  a\n\na | b\n0x1 | c"
    );
    let bomb = "---\na: &a [x, x]\nb: [*a, *a]\n---\n";
    assert!(front_matter(bomb).unwrap_err().contains("alias"));
    assert_eq!(front_matter("+++\ntitle = \"x\"\n+++\nb").unwrap().1, "b");
    assert_eq!(front_matter("--- no\n").unwrap().1, "--- no\n");
}

proptest! {
    /// Whatever stands in a field becomes text or nothing, and never a panic.
    #[test]
    fn no_markup_panics(text in r"(?s)(<[a-z/:!\[]{0,6}|\{code\}|\|\||h1\. |\* |\[|]]>|&[a-z]{0,4};|---|.){0,60}") {
        html(&text);
        wiki(&text);
        markdown(&text);
        front_matter(&text).ok();
        front_matter(&format!("---\n{text}\n---\n")).ok();
    }
}
