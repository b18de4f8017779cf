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
    assert_eq!(dry["files"][0]["read_as"], "zendesk, JSON", "{dry}");
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
    // The original of an earlier import without a mask must go too.
    run_json(&data, &["import", export.to_str().unwrap()]);
    let report = run_json(&data, &["import", export.to_str().unwrap(), "--mask"]);
    run(&data, &["rebuild"]);
    let vacuum = "PRAGMA wal_checkpoint(TRUNCATE); VACUUM;";
    rusqlite::Connection::open(data.join("firstline.db"))
        .unwrap()
        .execute_batch(vacuum)
        .unwrap();
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
