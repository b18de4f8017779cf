//! Imports into a desk: again, out of order, masked, one by one, over HTTP.

use serde_json::{Value, json};

use super::tickets::{jira_issue, zendesk};
use super::write;
use crate::support::{Server, run, run_json, stderr};

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

/// Alerts come in one by one, at any hour, and sometimes twice.
#[test]
fn alerts_fire_and_resolve_their_ticket() {
    let folder = tempfile::tempdir().unwrap();
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
}

/// A mail is triaged when it comes, and its thread goes on in the same ticket.
#[test]
fn mails_become_triaged_tickets_and_go_on() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(
        crate::support::corpus("demo/rules.toml"),
        folder.path().join("rules.toml"),
    )
    .unwrap();
    let server = Server::start(folder.path());
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
    let body = json!({"issues": [jira_issue("SD-1", "Done", &Value::Null)]}).to_string();
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
