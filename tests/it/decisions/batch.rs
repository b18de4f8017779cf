//! Decisions on many tickets at once, over HTTP and on the command line.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::{RULES, folder, stdout};
use crate::support::{Server, import, program, run, run_json, stderr};

/// One bad ticket must not cost the others their decisions, nor move them.
#[test]
fn many_tickets_are_decided_in_order_and_bad_ones_are_named() {
    let folder = folder(RULES);
    let server = Server::start(folder.path());
    let tickets = json!([
        {"subject": "vpn"}, {"subject": 5}, {"subject": " "}, {"description": "printer"},
        "vpn", {"subject": "vpn", "sbject": "x"}, {"subject": "odd", "ticket_id": "a b"},
        {"subject": "odd", "ticket_id": "T-1"}
    ]);
    let answer = server
        .post("/v1/triage", &json!({"tickets": tickets}))
        .json();
    let decisions = answer["decisions"].as_array().unwrap();
    assert_eq!(
        (decisions.len(), &answer["refused"]),
        (8, &json!(5)),
        "{answer}"
    );
    assert!(answer["took_us"].is_u64());
    let errors: Vec<(u64, &str)> = decisions
        .iter()
        .filter_map(|decision| decision.get("error"))
        .map(|error| {
            let field = error["field"].as_str().unwrap_or_default();
            (error["index"].as_u64().unwrap(), field)
        })
        .collect();
    let expected = [
        (1, "subject"),
        (2, "subject"),
        (4, ""),
        (5, "sbject"),
        (6, "ticket_id"),
    ];
    assert_eq!(errors, expected, "{answer}");
    for (index, subject) in [(0, "vpn"), (3, "printer"), (7, "odd")] {
        let ask = if index == 3 { "description" } else { "subject" };
        let mut alone = server
            .post("/v1/triage", &json!({ask: subject, "evidence": false}))
            .json();
        alone.as_object_mut().unwrap().remove("took_us");
        assert_eq!(decisions[index], alone, "{subject}");
    }
    let shown = server.post(
        "/v1/triage",
        &json!({"tickets": [{"subject": "vpn"}], "evidence": true}),
    );
    assert!(shown.json()["decisions"][0]["evidence"].is_array());
    let stored = json!({"tickets": [{"subject": "vpn"}, {}, {"subject": "odd"}], "store": true});
    let stored = server.post("/v1/triage", &stored).json();
    assert_eq!(stored["decisions"][0]["decision_id"], "D-1");
    assert_eq!(stored["decisions"][2]["decision_id"], "D-2", "{stored}");
    assert_eq!(
        server.get("/v1/decisions/D-2").json()["ticket"]["subject"],
        "odd"
    );
    let empty = server.post("/v1/triage", &json!({"tickets": []})).json();
    assert_eq!(empty["decisions"], json!([]));
}

#[test]
fn a_list_that_is_too_long_or_mixed_is_refused() {
    let folder = folder(RULES);
    let server = Server::start(folder.path());
    let list = |n: usize| vec![json!({"subject": "vpn"}); n];
    let whole = server.post("/v1/triage", &json!({"tickets": list(1_000)}));
    assert_eq!(whole.json()["decisions"].as_array().unwrap().len(), 1_000);
    for (body, says) in [
        (
            json!({"tickets": list(1_001)}),
            "there are 1001, more than 1000",
        ),
        (json!({"tickets": list(1), "subject": "vpn"}), "one of both"),
        (
            json!({"tickets": list(1), "ticket_id": "T-1"}),
            "one of both",
        ),
        (json!({"tickets": "vpn"}), "tickets"),
    ] {
        let refused = server.post("/v1/triage", &body);
        assert_eq!(refused.status, 400, "{refused:?}");
        let problem = refused.json();
        assert_eq!(problem["errors"][0]["field"], "tickets");
        assert!(
            problem["detail"].as_str().unwrap().contains(says),
            "{problem}"
        );
    }
}

/// Runs a batch of the command line with something on its standard input.
fn batch(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut command: Command = program();
    command
        .arg("--data")
        .arg(folder)
        .args(["triage", "--batch", "-"])
        .args(args);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // The answers come while the tickets go: both pipes must be served.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output
}

fn desk() -> tempfile::TempDir {
    let folder = folder(RULES);
    import(
        folder.path(),
        &[json!({"kind": "ticket", "id": "T-1", "subject": "vpn"})],
    );
    folder
}

/// Every line of a file must be accounted for, by its number.
#[test]
fn a_file_of_json_lines_is_decided_line_by_line() {
    let folder = desk();
    let input = "\u{feff}{\"id\": \"A\", \"subject\": \"vpn\"}\n\n{\"subject\": \"printer\"}\nno json\n\
                 {\"id\": 7, \"title\": \"odd\", \"fields\": {\"site\": \"LYS\"}}\n{\"id\": \"x\"}\n\
                 {\"kind\": \"article\", \"id\": \"KB-1\", \"title\": \"vpn\"}\n{\"id\":\"Z\",\"subject\":\"slow\"}";
    let output = batch(folder.path(), &[], input);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let rows: Vec<Value> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let shown: Vec<(u64, &str, &str)> = rows
        .iter()
        .map(|row| {
            let text = |value: &'static str| row.pointer(value).and_then(Value::as_str);
            let answer = text("/category/value").or(text("/error/field"));
            let id = row["id"].as_str().unwrap_or_default();
            (
                row["line"].as_u64().unwrap(),
                id,
                answer.unwrap_or_default(),
            )
        })
        .collect();
    let expected = [
        (1, "A", "network/vpn"),
        (3, "", "hardware/printer"),
        (4, "", ""),
        (5, "7", "network/vpn"),
        (6, "x", "subject"),
        (7, "KB-1", "kind"),
        (8, "Z", "network/vpn"),
    ];
    assert_eq!(shown, expected);
    assert_eq!(
        rows[2]["error"]["detail"],
        "this is no JSON: expected ident at character 2"
    );
    let told = stderr(&output);
    assert!(told.contains("standard input:4: this is no JSON"), "{told}");
    assert!(
        told.contains("standard input:7: kind: an article is no ticket"),
        "{told}"
    );
    let summary = "7 tickets: 4 decided, 1 of them left to a human, 3 refused";
    assert!(told.contains(summary), "{told}");
    let alone = run_json(folder.path(), &["triage", "vpn"]);
    assert_eq!(rows[0]["category"], alone["category"]);
    assert_eq!(batch(folder.path(), &[], "\n").status.code(), Some(1));
}

/// What is said of one ticket must not be taken for said of all, nor be passed over.
#[test]
fn a_batch_and_a_replay_take_nothing_about_one_ticket() {
    let folder = desk();
    for args in [
        ["--batch", "new.csv", "--channel", "email"],
        ["--batch", "new.csv", "--description", "vpn"],
        ["--replay", "D-1", "--field", "site=LYS"],
        ["--replay", "D-1", "--batch", "new.csv"],
    ] {
        let output = run(folder.path(), &[&["triage"], &args[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let told = stderr(&output);
        assert!(told.contains("cannot be used with"), "{args:?}: {told}");
    }
}

/// Chunks are decided side by side and must come out in the order of the file.
#[test]
fn a_long_stream_keeps_its_order() {
    let folder = desk();
    let lines: Vec<String> = (0..3_000)
        .map(|n| {
            let subject = ["vpn", "printer", "nothing"][n % 3];
            json!({"id": format!("T-{n}"), "subject": subject}).to_string()
        })
        .collect();
    let out = folder.path().join("decided.ndjson");
    let args = ["--out", out.to_str().unwrap(), "--json"];
    let output = batch(folder.path(), &args, &lines.join("\n"));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["decided"], &report["needs_human"]),
        (&json!(3_000), &json!(1_000))
    );
    let decided = std::fs::read_to_string(&out).unwrap();
    assert_eq!(decided.lines().count(), 3_000);
    for (n, line) in decided.lines().enumerate() {
        let row: Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (row["line"].as_u64(), &row["id"]),
            (Some(n as u64 + 1), &json!(format!("T-{n}")))
        );
        let value = [json!("network/vpn"), json!("hardware/printer"), Value::Null][n % 3].clone();
        assert_eq!(row["category"]["value"], value);
    }
    let again = batch(folder.path(), &args, "{\"subject\": \"vpn\"}");
    assert_eq!(again.status.code(), Some(2));
    assert_eq!(
        std::fs::read_to_string(&out).unwrap(),
        decided,
        "it is not overwritten"
    );
}

/// Desks work in spreadsheets.
#[test]
fn csv_comes_in_by_its_columns_and_goes_out_as_csv() {
    let folder = desk();
    let file = folder.path().join("new.csv");
    let text = "Number,Short description,Description,Site\r\n\
                INC1,VPN,\"drops, \"\"again\"\"\nand again\",Lyon\r\n\
                INC2,printer,,Leeds\r\nINC3\r\nINC4,,,\r\nINC5,odd,,\r\n";
    std::fs::write(&file, text).unwrap();
    let out = folder.path().join("decided.csv");
    let map = ["--map", "id=Number", "--map", "subject=Short description"];
    let paths = [
        "triage",
        "--batch",
        file.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    let output = run(folder.path(), &[&paths[..], &map[..]].concat());
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let summary = "5 tickets: 3 decided, 1 of them left to a human, 2 refused\n";
    assert_eq!(stdout(&output), summary);
    assert!(
        stderr(&output).contains("new.csv:5: "),
        "{}",
        stderr(&output)
    );
    let decided = std::fs::read_to_string(&out).unwrap();
    let digest = run_json(folder.path(), &["triage", "vpn"])["rules_digest"].clone();
    let digest = digest.as_str().unwrap();
    let expected = [
        "line,id,needs_human,category,category_confidence,category_decision,queue,\
         queue_confidence,queue_decision,impact,impact_confidence,impact_decision,urgency,\
         urgency_confidence,urgency_decision,priority,tags,flags,rules_digest,error"
            .to_owned(),
        format!(
            "2,INC1,false,network/vpn,0.9867,apply,network,0.9867,apply,,0.0000,abstain,,0.0000,\
             abstain,,,,{digest},"
        ),
        format!(
            "4,INC2,false,hardware/printer,0.9867,apply,field,0.9934,apply,,0.0000,abstain,,0.0000,\
             abstain,,,,{digest},"
        ),
        "5,,,,,,,,,,,,,,,,,,,\"the row has 1 columns, the header has 4\"".to_owned(),
        "6,INC4,,,,,,,,,,,,,,,,,,subject: a ticket needs a subject or a description".to_owned(),
    ];
    for (line, expected) in decided.lines().zip(expected) {
        assert_eq!(line, expected);
    }
    assert_eq!(decided.lines().count(), 6);
    let wrong = run(folder.path(), &[&paths[..3], &["--map", "id=Nr"]].concat());
    assert!(
        stderr(&wrong).contains("there is no column \"Nr\""),
        "{}",
        stderr(&wrong)
    );
}

/// A sheet of new tickets seldom has a column for what the desk will number them.
#[test]
fn a_table_needs_no_ids() {
    let folder = desk();
    let output = batch(
        folder.path(),
        &["--format", "csv"],
        "subject\nvpn\nprinter\n",
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let rows = stdout(&output);
    let rows: Vec<&str> = rows.lines().skip(1).collect();
    assert!(rows[0].starts_with("2,,false,network/vpn"), "{rows:?}");
    assert!(rows[1].starts_with("3,,false,hardware/printer"), "{rows:?}");
}
