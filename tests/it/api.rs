//! The HTTP API from outside: what every resource answers, and what it says when it refuses.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::support::{Response, Server, corpus, program};

const NDJSON: (&str, &str) = ("content-type", "application/x-ndjson");

/// The names of the fields of an object, in the order of the alphabet.
fn fields(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names
}

/// The JSON lines of a streamed answer.
fn rows(response: &Response) -> Vec<Value> {
    response
        .body
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn article(id: &str, title: &str, body: &str) -> Value {
    json!({"kind": "article", "id": id, "title": title, "body": body, "visibility": "public",
        "category": "network/vpn"})
}

fn ticket(id: &str, subject: &str, resolution: &str) -> Value {
    json!({"kind": "ticket", "id": id, "subject": subject, "resolution": resolution,
        "category": "network/vpn", "queue": "network", "status": "closed",
        "resolved_at": "2026-03-14T09:12:00Z"})
}

/// A server of a small desk with the rules of the demo.
fn desk() -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(corpus("demo/rules.toml"), folder.path().join("rules.toml")).unwrap();
    let server = Server::start(folder.path());
    let documents = [
        article(
            "KB-1",
            "The VPN drops at home",
            "Restart the router. Then connect again.",
        ),
        article(
            "KB-2",
            "Order a new laptop",
            "Fill in the form of the catalogue.",
        ),
        ticket(
            "INC1",
            "VPN drops every hour",
            "Replaced the router of the requester.",
        ),
        ticket("INC2", "Printer jams", "Cleaned the rollers."),
    ];
    let lines: Vec<String> = documents.iter().map(Value::to_string).collect();
    let answer = server.send("POST", "/v1/import", &[NDJSON], lines.join("\n"));
    let last = rows(&answer).pop().unwrap();
    assert_eq!(
        (answer.status, &last["created"], &last["done"]),
        (200, &json!(4), &json!(true))
    );
    let again = server.put(
        "/v1/tickets/INC2?visible=true",
        &ticket("INC2", "Printer jams", "x"),
    );
    assert_eq!(again.json()["visible"], true, "{again:?}");
    (folder, server)
}

/// Clients are written against these fields; a renamed one breaks them without a word.
#[test]
fn search_answers_with_hits_totals_and_facets() {
    let (_folder, server) = desk();
    let answer = server.get("/v1/search?q=vpn+drops&facets=category,language&limit=5");
    assert_eq!(
        (answer.status, answer.content_type.as_str()),
        (200, "application/json")
    );
    let json = answer.json();
    assert_eq!(
        fields(&json),
        ["facets", "hits", "took_us", "total", "total_is_lower_bound"]
    );
    assert_eq!(
        (&json["total"], &json["total_is_lower_bound"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(
        json["facets"],
        json!({"category": {"network/vpn": 1}, "language": {"en": 1}})
    );
    let hit = &json["hits"][0];
    assert_eq!(
        fields(hit),
        [
            "category",
            "id",
            "score",
            "similarity",
            "snippet",
            "title",
            "title_highlights"
        ]
    );
    assert_eq!(hit["id"], "KB-1");
    assert!(hit["score"].as_f64().unwrap() > 0.0);
    assert_eq!(fields(&hit["snippet"]), ["highlights", "html", "text"]);

    let filtered = server
        .get("/v1/search?q=vpn&category=hardware/laptop")
        .json();
    assert_eq!(
        (&filtered["total"], &filtered["hits"]),
        (&json!(0), &json!([]))
    );
    let beyond = server.get("/v1/search?q=vpn&offset=1").json();
    assert_eq!((&beyond["total"], &beyond["hits"]), (&json!(1), &json!([])));
    let nothing = server.get("/v1/search?q=zanzibar").json();
    assert_eq!(nothing["hits"], json!([]));
    assert_eq!(nothing["unknown_words"], json!(["zanzibar"]));
    assert_eq!(
        server.get("/v1/search?q=").json()["total"],
        0,
        "any text is a query"
    );
}

/// A highlight outside its text would break the page that shows it.
#[test]
fn highlights_count_characters_and_stand_in_the_snippet() {
    let (_folder, server) = desk();
    let body = "Öffnen Sie die Schlüsselverwaltung 🔑. Der Tunnel über Zürich fällt aus.";
    let stored = server.put(
        "/v1/articles/KB-9?visible=true",
        &article("KB-9", "Zürich", body),
    );
    assert_eq!(stored.status, 201, "{stored:?}");
    let snippet = server.get("/v1/search?q=tunnel+zürich").json()["hits"][0]["snippet"].clone();
    let text: Vec<char> = snippet["text"].as_str().unwrap().chars().collect();
    let marked: Vec<String> = snippet["highlights"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mark| {
            let at = |end: &str| usize::try_from(mark[end].as_u64().unwrap()).unwrap();
            text.get(at("start")..at("end")).unwrap().iter().collect()
        })
        .collect();
    assert_eq!(marked, ["Tunnel", "Zürich"]);
}

/// Analysts see at a glance what resolved the other case and why it is shown.
#[test]
fn similar_answers_for_words_and_for_a_stored_ticket() {
    let (_folder, server) = desk();
    let words = json!({"subject": "VPN drops again", "description": "", "limit": 3});
    let json = server.post("/v1/similar", &words).json();
    assert_eq!(
        fields(&json),
        ["hits", "resolutions", "took_us", "total"],
        "{json}"
    );
    let hit = &json["hits"][0];
    let expected = [
        "category",
        "id",
        "queue",
        "resolution",
        "resolved_at",
        "score",
        "shared_terms",
        "similarity",
        "status",
        "subject",
    ];
    assert_eq!(fields(hit), expected);
    assert_eq!(
        (&hit["id"], &hit["status"]),
        (&json!("INC1"), &json!("closed"))
    );
    let similarity = hit["similarity"].as_f64().unwrap();
    assert!(similarity > 0.0 && similarity <= 1.0, "{hit}");
    assert_eq!(fields(&hit["shared_terms"][0]), ["term", "weight"]);

    let of_stored = server.post("/v1/similar", &json!({"id": "INC1", "min_similarity": 0.0}));
    let ids: Vec<Value> = of_stored.json()["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| hit["id"].clone())
        .collect();
    assert!(
        !ids.contains(&json!("INC1")),
        "a ticket is not similar to itself: {ids:?}"
    );
    let filtered = json!({"subject": "VPN drops again", "queue": ["messaging"]});
    assert_eq!(
        server.post("/v1/similar", &filtered).json()["hits"],
        json!([])
    );
}

/// The intake acts on these fields; each decision must carry its reasons.
#[test]
fn triage_decides_with_reasons_evidence_and_articles() {
    let (_folder, server) = desk();
    let words = json!({"subject": "VPN drops every hour", "channel": "portal"});
    let json = server.post("/v1/triage", &words).json();
    let expected = [
        "articles",
        "category",
        "evidence",
        "flags",
        "impact",
        "model_version",
        "needs_human",
        "priority",
        "queue",
        "rules_digest",
        "tags",
        "took_us",
        "urgency",
    ];
    assert_eq!(fields(&json), expected);
    assert_eq!(json["category"]["value"], "network/vpn");
    assert_eq!(json["queue"]["value"], "network");
    let decided = [
        "alternatives",
        "confidence",
        "decision",
        "reasons",
        "score",
        "threshold",
        "value",
    ];
    for field in ["category", "queue", "impact", "urgency"] {
        let decision = &json[field];
        let mut given = fields(decision);
        // There where a second value is spoken of, and where somebody told the value of a ticket.
        given.retain(|key| !["counterfactual", "examples"].contains(key));
        assert_eq!(given, decided, "{field}");
        let weights = decision["reasons"].as_array().unwrap().iter();
        let sum: f64 = weights
            .map(|reason| reason["weight"].as_f64().unwrap())
            .sum();
        assert!(
            (sum - decision["score"].as_f64().unwrap()).abs() < 1e-9,
            "{decision}"
        );
    }
    assert_eq!(json["evidence"][0]["id"], "INC1");
    assert_eq!(json["articles"][0]["id"], "KB-1");
}

/// Monitoring and load balancers read these three.
#[test]
fn status_and_health_tell_how_the_server_is_doing() {
    let (_folder, server) = desk();
    assert_eq!(server.get("/healthz").json(), json!({"status": "ok"}));
    assert_eq!(server.get("/readyz").json(), json!({"status": "ready"}));
    let json = server.get("/v1/status").json();
    assert_eq!(
        fields(&json),
        [
            "corrections",
            "indexes",
            "model",
            "rules",
            "search",
            "store",
            "version"
        ]
    );
    assert_eq!(
        fields(&json["store"]),
        ["articles", "format", "seq", "size_bytes", "tickets"]
    );
    assert_eq!(
        (&json["store"]["articles"], &json["store"]["tickets"]),
        (&json!(2), &json!(2))
    );
    for (index, kind) in ["article", "ticket"].into_iter().enumerate() {
        let index = &json["indexes"][index];
        assert_eq!(
            (&index["kind"], &index["is_ready"]),
            (&json!(kind), &json!(true))
        );
        assert_eq!((&index["documents"], &index["seq"]), (&json!(2), &json!(5)));
    }
    assert!(
        json["rules"]["rules"].as_u64().unwrap() > 50,
        "{}",
        json["rules"]
    );
}

/// Systems send the same document again and again; that must neither grow the change feed nor
/// make the index work.
#[test]
fn a_repeated_put_is_unchanged_and_a_waited_for_one_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program();
    // Nobody but the one who waits has the index committed.
    command.env("FIRSTLINE_INDEX_COMMIT_INTERVAL_MS", "3600000");
    let server = Server::start_with(command, folder.path(), &[]);
    let document = article("KB-1", "Reset a password", "Open the portal.");
    let first = server.put("/v1/articles/KB-1", &document);
    assert_eq!(first.status, 201);
    let expected = json!({"id": "KB-1", "status": "created", "seq": 1, "visible": false});
    assert_eq!(first.json(), expected);
    let second = server.put("/v1/articles/KB-1?visible=true", &document);
    let expected = json!({"id": "KB-1", "status": "unchanged", "seq": 1, "visible": true});
    assert_eq!((second.status, second.json()), (200, expected));
    assert_eq!(
        server.get("/v1/search?q=password").json()["hits"][0]["id"],
        "KB-1"
    );

    let changed = article("KB-1", "Reset a passphrase", "Open the portal.");
    let third = server
        .put("/v1/articles/KB-1?visible=true", &changed)
        .json();
    assert_eq!(
        (&third["status"], &third["seq"]),
        (&json!("updated"), &json!(2))
    );
    assert_eq!(
        server.get("/v1/search?q=passphrase").json()["hits"][0]["id"],
        "KB-1"
    );

    let gone = server
        .send("DELETE", "/v1/articles/KB-1?visible=true", &[], "")
        .json();
    let expected = json!({"id": "KB-1", "status": "deleted", "seq": 3, "visible": true});
    assert_eq!(gone, expected);
    assert_eq!(server.get("/v1/articles/KB-1").status, 404);
    assert_eq!(server.get("/v1/search?q=passphrase").json()["total"], 0);
    let again = server.send("DELETE", "/v1/articles/KB-1", &[], "");
    assert_eq!(
        (again.status, &again.json()["status"]),
        (200, &json!("missing"))
    );
}

/// A desk that moves back must get back what it brought, also what Firstline does not know.
#[test]
fn unknown_fields_survive_a_round_trip() {
    let (_folder, server) = desk();
    let extra = json!({"team": {"name": "Ops ☕", "ids": [1, -2, 3.5, true, "x"]},
        "u_cost": 12.25, "big": 9_007_199_254_740_993_u64, "empty": {}, "site": "Łódź\n\"2\""});
    for (path, mut document) in [
        ("/v1/articles/KB-7", article("KB-7", "Title", "Body")),
        ("/v1/tickets/INC7", ticket("INC7", "Subject", "Done")),
    ] {
        for (name, value) in extra.as_object().unwrap() {
            document[name.as_str()] = value.clone();
        }
        assert_eq!(server.put(path, &document).status, 201);
        let read = server.get(path).json();
        for (name, value) in document.as_object().unwrap() {
            assert_eq!(&read[name.as_str()], value, "{path} {name}");
        }
    }
    let warned = json!({"subject": "x", "impact": "huge", "visibility": "public"});
    let warnings = server.put("/v1/tickets/INC8", &warned).json()["warnings"].clone();
    assert_eq!(
        warnings.as_array().unwrap().len(),
        2,
        "what is kept raw is said: {warnings}"
    );
    let read = server.get("/v1/tickets/INC8").json();
    assert_eq!(
        (&read["impact_raw"], &read["visibility"]),
        (&json!("huge"), &json!("internal"))
    );
}

/// What a progress row tells is durable: a client goes on from there after a break.
#[test]
fn an_import_streams_progress_refusals_and_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let mut lines: Vec<String> = (0..2_500)
        .map(|n| ticket(&format!("T{n}"), "Fan hums", "Oil").to_string())
        .collect();
    lines.insert(2, r#"{"kind":"ticket","id":"bad","subject":7}"#.to_owned());
    lines.insert(10, "no json".to_owned());
    let answer = server.send("POST", "/v1/import", &[NDJSON], lines.join("\n"));
    assert_eq!(
        (answer.status, answer.content_type.as_str()),
        (200, "application/x-ndjson")
    );
    let mut rows = rows(&answer);
    let last = rows.pop().unwrap();
    for (field, value) in [
        ("done", json!(true)),
        ("lines", json!(2_502)),
        ("created", json!(2_500)),
        ("refused", json!(2)),
        ("problems", json!([])),
        ("newest_seq", json!(2_500)),
        ("is_incomplete", json!(false)),
    ] {
        assert_eq!(last[field], value, "{field}: {last}");
    }
    let progress: Vec<(u64, u64)> = rows
        .iter()
        .filter_map(|row| Some((row.get("through_line")?.as_u64()?, row["seq"].as_u64()?)))
        .collect();
    assert_eq!(progress, [(1_002, 1_000), (2_002, 2_000), (2_502, 2_500)]);
    let refused: Vec<&Value> = rows
        .iter()
        .filter(|row| row.get("line").is_some())
        .collect();
    assert_eq!(refused.len(), 2, "{rows:?}");
    let [of_type, no_json] = refused[..] else {
        panic!("{refused:?}")
    };
    assert_eq!(
        (&of_type["line"], &of_type["field"]),
        (&json!(3), &json!("subject"))
    );
    assert_eq!((&no_json["line"], no_json.get("field")), (&json!(11), None));
    assert!(
        no_json["detail"].as_str().unwrap().contains("no JSON"),
        "{no_json}"
    );
    assert_eq!(server.get("/v1/status").json()["store"]["tickets"], 2_500);
}

/// Exports are large and come packed.
#[test]
fn an_import_body_may_be_gzip() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed
        .write_all(ticket("T1", "Fan hums", "Oil").to_string().as_bytes())
        .unwrap();
    let packed = packed.finish().unwrap();
    for (media_type, outcome) in [("application/gzip", "created"), (NDJSON.1, "unchanged")] {
        let header = ("content-type", media_type);
        let answer = server.send("POST", "/v1/import", &[header], &packed);
        assert_eq!(rows(&answer).pop().unwrap()[outcome], 1, "{answer:?}");
    }
    assert_eq!(server.get("/v1/tickets/T1").json()["subject"], "Fan hums");
}

/// The caller's id finds the request in the logs of both sides, but must not write to ours.
#[test]
fn a_harmless_request_id_is_taken_over() {
    let (_folder, server) = desk();
    let id_for = |given: &str| {
        let answer = server.send("GET", "/nowhere", &[("x-request-id", given)], "");
        let id = answer.header("x-request-id").unwrap().to_owned();
        assert_eq!(answer.json()["instance"], id.as_str());
        id
    };
    assert_eq!(id_for("portal-7.a_b"), "portal-7.a_b");
    for harmful in ["a b", "x\"y", &"x".repeat(65)] {
        assert_ne!(id_for(harmful), harmful);
    }
}
