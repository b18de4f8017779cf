//! Stored decisions: kept with what they were made from, made again, and shown to those who may see
//! their ticket; how they turned out (`analytics`), many at once (`batch`), and what is shown beside them
//! (`evidence`).

mod analytics;
mod batch;
mod evidence;

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{Response, Server, import, program, run, run_json, stderr};

const RULES: &str = r#"format = 1
[queues]
"network/vpn" = "network"
"hardware/printer" = "field"
"software/fault" = "field"
[[rule]]
id = "vpn"
words = ["vpn"]
category = { "network/vpn" = 5.0 }
[[rule]]
id = "printer"
words = ["printer"]
category = { "hardware/printer" = 5.0 }
[[rule]]
id = "slow"
words = ["slow"]
category = { "network/vpn" = 1.5 }
[[rule]]
id = "odd"
words = ["odd"]
category = { "network/vpn" = 0.2 }
"#;

/// A data folder with rules.
fn folder(rules: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.toml"), rules).unwrap();
    folder
}

fn store(folder: &Path) -> Connection {
    Connection::open(folder.join("firstline.db")).unwrap()
}

fn count(folder: &Path, table: &str) -> u64 {
    let sql = format!("SELECT count(*) FROM {table}");
    store(folder).query_row(&sql, [], |row| row.get(0)).unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Has a decision stored and gives its id.
fn decide(server: &Server, subject: &str) -> String {
    let answer = server.post("/v1/triage", &json!({"subject": subject, "store": true}));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["decision_id"].as_str().unwrap().to_owned()
}

fn replay(server: &Server, id: &str) -> Value {
    let answer = server.post(&format!("/v1/decisions/{id}/replay"), &Value::Null);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// What was answered must be on disk with all that is needed to make it again.
#[test]
fn a_stored_decision_survives_a_crash_and_comes_out_the_same() {
    let folder = folder(RULES);
    let server = Server::start(folder.path());
    let asked = json!({"subject": "VPN drops", "channel": "portal", "fields": {"site": "LYS"},
        "store": true, "ticket_id": "T-1"});
    let mut answer = server.post("/v1/triage", &asked).json();
    server.kill();

    let server = Server::start(folder.path());
    let stored = server.get("/v1/decisions/D-1").json();
    assert_eq!(
        (&stored["id"], &answer["decision_id"]),
        (&json!("D-1"), &json!("D-1"))
    );
    assert_eq!(stored["ticket_id"], "T-1");
    assert_eq!(stored["ticket"]["subject"], "VPN drops");
    assert_eq!(stored["ticket"]["fields"], json!({"site": "LYS"}));
    assert_eq!(
        stored["ticket"]["created_at"], stored["created_at"],
        "it came then"
    );
    assert_eq!(
        stored["settings"]["thresholds"],
        json!({"apply": 0.9, "suggest": 0.5})
    );
    assert_eq!(stored["rules_digest"], answer["rules_digest"]);
    assert_eq!(stored["program"], env!("CARGO_PKG_VERSION"));
    let shown = answer.as_object_mut().unwrap();
    for name in ["decision_id", "took_us", "evidence", "articles"] {
        assert!(shown.remove(name).is_some(), "{name}");
    }
    assert_eq!(stored["decision"], answer);

    let again = replay(&server, "D-1");
    assert_eq!(again["same"], true, "{again}");
    assert_eq!(again["decision"], answer);
    let output = run(folder.path(), &["triage", "--replay", "D-1"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("D-1 is the same again, byte for byte"));
    assert!(
        server
            .get("/v1/decisions/D-1")
            .body
            .contains(r#""decision":{"needs_human":false,"#)
    );
}

/// A year later the rule file is another one.
#[test]
fn the_rules_of_that_time_are_kept_once() {
    let folder = folder(RULES);
    let server = Server::start(folder.path());
    let first = decide(&server, "vpn");
    let second = decide(&server, "vpn printer");
    drop(server);
    let changed = RULES.replace("vpn\" = 5.0", "vpn\" = -5.0");
    std::fs::write(folder.path().join("rules.toml"), changed).unwrap();
    let server = Server::start(folder.path());
    let third = decide(&server, "vpn");
    for id in [&first, &second, &third] {
        let again = replay(&server, id);
        assert_eq!(again["same"], true, "{again}");
    }
    let value = |id: &str| replay(&server, id)["decision"]["category"]["value"].clone();
    assert_eq!(
        (value(&first), value(&third)),
        (json!("network/vpn"), Value::Null)
    );
    drop(server);
    assert_eq!(
        (
            count(folder.path(), "decision"),
            count(folder.path(), "rule_file")
        ),
        (3, 2)
    );
    // Without any rules there is nothing to keep, and nothing to miss.
    std::fs::remove_file(folder.path().join("rules.toml")).unwrap();
    let server = Server::start(folder.path());
    let without = decide(&server, "vpn");
    assert_eq!(replay(&server, &without)["same"], true);
}

/// Whoever asks why must not be told a guess.
#[test]
fn what_is_gone_or_came_out_differently_is_named() {
    let folder = folder(RULES);
    let server = Server::start(folder.path());
    for subject in ["vpn", "vpn slow", "printer"] {
        decide(&server, subject);
    }
    drop(server);
    store(folder.path())
        .execute_batch(
            r#"UPDATE decision SET rules_digest = 'old' WHERE number = 1;
               UPDATE decision SET rules_digest = 'old', model_version = 'm-7' WHERE number = 2;
               UPDATE decision SET settings = replace(settings, '0.9', '0.999') WHERE number = 3;"#,
        )
        .unwrap();
    let server = Server::start(folder.path());
    let gone = replay(&server, "D-1");
    assert_eq!(
        (&gone["same"], &gone["decision"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(gone["gone"][0]["input"], "rules", "{gone}");
    assert_eq!(gone["gone"][0]["name"], "old");
    let inputs = replay(&server, "D-2")["gone"].clone();
    assert_eq!(
        (&inputs[0]["input"], &inputs[1]["input"]),
        (&json!("rules"), &json!("model"))
    );
    assert_eq!(inputs[1]["name"], "m-7");
    let differs = replay(&server, "D-3");
    assert_eq!(differs["same"], false);
    let expected = json!([
        {"path": "category.decision", "stored": "apply", "replayed": "suggest"},
        {"path": "category.threshold", "stored": 0.9, "replayed": 0.999},
        {"path": "impact.threshold", "stored": 0.9, "replayed": 0.999},
        {"path": "queue.decision", "stored": "apply", "replayed": "suggest"},
        {"path": "queue.threshold", "stored": 0.9, "replayed": 0.999},
        {"path": "urgency.threshold", "stored": 0.9, "replayed": 0.999}
    ]);
    assert_eq!(differs["differences"], expected, "{differs}");

    let check = |id: &str, says: &str| {
        let output = run(folder.path(), &["triage", "--replay", id]);
        assert_eq!(output.status.code(), Some(2), "{id}");
        let text = stdout(&output) + &stderr(&output);
        assert!(text.contains(says), "{id}: {text}");
    };
    check("D-1", "D-1: gone: rules old: their text is not kept");
    check("D-2", "D-2: gone: model m-7");
    check("D-3", "  category.decision: \"apply\" -> \"suggest\"");
    check("D-4", "there is no decision D-4: none was stored");
    check("4", "a decision is named like D-1042, not \"4\"");
    let missing = server.get("/v1/decisions/D-4");
    assert_eq!(missing.status, 404);
    assert!(
        missing
            .body
            .contains("went with its ticket or after 730 days"),
        "{missing:?}"
    );
}

/// A stored decision holds the text of its ticket: it must not outlive it.
#[test]
fn a_decision_goes_with_its_ticket_and_its_id_is_not_given_again() {
    let folder = folder(RULES);
    let server = Server::start(folder.path());
    for id in ["T-1", "T-2"] {
        server.put(&format!("/v1/tickets/{id}"), &json!({"subject": "vpn"}));
        let asked = json!({"subject": "vpn", "store": true, "ticket_id": id});
        server.post("/v1/triage", &asked);
    }
    let status = |id: &str| server.get(&format!("/v1/decisions/{id}")).status;
    assert_eq!((status("D-1"), status("D-2")), (200, 200));
    server.send("DELETE", "/v1/tickets/T-2", &[], "");
    assert_eq!((status("D-1"), status("D-2")), (200, 404));
    assert_eq!(decide(&server, "vpn"), "D-3");
}

/// What is promised to be forgotten must be forgotten without anybody's doing.
#[test]
fn old_decisions_are_dropped_with_the_rules_that_only_they_need() {
    let folder = folder(RULES);
    let server = Server::start(folder.path());
    for subject in ["vpn", "vpn", "printer"] {
        decide(&server, subject);
    }
    drop(server);
    store(folder.path())
        .execute_batch(
            "INSERT INTO rule_file SELECT 'old', content FROM rule_file;
             UPDATE decision SET created_at = '2020-01-01T00:00:00Z', rules_digest = 'old'
                 WHERE number = 1;
             UPDATE decision SET created_at = strftime('%Y-%m-%dT00:00:00Z', 'now', '-7 days')
                 WHERE number = 2;",
        )
        .unwrap();
    let mut command = program();
    command.env("FIRSTLINE_TRIAGE_KEEP_DAYS", "10");
    let server = Server::start_with(command, folder.path(), &[]);
    let status = |id: &str| server.get(&format!("/v1/decisions/{id}")).status;
    let until = Instant::now() + Duration::from_secs(20);
    while status("D-1") == 200 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(
        [status("D-1"), status("D-2"), status("D-3")],
        [404, 200, 200]
    );
    assert_eq!(server.stop(), Some(0));
    assert_eq!(count(folder.path(), "rule_file"), 1);
}

/// A folder of the format before must be taken along, and readable before it is.
#[test]
fn a_folder_of_format_3_has_no_decisions_and_takes_them() {
    let folder = folder(RULES);
    import(
        folder.path(),
        &[json!({"kind": "ticket", "id": "T-1", "subject": "vpn"})],
    );
    store(folder.path())
        .execute_batch(
            "DROP TABLE decision; DROP TABLE rule_file; DROP TABLE model; DROP INDEX written_document;
             ALTER TABLE document DROP COLUMN author; ALTER TABLE document DROP COLUMN written_at;
             DROP INDEX told_document; ALTER TABLE document DROP COLUMN is_told;
             PRAGMA user_version = 3;",
        )
        .unwrap();
    let read = run(folder.path(), &["triage", "--replay", "D-1"]);
    assert!(
        stderr(&read).contains("there is no decision D-1"),
        "{}",
        stderr(&read)
    );
    let server = Server::start(folder.path());
    assert_eq!(server.get("/v1/status").json()["store"]["format"], 7);
    assert_eq!(decide(&server, "vpn"), "D-1");
}

/// Format 5 kept neither models nor what corrections said.
#[test]
fn a_folder_of_format_5_is_replayed_before_and_after_it_is_taken_along() {
    let folder = folder(RULES);
    let server = Server::start(folder.path());
    let id = decide(&server, "vpn");
    drop(server);
    store(folder.path())
        .execute_batch(
            "DROP INDEX told_document; ALTER TABLE document DROP COLUMN is_told;
             DROP TABLE model; DROP INDEX decision_of_model;
             ALTER TABLE decision DROP COLUMN told; PRAGMA user_version = 5;",
        )
        .unwrap();
    let read = run(folder.path(), &["triage", "--replay", &id]);
    assert_eq!(read.status.code(), Some(0), "{}", stderr(&read));
    let server = Server::start(folder.path());
    assert_eq!(server.get("/v1/status").json()["store"]["format"], 7);
    assert_eq!(replay(&server, &id)["same"], true);
}

/// Sends a request with a key.
fn send(server: &Server, key: &str, (method, path): (&str, &str), body: &Value) -> Response {
    let bearer = format!("Bearer {key}");
    server.send(
        method,
        path,
        &[("authorization", &bearer)],
        body.to_string(),
    )
}

fn add_key(folder: &Path, name: &str, role: &str, groups: &[&str]) -> String {
    let groups: Vec<String> = groups
        .iter()
        .map(|group| format!("--groups={group}"))
        .collect();
    let mut args = vec!["keys", "add", name, "--role", role];
    args.extend(groups.iter().map(String::as_str));
    let added = run_json(folder, &args);
    added["secret"].as_str().unwrap().to_owned()
}

/// The text of a ticket must not be read from the decision on it by those who must not read it.
#[test]
fn decisions_are_for_those_who_may_see_their_ticket() {
    let folder = folder(RULES);
    let key = |name: &str, role: &str, groups: &[&str]| add_key(folder.path(), name, role, groups);
    let admin = key("admin", "admin", &[]);
    let keys = [
        key("reader", "reader", &["hr"]),
        key("analyst", "analyst", &["it"]),
        key("hr", "analyst", &["hr"]),
        admin.clone(),
    ];
    let server = Server::start(folder.path());
    let asked = json!({"subject": "zanzibar vpn", "store": true, "ticket_id": "T-1"});
    assert_eq!(
        send(&server, &admin, ("POST", "/v1/triage"), &asked).status,
        200
    );
    let statuses = || {
        keys.each_ref().map(|key| {
            let read = send(&server, key, ("GET", "/v1/decisions/D-1"), &Value::Null);
            let path = "/v1/decisions/D-1/replay";
            let again = send(&server, key, ("POST", path), &Value::Null);
            assert_eq!(read.status, again.status);
            let both = read.body + &again.body;
            assert_eq!(
                both.contains("zanzibar") || both.contains("vpn"),
                read.status == 200
            );
            read.status
        })
    };
    assert_eq!(
        statuses(),
        [403, 404, 404, 200],
        "nobody knows who may see the ticket"
    );
    let put = |visibility: Value| {
        let ticket = json!({"subject": "zanzibar vpn", "visibility": visibility});
        let written = send(&server, &admin, ("PUT", "/v1/tickets/T-1"), &ticket);
        assert!(written.status < 300, "{written:?}");
    };
    put(json!("internal"));
    assert_eq!(statuses(), [403, 200, 200, 200]);
    put(json!({"restricted": ["hr"]}));
    assert_eq!(statuses(), [403, 404, 200, 200]);
    put(json!({"restricted": []}));
    assert_eq!(statuses(), [403, 404, 404, 200]);
}

/// A portal's key must not fill the store, nor have heavy work done.
#[test]
fn a_reader_is_decided_for_and_stores_nothing() {
    let folder = folder(RULES);
    let reader = add_key(folder.path(), "portal", "reader", &[]);
    let server = Server::start(folder.path());
    let status = |body: Value| send(&server, &reader, ("POST", "/v1/triage"), &body).status;
    assert_eq!(status(json!({"subject": "vpn"})), 200);
    assert_eq!(status(json!({"subject": "vpn", "evidence": false})), 200);
    assert_eq!(status(json!({"subject": "vpn", "store": true})), 403);
    assert_eq!(status(json!({"tickets": [{"subject": "vpn"}]})), 403);
    assert_eq!(server.stop(), Some(0));
    assert_eq!(count(folder.path(), "decision"), 0);
}

/// What an admin notes of a rule, figures of tickets included, is for those who work at the desk.
#[test]
fn readers_get_the_reasons_without_the_notes_of_rules() {
    let note = "13 of 13 tickets of ann";
    let noted = "[[rule]]\nid = \"vpn\"\ntag = { remote = 2.0 }";
    let rules = RULES
        .replace(
            "[[rule]]\nid = \"vpn\"",
            &format!("{noted}\nnote = \"{note}\""),
        )
        .replace("format = 1", "format = 1\ntags = [\"remote\"]");
    let folder = folder(&rules);
    let reader = add_key(folder.path(), "portal", "reader", &[]);
    let analyst = add_key(folder.path(), "ann", "analyst", &[]);
    let server = Server::start(folder.path());
    let decided = |key: &str| {
        let asked = json!({"subject": "vpn", "evidence": false});
        let mut decided = send(&server, key, ("POST", "/v1/triage"), &asked).json();
        decided.as_object_mut().unwrap().remove("took_us");
        decided.to_string()
    };
    let whole = decided(&analyst);
    assert_eq!(whole.matches(note).count(), 2, "{whole}");
    let without = whole.replace(&format!(",\"note\":\"{note}\""), "");
    let without: Value = serde_json::from_str(&without).unwrap();
    assert_eq!(decided(&reader), without.to_string());
}

const MAIL: &str = "From: ann@x.example\nSubject: vpn\nMessage-ID: <1@x>\n\
                    Date: Mon, 2 Mar 2026 08:00:00 GMT\n\nIt drops.\n";

/// What a mail was turned into must be explained later too.
#[test]
fn a_mail_stores_its_decision_with_its_ticket_unless_texts_are_masked() {
    let folder = folder(RULES);
    let mail = |server: &Server| {
        let headers = [("content-type", "message/rfc822")];
        server
            .send("POST", "/v1/intake/email", &headers, MAIL)
            .json()
    };
    let server = Server::start(folder.path());
    let taken = mail(&server);
    assert_eq!(taken["triage"]["decision_id"], "D-1", "{taken}");
    let stored = server.get("/v1/decisions/D-1").json();
    assert_eq!(stored["ticket_id"], taken["id"]);
    assert_eq!(stored["decision"]["category"], taken["triage"]["category"]);
    assert_eq!(replay(&server, "D-1")["same"], true);
    assert!(
        mail(&server).get("triage").is_none(),
        "the same mail again decides nothing"
    );
    drop(server);

    let masked = self::folder(RULES);
    let mut command = program();
    command.env("FIRSTLINE_IMPORT_MASK", "true");
    let server = Server::start_with(command, masked.path(), &[]);
    let taken = mail(&server);
    assert_eq!(taken["triage"]["category"]["value"], "network/vpn");
    assert!(taken["triage"].get("decision_id").is_none(), "{taken}");
    assert_eq!(server.stop(), Some(0));
    assert_eq!(count(masked.path(), "decision"), 0);
}

/// Who reads the terminal wants to know what a decision hangs on and what to ask.
#[test]
fn the_command_line_tells_what_the_answer_hangs_on_and_what_to_ask() {
    let question = "[[question]]\nbetween = [\"network/vpn\", \"hardware/printer\"]\n\
                    ask = \"Is it the tunnel or the toner?\"\n";
    let folder = folder(&format!("{RULES}{question}"));
    import(
        folder.path(),
        &[json!({"kind": "ticket", "id": "T-1", "subject": "vpn"})],
    );
    let shown = |subject: &str| stdout(&run(folder.path(), &["triage", subject]));
    let both = shown("vpn or printer");
    for line in [
        "          without rule printer: network/vpn\n",
        "          ask: Is it the tunnel or the toner?\n",
        "          without rule printer: network\n",
    ] {
        assert!(both.contains(line), "{line:?} is missing in\n{both}");
    }
    let one = shown("vpn is slow");
    let line = "          without rule vpn, rule slow: no value\n";
    assert!(one.contains(line), "{line:?} is missing in\n{one}");
    assert!(!one.contains("ask:"), "{one}");
}
