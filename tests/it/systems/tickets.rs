//! Tickets of every system, with what belongs to them; the articles of those systems beside them.

use firstline::import::NoteKind;
use firstline::model::ArticleState;
use firstline::{Document, Visibility};
use serde_json::{Value, json};

use super::{groups, read};

pub(super) fn zendesk() -> Vec<(&'static str, String)> {
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

pub(super) fn jira_issue(key: &str, resolution: &str, security: &Value) -> Value {
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
            {"body": "secret", "author": {"displayName": "Bob"}, "jsdPublic": false},
            {"body": "ours", "author": {"displayName": "Bob"}, "properties": [
                {"key": "sd.public.comment", "value": {"internal": true}}]}]}}})
}

/// Names of statuses are translated, fields have numbers, and not every end is a solution.
#[test]
fn jira_issues_of_all_forms_are_read() {
    let page = json!({"startAt": 0, "issues": [
        jira_issue("SD-1", "Done", &Value::Null), jira_issue("SD-2", "Won't Do", &Value::Null),
        jira_issue("SD-3", "Done", &json!({"id": "7", "name": "HR only"}))],
        "names": {"customfield_10004": "Impact"}});
    let adf = json!({"id": "4", "key": "SD-4", "fields": {"summary": "x", "status": {"name": "Open"},
        "description": {"type": "doc", "content": [{"type": "paragraph", "content": [
            {"type": "text", "text": "As a document."}]}]}}});
    let request = json!({"size": 1, "isLastPage": true, "values": [{"issueId": "5",
        "issueKey": "SD-5", "createdDate": {"epochMillis": 1_700_000_000_000_i64},
        "requestFieldValues": [{"fieldId": "summary", "label": "Summary", "value": "New laptop"}],
        "currentStatus": {"status": "Waiting for customer"}}]});
    let read = read(&[
        ("page.json", page.to_string()),
        ("adf.json", adf.to_string()),
        ("requests.json", request.to_string()),
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
    assert!(!ticket.comments[1].public && !ticket.comments[2].public);
    let unsolved = read.ticket("jira:SD-2");
    assert_eq!(unsolved.resolution, None);
    assert_eq!(unsolved.extra["resolution_unsolved"], "Made a new profile.");
    assert_eq!(
        read.ticket("jira:SD-3").visibility,
        groups(&["jira-security-HR only"])
    );
    assert_eq!(read.ticket("jira:SD-4").description, "As a document.");
    assert_eq!(read.ticket("jira:SD-5").status.as_deref(), Some("pending"));
}

/// The export that everybody can make has columns that stand several times.
#[test]
fn rows_of_the_jira_export_are_read() {
    let csv = "\u{feff}Summary,Issue key,Issue id,Issue Type,Status,Status Category,Priority,\
               Resolution,Created,Labels,Labels,Comment,Comment\r\n\
               \"Printer, jams\",SD-6,6,Incident,Done,Done,Low,Done,12/Mar/26 9:41 AM,a,b,\
               \"12/Mar/26 9:50 AM;ann;Two\nlines\",\r\n";
    let read = read(&[("export.csv", csv.to_owned())]);
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
    let read = read(&[
        (
            "incidents.json",
            json!({"result": [value, all, shown]}).to_string(),
        ),
        ("groups.json", group.to_string()),
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
}

/// Knowledge is public only when it says so in full.
#[test]
fn servicenow_articles_fail_closed() {
    let article = |number: &str, state: &str, roles: Value| {
        json!({"sys_id": number,
        "number": number, "short_description": "Mail", "text": "<p>Restart</p>",
        "workflow_state": state, "kb_knowledge_base": "IT", "can_read_user_criteria": "",
        "cannot_read_user_criteria": "", "roles": roles})
    };
    let mut silent = article("KB4", "published", json!(""));
    silent.as_object_mut().unwrap().remove("roles");
    let read = read(&[(
        "kb.json",
        json!({"result": [article("KB1", "published", json!("")),
            article("KB2", "draft", json!("")), article("KB3", "published", json!("hr")), silent]})
        .to_string(),
    )]);
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
fn freshservice_numbers_and_folders_are_understood() {
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
}

/// Its boards name their statuses as they like, and the texts stand in notes.
#[test]
fn connectwise_tickets_find_their_notes() {
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
            "_info": {"lastUpdated": "2026-08-20T18: 04: 26Z"}},
            {"id": 70, "summary": "Visit", "board": {"name": "Service A"},
            "status": {"id": 8, "name": "Billed"}}])
            .to_string(),
        ),
        (
            "statuses.json",
            json!([{"id": 8, "name": "Billed", "boardId": 1, "closedStatus": true}]).to_string(),
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
    let billed = wise.ticket("connectwise:70");
    assert_eq!(
        billed.status.as_deref(),
        Some("closed"),
        "by the board's list"
    );
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
