//! Who may do what: API keys, roles and groups, and what holds without any key.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Response, Server, program, run, run_json, stderr};

/// Makes a key with the command line and gives its secret.
fn add_key(folder: &Path, name: &str, role: &str, groups: &str) -> String {
    let mut args = vec!["keys", "add", name, "--role", role];
    if !groups.is_empty() {
        args.extend(["--groups", groups]);
    }
    run_json(folder, &args)["secret"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Sends a request with a key.
fn send(server: &Server, key: &str, (method, path): (&str, &str), body: &str) -> Response {
    let bearer = format!("Bearer {key}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/x-ndjson"),
    ];
    server.send(method, path, &headers, body)
}

/// A leaked data folder must not give anybody a key.
#[test]
fn a_secret_is_shown_once_and_only_its_hash_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let added = run(
        folder.path(),
        &["keys", "add", "portal", "--role", "reader"],
    );
    assert_eq!(added.status.code(), Some(0), "{}", stderr(&added));
    let secret = String::from_utf8(added.stdout.clone()).unwrap();
    let secret = secret.trim();
    assert!(
        secret.starts_with("fl_") && secret.len() == 67,
        "{secret:?}"
    );
    assert!(
        stderr(&added).contains("the only time"),
        "{}",
        stderr(&added)
    );
    let listed = run_json(folder.path(), &["keys", "list"]);
    assert_eq!(
        (&listed[0]["name"], &listed[0]["role"]),
        (&json!("portal"), &json!("reader"))
    );
    assert!(!listed.to_string().contains(secret));
    let mut n_files = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            for part in [secret, secret.trim_start_matches("fl_")] {
                let is_there = bytes
                    .windows(part.len())
                    .any(|window| window == part.as_bytes());
                assert!(!is_there, "the secret is in {}", path.display());
            }
            n_files += 1;
        }
    }
    assert!(n_files > 0);
}

/// Two keys of one name could not be told apart when one has to be revoked.
#[test]
fn keys_have_one_name_each_and_are_listed_in_order() {
    let folder = tempfile::tempdir().unwrap();
    add_key(folder.path(), "wiki", "analyst", "hr, payroll");
    add_key(folder.path(), "intake", "admin", "");
    let twice = run(folder.path(), &["keys", "add", "wiki", "--role", "analyst"]);
    assert_eq!(twice.status.code(), Some(2));
    assert!(
        stderr(&twice).contains("a key named \"wiki\" already"),
        "{}",
        stderr(&twice)
    );
    let listed = run_json(folder.path(), &["keys", "list"]);
    let names: Vec<&Value> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["name"])
        .collect();
    assert_eq!(names, ["intake", "wiki"]);
    assert_eq!(listed[1]["groups"], json!(["hr", "payroll"]));
    let no_role = run(folder.path(), &["keys", "add", "x", "--role", "boss"]);
    assert_eq!(no_role.status.code(), Some(2));
    assert!(
        stderr(&no_role).contains("reader, analyst or admin"),
        "{}",
        stderr(&no_role)
    );
    let revoked = run(folder.path(), &["keys", "revoke", "wiki"]);
    assert_eq!(revoked.status.code(), Some(0));
    let again = run(folder.path(), &["keys", "revoke", "wiki"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(
        stderr(&again).contains("no key named \"wiki\""),
        "{}",
        stderr(&again)
    );
}

/// A key is revoked because it leaked: it must not work until the next restart.
#[test]
fn keys_count_from_the_next_request_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let search = ("GET", "/v1/search?q=x");
    assert_eq!(
        server.get(search.1).status,
        200,
        "without keys everyone here is an admin"
    );
    let first = add_key(folder.path(), "first", "reader", "");
    assert_eq!(
        server.get(search.1).status,
        401,
        "the first key ends that at once"
    );
    assert_eq!(send(&server, &first, search, "").status, 200);
    let second = add_key(folder.path(), "second", "analyst", "");
    assert_eq!(send(&server, &second, search, "").status, 200);
    assert!(
        run(folder.path(), &["keys", "revoke", "first"])
            .status
            .success()
    );
    assert_eq!(send(&server, &first, search, "").status, 401);
    assert_eq!(send(&server, &second, search, "").status, 200);
}

/// Only the scheme of RFC 6750 is taken; everything else is as good as no key.
#[test]
fn only_a_bearer_key_lets_in() {
    let folder = tempfile::tempdir().unwrap();
    let key = add_key(folder.path(), "portal", "reader", "");
    let server = Server::start(folder.path());
    let check = |authorization: &str, status: u16| {
        let headers = [("authorization", authorization)];
        let answer = server.send("GET", "/v1/search?q=x", &headers, "");
        assert_eq!(answer.status, status, "{authorization}");
        if status == 401 {
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    };
    check(&format!("Bearer {key}"), 200);
    check(&format!("bearer {key}"), 200);
    check(&key, 401);
    check(&format!("Basic {key}"), 401);
    check(&format!("Bearer {}", key.trim_start_matches("fl_")), 401);
    check(&format!("Bearer {key}0"), 401);
    check("Bearer ", 401);
}

/// What each of nobody, reader, analyst and admin gets for a request.
struct Row {
    request: (&'static str, &'static str),
    body: &'static str,
    statuses: [u16; 4],
}

const fn row(request: (&'static str, &'static str), body: &'static str, statuses: [u16; 4]) -> Row {
    Row {
        request,
        body,
        statuses,
    }
}

/// Every route with every method that it takes, and some that it does not.
const MATRIX: [Row; 53] = [
    row(("GET", "/healthz"), "", [200; 4]),
    row(("GET", "/readyz"), "", [200; 4]),
    row(("GET", "/v1/search?q=x"), "", [401, 200, 200, 200]),
    row(("GET", "/v1/search?x=x"), "", [401, 400, 400, 400]),
    row(
        ("POST", "/v1/similar"),
        r#"{"subject":"x"}"#,
        [401, 403, 200, 200],
    ),
    row(("POST", "/v1/similar"), "no json", [401, 403, 400, 400]),
    row(
        ("POST", "/v1/triage"),
        r#"{"subject":"x"}"#,
        [401, 200, 200, 200],
    ),
    row(
        ("POST", "/v1/triage"),
        r#"{"subject":"x","store":true}"#,
        [401, 403, 200, 200],
    ),
    row(
        ("POST", "/v1/triage"),
        r#"{"subject":"x","store":true,"ticket_id":"hr"}"#,
        [401, 403, 200, 200],
    ),
    row(
        ("POST", "/v1/triage"),
        r#"{"tickets":[{"subject":"x"}]}"#,
        [401, 403, 200, 200],
    ),
    // What the four requests above stored: D-1 and D-2 without a ticket, D-3 and D-4 on one that is
    // restricted.
    row(("GET", "/v1/decisions/D-1"), "", [401, 403, 200, 200]),
    row(("GET", "/v1/decisions/D-3"), "", [401, 403, 404, 200]),
    row(("GET", "/v1/decisions/D-99"), "", [401, 403, 404, 404]),
    row(("GET", "/v1/decisions/x"), "", [401, 403, 400, 400]),
    row(
        ("POST", "/v1/decisions/D-1/replay"),
        "",
        [401, 403, 200, 200],
    ),
    row(
        ("POST", "/v1/decisions/D-3/replay"),
        "",
        [401, 403, 404, 200],
    ),
    row(("GET", "/v1/status"), "", [401, 403, 403, 200]),
    row(("POST", "/v1/import"), "", [401, 403, 403, 200]),
    row(
        ("POST", "/v1/intake/alertmanager"),
        "{}",
        [401, 403, 403, 400],
    ),
    row(("POST", "/v1/intake/email"), "", [401, 403, 403, 415]),
    row(
        ("POST", "/v1/feedback"),
        r#"{"kind":"helpful","article_id":"public"}"#,
        [401, 204, 204, 204],
    ),
    row(
        ("POST", "/v1/feedback"),
        r#"{"kind":"clicked","article_id":"internal","query":"x"}"#,
        [401, 404, 204, 204],
    ),
    row(
        ("POST", "/v1/feedback"),
        r#"{"kind":"solved","article_id":"hr"}"#,
        [401, 404, 404, 204],
    ),
    row(("POST", "/v1/feedback"), "{}", [401, 400, 400, 400]),
    row(
        ("POST", "/v1/feedback"),
        r#"{"kind":"corrected","ticket_id":"internal","values":{"category":"x"}}"#,
        [401, 403, 200, 200],
    ),
    row(
        ("POST", "/v1/feedback"),
        r#"{"kind":"corrected","ticket_id":"hr","values":{"category":"x"}}"#,
        [401, 403, 404, 200],
    ),
    row(("GET", "/v1/analytics/search"), "", [401, 403, 200, 200]),
    row(
        ("GET", "/v1/analytics/search?from=x"),
        "",
        [401, 403, 400, 400],
    ),
    row(("GET", "/v1/analytics/triage"), "", [401, 403, 200, 200]),
    row(("GET", "/v1/triage/corrections"), "", [401, 403, 200, 200]),
    row(
        ("GET", "/v1/triage/corrections?limit=0"),
        "",
        [401, 403, 400, 400],
    ),
    row(("GET", "/v1/articles/public"), "", [401, 200, 200, 200]),
    row(("GET", "/v1/articles/draft"), "", [401, 404, 200, 200]),
    row(("GET", "/v1/articles/archived"), "", [401, 404, 200, 200]),
    row(("GET", "/v1/articles/internal"), "", [401, 404, 200, 200]),
    row(("GET", "/v1/articles/hr"), "", [401, 404, 404, 200]),
    row(("GET", "/v1/articles/nobody"), "", [401, 404, 404, 200]),
    row(("GET", "/v1/articles/none"), "", [401, 404, 404, 404]),
    row(("GET", "/v1/tickets/internal"), "", [401, 403, 200, 200]),
    row(("GET", "/v1/tickets/hr"), "", [401, 403, 404, 200]),
    row(
        ("PUT", "/v1/articles/new"),
        r#"{"title":"x"}"#,
        [401, 403, 403, 201],
    ),
    row(
        ("PUT", "/v1/tickets/new"),
        r#"{"subject":"x"}"#,
        [401, 403, 403, 201],
    ),
    row(("DELETE", "/v1/articles/new"), "", [401, 403, 403, 200]),
    row(("DELETE", "/v1/tickets/new"), "", [401, 403, 403, 200]),
    row(("POST", "/v1/search?q=x"), "", [405; 4]),
    row(("GET", "/v1/similar"), "", [405; 4]),
    row(("GET", "/v1/import"), "", [405; 4]),
    row(("GET", "/v1/feedback"), "", [405; 4]),
    row(("POST", "/v1/analytics/search"), "", [405; 4]),
    row(("DELETE", "/v1/decisions/D-1"), "", [405; 4]),
    row(("GET", "/v1/decisions/D-1/replay"), "", [405; 4]),
    row(("POST", "/v1/articles/public"), "", [405; 4]),
    row(("GET", "/v1/keys"), "", [404; 4]),
];

/// Documents of every visibility.
fn of_every_visibility() -> String {
    let article = |id: &str, visibility: Value, state: &str| json!({"kind": "article", "id": id, "title": id, "visibility": visibility, "state": state});
    let ticket = |id: &str, visibility: Value| json!({"kind": "ticket", "id": id, "subject": id, "visibility": visibility});
    let hr = || json!({"restricted": ["hr"]});
    let lines: Vec<String> = [
        article("public", json!("public"), "published"),
        article("draft", json!("public"), "draft"),
        article("archived", json!("public"), "archived"),
        article("internal", json!("internal"), "published"),
        article("hr", hr(), "published"),
        article("nobody", json!({"restricted": []}), "published"),
        ticket("internal", json!("public")),
        ticket("hr", hr()),
    ]
    .iter()
    .map(Value::to_string)
    .collect();
    lines.join("\n")
}

/// One forgotten check on one route gives everything away, so every route is asked by everyone.
#[test]
fn every_route_gives_every_role_what_it_may_have() {
    let folder = tempfile::tempdir().unwrap();
    let admin = add_key(folder.path(), "admin", "admin", "");
    let reader = add_key(folder.path(), "reader", "reader", "hr");
    let analyst = add_key(folder.path(), "analyst", "analyst", "it");
    let server = Server::start(folder.path());
    let import = ("POST", "/v1/import");
    assert_eq!(
        send(&server, &admin, import, &of_every_visibility()).status,
        200
    );
    for Row {
        request,
        body,
        statuses,
    } in &MATRIX
    {
        for (key, status) in ["nobody", &reader, &analyst, &admin]
            .into_iter()
            .zip(statuses)
        {
            let answer = send(&server, key, *request, body);
            assert_eq!(answer.status, *status, "{request:?} as {key}: {answer:?}");
        }
    }
    // A group opens what is restricted to it and nothing else.
    let hr = add_key(folder.path(), "hr", "analyst", "it,hr");
    let read = |path| send(&server, &hr, ("GET", path), "").status;
    assert_eq!(
        [
            read("/v1/articles/hr"),
            read("/v1/tickets/hr"),
            read("/v1/articles/nobody")
        ],
        [200, 200, 404]
    );
}

/// Without keys whoever reaches the server is an admin, so nobody from outside may reach it.
#[test]
fn without_keys_only_this_machine_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let open = run(folder.path(), &["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(open.status.code(), Some(2));
    let message = stderr(&open);
    assert!(
        message.contains("without API keys only this machine may be served"),
        "{message}"
    );
    assert!(
        message.contains("firstline keys add") && message.contains("0.0.0.0"),
        "{message}"
    );
    let server = Server::start(folder.path());
    // A page of another site that points its own name at this machine (DNS rebinding).
    for (host, status) in [
        ("localhost", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:7878", 200),
        ("desk.example", 421),
        ("localhost.desk.example", 421),
        ("127.0.0.1.desk.example:7878", 421),
    ] {
        for (method, path) in [("GET", "/v1/search?q=x"), ("DELETE", "/v1/tickets/T1")] {
            let answer = server.send(method, path, &[("host", host)], "");
            assert_eq!(answer.status, status, "{host}: {answer:?}");
        }
    }
    drop(server);

    add_key(folder.path(), "admin", "admin", "");
    let server = Server::start_with(program(), folder.path(), &[]);
    let foreign = [("host", "desk.example")];
    let answer = server.send("GET", "/v1/search?q=x", &foreign, "");
    assert_eq!(answer.status, 401, "with keys any name may lead here");
}

/// How many articles and past tickets the holder of a key gets to see; counts must tell the same.
fn hits_and_evidence(server: &Server, key: &str, words: &str) -> (usize, usize) {
    let search = "/v1/search?q=zanzibar+merger&facets=tag";
    let search = send(server, key, ("GET", search), "").json();
    let triage = send(server, key, ("POST", "/v1/triage"), words).json();
    let n = |list: &Value| list.as_array().unwrap().len();
    assert_eq!(n(&search["hits"]), n(&triage["articles"]));
    assert_eq!(
        search["total"],
        n(&search["hits"]),
        "counts tell as much as hits"
    );
    let counted = search["facets"]["tag"].as_object().unwrap().len();
    assert_eq!(counted, n(&search["hits"]), "{}", search["facets"]);
    (n(&search["hits"]), n(&triage["evidence"]))
}

/// Whoever loses a right loses it when the change is acknowledged, not when the index hears of it.
#[test]
fn a_narrowed_document_is_not_shown_from_the_acknowledgement_on() {
    let folder = tempfile::tempdir().unwrap();
    let admin = add_key(folder.path(), "admin", "admin", "");
    let reader = add_key(folder.path(), "reader", "reader", "");
    let analyst = add_key(folder.path(), "analyst", "analyst", "");
    let mut command = program();
    command.env("FIRSTLINE_INDEX_COMMIT_INTERVAL_MS", "3600000");
    let server = Server::start_with(command, folder.path(), &[]);
    let put = |path: &str, document: Value| {
        let answer = send(&server, &admin, ("PUT", path), &document.to_string());
        assert!(answer.status < 300, "{answer:?}");
    };
    let article = |visibility: Value, state: &str| {
        json!({"title": "Salary bands", "body": "Merger with Zanzibar.",
            "tags": ["merger"], "visibility": visibility, "state": state})
    };
    let words = json!({"subject": "merger with zanzibar"}).to_string();
    let shown = |key: &str| hits_and_evidence(&server, key, &words);
    let open = || article(json!("public"), "published");
    for narrow in [
        article(json!("internal"), "published"),
        article(json!({"restricted": ["hr"]}), "published"),
        article(json!("public"), "draft"),
        article(json!("public"), "archived"),
    ] {
        put("/v1/articles/KB-1?visible=true", open());
        assert_eq!(shown(&reader).0, 1, "the index has it");
        put("/v1/articles/KB-1", narrow.clone());
        assert_eq!(shown(&reader).0, 0, "{narrow}");
        assert_eq!(
            send(&server, &reader, ("GET", "/v1/articles/KB-1"), "").status,
            404
        );
    }
    put("/v1/articles/KB-1?visible=true", open());
    send(&server, &admin, ("DELETE", "/v1/articles/KB-1"), "");
    assert_eq!(shown(&reader).0, 0, "deleted");

    let ticket = |visibility: Value| {
        json!({"subject": "Merger with Zanzibar", "status": "closed", "category": "people/merger",
            "visibility": visibility})
    };
    put("/v1/tickets/INC1?visible=true", ticket(json!("internal")));
    assert_eq!((shown(&analyst).1, shown(&reader).1), (1, 0));
    put("/v1/tickets/INC1", ticket(json!({"restricted": ["hr"]})));
    assert_eq!(shown(&analyst).1, 0);
    let similar = send(&server, &analyst, ("POST", "/v1/similar"), &words).json();
    assert_eq!(
        (&similar["hits"], &similar["total"]),
        (&json!([]), &json!(0))
    );
}
