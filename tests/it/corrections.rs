//! What people told counts at once: by `PUT` of a resolved ticket, until it is withdrawn or learned.

use serde_json::{Value, json};

use crate::support::{Response, Server, import, run, run_json};

const RULES: &str = r#"
format = 1
[queues]
"network/vpn" = "network"
"hardware/printer" = "field"
"identity/password" = "service-desk"
[[rule]]
id = "tunnel"
words = ["tunnel"]
category = { "network/vpn" = 2.0 }
"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.toml"), RULES).unwrap();
    folder
}

fn ticket(id: &str, subject: &str, category: &str) -> Value {
    json!({"id": id, "subject": subject, "category": category, "status": "resolved"})
}

/// A ticket of a desk where tunnels drop and toner runs low.
fn history(n: u32) -> Value {
    let (subject, category) = match n % 2 {
        0 => (format!("tunnel drops {n}"), "network/vpn"),
        _ => (format!("toner is low {n}"), "hardware/printer"),
    };
    let mut ticket = ticket(&format!("H-{n}"), &subject, category);
    ticket["kind"] = json!("ticket");
    ticket
}

/// A desk that has learned from its history.
fn learned() -> (tempfile::TempDir, Server) {
    let folder = folder();
    import(folder.path(), &(0..60).map(history).collect::<Vec<_>>());
    assert!(run(folder.path(), &["train"]).status.success());
    let server = Server::start(folder.path());
    (folder, server)
}

fn put(server: &Server, ticket: &Value) {
    let path = format!("/v1/tickets/{}", ticket["id"].as_str().unwrap());
    assert!(server.put(&path, ticket).status < 300);
}

/// The decision on a subject, without what differs from time to time.
fn decide(server: &Server, subject: &str) -> Value {
    let asked = json!({"subject": subject, "evidence": false});
    let mut decided = server.post("/v1/triage", &asked).json();
    decided.as_object_mut().unwrap().remove("took_us");
    decided
}

fn listed(server: &Server) -> Vec<Value> {
    let answer = server.get("/v1/triage/corrections").json();
    answer["corrections"].as_array().unwrap().clone()
}

#[test]
fn a_correction_counts_at_once_and_leaves_no_trace_when_it_is_withdrawn() {
    let folder = folder();
    let server = Server::start(folder.path());
    let before = decide(&server, "tunnel to the mainframe closes");
    assert_eq!(before["category"]["value"], "network/vpn");

    put(
        &server,
        &ticket(
            "T-1",
            "tunnel to the mainframe closes at login",
            "identity/password",
        ),
    );
    let after = decide(&server, "tunnel to the mainframe closes");
    assert_eq!(after["category"]["value"], "identity/password", "{after}");
    assert_eq!(after["queue"]["value"], "service-desk");
    let reasons = after["category"]["reasons"].as_array().unwrap();
    let number = &listed(&server)[0]["correction"];
    let told = reasons.iter().find(|reason| reason["kind"] == "correction");
    assert_eq!(told.unwrap()["correction"], *number);
    let weights = reasons
        .iter()
        .map(|reason| reason["weight"].as_f64().unwrap());
    let score = after["category"]["score"].as_f64().unwrap();
    assert!((weights.sum::<f64>() - score).abs() < 1e-9, "{after}");
    let without = &after["category"]["counterfactual"]["without"];
    assert_eq!(without[0]["correction"], *number, "{after}");
    let unlike = decide(&server, "the display flickers");
    assert_eq!(unlike["category"]["value"], json!(null), "{unlike}");

    // Opened again, it says nothing; nor does it when it is gone.
    let reopened = json!({"id": "T-1", "subject": "tunnel to the mainframe closes at login",
                          "category": "identity/password", "status": "open"});
    put(&server, &reopened);
    assert_eq!(decide(&server, "tunnel to the mainframe closes"), before);
    put(
        &server,
        &ticket(
            "T-1",
            "tunnel to the mainframe closes at login",
            "identity/password",
        ),
    );
    assert_ne!(decide(&server, "tunnel to the mainframe closes"), before);
    assert_eq!(
        server
            .send("DELETE", "/v1/tickets/T-1", &[], String::new())
            .status,
        200
    );
    assert_eq!(decide(&server, "tunnel to the mainframe closes"), before);
    assert!(listed(&server).is_empty());
}

fn correct(server: &Server, ticket_id: &str, values: &Value) -> Response {
    let said = json!({"kind": "corrected", "ticket_id": ticket_id, "values": values});
    server.post("/v1/feedback", &said)
}

#[test]
fn an_analyst_corrects_an_open_ticket() {
    let (folder, server) = learned();
    let subject = "tunnel to the mainframe closes";
    let before = decide(&server, subject);
    assert_eq!(before["category"]["value"], "network/vpn", "{before}");
    put(
        &server,
        &json!({"id": "T-1", "subject": subject, "category": "network/vpn", "status": "open",
                "updated_at": "2026-01-02T03:04:05Z", "asset": "LT-7"}),
    );
    assert_eq!(decide(&server, subject), before, "it is open");

    let answer = correct(&server, "T-1", &json!({"category": "hardware/printer"}));
    assert_eq!(answer.status, 200);
    let number = answer.json()["correction"].clone();
    let after = decide(&server, subject);
    assert_eq!(after["category"]["value"], "hardware/printer", "{after}");
    assert_eq!(listed(&server)[0]["correction"], number);
    assert_eq!(listed(&server)[0]["ticket_id"], "T-1");
    let stored = server.get("/v1/tickets/T-1").json();
    assert_eq!(stored["category"], "hardware/printer");
    let updated_at = stored["updated_at"].as_str().unwrap();
    assert!(
        updated_at > "2026-01-02T03:04:05Z",
        "no older state replaces it"
    );
    assert_eq!(
        (&stored["asset"], &stored["status"]),
        (&json!("LT-7"), &json!("open"))
    );

    // To say the same again is no second ticket.
    assert_eq!(
        correct(&server, "T-1", &json!({"category": "hardware/printer"})).status,
        200
    );
    assert_eq!(listed(&server).len(), 1);

    // What is learned anew knows it; whoever writes the ticket anew withdraws it.
    drop(server);
    assert_eq!(run_json(folder.path(), &["train"])["tickets"], 61);
    import(
        folder.path(),
        &[json!({"kind": "ticket", "id": "T-1", "subject": subject, "status": "open"})],
    );
    assert_eq!(run_json(folder.path(), &["train"])["tickets"], 60);
}

#[test]
fn what_no_ticket_can_have_is_no_correction() {
    let (_folder, server) = learned();
    put(
        &server,
        &json!({"id": "T-1", "subject": "tunnel closes", "status": "open"}),
    );
    for (ticket_id, values, status, field) in [
        ("T-2", json!({"category": "network/vpn"}), 404, None),
        ("T-1", json!({}), 400, Some("values")),
        ("T-1", json!({"status": "closed"}), 400, Some("status")),
        ("T-1", json!({"impact": "enormous"}), 400, Some("impact")),
        ("T-1", json!({"category": null}), 400, Some("category")),
    ] {
        let answer = correct(&server, ticket_id, &values);
        let problem = answer.json();
        assert_eq!(answer.status, status, "{values}: {problem}");
        let named = &problem["errors"][0]["field"];
        assert_eq!(named.as_str(), field, "{values}: {problem}");
    }
    assert!(listed(&server).is_empty());
}

#[test]
fn three_tickets_make_a_new_category() {
    let folder = folder();
    let server = Server::start(folder.path());
    for (n, expected) in [
        (1, Value::Null),
        (2, Value::Null),
        (3, json!("badge/reader")),
    ] {
        let subject = format!("badge reader at gate {n} does not open");
        put(
            &server,
            &ticket(&format!("T-{n}"), &subject, "badge/reader"),
        );
        let decided = decide(&server, "badge reader at gate 9 does not open");
        assert_eq!(decided["category"]["value"], expected, "after {n}");
        if n == 3 {
            assert_eq!(decided["category"]["examples"], 3);
        }
    }
}

/// What a model is sure of does not stand in the way of what it never saw.
#[test]
fn three_tickets_make_a_new_category_and_its_queue_where_much_was_learned() {
    let (_folder, server) = learned();
    let told = [
        "Parking permit for my new car",
        "Barrier at the car park does not open for my permit",
        "Please add licence plate to parking list",
    ];
    for (n, subject) in told.into_iter().enumerate() {
        let mut ticket = ticket(&format!("P-{n}"), subject, "facilities/parking");
        ticket["queue"] = json!("facilities");
        put(&server, &ticket);
    }
    let asked = [
        "Car park permit for a rental car",
        "Parking barrier rejects my plate",
    ];
    for subject in told.into_iter().chain(asked) {
        let decided = decide(&server, subject);
        let category = &decided["category"];
        assert_eq!(category["value"], "facilities/parking", "{decided}");
        assert_eq!(category["out_of_scope"], Value::Null, "{decided}");
        assert_eq!(decided["queue"]["value"], "facilities", "{decided}");
    }
    for n in 0..20 {
        let ticket = history(n);
        let decided = decide(&server, ticket["subject"].as_str().unwrap());
        assert_eq!(decided["category"]["value"], ticket["category"]);
        assert_ne!(decided["queue"]["value"], "facilities");
    }
}

/// The desk states a value that no ticket had: that counts before the next training and after it.
#[test]
fn a_rule_makes_a_new_category_where_much_was_learned() {
    let (folder, server) = learned();
    let door = "[[rule]]\nid = \"door\"\nwords = [\"door\"]\n\
                category = { \"facilities/door\" = 3.0 }\n";
    let queue = "[queues]\n\"facilities/door\" = \"facilities\"";
    let rules = RULES.replace("[queues]", queue) + door;
    std::fs::write(folder.path().join("rules.toml"), rules).unwrap();
    let wait = || std::thread::sleep(std::time::Duration::from_millis(1_600));
    for step in ["stated", "trained"] {
        wait();
        let decided = decide(&server, "the door does not open");
        assert_eq!(decided["category"]["value"], "facilities/door", "{step}");
        assert!(run(folder.path(), &["train"]).status.success());
    }
}

/// However sure the model is: who tells the value of a ticket wants the same ticket decided so.
#[test]
fn one_correction_decides_the_same_text_and_no_other() {
    let (_folder, server) = learned();
    let before = decide(&server, "tunnel drops 4");
    assert!(before["category"]["confidence"].as_f64() > Some(0.9));
    put(
        &server,
        &ticket("T-1", "tunnel drops and drops", "hardware/printer"),
    );
    let same = decide(&server, "tunnel drops and drops");
    assert_eq!(same["category"]["value"], "hardware/printer", "{same}");
    let other = decide(&server, "tunnel drops 4");
    assert_eq!(other["category"]["value"], "network/vpn", "{other}");
}

/// Nor does a text that is like nothing before stay out of scope once its value was told.
#[test]
fn a_corrected_text_is_in_scope() {
    let (_folder, server) = learned();
    let mut n_outside = 0;
    for (n, known) in (0..60).zip(["tunnel", "drops", "toner", "is", "low"].iter().cycle()) {
        let unknown: Vec<String> = (0..1 + n % 7).map(|m| format!("lamp{n}x{m}")).collect();
        let subject = format!("{known} {}", unknown.join(" "));
        n_outside += i32::from(decide(&server, &subject)["category"]["out_of_scope"] == true);
        put(&server, &ticket(&format!("L-{n}"), &subject, "network/vpn"));
        let category = decide(&server, &subject)["category"].clone();
        assert_eq!(category["value"], "network/vpn", "{n}: {category}");
        assert_eq!(category["out_of_scope"], Value::Null, "{n}: {category}");
    }
    assert!(n_outside > 20, "{n_outside}");
}

/// A ticket that was learned from says something new only while it differs from what it was then.
#[test]
fn a_value_that_is_put_back_leaves_no_trace() {
    let (_folder, server) = learned();
    let before = decide(&server, "tunnel drops 4");
    let mut ticket = history(4);
    ticket.as_object_mut().unwrap().remove("kind");
    ticket["category"] = json!("hardware/printer");
    put(&server, &ticket);
    let corrected = decide(&server, "tunnel drops 4");
    assert_eq!(corrected["category"]["value"], "hardware/printer");
    ticket["category"] = json!("network/vpn");
    put(&server, &ticket);
    assert_eq!(decide(&server, "tunnel drops 4"), before);
    assert!(listed(&server).is_empty());
}

#[test]
fn who_told_what_and_when_is_listed() {
    let folder = folder();
    let key = |name: &str, role: &str| {
        let added = run_json(folder.path(), &["keys", "add", name, "--role", role]);
        format!("Bearer {}", added["secret"].as_str().unwrap())
    };
    let (anna, reader) = (key("anna", "admin"), key("portal", "reader"));
    let server = Server::start(folder.path());
    let send = |key: &str, method: &str, path: &str, body: &Value| {
        server.send(method, path, &[("authorization", key)], body.to_string())
    };
    let told = ticket("T-1", "badge reader is dark", "hardware/printer");
    assert_eq!(send(&anna, "PUT", "/v1/tickets/T-1", &told).status, 201);
    let path = "/v1/triage/corrections";
    assert_eq!(send(&reader, "GET", path, &json!(null)).status, 403);
    let listed = send(&anna, "GET", path, &json!(null)).json();
    let one = &listed["corrections"][0];
    assert_eq!(
        (&one["ticket_id"], &one["author"]),
        (&json!("T-1"), &json!("anna"))
    );
    assert!(one["at"].as_str().unwrap().starts_with("20"), "{one}");
    let value = &one["values"]["category"];
    assert_eq!(value["value"], "hardware/printer");
    assert!(value["weight"].as_f64().unwrap() > 0.0);
}

/// Nobody learns from a decision what stands in a ticket that is hidden from them; imports are history,
/// which is learned by training.
#[test]
fn restricted_and_imported_tickets_do_not_count() {
    let folder = folder();
    let server = Server::start(folder.path());
    let before = decide(&server, "badge reader is dark");
    let mut hidden = ticket("T-1", "badge reader is dark", "hardware/printer");
    hidden["visibility"] = json!({"restricted": ["hr"]});
    put(&server, &hidden);
    let mut imported = ticket("T-2", "badge reader is dark", "hardware/printer");
    imported["kind"] = json!("ticket");
    let ndjson = ("content-type", "application/x-ndjson");
    let import = server.send("POST", "/v1/import", &[ndjson], imported.to_string());
    assert_eq!(import.status, 200);
    assert_eq!(decide(&server, "badge reader is dark"), before);
    // Other tickets hide nothing of the one that counts.
    put(
        &server,
        &ticket("T-3", "badge reader is dark", "hardware/printer"),
    );
    assert_eq!(
        decide(&server, "badge reader is dark")["category"]["value"],
        "hardware/printer"
    );
}

#[test]
fn a_stored_decision_comes_out_the_same_with_what_was_told_then() {
    let folder = folder();
    let server = Server::start(folder.path());
    put(
        &server,
        &ticket("T-1", "badge reader is dark", "hardware/printer"),
    );
    let asked = json!({"subject": "badge reader dark", "store": true});
    let stored = server.post("/v1/triage", &asked).json();
    let id = stored["decision_id"].as_str().unwrap();
    let replay = |server: &Server| {
        let path = format!("/v1/decisions/{id}/replay");
        server.post(&path, &json!({})).json()
    };
    // What was told later changes nothing of it.
    put(
        &server,
        &ticket("T-2", "badge reader is dark", "identity/password"),
    );
    assert_eq!(replay(&server)["same"], true);
    assert_eq!(server.stop(), Some(0));
    // Nor does a setting that changes what tickets tell.
    let settings = "[triage]\nout_of_scope = [\"hardware/printer\"]\nlearn = [\"site\"]\n";
    std::fs::write(folder.path().join("firstline.toml"), settings).unwrap();
    let server = Server::start(folder.path());
    let again = replay(&server);
    assert_eq!(again["same"], true, "{again}");
    // Nor that the corrected ticket is changed, or goes.
    put(
        &server,
        &ticket("T-1", "badge reader is dark again", "hardware/printer"),
    );
    assert_eq!(replay(&server)["same"], true);
    let deleted = server.send("DELETE", "/v1/tickets/T-1", &[], String::new());
    assert_eq!(deleted.status, 200);
    assert_eq!(replay(&server)["same"], true);
    let told = server.get(&format!("/v1/decisions/{id}")).json()["told"].clone();
    let weight = &told["alike"][0]["values"]["category"];
    assert_eq!(weight[0], "hardware/printer", "{told}");
    assert_eq!(server.stop(), Some(0));

    // It is decided again, not repeated: with something else told it comes out differently.
    let store = rusqlite::Connection::open(folder.path().join("firstline.db")).unwrap();
    let other = format!(
        "UPDATE decision SET told = replace(told, '{}', '1.5')",
        weight[1]
    );
    assert_eq!(store.execute(&other, []).unwrap(), 1);
    let replay = || run_json(folder.path(), &["triage", "--replay", id]);
    let differs = replay();
    assert_eq!(differs["same"], false, "{differs}");
    assert_eq!(
        differs["differences"][0]["path"], "category.confidence",
        "{differs}"
    );
    // Versions before did not keep it.
    store
        .execute("UPDATE decision SET told = NULL", [])
        .unwrap();
    let gone = replay();
    assert_eq!(
        (&gone["same"], &gone["gone"][0]["input"]),
        (&json!(false), &json!("corrections"))
    );
}

/// One is learned from history, and what is told after it counts on top; learning anew takes it in.
#[test]
fn corrections_of_a_model_end_with_the_next_one() {
    let folder = folder();
    import(folder.path(), &(0..60).map(history).collect::<Vec<_>>());
    let server = Server::start(folder.path());
    let train = |expected: &str| {
        let trained = run(folder.path(), &["train"]);
        let told = String::from_utf8_lossy(&trained.stdout).into_owned();
        assert!(told.contains(expected), "{told}");
        std::thread::sleep(std::time::Duration::from_millis(1_100));
    };
    train("60 resolved tickets");
    let subject = "scanner jams";
    // Nothing of it says so before.
    let confidence = |decided: &Value| {
        let category = &decided["category"];
        let others = category["alternatives"].as_array().unwrap();
        let mut all = others.iter().chain([category]);
        let of_value = all.find(|one| one["value"] == "network/vpn").unwrap();
        of_value["confidence"].as_f64().unwrap()
    };
    let before = confidence(&decide(&server, subject));
    put(&server, &ticket("T-1", subject, "network/vpn"));
    let corrected = decide(&server, subject);
    assert!(confidence(&corrected) > before, "{before}: {corrected}");
    assert_eq!(corrected["category"]["value"], "network/vpn", "{corrected}");
    let version = corrected["model_version"].as_str().unwrap();
    assert!(version.contains('+'), "{version}");
    train("61 resolved tickets");
    let learned = decide(&server, subject);
    assert!(confidence(&learned) > before, "{before}: {learned}");
    assert!(!learned["model_version"].as_str().unwrap().contains('+'));
    assert!(listed(&server).is_empty());
}

#[test]
fn a_damaged_row_takes_no_decision_from_other_tickets() {
    let folder = folder();
    let server = Server::start(folder.path());
    put(
        &server,
        &ticket("T-1", "screen is dark", "hardware/printer"),
    );
    put(
        &server,
        &ticket("T-2", "tunnel of the boat", "hardware/printer"),
    );
    drop(server);
    let store = rusqlite::Connection::open(folder.path().join("firstline.db")).unwrap();
    let damaged = "UPDATE document SET body = '{' WHERE id = 'T-1'";
    assert_eq!(store.execute(damaged, []).unwrap(), 1);
    drop(store);

    let server = Server::start(folder.path());
    let decided = decide(&server, "tunnel");
    assert_eq!(decided["category"]["value"], "network/vpn", "{decided}");
    let listed = listed(&server);
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0]["ticket_id"], "T-2");
}
