//! Learning from resolved tickets: what was learned is used, told and kept for replays.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Server, run, run_json};

const RULES: &str = r#"
format = 1
[queues]
"network/vpn" = "network"
"hardware/printer" = "field"
[[rule]]
id = "office"
words = ["office"]
category = { "hardware/printer" = 1.0 }
"#;

/// A desk changes: the model in use changes with it, and a decision of the old one comes out the same.
#[test]
fn a_desk_learns_and_a_decision_of_the_model_before_comes_out_the_same() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.toml"), RULES).unwrap();
    let server = Server::start(folder.path());
    let nothing = run(folder.path(), &["train"]);
    assert_eq!(nothing.status.code(), Some(2), "nothing to learn from yet");
    // History is imported; what is written by hand would count at once.
    let import = |from: u32, to: u32| {
        let tickets = (from..to).map(|n| {
            let (category, words) = match n % 2 {
                0 => ("network/vpn", "tunnel drops in the office"),
                _ => ("hardware/printer", "toner is low in the office"),
            };
            let ticket = json!({
                "kind": "ticket", "id": format!("INC{n}"), "subject": format!("{words} {n}"),
                "category": category, "status": "resolved",
                "created_at": format!("2026-03-{:02}T08:00:00Z", 1 + n / 4)
            });
            ticket.to_string() + "\n"
        });
        let ndjson = ("content-type", "application/x-ndjson");
        let imported = server.send("POST", "/v1/import", &[ndjson], tickets.collect::<String>());
        assert_eq!(imported.status, 200);
    };
    import(0, 60);
    let ticket = json!({"subject": "tunnel drops", "description": "in the office", "store": true});
    let before = server.post("/v1/triage", &ticket).json();
    assert_eq!(before["category"]["value"], "hardware/printer");
    assert_eq!(before["model_version"], json!(null));

    assert!(
        String::from_utf8_lossy(&run(folder.path(), &["train"]).stdout)
            .contains("60 resolved tickets")
    );
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let first = server.post("/v1/triage", &ticket).json();
    assert_eq!(first["category"]["value"], "network/vpn", "{first}");
    let status = server.get("/v1/status").json();
    assert_eq!(status["model"]["version"], first["model_version"]);
    assert_eq!(status["model"]["tickets"], 60);

    import(60, 80);
    assert!(run(folder.path(), &["train"]).status.success());
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let second = server.post("/v1/triage", &ticket).json();
    assert_ne!(second["model_version"], first["model_version"]);
    for decided in [&before, &first, &second] {
        let id = decided["decision_id"].as_str().unwrap();
        let replayed = server.post(&format!("/v1/decisions/{id}/replay"), &json!({}));
        assert_eq!(replayed.json()["same"], true, "{id}");
    }
}

/// A resolved ticket about tunnels or toner.
fn resolved(n: usize) -> Value {
    let (category, words) = [
        ("network/vpn", "tunnel drops"),
        ("hardware/printer", "toner is low"),
    ][n % 2];
    json!({"kind": "ticket", "id": format!("INC{n}"), "subject": format!("{words} {n}"),
        "category": category, "status": "resolved"})
}

/// A desk learns every week, and a year later somebody asks why, perhaps of a restored backup.
#[test]
fn the_model_of_a_stored_decision_stays_as_long_as_the_decision_and_goes_into_backups() {
    let parent = tempfile::tempdir().unwrap();
    let folder = &parent.path().join("desk");
    std::fs::create_dir(folder).unwrap();
    std::fs::write(folder.join("rules.toml"), RULES).unwrap();
    let learn = |from: usize, to: usize| {
        crate::support::import(folder, &(from..to).map(resolved).collect::<Vec<_>>());
        let trained = run_json(folder, &["train"]);
        trained["model_version"].as_str().unwrap().to_owned()
    };
    let first = learn(0, 60);
    let server = Server::start(folder);
    for ticket_id in ["T-1", "T-2"] {
        let asked = json!({"subject": "tunnel drops", "store": true, "ticket_id": ticket_id});
        let decided = server.post("/v1/triage", &asked).json();
        assert_eq!(decided["model_version"], json!(first));
    }
    assert_eq!(server.stop(), Some(0));
    let newest = [61, 62, 63, 64, 65, 66].map(|n| learn(n, n + 1))[5].clone();
    let store = |folder: &Path| rusqlite::Connection::open(folder.join("firstline.db")).unwrap();
    let kept = || -> Vec<String> {
        let store = store(folder);
        let sql = "SELECT version FROM model ORDER BY number";
        let mut versions = store.prepare(sql).unwrap();
        let rows = versions.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    assert_eq!((&kept()[0], kept().len()), (&first, 4));

    let (backup, restored) = (&parent.path().join("b.db"), &parent.path().join("again"));
    let copied = run(folder, &["backup", backup.to_str().unwrap()]);
    assert!(copied.status.success());
    let restore = run(restored, &["restore", backup.to_str().unwrap()]);
    assert!(restore.status.success());
    std::fs::copy(folder.join("rules.toml"), restored.join("rules.toml")).unwrap();
    for folder in [folder, restored] {
        let server = Server::start(folder);
        let replayed = server.post("/v1/decisions/D-1/replay", &json!({})).json();
        assert_eq!(replayed["same"], true, "{replayed}");
        let in_use = server.get("/v1/status").json()["model"]["version"].clone();
        assert_eq!(in_use, json!(newest));
    }

    let server = Server::start(folder);
    let delete = |id: &str| server.send("DELETE", &format!("/v1/tickets/{id}"), &[], "");
    delete("T-1");
    assert_eq!(kept()[0], first, "the other decision needs it");
    delete("T-2");
    assert_eq!((kept().len(), kept().contains(&first)), (3, false));
}

/// Tickets that the desk marks as not its own teach what is out of scope; the mark is no category.
#[test]
fn tickets_that_are_about_none_of_the_values_teach_what_is_out_of_scope() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.toml"), RULES).unwrap();
    let settings = "[triage]\nout_of_scope = [\"not-ours\"]\n";
    std::fs::write(folder.path().join("firstline.toml"), settings).unwrap();
    let kinds = [
        ("network/vpn", "tunnel drops"),
        ("hardware/printer", "toner is low"),
        ("not-ours", "canteen menu with fish"),
    ];
    let tickets = (0..90).map(|n| {
        let (category, words) = kinds[n % 3];
        json!({"kind": "ticket", "id": format!("INC{n}"), "subject": format!("{words} {n}"),
            "category": category, "status": "resolved"})
    });
    crate::support::import(folder.path(), &tickets.collect::<Vec<_>>());
    let trained = run_json(folder.path(), &["train"]);
    assert_eq!(trained["fields"][0]["values"], 2, "{trained}");

    let server = Server::start(folder.path());
    let decide = |subject: &str| {
        let asked = json!({"subject": subject});
        let decided = server.post("/v1/triage", &asked).json();
        (decided["category"].clone(), decided["queue"].clone())
    };
    let (canteen, queue) = decide("what is on the canteen menu");
    assert_eq!(queue["decision"], "abstain", "{queue}");
    assert_eq!(canteen["out_of_scope"], true, "{canteen}");
    assert_eq!(canteen["decision"], "abstain", "{canteen}");
    assert!(!canteen.to_string().contains("not-ours"), "{canteen}");
    let (tunnel, _) = decide("the tunnel drops");
    assert_eq!(tunnel["value"], "network/vpn");
    assert!(tunnel.get("out_of_scope").is_none(), "{tunnel}");
}

/// What is learned is shown to everybody who asks, so tickets that not every analyst may see teach nothing.
#[test]
fn restricted_tickets_teach_nothing() {
    let restricted = |n: usize| {
        json!({"kind": "ticket", "id": format!("HR{n}"), "subject": format!("merger toner {n}"),
            "category": "people/leaver", "status": "resolved", "visibility": {"restricted": ["hr"]}})
    };
    let open: Vec<Value> = (0..60).map(resolved).collect();
    let both: Vec<Value> = open
        .iter()
        .cloned()
        .chain((0..30).map(restricted))
        .collect();
    let decided = |tickets: &[Value]| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rules.toml"), RULES).unwrap();
        crate::support::import(folder.path(), tickets);
        assert_eq!(run_json(folder.path(), &["train"])["tickets"], 60);
        let server = Server::start(folder.path());
        let asked = json!({"subject": "merger of toner", "evidence": false});
        let mut decided = server.post("/v1/triage", &asked).json();
        // The version tells up to which change was learned.
        for differs in ["took_us", "model_version"] {
            decided.as_object_mut().unwrap().remove(differs);
        }
        decided
    };
    let with = decided(&both);
    assert_eq!(with, decided(&open));
    assert_eq!(with["category"]["value"], "hardware/printer", "{with}");
}
