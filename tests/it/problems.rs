//! Every problem that the HTTP API answers with, provoked from outside.

use firstline::http::CODES;
use serde_json::json;

use crate::support::{Server, program, run_json};

/// Codes that the tests of faults provoke, and the one that nothing from outside can.
const PROVOKED_ELSEWHERE: [&str; 5] = [
    "request-timeout",
    "overloaded",
    "unavailable",
    "storage-full",
    "internal",
];

/// A request that provokes one problem.
struct Provocation {
    code: &'static str,
    method: &'static str,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    /// A part of the detail.
    says: &'static str,
    /// The fields at fault.
    fields: &'static [&'static str],
}

const fn provoke(
    code: &'static str,
    (method, path): (&'static str, &'static str),
    body: &'static str,
    says: &'static str,
    fields: &'static [&'static str],
) -> Provocation {
    Provocation {
        code,
        method,
        path,
        headers: &[],
        body,
        says,
        fields,
    }
}

impl Provocation {
    const fn with(self, headers: &'static [(&'static str, &'static str)]) -> Self {
        Self { headers, ..self }
    }

    /// Sends the request and checks the whole problem document.
    fn check(&self, server: &Server) {
        let at = format!("{} {} {}", self.method, self.path, self.body);
        let response = server.send(self.method, self.path, self.headers, self.body);
        let (_, _, status, title) = CODES.iter().find(|row| row.1 == self.code).unwrap();
        assert_eq!(response.status, *status, "{at}: {response:?}");
        assert_eq!(response.content_type, "application/problem+json", "{at}");
        let problem = response.json();
        assert_eq!(
            problem["type"],
            format!("/problems/{}", self.code),
            "{at}: {problem}"
        );
        assert_eq!(
            (&problem["title"], &problem["status"]),
            (&json!(title), &json!(status))
        );
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(self.says), "{at}: {detail}");
        let id = response.header("x-request-id").unwrap();
        assert!(!id.is_empty());
        assert_eq!(problem["instance"], id, "{at}");
        let named: Vec<&str> = problem["errors"]
            .as_array()
            .map(|errors| {
                errors
                    .iter()
                    .map(|error| error["field"].as_str().unwrap())
                    .collect()
            })
            .unwrap_or_default();
        assert_eq!(named, self.fields, "{at}: {problem}");
    }
}

const SEARCH: &str = "/v1/search";
const SIMILAR: (&str, &str) = ("POST", "/v1/similar");
const TRIAGE: (&str, &str) = ("POST", "/v1/triage");
const PUT: (&str, &str) = ("PUT", "/v1/tickets/T1");
const FEEDBACK: (&str, &str) = ("POST", "/v1/feedback");
const LONG: &str = "a field of the tests";

/// What is wrong with the request itself.
const BAD_REQUESTS: [Provocation; 43] = [
    provoke("invalid-json", SIMILAR, "{\"subject\"", "EOF", &[]),
    provoke("invalid-json", TRIAGE, "", "EOF", &[]),
    provoke("invalid-json", TRIAGE, "{} {}", "trailing characters", &[]),
    provoke("invalid-json", PUT, "not json", "expected", &[]),
    provoke(
        "invalid-json",
        TRIAGE,
        "{\"subject\": \"\u{1}\"}",
        "control character",
        &[],
    ),
    provoke("invalid-field", SIMILAR, "5", "is a JSON object", &[]),
    provoke(
        "invalid-field",
        SIMILAR,
        "[\"INC1\"]",
        "is a JSON object",
        &[],
    ),
    provoke(
        "invalid-field",
        SIMILAR,
        "{\"subject\": 5}",
        "expected a string",
        &["subject"],
    ),
    provoke(
        "invalid-field",
        TRIAGE,
        "{\"description\": []}",
        "a string",
        &["description"],
    ),
    provoke(
        "invalid-field",
        SIMILAR,
        "{\"subjct\": \"x\"}",
        "subjct",
        &["subjct"],
    ),
    provoke(
        "invalid-field",
        TRIAGE,
        "{\"subject\": \"x\", \"imp\": 1}",
        "imp",
        &["imp"],
    ),
    provoke("invalid-field", SIMILAR, "{}", "is needed", &["subject"]),
    provoke(
        "invalid-field",
        TRIAGE,
        "{\"subject\": \" \"}",
        "is needed",
        &["subject"],
    ),
    provoke(
        "invalid-field",
        SIMILAR,
        "{\"id\": \"a b\"}",
        "has ' '",
        &["id"],
    ),
    provoke(
        "invalid-field",
        SIMILAR,
        "{\"id\": \"a\", \"subject\": \"x\"}",
        "one of",
        &["id"],
    ),
    provoke(
        "invalid-field",
        SIMILAR,
        "{\"subject\": \"x\", \"limit\": 0}",
        "1 to",
        &["limit"],
    ),
    provoke(
        "invalid-field",
        SIMILAR,
        "{\"subject\": \"x\", \"limit\": 101}",
        "100",
        &["limit"],
    ),
    provoke(
        "invalid-field",
        SIMILAR,
        "{\"subject\": \"x\", \"limit\": -1}",
        "-1",
        &["limit"],
    ),
    provoke(
        "invalid-field",
        SIMILAR,
        "{\"subject\": \"x\", \"limit\": 1.5}",
        "1.5",
        &["limit"],
    ),
    provoke(
        "invalid-field",
        SIMILAR,
        "{\"subject\": \"x\", \"min_similarity\": 2}",
        "0 to 1",
        &["min_similarity"],
    ),
    provoke("invalid-field", ("GET", SEARCH), "", "is missing", &["q"]),
    provoke(
        "invalid-field",
        ("GET", "/v1/search?q=a&q=b"),
        "",
        "2 times",
        &["q"],
    ),
    provoke(
        "invalid-field",
        ("GET", "/v1/search?q=a&limt=3"),
        "",
        "no such",
        &["limt"],
    ),
    provoke(
        "invalid-field",
        ("GET", "/v1/search?q=a&limit=x"),
        "",
        "\"x\"",
        &["limit"],
    ),
    provoke(
        "invalid-field",
        ("GET", "/v1/search?q=a&limit=-1"),
        "",
        "from 1 to 100",
        &["limit"],
    ),
    provoke(
        "invalid-field",
        ("GET", "/v1/search?q=a&limit=101"),
        "",
        "from 1 to 100",
        &["limit"],
    ),
    provoke(
        "invalid-field",
        ("GET", "/v1/search?q=a&offset=901"),
        "",
        "900",
        &["offset"],
    ),
    provoke(
        "invalid-field",
        ("GET", "/v1/search?q=a&facets=site"),
        "",
        "site",
        &["facets"],
    ),
    provoke(
        "invalid-field",
        ("GET", "/v1/search?limit=&offset=1e3&x=1"),
        "",
        "whole number",
        &["q", "limit", "offset", "x"],
    ),
    provoke(
        "invalid-field",
        ("PUT", "/v1/tickets/T1?visible=1"),
        "{}",
        "true or",
        &["visible"],
    ),
    provoke(
        "invalid-field",
        ("GET", "/v1/status?x=1"),
        "",
        "no such",
        &["x"],
    ),
    provoke(
        "invalid-field",
        PUT,
        "{\"id\": \"T2\", \"subject\": \"x\"}",
        "T2",
        &["id"],
    ),
    provoke(
        "invalid-field",
        PUT,
        "{\"kind\": \"article\"}",
        "article",
        &["kind"],
    ),
    provoke("invalid-field", PUT, "{}", "needs a subject", &["subject"]),
    provoke("invalid-json", FEEDBACK, "{", "EOF", &[]),
    provoke(
        "invalid-field",
        FEEDBACK,
        "{\"kind\": \"liked\", \"article_id\": \"KB-1\"}",
        "unknown variant `liked`",
        &["kind"],
    ),
    provoke(
        "invalid-field",
        FEEDBACK,
        "{\"kind\": \"helpful\", \"article_id\": \"a b\"}",
        "has ' '",
        &["article_id"],
    ),
    provoke(
        "invalid-field",
        FEEDBACK,
        "{\"kind\": \"helpful\", \"article_id\": \"a\", \"who\": \"me\"}",
        "who",
        &["who"],
    ),
    provoke(
        "invalid-field",
        FEEDBACK,
        "{\"kind\": \"helpful\"}",
        "missing field `article_id`",
        &["article_id"],
    ),
    provoke(
        "invalid-field",
        ("GET", "/v1/analytics/search?from=2026-02-30"),
        "",
        "2026-02-30",
        &["from"],
    ),
    provoke(
        "invalid-field",
        ("GET", "/v1/analytics/search?to=1.3.2026&from=yesterday"),
        "",
        "is no day",
        &["to", "from"],
    ),
    provoke(
        "invalid-field",
        ("GET", "/v1/analytics/search?from=2026-03-02&to=2026-03-01"),
        "",
        "is after 2026-03-01",
        &["from"],
    ),
    provoke(
        "invalid-field",
        ("GET", "/v1/analytics/search?day=2026-03-01"),
        "",
        "no such",
        &["day"],
    ),
];

/// What the server does not have or not take.
const BAD_PATHS: [Provocation; 13] = [
    provoke(
        "invalid-field",
        ("GET", "/v1/articles/a%20b"),
        "",
        "has ' '",
        &["id"],
    ),
    provoke(
        "invalid-field",
        ("GET", "/v1/articles/..%2Fx"),
        "",
        "has '/'",
        &["id"],
    ),
    provoke(
        "no-such-path",
        ("GET", "/v1/articles/%FF"),
        "",
        "UTF-8",
        &[],
    ),
    provoke("no-such-path", ("GET", "/"), "", "nothing at /", &[]),
    provoke(
        "no-such-path",
        ("GET", "/v1/articles"),
        "",
        "/v1/articles",
        &[],
    ),
    provoke(
        "no-such-path",
        ("POST", "/v2/search"),
        "",
        "/v2/search",
        &[],
    ),
    provoke(
        "document-not-found",
        ("GET", "/v1/articles/KB-1"),
        "",
        "no article KB-1",
        &[],
    ),
    provoke(
        "document-not-found",
        SIMILAR,
        "{\"id\": \"INC1\"}",
        "no ticket INC1",
        &[],
    ),
    provoke(
        "document-not-found",
        FEEDBACK,
        "{\"kind\": \"helpful\", \"article_id\": \"KB-1\"}",
        "no article KB-1",
        &[],
    ),
    provoke(
        "method-not-allowed",
        ("POST", SEARCH),
        "",
        "does not take POST",
        &[],
    ),
    provoke(
        "method-not-allowed",
        ("PATCH", "/v1/tickets/T1"),
        "",
        "take PATCH",
        &[],
    ),
    provoke(
        "unsupported-media-type",
        ("POST", "/v1/import"),
        "{}",
        "application/x-ndjson",
        &[],
    ),
    provoke(
        "misdirected-request",
        ("GET", "/v1/search?q=x"),
        "",
        "not desk.example",
        &[],
    )
    .with(&[("host", "desk.example")]),
];

/// Clients tell problems apart by `type` and show `detail`; support finds them by `instance`.
#[test]
fn every_problem_is_answered_with_its_document() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program();
    command.env("FIRSTLINE_SERVER_MAX_BODY_BYTES", "500");
    let server = Server::start_with(command, folder.path(), &[]);
    let mut provoked: Vec<&str> = Vec::new();
    for provocation in BAD_REQUESTS.iter().chain(&BAD_PATHS) {
        provocation.check(&server);
        provoked.push(provocation.code);
    }
    let long = Box::leak(
        json!({"subject": LONG.repeat(50)})
            .to_string()
            .into_boxed_str(),
    );
    provoke("body-too-large", TRIAGE, long, "500 bytes", &[]).check(&server);

    let reader = run_json(
        folder.path(),
        &["keys", "add", "portal", "--role", "reader"],
    );
    let bearer = format!("Bearer {}", reader["secret"].as_str().unwrap());
    let bearer: &'static str = Box::leak(bearer.into_boxed_str());
    let headers = Box::leak(Box::new([("authorization", bearer)]));
    let search = ("GET", "/v1/search?q=x");
    let unknown = &[("authorization", "Bearer fl_0")];
    provoke("unauthorized", search, "", "Authorization: Bearer KEY", &[]).check(&server);
    provoke("unauthorized", search, "", "not known", &[])
        .with(unknown)
        .check(&server);
    provoke("forbidden", SIMILAR, "{}", "yours is reader", &[])
        .with(headers)
        .check(&server);
    provoked.extend(["body-too-large", "unauthorized", "forbidden"]);

    let all = CODES
        .iter()
        .map(|row| row.1)
        .filter(|code| !PROVOKED_ELSEWHERE.contains(code));
    for code in all {
        assert!(provoked.contains(&code), "nothing here provokes {code}");
    }
}
