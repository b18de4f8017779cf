//! Pages and documents: Confluence, SharePoint, folders of files.

use firstline::Visibility;
use firstline::import::Plan;
use firstline::model::ArticleState;
use serde_json::json;

use super::{groups, read, read_path, write};

pub(super) fn confluence_export() -> String {
    let object = |class: &str, id: u64, properties: &str| {
        format!("<object class=\"{class}\"><id name=\"id\">{id}</id>{properties}</object>\n")
    };
    let text = |name: &str, text: &str| format!("<property name=\"{name}\">{text}</property>");
    let cdata = |name: &str, inner: &str| text(name, &format!("<![CDATA[{inner}]]>"));
    let to = |name: &str, class: &str, id: u64| {
        format!("<property name=\"{name}\" class=\"{class}\"><id name=\"id\">{id}</id></property>")
    };
    let page = |id: u64, title: &str, more: &str| {
        let space = to("space", "Space", 1);
        object(
            "Page",
            id,
            &format!("{}{space}{more}", cdata("title", title)),
        )
    };
    let body = |id: u64, page: u64, html: &str| {
        let content = to("content", "Page", page);
        object(
            "BodyContent",
            id,
            &format!("{}{content}{}", cdata("body", html), text("bodyType", "2")),
        )
    };
    let set = to("owningContent", "Page", 11);
    let permission = to("owningSet", "ContentPermissionSet", 50);
    [
        "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"aaaa\">]><hibernate-generic>".to_owned(),
        object("Space", 1, &format!("{}{}", cdata("name", "IT"), cdata("key", "IT"))),
        object("SpacePermission", 2, &format!("{}{}", text("type", "VIEWSPACE"), to("space", "Space", 1))),
        // A body may come before its page.
        body(31, 12, "<p>Child &amp; code</p><ac:structured-macro ac:name=\"code\"><ac:plain-text-body><![CDATA[a < b]] ></ac:plain-text-body></ac:structured-macro>"),
        page(10, "Top", ""),
        page(11, "Secret", &to("parent", "Page", 10)),
        page(12, "Child\u{1c} &a;", &to("parent", "Page", 11)),
        page(13, "Top", &to("originalVersion", "Page", 10)),
        page(14, "Draft", &text("contentStatus", "draft")),
        page(15, "Gone", &text("contentStatus", "deleted")),
        body(30, 10, "<p>Open</p>"),
        body(33, 13, "<p>Old text</p>"),
        object("ContentPermissionSet", 50, &format!("{}{set}", text("type", "View"))),
        object("ContentPermission", 51, &format!("{}{permission}{}", text("type", "View"), cdata("groupName", "hr"))),
        "</hibernate-generic>".to_owned(),
    ]
    .concat()
}

/// A space export has every page that ever was; only the living ones count, and none of them may
/// be seen by more people than before.
#[test]
fn confluence_pages_come_from_rest_and_from_space_exports() {
    let xml = read(&[("entities.xml", confluence_export())]);
    assert_eq!(xml.taken_for, ["confluence, space export (XML)"]);
    assert_eq!(xml.documents.len(), 3, "{:?}", xml.documents);
    assert_eq!(xml.article("confluence:10").visibility, Visibility::Public);
    assert_eq!(xml.article("confluence:10").body, "Open");
    assert_eq!(
        xml.article("confluence:11").visibility,
        groups(&["confluence-group-hr"])
    );
    let child = xml.article("confluence:12");
    assert_eq!(child.body, "Child & code\n\na < b");
    assert_eq!(child.visibility, groups(&["confluence-group-hr"]));
    assert_eq!(child.category.as_deref(), Some("IT/Top/Secret"));
    assert_eq!(child.title, "Child  &a;", "no entity is expanded");
    assert_eq!(xml.report.skipped_because["an old revision"], 1);
    assert_eq!(xml.report.skipped_because["a draft"], 1);
    let reasons: Vec<&String> = xml.report.skipped_because.keys().collect();
    assert_eq!(reasons, ["a deleted page", "a draft", "an old revision"]);

    let v1 = json!({"results": [{"id": "1", "type": "page", "status": "current", "title": "A",
        "space": {"key": "IT", "name": "IT"}, "version": {"number": 3, "when": "2026-01-01T09:00:00.000Z"},
        "body": {"storage": {"value": "<p>x</p>"}}, "_links": {"webui": "/p/1", "base": "https://w.example"},
        "restrictions": {"read": {"restrictions": {"group": {"results": [{"name": "hr"}]}}}}},
        {"id": "2", "type": "page", "status": "trashed", "title": "B"}], "start": 0, "_links": {}});
    let v2 = json!({"results": [{"id": "3", "status": "draft", "title": "C", "spaceId": "9",
        "body": {"storage": {"value": "<p>y</p>"}}, "version": {"createdAt": "2026-01-02T09:00:00Z"}}]});
    let rest = read(&[("v1.json", v1.to_string()), ("v2.json", v2.to_string())]);
    let page = rest.article("confluence:1");
    assert_eq!(page.visibility, groups(&["confluence-group-hr"]));
    assert_eq!(page.url.as_deref(), Some("https://w.example/p/1"));
    assert_eq!(rest.article("confluence:3").state, ArticleState::Draft);
    assert_eq!(rest.report.skipped_because["trashed"], 1);
}

/// Two names that are named on different pages of one way may see neither; people have names, not
/// keys; a space has one where only its number is said.
#[test]
fn confluence_readers_are_those_named_everywhere() {
    let named = |groups: &[&str]| {
        let results: Vec<_> = groups.iter().map(|name| json!({"name": name})).collect();
        json!({"read": {"restrictions": {"group": {"results": results}}}})
    };
    let page = json!({"results": [{"id": "1", "type": "page", "status": "current", "title": "A",
        "body": {"storage": {"value": "x"}}, "restrictions": named(&["hr", "it"]),
        "ancestors": [{"id": "2", "title": "Top", "restrictions": named(&["hr", "sales"])}]}]});
    let v2 = json!({"results": [{"id": "3", "status": "current", "title": "C", "spaceId": "9",
        "body": {"storage": {"value": "<p>y</p>"}}}]});
    let spaces =
        json!({"results": [{"id": "9", "key": "NET", "name": "Network", "type": "global"}]});
    let labels =
        json!({"results": [{"id": "5", "prefix": "my", "name": "a"}, {"id": "6", "name": "b"}]});
    let rest = read(&[
        ("page.json", page.to_string()),
        ("v2.json", v2.to_string()),
        ("spaces.json", spaces.to_string()),
        ("labels.json", labels.to_string()),
    ]);
    assert_eq!(rest.documents.len(), 2, "{:?}", rest.documents);
    assert_eq!(
        rest.article("confluence:1").visibility,
        groups(&["confluence-group-hr"])
    );
    assert_eq!(
        rest.article("confluence:3").category.as_deref(),
        Some("Network")
    );

    let user = "<object class=\"ConfluenceUserImpl\"><id name=\"key\">k1</id>\
                <property name=\"lowerName\">ann</property></object>";
    let named = "<property name=\"userSubject\" class=\"ConfluenceUserImpl\"><id name=\"key\">k1</id></property>";
    let export = confluence_export()
        .replace(
            "<property name=\"groupName\"><![CDATA[hr]]></property>",
            named,
        )
        .replace(
            "</hibernate-generic>",
            &format!("{user}</hibernate-generic>"),
        );
    let xml = read(&[("entities.xml", export)]);
    assert_eq!(
        xml.article("confluence:11").visibility,
        groups(&["confluence-user-ann"])
    );
}

/// The export that every user can make is a zip of web pages.
#[test]
fn confluence_pages_of_the_html_export_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let page = "<!DOCTYPE html><html><head><title>IT desk : Wi-Fi at home</title></head><body>\
        <div id=\"main-header\"><div id=\"breadcrumb-section\"><ol id=\"breadcrumbs\">\
        <li class=\"first\"><span><a href=\"index.html\">IT desk</a></span></li>\
        <li><span><a href=\"Network_7.html\">2. Network</a></span></li></ol></div></div>\
        <div id=\"content\" class=\"view\"><div class=\"page-metadata\">Created by \
        <span class='author'> Ann Lee</span>, last modified by <span class='editor'> Bob</span> on \
        Jan 31, 2026</div><div id=\"main-content\" class=\"wiki-content group\"><p>Press <b>F2</b>.</p>\
        <script>leak()</script></div><div class=\"pageSection group\"><h2>Attachments:</h2>a.png</div></div>\
        <div id=\"footer\">Document generated</div></body></html>";
    write(
        folder.path(),
        &[
            ("IT/Wi-Fi-at-home_98361.html", page.to_owned()),
            (
                "IT/index.html",
                "<html><head><title>IT desk</title></head><body>Space Details</body></html>"
                    .to_owned(),
            ),
        ],
    );
    let found = read_path(folder.path(), &Plan::default());
    assert_eq!(found.documents.len(), 1, "{:?}", found.documents);
    let article = found.article("confluence:98361");
    assert_eq!(
        (article.title.as_str(), article.body.as_str()),
        ("Wi-Fi at home", "Press F2.")
    );
    assert_eq!(article.category.as_deref(), Some("IT desk/2. Network"));
    assert_eq!(
        article.updated_at.unwrap().to_string(),
        "2026-01-31T00:00:00Z"
    );
    assert_eq!(article.extra["author"], "Ann Lee");
    assert_eq!(article.visibility, Visibility::Internal);
}

/// A Word document of one heading, a list and a table.
pub(super) fn docx() -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let parts = [
        (
            "word/document.xml",
            "<w:document xmlns:w=\"w\"><w:body><w:p><w:r><w:t>VPN &amp; Wi-Fi</w:t></w:r></w:p>\
             <w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>Open 0x1</w:t></w:r><w:del><w:r><w:delText>\
             gone</w:delText></w:r></w:del><w:moveFrom><w:r><w:t>twice</w:t></w:r></w:moveFrom>\
             <mc:Fallback><w:t>drawn twice</w:t></mc:Fallback></w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r>\
             </w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>\
             </w:body></w:document>",
        ),
        (
            "docProps/core.xml",
            "<c xmlns:d=\"d\"><d:title>Handbook</d:title><d:modified>2026-02-01T00:00:00Z</d:modified></c>",
        ),
    ];
    for (name, content) in parts {
        zip.start_file(name, options).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn sharepoint_pages_documents_and_folders_of_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let page = json!({"value": [{"id": "p1", "name": "Home.aspx", "title": "Home",
        "webUrl": "https://s.example/Home.aspx", "publishingState": {"level": "published", "versionId": "1.0"},
        "canvasLayout": {"horizontalSections": [{"columns": [{"webparts": [
            {"@odata.type": "#microsoft.graph.textWebPart", "innerHtml": "<p>Hello</p>"}]}]}]}}]});
    let front = "---\ntitle: VPN\nvisibility: public\ntags: [a, b]\nowner: net\n---\nText\n";
    write(
        folder.path(),
        &[
            ("guides/vpn.md", front.to_owned()),
            (
                "guides/wifi.html",
                "<html lang=de><head><title>WLAN</title><script>x()</script></head>\
              <body><p>Offen</p></body></html>"
                    .to_owned(),
            ),
            ("picture.bin", "\u{1}\u{2}".to_owned()),
        ],
    );
    std::fs::write(folder.path().join("handbook.docx"), docx()).unwrap();
    let pages = read(&[
        ("pages.json", page.to_string()),
        ("README.md", "# How it was exported".to_owned()),
    ]);
    assert_eq!(
        pages.documents.len(),
        1,
        "a text about an export is none of it"
    );
    let home = pages.article("sharepoint:p1");
    let read = read_path(folder.path(), &Plan::default());
    assert_eq!(
        (home.body.as_str(), &home.visibility),
        ("Hello", &Visibility::Internal)
    );
    let document = read.article("sharepoint:handbook.docx");
    assert_eq!(document.title, "Handbook");
    assert_eq!(document.body, "VPN & Wi-Fi\n- Open 0x1\na | b");
    let vpn = read.article("markdown:guides:vpn.md");
    assert_eq!(vpn.visibility, Visibility::Public);
    assert_eq!((vpn.title.as_str(), vpn.body.as_str()), ("VPN", "Text"));
    assert_eq!(vpn.extra["front_owner"], "net");
    let wifi = read.article("markdown:guides:wifi.html");
    assert_eq!((wifi.title.as_str(), wifi.body.as_str()), ("WLAN", "Offen"));
    assert_eq!(
        (wifi.language.as_deref(), &wifi.visibility),
        (Some("de"), &Visibility::Internal)
    );
}
