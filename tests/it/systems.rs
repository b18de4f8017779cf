//! Imports from the systems that desks use: small samples in the shapes of each, from files to
//! documents; and real payloads, when `../shared/fixtures` is there.

use std::path::Path;

use firstline::import::{Inputs, Mapping, NoteKind, Plan, Report, System, Taken, dry_run};
use firstline::model::ArticleState;
use firstline::{Article, Document, Ticket, Visibility};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Server, run, run_json, shared, stderr};

/// An import of some files, read without a data folder.
struct Read {
    documents: Vec<Document>,
    report: Report,
    /// What each file was taken for.
    taken_for: Vec<String>,
}

fn read_path(path: &Path, plan: &Plan) -> Read {
    let sources = plan.recognise(Inputs::open(path).unwrap()).unwrap();
    let mut documents = Vec::new();
    let records = sources.records(plan, &|_| ()).inspect(|record| {
        if let Ok(Taken::Document(mapped)) = &record.content {
            documents.push(mapped.document.clone());
        }
    });
    let report = dry_run(records);
    Read {
        documents,
        report,
        taken_for: sources
            .files
            .iter()
            .map(|(_, file)| file.in_words())
            .collect(),
    }
}

fn read(files: &[(&str, String)]) -> Read {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    read_path(folder.path(), &Plan::default())
}

fn write(folder: &Path, files: &[(&str, String)]) {
    for (name, content) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

impl Read {
    fn ticket(&self, id: &str) -> &Ticket {
        let found = self.documents.iter().find_map(|document| match document {
            Document::Ticket(ticket) if ticket.id.as_str() == id => Some(ticket),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("no {id}: {:?} {:?}", self.documents, self.report))
    }

    fn article(&self, id: &str) -> &Article {
        let found = self.documents.iter().find_map(|document| match document {
            Document::Article(article) if article.id.as_str() == id => Some(article),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("no {id}: {:?} {:?}", self.documents, self.report))
    }
}

fn groups(names: &[&str]) -> Visibility {
    Visibility::Restricted(names.iter().map(|&name| name.to_owned()).collect())
}

fn zendesk() -> Vec<(&'static str, String)> {
    let ticket = |id: u64, status: &str| {
        json!({"id": id, "url": format!("https://acme.zendesk.com/api/v2/tickets/{id}.json"),
            "subject": "VPN drops", "description": "Every hour.", "status": status,
            "priority": "high", "requester_id": 71, "group_id": 5, "via": {"channel": "web"},
            "tags": ["vpn"], "created_at": "2026-03-01T08:00:00Z",
            "updated_at": "2026-03-02T08:00:00Z"})
    };
    let comment = |author: u64, public: bool, body: &str| json!({"type": "Comment", "author_id": author, "public": public, "body": body});
    let article = |id: u64, draft: bool, segment: Value| {
        json!({"id": id, "title": "VPN at home", "body": "<p>Open <b>it</b>.</p>", "draft": draft,
            "section_id": 12, "user_segment_id": segment, "locale": "en-us", "vote_sum": 2,
            "vote_count": 4, "html_url": "https://acme.zendesk.com/hc/1"})
    };
    vec![
        (
            "tickets.json",
            json!({"tickets": [ticket(1, "solved"), ticket(2, "parked"), ticket(3, "deleted")],
                "users": [{"id": 71, "name": "Ann", "email": "ann@acme.example"}],
                "groups": [{"id": 5, "name": "Network"}], "count": 3})
            .to_string(),
        ),
        (
            "audits.json",
            json!({"audits": [
                {"id": 1, "ticket_id": 1, "created_at": "2026-03-01T08:00:00Z",
                    "events": [comment(71, true, "Every hour.")]},
                {"id": 2, "ticket_id": 1, "created_at": "2026-03-01T09:00:00Z", "events": [
                    comment(9, true, "Replaced the router."), comment(9, false, "It was us.")]},
                {"id": 3, "ticket_id": 1, "created_at": "2026-03-01T10:00:00Z", "events": [
                    {"type": "Change", "field_name": "status", "value": "solved"}]},
                {"id": 4, "ticket_id": 99, "created_at": "2026-03-01T10:00:00Z", "events": []},
            ]})
            .to_string(),
        ),
        (
            "help/articles.json",
            json!({"articles": [article(11, false, Value::Null), article(12, true, Value::Null),
                article(13, false, json!(4))]})
            .to_string(),
        ),
        (
            "help/sections.json",
            json!({"sections": [{"id": 12, "name": "Remote", "category_id": 3,
                "parent_section_id": null, "locale": "en-us"}]})
            .to_string(),
        ),
        (
            "help/categories.json",
            json!({"categories": [{"id": 3, "name": "Network", "locale": "en-us"}]}).to_string(),
        ),
    ]
}

/// The tickets of a desk are worth little without what was answered, which stands in other files.
#[test]
fn zendesk_tickets_find_their_people_and_answers() {
    let read = read(&zendesk());
    let ticket = read.ticket("zendesk:1");
    assert_eq!(ticket.status.as_deref(), Some("resolved"));
    assert_eq!(ticket.requester.as_deref(), Some("Ann <ann@acme.example>"));
    assert_eq!(ticket.queue.as_deref(), Some("Network"));
    assert_eq!(ticket.resolution.as_deref(), Some("Replaced the router."));
    assert_eq!(
        ticket.resolved_at.unwrap().to_string(),
        "2026-03-01T10:00:00Z"
    );
    let said: Vec<(&str, bool)> = ticket
        .comments
        .iter()
        .map(|comment| (comment.body.as_str(), comment.public))
        .collect();
    assert_eq!(
        said,
        [("Replaced the router.", true), ("It was us.", false)]
    );
    assert_eq!(
        ticket.extra["url"],
        "https://acme.zendesk.com/agent/tickets/1"
    );
    // An unknown word is kept, mapped to nothing, and counted.
    let parked = read.ticket("zendesk:2");
    assert_eq!(
        (parked.status.as_deref(), &parked.extra["status_raw"]),
        (None, &json!("parked"))
    );
    assert!(
        read.report
            .notes
            .iter()
            .any(|note| note.kind == NoteKind::UnknownValue
                && note.field == "status"
                && note.count == 1
                && note.detail.contains("parked"))
    );
    let why = &read.report.skipped_because;
    assert_eq!(why["deleted"], 1);
    assert_eq!(why["audits of a document that is not in this import"], 1);
    let article = read.article("zendesk:11");
    assert_eq!(article.body, "Open it.");
    assert_eq!(article.category.as_deref(), Some("Network/Remote"));
    assert_eq!((article.votes.helpful, article.votes.not_helpful), (3, 1));
    assert_eq!(article.visibility, Visibility::Public);
    assert_eq!(read.article("zendesk:12").state, ArticleState::Draft);
    assert_eq!(
        *read.article("zendesk:12").effective_visibility(),
        Visibility::Internal
    );
    assert_eq!(
        read.article("zendesk:13").visibility,
        groups(&["zendesk-segment-4"])
    );
}

fn jira_issue(key: &str, resolution: &str, security: Value) -> Value {
    json!({"id": "1", "key": key, "self": "https://acme.example/rest/api/2/issue/1", "fields": {
        "summary": "Outlook asks again", "description": "h2. Error\n{code}0x8004010F{code}",
        "status": {"name": "Fertig", "statusCategory": {"key": "done"}},
        "priority": {"name": "Highest"}, "resolution": {"name": resolution},
        "resolutiondate": "2026-01-15T21:23:41.324-0500", "created": "2026-01-14T10:00:00.000+0000",
        "updated": "2026-01-15T21:23:41.324-0500", "labels": ["mail"], "issuetype": {"name": "Incident"},
        "components": [], "reporter": {"displayName": "Ann"}, "security": security,
        "customfield_10004": {"value": "Minor / Localized"},
        "comment": {"comments": [
            {"body": "Made a new profile.", "author": {"displayName": "Bob"}, "jsdPublic": true},
            {"body": "secret", "author": {"displayName": "Bob"}, "jsdPublic": false}]}}})
}

/// Names of statuses are translated, fields have numbers, and not every end is a solution.
#[test]
fn jira_issues_of_all_forms_are_read() {
    let page = json!({"startAt": 0, "issues": [
        jira_issue("SD-1", "Done", Value::Null), jira_issue("SD-2", "Won't Do", Value::Null),
        jira_issue("SD-3", "Done", json!({"id": "7", "name": "HR only"}))],
        "names": {"customfield_10004": "Impact"}});
    let adf = json!({"id": "4", "key": "SD-4", "fields": {"summary": "x", "status": {"name": "Open"},
        "description": {"type": "doc", "content": [{"type": "paragraph", "content": [
            {"type": "text", "text": "As a document."}]}]}}});
    let request = json!({"size": 1, "isLastPage": true, "values": [{"issueId": "5",
        "issueKey": "SD-5", "createdDate": {"epochMillis": 1_700_000_000_000_i64},
        "requestFieldValues": [{"fieldId": "summary", "label": "Summary", "value": "New laptop"}],
        "currentStatus": {"status": "Waiting for customer"}}]});
    let csv = "\u{feff}Summary,Issue key,Issue id,Issue Type,Status,Status Category,Priority,\
               Resolution,Created,Labels,Labels,Comment,Comment\r\n\
               \"Printer, jams\",SD-6,6,Incident,Done,Done,Low,Done,12/Mar/26 9:41 AM,a,b,\
               \"12/Mar/26 9:50 AM;ann;Two\nlines\",\r\n";
    let read = read(&[
        ("page.json", page.to_string()),
        ("adf.json", adf.to_string()),
        ("requests.json", request.to_string()),
        ("export.csv", csv.to_owned()),
    ]);
    assert_eq!(read.report.problems, []);
    let ticket = read.ticket("jira:SD-1");
    assert_eq!(ticket.description, "Error\n\n0x8004010F");
    assert_eq!(ticket.status.as_deref(), Some("resolved"));
    assert_eq!(ticket.resolution.as_deref(), Some("Made a new profile."));
    assert_eq!(ticket.priority.map(u8::from), Some(1));
    assert_eq!(ticket.impact.map(u8::from), Some(3));
    assert_eq!(
        ticket.resolved_at.unwrap().to_string(),
        "2026-01-16T02:23:41.324Z"
    );
    assert_eq!(ticket.extra["url"], "https://acme.example/browse/SD-1");
    assert!(!ticket.comments[1].public);
    let unsolved = read.ticket("jira:SD-2");
    assert_eq!(unsolved.resolution, None);
    assert_eq!(unsolved.extra["resolution_unsolved"], "Made a new profile.");
    assert_eq!(
        read.ticket("jira:SD-3").visibility,
        groups(&["jira-security-HR only"])
    );
    assert_eq!(read.ticket("jira:SD-4").description, "As a document.");
    assert_eq!(read.ticket("jira:SD-5").status.as_deref(), Some("pending"));
    let row = read.ticket("jira:SD-6");
    assert_eq!((row.subject.as_str(), row.tags.len()), ("Printer, jams", 2));
    assert_eq!(row.comments[0].body, "Two\nlines");
    assert_eq!(row.created_at.unwrap().to_string(), "2026-03-12T09:41:00Z");
}

/// One table in three shapes must give one desk.
#[test]
fn servicenow_reads_the_same_from_all_shapes() {
    let value = json!({"number": "INC1", "sys_id": "a1", "short_description": "No mail",
        "description": "Since 9.", "state": "7", "impact": "2", "urgency": "1", "priority": "2",
        "category": "inquiry", "subcategory": "email", "close_code": "Solved (Permanently)",
        "close_notes": "Queue restarted.", "opened_at": "2026-03-01 08:00:00",
        "assignment_group": {"link": "https://x", "value": "0123456789abcdef0123456789abcdef"}});
    let all = json!({"number": {"display_value": "INC2", "value": "INC2"},
        "short_description": {"display_value": "No mail", "value": "No mail"},
        "state": {"display_value": "Closed", "value": "7"},
        "close_code": {"display_value": "Not Solved (Not Reproducible)", "value": "x"},
        "close_notes": {"display_value": "Gone", "value": "Gone"},
        "priority": {"display_value": "2 - High", "value": "2"},
        "assignment_group": {"display_value": "Mail", "value": "0123456789abcdef0123456789abcdef"}});
    let shown = json!({"number": "INC3", "short_description": "No mail", "state": "Closed",
        "priority": "2 - High", "sys_id": "a3", "close_notes": "Queue restarted.",
        "close_code": "Solved (Permanently)",
        "assignment_group": {"display_value": "Mail", "link": "https://x"}});
    let group = json!({"result": [{"sys_id": "0123456789abcdef0123456789abcdef", "name": "Mail",
        "active": "true"}]});
    let article = |number: &str, state: &str, roles: Value| {
        json!({"sys_id": number,
        "number": number, "short_description": "Mail", "text": "<p>Restart</p>",
        "workflow_state": state, "kb_knowledge_base": "IT", "can_read_user_criteria": "",
        "cannot_read_user_criteria": "", "roles": roles})
    };
    let mut silent = article("KB4", "published", json!(""));
    silent.as_object_mut().unwrap().remove("roles");
    let read = read(&[
        (
            "incidents.json",
            json!({"result": [value, all, shown]}).to_string(),
        ),
        ("groups.json", group.to_string()),
        (
            "kb.json",
            json!({"result": [article("KB1", "published", json!("")),
            article("KB2", "draft", json!("")), article("KB3", "published", json!("hr")), silent]})
            .to_string(),
        ),
        (
            "list.csv",
            "Number,Short description,State,Priority,Assignment group\n\
            INC4,No mail,On Hold,3 - Moderate,Mail\n"
                .to_owned(),
        ),
    ]);
    for id in ["INC1", "INC2", "INC3", "INC4"] {
        let ticket = read.ticket(&format!("servicenow:{id}"));
        assert_eq!(ticket.queue.as_deref(), Some("Mail"), "{id}");
        assert_eq!(ticket.subject, "No mail", "{id}");
    }
    let first = read.ticket("servicenow:INC1");
    assert_eq!(first.category.as_deref(), Some("inquiry/email"));
    assert_eq!(first.resolution.as_deref(), Some("Queue restarted."));
    assert_eq!(read.ticket("servicenow:INC2").resolution, None);
    assert_eq!(
        read.ticket("servicenow:INC3").priority.map(u8::from),
        Some(2)
    );
    assert_eq!(
        read.ticket("servicenow:INC4").status.as_deref(),
        Some("on_hold")
    );
    assert_eq!(
        read.article("servicenow:KB1").visibility,
        Visibility::Public
    );
    assert_eq!(
        *read.article("servicenow:KB2").effective_visibility(),
        Visibility::Internal
    );
    assert_eq!(read.article("servicenow:KB3").visibility, groups(&["hr"]));
    // A column that was not exported says nothing.
    assert_eq!(
        read.article("servicenow:KB4").visibility,
        Visibility::Internal
    );
}

/// Its numbers count the other way round, and its folders decide who may read.
#[test]
fn freshservice_and_connectwise_are_read() {
    let ticket = |id: u64, spam: bool| {
        json!({"id": id, "subject": "Monitor", "responder_id": 2,
        "description": "<div>flickers</div>", "status": 5, "priority": 4, "urgency": 3, "impact": 1,
        "source": 2, "spam": spam, "deleted": false, "fr_escalated": false})
    };
    let article = |id: u64, folder: u64, status: u64| {
        json!({"id": id, "title": "Monitors",
        "description": "<ul><li>Cable</li></ul>", "folder_id": folder, "status": status})
    };
    let fresh = read(&[
        (
            "t.json",
            json!({"tickets": [ticket(1, false), ticket(2, true)]}).to_string(),
        ),
        (
            "c.json",
            json!({"conversations": [{"id": 1, "ticket_id": 1, "body_text": "New cable.",
            "private": false, "incoming": false, "user_id": 2}]})
            .to_string(),
        ),
        (
            "a.json",
            json!({"articles": [article(7, 70, 2), article(8, 71, 2), article(9, 72, 2),
            article(10, 70, 1)]})
            .to_string(),
        ),
        (
            "f.json",
            json!({"folders": [{"id": 70, "name": "All", "visibility": 1},
            {"id": 71, "name": "HR", "visibility": 4, "department_ids": [5]}]})
            .to_string(),
        ),
    ]);
    let one = fresh.ticket("freshservice:1");
    assert_eq!(one.priority.map(u8::from), Some(1));
    assert_eq!(
        (one.impact.map(u8::from), one.urgency.map(u8::from)),
        (Some(3), Some(1))
    );
    assert_eq!(one.resolution.as_deref(), Some("New cable."));
    assert_eq!(fresh.report.skipped_because["spam"], 1);
    assert_eq!(
        fresh.article("freshservice:7").visibility,
        Visibility::Public
    );
    assert_eq!(
        fresh.article("freshservice:8").visibility,
        groups(&["freshservice-department-5"])
    );
    assert_eq!(
        fresh.article("freshservice:9").visibility,
        Visibility::Internal
    );
    assert_eq!(fresh.article("freshservice:10").state, ArticleState::Draft);

    let note = |id: u64, flags: Value| {
        let mut note = json!({"id": id, "ticketId": 69, "text": format!("note {id}")});
        note.as_object_mut()
            .unwrap()
            .extend(flags.as_object().unwrap().clone());
        note
    };
    let wise = read(&[
        (
            "tickets.json",
            json!([{"id": 69, "summary": "Conversion", "recordType": "ServiceTicket",
            "board": {"name": "Service A"}, "status": {"name": "Completed - billed"},
            "priority": {"name": "Priority 2 - Quick Response"}, "impact": "High",
            "severity": "Low", "closedFlag": true,
            "_info": {"lastUpdated": "2026-08-20T18: 04: 26Z"}}])
            .to_string(),
        ),
        (
            "notes.json",
            json!([
                note(1, json!({"detailDescriptionFlag": true})),
                note(
                    2,
                    json!({"detailDescriptionFlag": false, "internalAnalysisFlag": true})
                ),
                note(
                    3,
                    json!({"detailDescriptionFlag": false, "resolutionFlag": true,
                "externalFlag": true})
                )
            ])
            .to_string(),
        ),
    ]);
    let ticket = wise.ticket("connectwise:69");
    assert_eq!(ticket.description, "note 1");
    assert_eq!(ticket.resolution.as_deref(), Some("note 3"));
    assert_eq!(ticket.priority.map(u8::from), Some(2));
    let public: Vec<bool> = ticket
        .comments
        .iter()
        .map(|comment| comment.public)
        .collect();
    assert_eq!(public, [false, true]);
    assert_eq!(
        ticket.updated_at.unwrap().to_string(),
        "2026-08-20T18:04:26Z"
    );
}

fn confluence_export() -> String {
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

/// A Word document of one heading, a list and a table.
fn docx() -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let parts = [
        (
            "word/document.xml",
            "<w:document xmlns:w=\"w\"><w:body><w:p><w:r><w:t>VPN &amp; Wi-Fi</w:t></w:r></w:p>\
             <w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>Open 0x1</w:t></w:r><w:del><w:r><w:delText>\
             gone</w:delText></w:r></w:del></w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r>\
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

const MAILBOX: &str = "From a@x.example Mon Mar  2 08:00:00 2026\n\
    From: Ann <ann@x.example>\nSubject: VPN drops\nMessage-ID: <1@x>\n\
    Date: Mon, 2 Mar 2026 08:00:00 GMT\nX-Priority: 1 (Highest)\n\nEvery hour.\n-- \nAnn\nSales\n\n\
    From b@x.example Mon Mar  2 09:00:00 2026\n\
    From: desk@x.example\nSubject: Re: VPN drops\nMessage-ID: <2@x>\nReferences: <1@x>\n\
    Date: Mon, 2 Mar 2026 09:00:00 GMT\nContent-Type: text/html; charset=iso-8859-1\n\
    Content-Transfer-Encoding: quoted-printable\n\n<p>Neuer Router f=FCr Sie</p>\n\n\
    From c@x.example Mon Mar  2 10:00:00 2026\n\
    From: ann@x.example\nSubject: Automatic reply: away\nMessage-ID: <3@x>\n\
    Auto-Submitted: auto-replied\n\nI am away.\n";

#[test]
fn mail_becomes_threads_and_alerts_become_tickets() {
    let mail = read(&[("inbox.mbox", MAILBOX.to_owned())]);
    assert_eq!(mail.taken_for, ["eml, mbox"]);
    assert_eq!(mail.documents.len(), 1);
    let Document::Ticket(ticket) = &mail.documents[0] else {
        panic!("a ticket");
    };
    assert_eq!(
        (ticket.subject.as_str(), ticket.description.as_str()),
        ("VPN drops", "Every hour.")
    );
    assert_eq!(ticket.extra["signature"], "Ann\nSales");
    assert_eq!(ticket.comments[0].body, "Neuer Router für Sie");
    assert_eq!(mail.report.skipped_because["an automatic reply"], 1);

    let alert = |status: &str, severity: &str| {
        json!({"status": status,
        "labels": {"alertname": "DiskFull", "instance": "srv1", "severity": severity},
        "annotations": {"summary": "Disk full", "runbook_url": "KB-7"},
        "startsAt": "2026-03-07T06:33:21.873077559-05:00", "endsAt": "0001-01-01T00:00:00Z"})
    };
    let alerts = read(&[(
        "hook.json",
        json!({"version": "4", "receiver": "desk",
        "alerts": [alert("firing", "critical"), alert("firing", "odd")]})
        .to_string(),
    )]);
    assert_eq!(alerts.documents.len(), 2);
    let Document::Ticket(ticket) = &alerts.documents[0] else {
        panic!("a ticket");
    };
    assert_eq!(
        (ticket.impact.map(u8::from), ticket.resolved_at),
        (Some(1), None)
    );
    assert_eq!(ticket.linked_articles, ["KB-7"]);
}

/// A second import of the same export must change nothing, an older one must not undo a newer one,
/// and what its source deletes must go.
#[test]
fn an_import_is_repeatable_and_follows_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let (data, export) = (folder.path().join("data"), folder.path().join("export"));
    write(&export, &zendesk());
    let import = |args: &[&str]| {
        run_json(
            &data,
            &[&["import", export.to_str().unwrap()], args].concat(),
        )
    };
    let dry = import(&["--dry-run"]);
    assert_eq!((&dry["tickets"], &dry["articles"]), (&json!(2), &json!(3)));
    assert_eq!(
        dry["visibility"],
        json!({"internal": 3, "public": 1, "restricted": 1})
    );
    assert!(
        !data.join("firstline.db").exists(),
        "a dry run makes no data folder"
    );
    assert_eq!(import(&[])["created"], 5);
    let second = import(&[]);
    assert_eq!(
        (&second["created"], &second["updated"], &second["unchanged"]),
        (&json!(0), &json!(0), &json!(5))
    );
    let ticket = |updated: &str, status: &str| {
        let ticket = json!({"tickets": [{"id": 1, "subject": "VPN drops", "status": status,
            "requester_id": 71, "submitter_id": 71, "updated_at": updated}]});
        write(folder.path(), &[("one.json", ticket.to_string())]);
        run_json(
            &data,
            &["import", folder.path().join("one.json").to_str().unwrap()],
        )
    };
    assert_eq!(ticket("2026-01-01T00:00:00Z", "open")["older"], 1);
    assert_eq!(ticket("2026-04-01T00:00:00Z", "open")["updated"], 1);
    assert_eq!(ticket("2026-05-01T00:00:00Z", "deleted")["removed"], 1);
    // What is kept is enough to convert again, by other tables.
    std::fs::write(
        data.join("mapping.toml"),
        "[zendesk]\nstatus = { parked = \"on_hold\" }\n",
    )
    .unwrap();
    let again = run_json(&data, &["import", "--again"]);
    assert_eq!(
        (&again["updated"], &again["unchanged"]),
        (&json!(1), &json!(3)),
        "{again}"
    );
    std::fs::write(data.join("mapping.toml"), "[zendesk]\nstate = {}\n").unwrap();
    let wrong = run(&data, &["import", "--again"]);
    assert!(
        stderr(&wrong).contains("mapping.toml is wrong"),
        "{}",
        stderr(&wrong)
    );
}

/// What was masked must be nowhere in the data folder, the originals included.
#[test]
fn masked_texts_are_nowhere_in_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let (data, export) = (folder.path().join("data"), folder.path().join("export"));
    let mail = "From: Ann <ann@secret.example>\nSubject: help ann@secret.example\nMessage-ID: <9@x>\n\n\
                password: hunter2secret\n";
    write(&export, &[("m.eml", mail.to_owned())]);
    let report = run_json(&data, &["import", export.to_str().unwrap(), "--mask"]);
    assert_eq!(
        report["masked"],
        json!({"email": 2, "password": 1}),
        "{report}"
    );
    for entry in std::fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            assert!(!text.contains("secret"), "{}", path.display());
        }
    }
}

/// Alerts and mails come in one by one, at any hour, and sometimes twice.
#[test]
fn intakes_make_resolve_and_continue_tickets() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(
        crate::support::corpus("demo/rules.toml"),
        folder.path().join("rules.toml"),
    )
    .unwrap();
    let server = Server::start(folder.path());
    let hook = |status: &str, ends: &str| {
        json!({"version": "4", "status": status, "receiver": "desk",
        "groupKey": "g", "alerts": [{"status": status, "labels": {"alertname": "DiskFull", "severity": "critical"},
        "annotations": {"summary": "Disk full"}, "startsAt": "2026-03-07T06:00:00Z", "endsAt": ends}]})
    };
    let post =
        |body: &Value| server.post("/v1/intake/alertmanager", body).json()["tickets"][0].clone();
    let firing = hook("firing", "0001-01-01T00:00:00Z");
    let fired = post(&firing);
    assert_eq!(
        (&fired["status"], &fired["ticket_status"]),
        (&json!("created"), &json!("open")),
        "{fired}"
    );
    assert_eq!(post(&firing)["status"], "unchanged");
    let resolved = post(&hook("resolved", "2026-03-07T07:00:00Z"));
    assert_eq!(
        (&resolved["id"], &resolved["status"]),
        (&fired["id"], &json!("updated"))
    );
    let path = format!("/v1/tickets/{}", fired["id"].as_str().unwrap());
    assert_eq!(
        server.get(&path).json()["resolved_at"],
        "2026-03-07T07:00:00Z"
    );
    assert_eq!(
        post(&firing)["status"],
        "older",
        "a late webhook does not open it again"
    );
    assert_eq!(
        server.post("/v1/intake/alertmanager", &json!({})).status,
        400
    );

    let mail = |text: &str| {
        let headers = [("content-type", "message/rfc822")];
        server
            .send("POST", "/v1/intake/email", &headers, text)
            .json()
    };
    let first = "From: ann@x.example\nSubject: Nobody on our floor can print\nMessage-ID: <1@x>\n\
                 Date: Mon, 2 Mar 2026 08:00:00 GMT\n\nA customer comes at 11.\n";
    let taken = mail(first);
    assert_eq!(taken["status"], "created", "{taken}");
    assert_eq!(taken["triage"]["category"]["value"], "hardware/printer");
    assert_eq!(mail(first)["status"], "unchanged");
    let reply = mail(
        "From: ann@x.example\nSubject: Re: print\nMessage-ID: <2@x>\nReferences: <1@x>\n\
                      Date: Mon, 2 Mar 2026 09:00:00 GMT\n\nStill nothing.\n",
    );
    assert_eq!(
        (&reply["id"], &reply["status"]),
        (&taken["id"], &json!("updated")),
        "{reply}"
    );
    let path = format!("/v1/tickets/{}", taken["id"].as_str().unwrap());
    let ticket = server.get(&path).json();
    assert_eq!(ticket["comments"][0]["body"], "Still nothing.");
    assert_eq!(
        ticket["queue"], "field-support",
        "what was decided stays: {ticket}"
    );
    let wrong = server.send(
        "POST",
        "/v1/intake/email",
        &[("content-type", "message/rfc822")],
        "",
    );
    assert_eq!(wrong.status, 400);
}

#[test]
fn an_export_is_imported_over_http() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let body = json!({"issues": [jira_issue("SD-1", "Done", Value::Null)]}).to_string();
    let send = |path: &str| {
        let answer = server.send("POST", path, &[("content-type", "application/json")], &body);
        let last = answer.body.lines().last().unwrap_or_default().to_owned();
        (answer.status, serde_json::from_str::<Value>(&last).unwrap())
    };
    let (_, dry) = send("/v1/import?from=auto&dry_run=true");
    assert_eq!(
        (&dry["tickets"], &dry["created"]),
        (&json!(1), &json!(0)),
        "{dry}"
    );
    let (_, report) = send("/v1/import?from=jira");
    assert_eq!(
        (&report["created"], &report["done"]),
        (&json!(1), &json!(true)),
        "{report}"
    );
    assert_eq!(server.get("/v1/tickets/jira:SD-1").json()["priority"], 1);
    assert_eq!(send("/v1/import?from=remedy").0, 400);
    assert_eq!(send("/v1/import").0, 415);
}

/// A few kilobytes must not become an endless read, and a bad archive must say what is wrong.
#[test]
fn bombs_and_damage_are_refused_with_a_reason() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.ndjson.gz");
    let mut gzip = flate2::write::GzEncoder::new(
        std::fs::File::create(&path).unwrap(),
        flate2::Compression::best(),
    );
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..200 {
        gzip.write_all(&zeros).unwrap();
    }
    gzip.finish().unwrap();
    let report = read_path(&path, &Plan::default()).report;
    assert!(report.is_incomplete, "{report:?}");
    assert!(
        report.problems[0].detail.contains("200 times its size"),
        "{report:?}"
    );

    let deep = format!("<hibernate-generic>{}", "<a>".repeat(100_000));
    let report = read(&[("entities.xml", deep)]).report;
    assert!(report.problems[0].detail.contains("deep"), "{report:?}");
    let cut = confluence_export();
    let report = read(&[("entities.xml", cut[..cut.len() - 200].to_owned())]).report;
    assert!(report.is_incomplete, "{report:?}");

    let mut archive = docx();
    let at = archive.len() / 3;
    archive[at] ^= 0xff;
    std::fs::write(folder.path().join("bomb.ndjson.gz"), archive).unwrap();
    let read = Plan::default().recognise(Inputs::open(folder.path()).unwrap());
    assert!(read.is_ok());
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc", folder.path().join("link")).unwrap();
        let inputs = Inputs::open(folder.path()).unwrap();
        assert!(
            inputs
                .left_out
                .iter()
                .any(|(_, why)| why.contains("links are not followed"))
        );
    }
}

/// Real payloads that nobody wrote for us: every one is read, by its content and under every name.
#[test]
fn every_real_payload_is_read_without_a_crash() {
    let Some(fixtures) = shared("fixtures") else {
        return;
    };
    for system in System::ALL {
        let folder = fixtures.join(system.as_str());
        if !folder.exists() {
            continue;
        }
        let read = read_path(&folder, &Plan::default());
        eprintln!(
            "{system}: {} documents, {:?}",
            read.documents.len(),
            read.report.problems
        );
        assert!(!read.documents.is_empty(), "{system}");
        for other in System::ALL {
            let plan = Plan {
                from: Some(other),
                ..Plan::default()
            };
            read_path(&folder, &plan);
        }
    }
    let zendesk = read_path(&fixtures.join("zendesk"), &Plan::default());
    assert!(zendesk.report.tickets >= 91, "{:?}", zendesk.report);
    let jira = read_path(
        &fixtures.join("jira/server_v2_search_25issues.json"),
        &Plan::default(),
    );
    assert_eq!(
        (jira.report.tickets, jira.report.refused),
        (25, 0),
        "{:?}",
        jira.report
    );
}

/// The samples of this file, under the names of theirs.
fn samples() -> Vec<(System, Vec<u8>)> {
    let mut samples = vec![
        (System::Confluence, confluence_export().into_bytes()),
        (System::Eml, MAILBOX.as_bytes().to_vec()),
        (System::SharePoint, docx()),
        (
            System::Jira,
            json!({"issues": [jira_issue("SD-1", "Done", Value::Null)]})
                .to_string()
                .into_bytes(),
        ),
        (
            System::Markdown,
            b"---\ntitle: x\n---\n# T\n\n- a\n".to_vec(),
        ),
    ];
    let files = zendesk().into_iter();
    samples.extend(files.map(|(_, text)| (System::Zendesk, text.into_bytes())));
    samples
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// A damaged file is refused, or read as far as it goes; it never ends the import.
    #[test]
    fn mutated_exports_never_panic(
        at_sample in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..8),
        forced in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let samples = samples();
        let (_, mut content) = samples[at_sample.index(samples.len())].clone();
        for (at, byte, kind) in changes {
            let at = at.index(content.len().max(1));
            match kind {
                0 if at < content.len() => content[at] = byte,
                1 => content.truncate(at.max(1)),
                2 => content.insert(at.min(content.len()), byte),
                _ => content.extend_from_within(..at.min(content.len())),
            }
        }
        let inputs = Inputs::keep("sample", &mut content.as_slice());
        let plan = Plan {
            from: forced.map(|at| System::ALL[at.index(System::ALL.len())]),
            mapping: Mapping::default(),
            mask: true,
            ..Plan::default()
        };
        if let Ok(sources) = inputs.and_then(|inputs| plan.recognise(inputs)) {
            let report = dry_run(sources.records(&plan, &|_| ()));
            prop_assert!(report.lines >= report.mapped);
        }
    }
}
