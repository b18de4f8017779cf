//! Nothing hidden can be observed: a desk answers an audience as if it did not have what that
//! audience must not see.
//!
//! Four desks: the whole one, and for each audience one without what is hidden from it. The hidden
//! documents are written to move everything that a leak would show in: how rare words are, how
//! long documents are, which languages, categories and tags there are, which words are known.

use std::path::Path;

use firstline::import::{Options, document_of_json};
use firstline::{Audience, Document};
use serde_json::{Value, json};

use crate::support::{Server, corpus, program, run, run_json, stderr};

/// Words of the demo desk that hidden documents are full of.
const COMMON: [&str; 12] = [
    "vpn",
    "password",
    "printer",
    "outlook",
    "teams",
    "laptop",
    "certificate",
    "gateway",
    "mailbox",
    "error",
    "connect",
    "dock",
];

/// Words that only hidden documents have.
const SECRET: [&str; 6] = [
    "zanzibar",
    "merger",
    "redundancies",
    "0xDEADBEEF",
    "PROJECT-GRAPHITE-7",
    "wellenreiter",
];

/// Sentences in languages of which the visible desk has no document.
const FOREIGN: [(&str, &str); 4] = [
    (
        "es",
        "La impresora de la segunda planta no imprime y la contraseña ha caducado.",
    ),
    (
        "it",
        "La stampante del secondo piano non funziona e la password è scaduta da ieri.",
    ),
    (
        "nl",
        "De printer op de tweede verdieping doet het niet en het wachtwoord is verlopen.",
    ),
    (
        "pt",
        "A impressora do segundo andar não funciona e a senha expirou ontem à noite.",
    ),
];

/// Role and groups of who asks.
const AUDIENCES: [(&str, &str); 3] = [("reader", ""), ("analyst", ""), ("analyst", "hr")];

/// So many articles are deleted.
const N_DELETED: usize = 6;

/// Visibility and state of a hidden article; a ticket has the visibility alone.
fn hidden_kinds() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("internal", json!("internal"), "published"),
        ("draft", json!("public"), "draft"),
        ("archived", json!("public"), "archived"),
        ("hr", json!({"restricted": ["hr"]}), "published"),
        (
            "board",
            json!({"restricted": ["board", "legal"]}),
            "published",
        ),
        ("nobody", json!({"restricted": []}), "published"),
    ]
}

/// Documents of one visibility that would change every number.
fn hidden_documents(name: &str, visibility: &Value, state: &str) -> Vec<Value> {
    let mut documents = Vec::new();
    for n in 0..12 {
        let word = COMMON[n % COMMON.len()];
        let secret = SECRET[n % SECRET.len()];
        let (language, sentence) = FOREIGN[n % FOREIGN.len()];
        // From very short to very long: the mean length moves.
        let filler = format!("{word} {secret} and the {word} of {name}. ").repeat(1 + n * n * 3);
        let title = format!("{word} {secret} {word}");
        let body = format!("{filler}\n{sentence}");
        documents.push(json!({"kind": "article", "id": format!("HID-{name}-{n}"),
            "title": title, "body": body, "summary": format!("How {word} meets {secret}."),
            "category": format!("secret/{name}"), "product": "Graphite",
            "tags": [secret, "hidden"], "language": language, "visibility": visibility,
            "state": state}));
        if state == "published" {
            documents.push(json!({"kind": "ticket", "id": format!("HIT-{name}-{n}"),
                "subject": title, "description": body, "resolution": sentence,
                "category": format!("secret/{name}"), "queue": "hr", "tags": [secret],
                "language": language, "visibility": visibility, "status": "closed"}));
        }
    }
    documents
}

/// The demo desk and the hidden documents, mixed so that they share segments and blocks.
fn all_documents() -> Vec<Value> {
    let mut documents: Vec<Value> = Vec::new();
    for folder in ["demo/articles", "demo/tickets"] {
        let mut files: Vec<_> = std::fs::read_dir(corpus(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        for file in files {
            let text = std::fs::read_to_string(file).unwrap();
            documents.extend(text.lines().map(|line| serde_json::from_str(line).unwrap()));
        }
    }
    // Some of the tickets of the demo are restricted too.
    for (n, document) in documents.iter_mut().enumerate() {
        if document["kind"] == "ticket" && n % 7 == 0 {
            document["visibility"] = json!({"restricted": [if n % 2 == 0 { "hr" } else { "it" }]});
        }
    }
    for (name, visibility, state) in hidden_kinds() {
        for (n, hidden) in hidden_documents(name, &visibility, state)
            .into_iter()
            .enumerate()
        {
            documents.insert((n * 37) % documents.len(), hidden);
        }
    }
    documents
}

/// Whether the audience may find the document.
fn may_find(audience: &Audience, document: &Value) -> bool {
    let mapped = document_of_json(&document.to_string(), Options::default()).unwrap();
    let document: Document = mapped.document;
    document.is_searchable() && audience.may_see(document.kind(), document.visibility())
}

/// A server of these documents with a key for the audience.
struct Desk {
    _folder: tempfile::TempDir,
    server: Server,
    admin: String,
    keys: Vec<String>,
}

impl Desk {
    fn of(documents: &[Value], keys: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(corpus("demo/rules.toml"), folder.path().join("rules.toml")).unwrap();
        let keys = keys
            .iter()
            .map(|(role, groups)| add_key(folder.path(), role, groups))
            .collect();
        let server = Server::start_with(program(), folder.path(), &[]);
        let desk = Self {
            admin: add_key(folder.path(), "admin", ""),
            _folder: folder,
            server,
            keys,
        };
        desk.import(documents);
        desk
    }

    /// Writes documents and waits until they are visible.
    fn import(&self, documents: &[Value]) {
        let lines: Vec<String> = documents.iter().map(Value::to_string).collect();
        let answer = self.send(&self.admin, ("POST", "/v1/import"), &lines.join("\n"));
        assert!(
            answer.contains("\"done\":true") && answer.contains("\"refused\":0"),
            "{answer}"
        );
        // The last one written makes all before it visible.
        let last = json!({"title": "last", "state": "archived"}).to_string();
        let written = self.send(
            &self.admin,
            ("PUT", "/v1/articles/last?visible=true"),
            &last,
        );
        assert!(written.contains("\"visible\":true"), "{written}");
    }

    /// The body of an answer, without the time it took.
    fn send(&self, key: &str, (method, path): (&str, &str), body: &str) -> String {
        let bearer = format!("Bearer {key}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/x-ndjson"),
            ("x-request-id", "same"),
        ];
        let body = self.server.send(method, path, &headers, body).body;
        let Some((before, after)) = body.split_once("\"took_us\":") else {
            return body;
        };
        let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
        format!("{before}{after}")
    }
}

fn add_key(folder: &Path, role: &str, groups: &str) -> String {
    let name = format!("{role}-{groups}");
    let mut args = vec!["keys", "add", &name, "--role", role];
    if !groups.is_empty() {
        args.extend(["--groups", groups]);
    }
    run_json(folder, &args)["secret"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Every field of a JSON line file.
fn values(name: &str, field: &str) -> Vec<String> {
    let text = std::fs::read_to_string(corpus(name)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|value| value[field].as_str().unwrap().to_owned())
        .collect()
}

/// A text as it stands in a URL.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// What else can be asked of similar tickets, one thing at a time.
fn ask_more(ask: &mut Value, n: usize) {
    match n % 5 {
        0 => ask["explain"] = json!(true),
        1 => ask["kind"] = json!("both"),
        2 => ask["only_resolved"] = json!(true),
        3 => ask["created_from"] = json!("2025-06-01"),
        _ => ask["exhaustive"] = json!(true),
    }
}

/// Words half typed and misspelt: which words are known may not be told either.
fn unfinished() -> impl Iterator<Item = (String, String)> {
    let words = SECRET.iter().chain(&COMMON).chain(&["hippogriff"]);
    words.map(|word| {
        let (left, right) = word.split_at(word.len() / 2);
        (
            word.chars().take(4).collect(),
            format!("{left}{}", &right[1..]),
        )
    })
}

/// What is asked of both desks: method, path and body.
fn questions() -> Vec<(&'static str, String, String)> {
    let mut questions = Vec::new();
    let mut queries: Vec<String> = values("eval/search/queries.jsonl", "text")
        .into_iter()
        .step_by(4)
        .collect();
    queries.extend(COMMON.iter().chain(&SECRET).map(|&word| word.to_owned()));
    queries.push(COMMON.join(" "));
    queries.push(format!("{} {}", COMMON.join(" "), SECRET.join(" ")));
    queries.extend(FOREIGN.map(|(_, sentence)| sentence.to_owned()));
    queries.extend(unfinished().map(|(_, misspelt)| misspelt));
    for (start, _) in unfinished() {
        questions.push(("GET", format!("/v1/suggest?q={start}"), String::new()));
    }
    for (n, query) in queries.iter().enumerate() {
        let more = match n % 4 {
            0 => "&facets=category,product,tag,language",
            1 => "&limit=100",
            2 => "&limit=3&offset=2",
            _ => "&language=en&category=network/vpn&category=secret/hr&facets=tag",
        };
        questions.push((
            "GET",
            format!("/v1/search?q={}{more}", encoded(query)),
            String::new(),
        ));
    }
    let texts = values("eval/triage/test.jsonl", "subject")
        .into_iter()
        .zip(values("eval/triage/test.jsonl", "description"))
        .step_by(6)
        .chain(SECRET.map(|word| (format!("{word} and the printer"), String::new())))
        .chain(FOREIGN.map(|(_, sentence)| (String::new(), sentence.to_owned())));
    for (subject, description) in texts {
        let mut ask = json!({"subject": subject, "description": description});
        questions.push(("POST", "/v1/triage".to_owned(), ask.to_string()));
        ask["min_similarity"] = json!(0.0);
        ask["limit"] = json!(20);
        ask_more(&mut ask, questions.len());
        questions.push(("POST", "/v1/similar".to_owned(), ask.to_string()));
    }
    for id in [
        "INC14003",
        "INC12003",
        "HIT-hr-3",
        "HIT-nobody-1",
        "HIT-none",
    ] {
        let ask = json!({"id": id, "limit": 50, "min_similarity": 0.0, "kind": "both"}).to_string();
        questions.push(("POST", "/v1/similar".to_owned(), ask));
    }
    for id in [
        "HID-hr-1",
        "HID-internal-2",
        "HID-draft-3",
        "HID-nobody-0",
        "KB-1000",
    ] {
        questions.push(("GET", format!("/v1/articles/{id}"), String::new()));
    }
    questions
}

/// Visibility fails closed: hits, order, scores, totals, facets, snippets, similarity, shared
/// terms and evidence are the same bytes with and without what must not be seen.
#[test]
fn no_answer_tells_of_what_must_not_be_seen() {
    let documents = all_documents();
    let whole = Desk::of(&documents, &AUDIENCES);
    assert_alike(&whole, &documents);
}

/// The same when everybody could see it yesterday: neither how rare words are, nor how long
/// documents are, nor which words are known may tell of what was hidden or deleted since, in the
/// minutes before a merge drops it.
#[test]
fn no_answer_tells_of_what_is_no_longer_seen() {
    // Of two that are equally good the one written last comes first: the bare desks are to write in
    // the same order.
    let (hidden, mut documents): (Vec<_>, Vec<_>) =
        (all_documents().into_iter()).partition(|document| as_once_public(document) != *document);
    documents.extend(hidden.iter().cloned());
    let mut once: Vec<Value> = documents.iter().map(as_once_public).collect();
    once.extend((0..N_DELETED).map(|n| {
        let word = SECRET[n % SECRET.len()];
        json!({"kind": "article", "id": format!("GONE-{n}"), "title": format!("{word} gone"),
            "body": format!("{word} hippogriff {}", COMMON[n]), "visibility": "public"})
    }));
    // Where a merge has dropped all that was deleted there is nothing to tell: once more.
    let desks = std::iter::repeat_with(|| with_deleted(&once, &hidden)).take(5);
    let whole = desks
        .flatten()
        .next()
        .expect("a desk with something deleted in its index");
    assert_alike(&whole, &documents);
}

/// A desk in which these were hidden and the last ones deleted, unless its merges were quicker.
fn with_deleted(once: &[Value], hidden: &[Value]) -> Option<Desk> {
    let whole = Desk::of(once, &AUDIENCES);
    whole.import(hidden);
    for id in (0..N_DELETED).map(|n| format!("GONE-{n}")) {
        let path = format!("/v1/articles/{id}?visible=true");
        let deleted = whole.send(&whole.admin, ("DELETE", &path), "");
        assert!(deleted.contains("\"visible\":true"), "{deleted}");
    }
    let status = whole.send(&whole.admin, ("GET", "/v1/status"), "");
    let status: Value = serde_json::from_str(&status).unwrap();
    (status["indexes"][0]["deleted"].as_u64() > Some(0)).then_some(whole)
}

/// A document as it was when less was hidden; few of them, so that no merge is worth its time.
fn as_once_public(document: &Value) -> Value {
    let mut once = document.clone();
    let id = document["id"].as_str().unwrap_or_default();
    if id.starts_with("HI") && (id.ends_with("-0") || id.ends_with("-1")) {
        let is_article = document["kind"] == "article";
        once["visibility"] = json!(if is_article { "public" } else { "internal" });
        if is_article {
            once["state"] = json!("published");
        }
    }
    once
}

/// Every audience gets from the desk what it gets from one that never had what it may not see.
fn assert_alike(whole: &Desk, documents: &[Value]) {
    let hr = || std::iter::once("hr".to_owned()).collect();
    let seen_by = [
        Audience::Public,
        Audience::Analyst(Default::default()),
        Audience::Analyst(hr()),
    ];
    let questions = questions();
    assert!(questions.len() > 150, "{}", questions.len());
    let mut differences = Vec::new();
    for (audience, (who, key)) in seen_by.iter().zip(AUDIENCES.iter().zip(&whole.keys)) {
        let seen: Vec<Value> = documents
            .iter()
            .filter(|document| may_find(audience, document))
            .cloned()
            .collect();
        assert!(
            seen.len() + 40 < documents.len(),
            "something is hidden from {who:?}"
        );
        let bare = Desk::of(&seen, &[*who]);
        let mut n_with_hits = 0;
        for (method, path, body) in &questions {
            // Drafts and archived articles are hidden from search, but analysts read them by id.
            if *method == "GET" && path.starts_with("/v1/articles") && who.0 == "analyst" {
                continue;
            }
            let with = whole.send(key, (method, path), body);
            let without = bare.send(&bare.keys[0], (method, path), body);
            n_with_hits += usize::from(with.contains("\"score\""));
            if with != without {
                differences.push(format!(
                    "{who:?} {method} {path} {body}\n   with {with}\nwithout {without}"
                ));
            }
        }
        assert!(
            n_with_hits > 80,
            "{n_with_hits} answers of {who:?} have hits"
        );
    }
    assert!(
        differences.is_empty(),
        "{}: {}",
        differences.len(),
        differences.join("\n\n")
    );
}

/// The same promise for the command line, which can ask as another role.
#[test]
fn the_command_line_asks_as_the_role_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let documents = hidden_documents("internal", &json!("internal"), "published");
    crate::support::import(folder.path(), &documents);
    let search = |role: &str| run(folder.path(), &["search", "--as", role, "zanzibar"]);
    assert_eq!(
        search("reader").status.code(),
        Some(1),
        "{}",
        stderr(&search("reader"))
    );
    assert_eq!(
        search("analyst").status.code(),
        Some(0),
        "{}",
        stderr(&search("analyst"))
    );
}
