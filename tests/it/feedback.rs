//! Feedback on articles and the analytics of searches: durable, adding up, and about nobody.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Server, program, run, run_json, stderr};

const ANALYTICS: &str = "/v1/analytics/search";

fn article(id: &str, title: &str, visibility: &Value) -> Value {
    json!({"kind": "article", "id": id, "title": title, "visibility": visibility})
}

/// A server with two public articles.
fn desk(folder: &Path) -> Server {
    let server = Server::start(folder);
    for (id, title) in [("KB-1", "The VPN drops"), ("KB-2", "Order a laptop")] {
        let path = format!("/v1/articles/{id}?visible=true");
        let answer = server.put(&path, &article(id, title, &json!("public")));
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    server
}

fn say(server: &Server, kind: &str, id: &str, query: &str) {
    let body = json!({"kind": kind, "article_id": id, "query": query});
    let answer = server.post("/v1/feedback", &body);
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
}

fn search(server: &Server, q: &str) {
    let q: String = form_urlencoded::byte_serialize(q.as_bytes()).collect();
    assert_eq!(server.get(&format!("/v1/search?q={q}")).status, 200);
}

/// The analytics once so many searches are counted.
fn analytics(server: &Server, n_asked: u64) -> Value {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = server.get(ANALYTICS);
        assert_eq!(answer.status, 200, "{answer:?}");
        let analytics = answer.json();
        if analytics["searches"]["asked"] == n_asked {
            return analytics;
        }
        assert!(Instant::now() < until, "{analytics}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn queries(list: &Value) -> Vec<&str> {
    let list = list["list"].as_array().unwrap();
    list.iter()
        .map(|row| row["query"].as_str().unwrap())
        .collect()
}

/// Thanks that were answered with a 204 and lost would be asked for again.
#[test]
fn acknowledged_feedback_survives_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let server = desk(folder.path());
    for kind in ["helpful", "not_helpful", "clicked", "solved", "helpful"] {
        say(&server, kind, "KB-1", "VPN drops");
    }
    server.kill();
    let server = Server::start(folder.path());
    let analytics = analytics(&server, 0);
    assert_eq!(
        analytics["feedback"],
        json!({"helpful": 2, "not_helpful": 1, "clicked": 1, "solved": 1})
    );
    assert_eq!(analytics["unused_articles"]["list"][0]["id"], "KB-2");
}

/// Numbers that do not add up are believed by nobody.
#[test]
fn the_analytics_add_up() {
    let folder = tempfile::tempdir().unwrap();
    let server = desk(folder.path());
    for q in [
        "VPN drops",
        "vpn  DROPS",
        "laptop",
        "zanzibar",
        "zanzibar",
        "zebra",
        "12345678",
    ] {
        search(&server, q);
    }
    say(&server, "clicked", "KB-1", " VPN drops ");
    let json = analytics(&server, 7);
    assert_eq!(
        json["searches"],
        json!({"asked": 7, "without_hits": 4, "clicked": 1, "not_kept": 1})
    );
    let top = &json["top_queries"];
    assert_eq!(queries(top), ["vpn drops", "zanzibar", "laptop", "zebra"]);
    assert_eq!(
        top["list"][0],
        json!({"query": "vpn drops", "asked": 2, "without_hits": 0, "clicked": 1})
    );
    let listed = top["list"].as_array().unwrap().iter();
    let sum: u64 = listed.map(|row| row["asked"].as_u64().unwrap()).sum();
    assert_eq!(sum + 1, 7, "all but the one that is not kept");
    assert_eq!(
        queries(&json["queries_without_hits"]),
        ["zanzibar", "zebra"]
    );
    assert_eq!(queries(&json["queries_without_click"]), ["laptop"]);
    assert_eq!(
        json["unused_articles"],
        json!({"total": 1, "list": [{"id": "KB-2", "title": "Order a laptop"}]})
    );
    // The counts are there after a regular end, and only in the days they belong to.
    assert_eq!(server.stop(), Some(0));
    let server = Server::start(folder.path());
    let again = analytics(&server, 7);
    assert_eq!(again, json);
    let past = server
        .get("/v1/analytics/search?from=2020-01-01&to=2020-12-31")
        .json();
    assert_eq!(past["searches"]["asked"], 0);
    assert_eq!(past["unused_articles"]["total"], 2);
    assert_eq!(
        (&past["from"], &past["to"]),
        (&json!("2020-01-01"), &json!("2020-12-31"))
    );
}

/// A list longer than the bound must say how long it is.
#[test]
fn lists_are_bounded_and_say_how_many_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let server = desk(folder.path());
    for n in 0..120 {
        search(&server, &format!("zanzibar{n}"));
    }
    let json = analytics(&server, 120);
    for name in ["top_queries", "queries_without_hits"] {
        let list = json[name]["list"].as_array().unwrap();
        assert_eq!(
            (&json[name]["total"], list.len()),
            (&json!(120), 100),
            "{name}"
        );
    }
}

/// The data folder is copied to backups and read by analysts: nothing in it may name a user.
#[test]
fn personal_data_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let server = desk(folder.path());
    let pasted = format!("zanzibarlong {}", "x".repeat(100));
    let personal = [
        "zanzibarmail anna.berg@desk.example",
        "zanzibarcase 4711081",
        "zanzibarlines\nyours",
        &pasted,
    ];
    for q in personal {
        search(&server, q);
        for kind in ["clicked", "helpful"] {
            say(&server, kind, "KB-1", q);
        }
    }
    search(&server, "zanzibarplain");
    let json = analytics(&server, 5);
    assert_eq!(
        json["searches"],
        json!({"asked": 5, "without_hits": 5, "clicked": 4, "not_kept": 4})
    );
    assert_eq!(queries(&json["top_queries"]), ["zanzibarplain"]);
    let contains = |bytes: &[u8], part: &str| {
        let mut windows = bytes.windows(part.len());
        windows.any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
    };
    let mut is_plain_kept = false;
    for name in ["firstline.db", "firstline.db-wal"] {
        let bytes = std::fs::read(folder.path().join(name)).unwrap();
        is_plain_kept |= contains(&bytes, "zanzibarplain");
        for word in ["mail", "case", "lines", "long"] {
            let word = format!("zanzibar{word}");
            assert!(!contains(&bytes, &word), "{word} is in {name}");
        }
    }
    assert!(is_plain_kept, "the test reads what is kept");
}

/// What an admin finds in restricted articles must not be read from the analytics by others.
#[test]
fn the_analytics_do_not_tell_of_restricted_articles() {
    let folder = tempfile::tempdir().unwrap();
    let key = |role: &str| {
        let added = run_json(folder.path(), &["keys", "add", role, "--role", role]);
        format!("Bearer {}", added["secret"].as_str().unwrap())
    };
    let (admin, analyst) = (key("admin"), key("analyst"));
    let server = Server::start(folder.path());
    let send = |key: &str, (method, path): (&str, &str), body: Value| {
        let answer = server.send(method, path, &[("authorization", key)], body.to_string());
        assert!(answer.status < 300, "{answer:?}");
        answer
    };
    let hidden = article(
        "HR-1",
        "Merger with Zanzibar",
        &json!({"restricted": ["hr"]}),
    );
    send(&admin, ("PUT", "/v1/articles/HR-1?visible=true"), hidden);
    let found = send(&admin, ("GET", "/v1/search?q=zanzibar"), Value::Null).json();
    assert_eq!(found["total"], 1);
    let click = json!({"kind": "clicked", "article_id": "HR-1", "query": "zanzibar"});
    send(&admin, ("POST", "/v1/feedback"), click);
    send(&analyst, ("GET", "/v1/search?q=zanzibar"), Value::Null);
    let until = Instant::now() + Duration::from_secs(20);
    let json = loop {
        let json = send(&analyst, ("GET", ANALYTICS), Value::Null).json();
        if json["searches"]["asked"] == 2 || Instant::now() > until {
            break json;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(
        json["top_queries"]["list"],
        json!([{"query": "zanzibar", "asked": 2, "without_hits": 2, "clicked": 0}])
    );
    assert_eq!(json["unused_articles"], json!({"total": 0, "list": []}));
    assert_eq!(
        json["feedback"]["clicked"], 0,
        "a click on what it must not see"
    );
    let json = send(&admin, ("GET", ANALYTICS), Value::Null).json();
    assert_eq!(json["feedback"]["clicked"], 1);
}

/// What is promised to be forgotten must be forgotten without anybody's doing.
#[test]
fn old_counts_are_dropped_and_the_votes_stay() {
    let folder = tempfile::tempdir().unwrap();
    let server = desk(folder.path());
    say(&server, "helpful", "KB-1", "vpn");
    assert_eq!(server.stop(), Some(0));
    let open = || rusqlite::Connection::open(folder.path().join("firstline.db")).unwrap();
    open()
        .execute_batch(
            "UPDATE feedback SET day = '2020-01-01';
             INSERT INTO search_count VALUES ('2020-01-01', 'old', 1, 1, 0),
                                             (date('now', '-7 days'), 'new', 1, 1, 0);",
        )
        .unwrap();
    let mut command = program();
    command.env("FIRSTLINE_SEARCH_KEEP_DAYS", "10");
    let server = Server::start_with(command, folder.path(), &[]);
    assert_eq!(queries(&analytics(&server, 1)["top_queries"]), ["new"]);
    assert_eq!(server.stop(), Some(0));
    let n_rows = |sql: &str| {
        open()
            .query_row(sql, [], |row| row.get::<_, u64>(0))
            .unwrap()
    };
    assert_eq!(n_rows("SELECT count(*) FROM feedback"), 0);
    assert_eq!(n_rows("SELECT count(*) FROM search_count"), 1);
    assert_eq!(n_rows("SELECT helpful FROM article_feedback"), 1);
}

/// The store as format 1 had it.
const FORMAT_1: &str = "
    CREATE TABLE document (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL,
        body TEXT, UNIQUE (kind, id));
    CREATE INDEX deleted_document ON document (kind) WHERE body IS NULL;
    CREATE TABLE api_key (name TEXT PRIMARY KEY, role TEXT NOT NULL, groups TEXT NOT NULL,
        hash BLOB NOT NULL UNIQUE, created_at TEXT NOT NULL);
    CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    INSERT INTO setting VALUES ('store_id', '00112233445566778899aabbccddeeff');
    INSERT INTO document VALUES (1, 'article', 'KB-1',
        '{\"id\":\"KB-1\",\"title\":\"The VPN drops\",\"visibility\":\"public\"}');
    PRAGMA application_id = 1179405893;
    PRAGMA user_version = 1;
";

/// An update of the program must take the desk along, and must not be refused its old backups.
#[test]
fn a_folder_of_format_1_opens_and_is_of_the_newest_format_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let store = data.join("firstline.db");
    let format = |path: &Path| {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection
            .pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0))
            .unwrap()
    };
    let connection = rusqlite::Connection::open(&store).unwrap();
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .unwrap();
    connection.execute_batch(FORMAT_1).unwrap();
    drop(connection);
    // Reading alone changes nothing.
    let none_found = run(&data, &["keys", "list"]).status.code();
    assert_eq!(none_found, Some(1));
    let backup = folder.path().join("old.db");
    assert!(
        run(&data, &["backup", backup.to_str().unwrap()])
            .status
            .success()
    );
    assert_eq!((format(&store), format(&backup)), (1, 1));

    let restored = folder.path().join("restored");
    assert!(
        run(&restored, &["restore", backup.to_str().unwrap()])
            .status
            .success()
    );
    for data in [&data, &restored] {
        let server = Server::start(data);
        assert_eq!(
            server.get("/v1/articles/KB-1").json()["title"],
            "The VPN drops"
        );
        say(&server, "helpful", "KB-1", "vpn");
        assert_eq!(analytics(&server, 0)["feedback"]["helpful"], 1);
        assert_eq!(server.get("/v1/status").json()["store"]["format"], 7);
        assert_eq!(server.stop(), Some(0));
        assert_eq!(format(&data.join("firstline.db")), 7);
        for command in ["rebuild", "verify"] {
            let output = run(data, &[command]);
            assert!(output.status.success(), "{command}: {}", stderr(&output));
        }
    }
}
