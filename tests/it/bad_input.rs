//! What exports get wrong: every bad line is named with its reason, every good one is kept.

use std::io::Write;
use std::path::Path;

use firstline::import::{Options, document_of_json};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Server, program, run, stderr};

/// The good line before the bad one; search must find it whatever follows.
const FIRST: &str = r#"{"kind":"article","id":"KB-1","title":"Alpha","visibility":"public"}"#;

/// The good line after the bad one.
const LAST: &str = r#"{"kind":"article","id":"KB-2","title":"Omega","visibility":"public"}"#;

/// A bad line: what it is, the field that is named, a part of what is said.
struct Bad {
    line: Vec<u8>,
    field: Option<&'static str>,
    says: &'static str,
}

fn bad(line: impl Into<Vec<u8>>, field: Option<&'static str>, says: &'static str) -> Bad {
    Bad {
        line: line.into(),
        field,
        says,
    }
}

/// A ticket with one more field.
fn with(field: &str, value: &str) -> String {
    format!(r#"{{"kind":"ticket","id":"T1","subject":"x","{field}":{value}}}"#)
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn bad_lines() -> Vec<Bad> {
    let long = |n_bytes: usize| with("description", &format!("{:?}", "x".repeat(n_bytes)));
    vec![
        bad(
            b"{\"kind\":\"ticket\",\"id\":\"T1\xff\"}".as_slice(),
            None,
            "not UTF-8: byte 26",
        ),
        bad(
            "{\"kind\":\"ticket\",\"id\":\"T1\",\"subject\":\"a\0b\"}",
            None,
            "control character",
        ),
        bad(
            with("description", r#""a\u0000b""#),
            Some("description"),
            "NUL",
        ),
        bad(
            with("site", r#"{"rooms":["x","\u0000"]}"#),
            Some("site.rooms[1]"),
            "NUL",
        ),
        bad(
            long(5_000_000),
            Some("description"),
            "5000000 bytes, more than 4194304",
        ),
        bad(long(20_000_000), None, "more than 16777216"),
        bad(
            r#"{"kind":"ticket","id":"","subject":"x"}"#,
            Some("id"),
            "must not be empty",
        ),
        bad(
            r#"{"kind":"ticket","id":"a/b","subject":"x"}"#,
            Some("id"),
            "has '/'",
        ),
        bad(
            r#"{"kind":"ticket","id":"a b","subject":"x"}"#,
            Some("id"),
            "has ' '",
        ),
        bad(
            r#"{"kind":"ticket","id":"../x","subject":"x"}"#,
            Some("id"),
            "has '/'",
        ),
        bad(
            r#"{"kind":"ticket","id":["x"],"subject":"x"}"#,
            Some("id"),
            "string",
        ),
        bad(r#"{"kind":"ticket","subject":"x"}"#, Some("id"), "id"),
        bad(
            FIRST,
            Some("id"),
            "the article KB-1 stands on line 1 already",
        ),
        bad(
            r#"{"kind":"page","id":"T1"}"#,
            Some("kind"),
            "article or ticket, not \"page\"",
        ),
        bad(r#"{"kind":7,"id":"T1"}"#, Some("kind"), "a kind is a text"),
        bad(
            r#"{"id":"T1","subject":"x"}"#,
            Some("kind"),
            "does not say its kind",
        ),
        bad(
            with("created_at", r#""yesterday""#),
            Some("created_at"),
            "\"yesterday\" is no date",
        ),
        bad(
            with("resolved_at", r#""2026-02-30""#),
            Some("resolved_at"),
            "\"2026-02-30\" is no",
        ),
        bad(with("created_at", "1768"), Some("created_at"), "string"),
        bad(
            with("m", &format!("{}{}", "[".repeat(5_000), "]".repeat(5_000))),
            None,
            "recursion",
        ),
        bad(
            with(
                "m",
                &format!("{}1{}", r#"{"a":"#.repeat(500), "}".repeat(500)),
            ),
            None,
            "recur",
        ),
        bad("[1, 2]", None, "not a list"),
        bad("\"text\"", None, "not a text"),
        bad("{\"kind\":\"ticket\"", None, "this is no JSON"),
        bad("{} {}", None, "trailing characters"),
    ]
}

/// Both good documents are stored, and search finds them.
fn check_good_ones_are_found(folder: &Path) {
    for (word, id) in [("alpha", "KB-1"), ("omega", "KB-2")] {
        let found = run(folder, &["search", word]);
        assert_eq!(found.status.code(), Some(0), "{id}: {}", stderr(&found));
        assert!(String::from_utf8_lossy(&found.stdout).contains(id));
    }
}

/// An import of a hundred thousand lines must tell which of them to repair.
#[test]
fn the_command_line_names_line_and_field_and_keeps_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let bad_lines = bad_lines();
    let mut input = format!("{FIRST}\n\n").into_bytes();
    for bad in &bad_lines {
        input.extend_from_slice(&bad.line);
        input.push(b'\n');
    }
    input.extend_from_slice(LAST.as_bytes());
    let file = folder.path().join("export.ndjson");
    std::fs::write(&file, input).unwrap();
    let data = folder.path().join("data");
    let output = run(&data, &["import", "--json", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["created"], &report["is_incomplete"]),
        (&json!(2), &json!(false))
    );
    assert_eq!(report["refused"], bad_lines.len(), "{}", report["problems"]);
    let told = stderr(&output);
    for (n, (problem, bad)) in report["problems"]
        .as_array()
        .unwrap()
        .iter()
        .zip(&bad_lines)
        .enumerate()
    {
        // The first bad line follows a good and a blank one.
        assert_eq!(problem["line"], n + 3, "{problem}");
        assert_eq!(
            problem.get("field").and_then(Value::as_str),
            bad.field,
            "{problem}"
        );
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains(bad.says),
            "{detail:?} does not say {:?}",
            bad.says
        );
        if n < 20 {
            let field = bad
                .field
                .map_or(String::new(), |field| format!("{field}: "));
            let line = format!("export.ndjson:{}: {field}{detail}", n + 3);
            assert!(told.contains(&line), "{line}: {told}");
        }
    }
    assert!(
        told.contains(&format!(
            "{} more records were refused",
            bad_lines.len() - 20
        )),
        "{told}"
    );
    check_good_ones_are_found(&data);
}

/// The same over HTTP, where the client reads while it sends.
#[test]
fn the_import_stream_names_line_and_field_and_keeps_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let bad_lines = bad_lines();
    let mut input = format!("{FIRST}\n").into_bytes();
    for bad in &bad_lines {
        input.extend_from_slice(&bad.line);
        input.push(b'\n');
    }
    input.extend_from_slice(LAST.as_bytes());
    let headers = [("content-type", "application/x-ndjson")];
    let answer = server.send("POST", "/v1/import", &headers, input);
    assert_eq!(answer.status, 200, "{answer:?}");
    let rows: Vec<Value> = answer
        .body
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let refused: Vec<&Value> = rows
        .iter()
        .filter(|row| row.get("line").is_some())
        .collect();
    assert_eq!(refused.len(), bad_lines.len());
    for (n, (row, bad)) in refused.into_iter().zip(&bad_lines).enumerate() {
        assert_eq!(row["line"], n + 2, "{row}");
        assert_eq!(row.get("field").and_then(Value::as_str), bad.field, "{row}");
        assert!(
            row["detail"].as_str().unwrap().contains(bad.says),
            "{row} {}",
            bad.says
        );
    }
    let last = rows.last().unwrap();
    assert_eq!(
        (&last["done"], &last["created"]),
        (&json!(true), &json!(2)),
        "{last}"
    );
    for (word, id) in [("alpha", "KB-1"), ("omega", "KB-2")] {
        let read = server.get(&format!("/v1/articles/{id}"));
        // Reading waits for nothing; writing the same again waits until it can be found.
        let again = server
            .put(&format!("/v1/articles/{id}?visible=true"), &read.json())
            .json();
        assert_eq!(
            (&again["status"], &again["visible"]),
            (&json!("unchanged"), &json!(true))
        );
        let found = server.get(&format!("/v1/search?q={word}")).json();
        assert_eq!(found["hits"][0]["id"], id);
    }
}

/// A copy that broke off must not pass for the whole of it.
#[test]
fn a_cut_archive_keeps_what_it_gave_and_says_that_it_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    for n in 0..3_000 {
        // Hashes, so that it does not pack to nothing.
        let text = blake3::hash(n.to_string().as_bytes()).to_hex();
        let line = json!({"kind": "ticket", "id": format!("T{n}"), "subject": text.as_str()});
        writeln!(packer, "{line}").unwrap();
    }
    let packed = packer.finish().unwrap();
    let cut = &packed[..packed.len() / 2];
    let file = folder.path().join("export.ndjson.gz");
    std::fs::write(&file, cut).unwrap();
    let data = folder.path().join("data");
    let output = run(&data, &["import", "--json", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let n_created = report["created"].as_u64().unwrap();
    assert!((500..2_500).contains(&n_created), "{report}");
    assert_eq!(
        (&report["is_incomplete"], &report["refused"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(report["problems"][0]["line"], n_created + 1);
    assert!(
        stderr(&output).contains("the input ends here"),
        "{}",
        stderr(&output)
    );

    let server = Server::start(&folder.path().join("served"));
    let headers = [("content-type", "application/gzip")];
    let answer = server.send("POST", "/v1/import", &headers, cut);
    let last: Value = serde_json::from_str(answer.body.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["done"], &last["is_incomplete"]),
        (&json!(false), &json!(true)),
        "{last}"
    );
    assert_eq!(last["created"], n_created);
}

/// Imports a CSV text and gives its exit code, its report and what was told.
fn import_csv(folder: &Path, text: &str, args: &[&str]) -> (Option<i32>, Value, String) {
    let file = folder.join("export.csv");
    std::fs::write(&file, text).unwrap();
    let data = folder.join("data");
    let fixed = [
        "import",
        "--json",
        "--kind",
        "ticket",
        file.to_str().unwrap(),
    ];
    let output = run(&data, &[&fixed, args].concat());
    let report = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code(), report, stderr(&output))
}

/// Spreadsheets break in their own ways.
#[test]
fn bad_csv_is_named_with_its_row() {
    let check = |text: &str, args: &[&str], (line, field): (u64, Option<&str>), says: &str| {
        let folder = tempfile::tempdir().unwrap();
        let (code, report, told) = import_csv(folder.path(), text, args);
        assert_eq!(code, Some(2), "{text}: {report}");
        let problem = &report["problems"][0];
        assert_eq!(problem["line"], line, "{text}: {report}");
        assert_eq!(
            problem.get("field").and_then(Value::as_str),
            field,
            "{text}: {problem}"
        );
        assert!(
            problem["detail"].as_str().unwrap().contains(says),
            "{text}: {problem}"
        );
        assert!(told.contains(says), "{told}");
        report["created"].as_u64().unwrap()
    };
    let map = ["--map", "subject=Title"];
    let missing = "no column \"Title\"; there are id, subject";
    assert_eq!(check("id,subject\na,x\n", &map, (1, None), missing), 0);
    assert_eq!(check("subject\nx\n", &[], (2, Some("id")), "id"), 0);
    let lengths = "the row has 1 columns, the header has 2";
    assert_eq!(
        check("id,subject\na,x\nb\nc,y\n", &[], (3, None), lengths),
        2
    );
    let lengths = "the row has 3 columns, the header has 2";
    assert_eq!(
        check("id,subject\na,x\nb,y,z\nc,y\n", &[], (3, None), lengths),
        2
    );
    let twice = "two columns fill the field \"id\"";
    assert_eq!(check("id,ID,subject\na,b,x\n", &[], (1, None), twice), 0);
    let again = "the ticket a stands on line 2 already";
    assert_eq!(
        check("id,subject\na,x\na,y\n", &[], (3, Some("id")), again),
        1
    );
    let date = "\"soon\" is no date";
    let text = "id,subject,created_at\na,x,soon\nb,y,2026-01-02\n";
    assert_eq!(check(text, &[], (2, Some("created_at")), date), 1);
}

/// An open quote swallows all rows behind it: taken for the text of one cell they would be lost
/// without a word.
#[test]
fn an_open_quote_is_named_with_its_row() {
    for text in [
        "id,subject\na,x\nb,\"y\nc,z\n",
        "id,subject\na,x\nb,\"y\nc,z",
        "id,subject,site\na,x,\nb,\"y,Lyon\nc,z,Leeds\n",
        "id,subject\r\na,x\r\nb,\"y \"\"quoted\"\" \r\nc,z\r\n",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (code, report, _) = import_csv(folder.path(), text, &[]);
        assert_eq!(
            (code, &report["created"]),
            (Some(2), &json!(1)),
            "{text:?}: {report}"
        );
        let problem = &report["problems"][0];
        assert_eq!(problem["line"], 3, "{text:?}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains("quote"),
            "{text:?}: {problem}"
        );
        assert_eq!(report["is_incomplete"], true);
    }
    // Closed quotes at the very end, and quotes inside a bare cell, are in order.
    for text in [
        "id,subject\na,\"x\"",
        "id,subject\na,\"x\ny\"\n",
        "id,subject\na,a 24\" screen",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (code, report, told) = import_csv(folder.path(), text, &[]);
        assert_eq!(
            (code, &report["created"]),
            (Some(0), &json!(1)),
            "{text:?}: {report} {told}"
        );
    }
}

/// Without the end of its input an import has nothing to say, whatever came before.
#[test]
fn no_input_is_nothing_done() {
    let folder = tempfile::tempdir().unwrap();
    for (name, code, says) in [
        ("empty.ndjson", 1, "0 records"),
        ("blank.ndjson", 1, "0 records"),
        ("none.ndjson", 2, "could not be read"),
        ("notes.txt", 2, "there is nothing that can be imported"),
    ] {
        let file = folder.path().join(name);
        match name {
            "none.ndjson" => {}
            "blank.ndjson" => std::fs::write(&file, "\n \n\t\n").unwrap(),
            _ => std::fs::write(&file, "").unwrap(),
        }
        let data = folder.path().join("data");
        let output = program()
            .arg("--data")
            .arg(data)
            .arg("import")
            .arg(&file)
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{name}: {}",
            stderr(&output)
        );
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &stderr(&output);
        assert!(said.contains(says), "{name}: {said}");
    }
}

/// A line with everything in it, to be damaged.
const WHOLE: &str = r#"{"kind":"ticket","id":"INC1","title":"VPN drops","body":"Every hour","priority":"High","impact":"2","urgency":1,"tags":"a, b","comments":[{"author":"x","created_at":"2026-01-02T03:04:05Z","body":"y","public":true}],"visibility":{"restricted":["hr"]},"created_at":"2026-01-02","resolution":"Done","resolution_note":"Restarted","language":"de-AT","u_extra":{"n":[1,2.5e10,null]}}"#;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    /// An importer that panics on one line of a million loses the other lines.
    #[test]
    fn damaged_lines_never_panic(
        damages in prop::collection::vec((0..WHOLE.len(), 0..4_u8, any::<char>()), 1..6),
    ) {
        let mut line: Vec<char> = WHOLE.chars().collect();
        for (at, how, c) in damages {
            let at = at % line.len().max(1);
            match how {
                0 if !line.is_empty() => drop(line.remove(at)),
                1 => line.insert(at, c),
                2 => line.truncate(at),
                // Moves a piece of the line, which keeps more of its grammar.
                _ => line.rotate_left(at),
            }
        }
        let line: String = line.into_iter().collect();
        check_import(&line);
    }

    /// Values of any type in any field: most of these lines are JSON.
    #[test]
    fn values_of_wrong_types_never_panic(
        field in "kind|id|title|body|subject|priority|impact|tags|comments|visibility|created_at|language|state|votes|updated|resolution",
        value in any_value(),
        kind in "article|ticket",
    ) {
        let mut line: Value = serde_json::from_str(WHOLE).unwrap();
        line["kind"] = json!(kind);
        line[field] = value;
        check_import(&line.to_string());
    }
}

/// Costs, coordinates and scores of other systems must not move by their last digit each time they
/// pass through.
#[test]
fn fractions_survive_a_round_trip() {
    for number in [
        "0.30000000000000004",
        "12.345678901234567",
        "1.2298372082443334e-199",
    ] {
        check_import(&with("u_number", number));
    }
}

/// What is taken can be written and read again; what is refused has a reason.
fn check_import(line: &str) {
    match document_of_json(line, Options::default()) {
        Ok(mapped) => {
            let written = serde_json::to_string(&mapped.document).unwrap();
            let read: firstline::Document = serde_json::from_str(&written).unwrap();
            assert_eq!(read, mapped.document);
        }
        Err(refused) => assert!(!refused.detail.is_empty()),
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 64.0)),
        ".{0,12}".prop_map(Value::from),
        "(high|low|public|hr|de|draft|2026-01-02|[0-9]{1,3})".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("(restricted|body|author|a)", inner, 0..3)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}
