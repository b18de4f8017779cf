//! `firstline rules`, and rules that change while a server runs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Server, corpus, import, program, run, run_json, stderr};

const RULES: &str = "format = 1\n[queues]\n\"network/vpn\" = \"network\"\n\"hardware/printer\" = \"field\"\n\
                     [[rule]]\nid = \"vpn\"\nwords = [\"vpn\"]\ncategory = { \"network/vpn\" = 5.0 }\n";

fn ticket(number: usize, subject: &str, category: &str) -> Value {
    json!({
        "kind": "ticket", "id": format!("T-{number}"), "subject": subject, "category": category,
        "queue": "network", "requester": format!("user{}@acme.example", number % 7),
        "created_at": format!("2026-01-{:02}T09:00:00Z", 1 + number % 28),
    })
}

/// What is wrong must be seen at once, where it stands.
#[test]
fn check_shows_every_problem_under_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.toml");
    let wrong = RULES
        .replace("words", "wrods")
        .replace("vpn\" = 5.0", "vnp\" = 5.0");
    std::fs::write(&file, wrong).unwrap();
    let path = file.to_str().unwrap();
    let output = run(folder.path(), &["rules", "check", path]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "error: unknown field `wrods`; did you mean \"words\"?",
        "rules.toml:7:1\n  |\n7 | wrods = [\"vpn\"]\n  | ^^^^^",
        "did you mean \"network/vpn\"?",
        "2 errors, 0 warnings",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    let repeated = format!(
        "{RULES}[[rule]]\nid = \"b\"\nwords = [\"VPN\"]\ncategory = {{ \"network/vpn\" = 1.0 }}\n"
    );
    std::fs::write(&file, repeated).unwrap();
    let json = run_json(folder.path(), &["rules", "check", path]);
    assert_eq!(json["problems"][0]["kind"], "duplicate");
    assert_eq!(json["problems"][0]["severity"], "warning");
    let code = |args: &[&str]| run(folder.path(), args).status.code();
    assert_eq!(code(&["rules", "check", path]), Some(0));
    assert_eq!(code(&["rules", "check", path, "--strict"]), Some(2));
    let demo = corpus("demo/rules.toml");
    assert_eq!(code(&["rules", "check", demo.to_str().unwrap()]), Some(0));
}

#[test]
fn the_schema_is_printed() {
    let output = program().args(["rules", "schema"]).output().unwrap();
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(schema["title"], "Firstline triage rules");
}

fn wait(what: &dyn Fn() -> bool) {
    let started = Instant::now();
    while !what() {
        assert!(started.elapsed() < Duration::from_secs(10), "in vain");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Rules are edited while the desk works: a slip must not leave it without rules.
#[test]
fn a_changed_file_is_taken_and_a_wrong_or_missing_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.toml");
    std::fs::write(&file, RULES).unwrap();
    let server = Server::start(folder.path());
    let category = || {
        server.post("/v1/triage", &json!({"subject": "vpn"})).json()["category"]["value"].clone()
    };
    let status = || server.get("/v1/status").json()["rules"].clone();
    assert_eq!(category(), "network/vpn");
    assert!(status().get("problem").is_none());
    let changed = RULES.replace("vpn\" = 5.0", "vpn\" = -5.0, \"hardware/printer\" = 5.0");
    std::fs::write(&file, &changed).unwrap();
    wait(&|| category() == "hardware/printer");
    let digest = status()["digest"].clone();
    std::fs::write(&file, "format = 1\n[[rule]]\n").unwrap();
    wait(&|| {
        status()["problem"]
            .as_str()
            .is_some_and(|text| text.contains("rules.toml:2:1: a rule needs an `id`"))
    });
    assert_eq!(category(), "hardware/printer", "the rules before stay");
    assert_eq!(status()["digest"], digest);
    std::fs::remove_file(&file).unwrap();
    wait(&|| {
        status()["problem"]
            .as_str()
            .is_some_and(|text| text.contains("could not be read"))
    });
    assert_eq!(
        category(),
        "hardware/printer",
        "a file that has gone is no empty one"
    );
    std::fs::write(&file, RULES).unwrap();
    wait(&|| category() == "network/vpn" && status().get("problem").is_none());
}

/// Where `RULES` with a line `oops` is wrong.
const OOPS: &str = "rules.toml:9:5: ";

/// A slip in the rules must not take search down with triage.
#[test]
fn a_wrong_file_keeps_no_command_from_running() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    std::fs::write(data.join("rules.toml"), format!("{RULES}oops\n")).unwrap();
    import(data, &[ticket(1, "vpn drops", "network/vpn")]);
    for args in [
        &["search", "vpn", "--json"][..],
        &["similar", "vpn", "--json"],
        &["verify"],
        &["status"],
    ] {
        let output = run(data, args);
        assert_ne!(
            output.status.code(),
            Some(2),
            "{args:?} {}",
            stderr(&output)
        );
    }
    let status = run(data, &["status"]);
    let status = String::from_utf8(status.stdout).unwrap();
    assert!(status.contains(OOPS), "{status}");
    let json = run_json(data, &["status"]);
    assert!(json["rules"]["problem"].as_str().unwrap().contains(OOPS));
    let train = run(data, &["train"]);
    assert_eq!(train.status.code(), Some(2));
    let told = stderr(&train);
    let (_, refused) = told.split_once("learning starts from the rules").unwrap();
    assert!(refused.contains(OOPS), "{told}");
    let triage = run(data, &["triage", "vpn drops"]);
    assert_eq!(triage.status.code(), Some(1), "nothing was decided");
    assert!(
        stderr(&triage).contains("no rule decides"),
        "{}",
        stderr(&triage)
    );
    let batch = data.join("new.ndjson");
    std::fs::write(&batch, "{\"subject\": \"vpn\"}\n").unwrap();
    let batch = run(data, &["triage", "--batch", batch.to_str().unwrap()]);
    assert!(
        stderr(&batch).contains("no rule decides"),
        "{}",
        stderr(&batch)
    );
}

/// A slip is most likely seen at the next reboot, when nobody looks.
#[test]
fn a_wrong_file_does_not_keep_a_server_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let file = data.join("rules.toml");
    std::fs::write(&file, format!("{RULES}oops\n")).unwrap();
    let server = Server::start(data);
    assert!(server.said().contains(OOPS), "{}", server.said());
    let answer = server.post("/v1/triage", &json!({"subject": "vpn"})).json();
    assert_eq!(answer["needs_human"], true, "{answer}");
    assert!(
        answer["warnings"][0]
            .as_str()
            .unwrap()
            .contains("no rule decides")
    );
    std::fs::write(&file, RULES).unwrap();
    let category = |server: &Server| {
        server.post("/v1/triage", &json!({"subject": "vpn"})).json()["category"]["value"].clone()
    };
    wait(&|| category(&server) == "network/vpn");
    let asked = json!({"subject": "vpn", "store": true});
    assert_eq!(server.post("/v1/triage", &asked).status, 200);
    assert_eq!(server.stop(), Some(0));

    std::fs::write(&file, format!("{RULES}oops\n")).unwrap();
    let server = Server::start(data);
    let answer = server.post("/v1/triage", &json!({"subject": "vpn"})).json();
    assert_eq!(
        answer["category"]["value"], "network/vpn",
        "by the rules of what is stored"
    );
    assert!(
        answer["warnings"][0]
            .as_str()
            .unwrap()
            .contains("last rules that were right")
    );
    std::fs::write(&file, RULES).unwrap();
    let status = || server.get("/v1/status").json()["rules"].clone();
    wait(&|| status().get("problem").is_none());
    let answer = server.post("/v1/triage", &json!({"subject": "vpn"})).json();
    assert!(answer.get("warnings").is_none(), "{answer}");
}

/// What would have become of the past tickets is what a desk wants to know before a change.
#[test]
fn replay_compares_new_rules_with_those_in_use() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.toml"), RULES).unwrap();
    import(
        folder.path(),
        &[
            ticket(1, "vpn drops", "network/vpn"),
            ticket(2, "printer jam", "hardware/printer"),
            ticket(3, "vpn printer", "network/vpn"),
        ],
    );
    let new = folder.path().join("new.toml");
    let rule = "[[rule]]\nid = \"printer\"\nwords = [\"printer\"]\ncategory = { \"hardware/printer\" = 9.0 }\n";
    std::fs::write(&new, format!("{RULES}{rule}")).unwrap();
    let new = new.to_str().unwrap();
    let json = run_json(
        folder.path(),
        &["rules", "replay", new, "--field", "category"],
    );
    let field = &json["fields"][0];
    assert_eq!(
        (&field["judged"], &field["changed"]),
        (&json!(3), &json!(2)),
        "{field}"
    );
    assert_eq!((&field["mended"], &field["broken"]), (&json!(1), &json!(1)));
    let share = |side: &str, measure: &str| {
        (
            field[side][measure]["n"].clone(),
            field[side][measure]["of"].clone(),
        )
    };
    assert_eq!(share("before", "precision"), (json!(2), json!(2)));
    assert_eq!(share("before", "coverage"), (json!(2), json!(3)));
    assert_eq!(share("after", "precision"), (json!(2), json!(3)));
    assert_eq!(share("after", "coverage"), (json!(3), json!(3)));
    assert!(field["after"]["precision"]["low"].as_f64().unwrap() < 0.66);
    let worst = &field["changes"][0];
    assert_eq!(
        (&worst["id"], &worst["effect"]),
        (&json!("T-3"), &json!("broken"))
    );
    assert_eq!(worst["rules"], json!(["printer"]));
    assert_eq!(field["values"][0]["value"], "hardware/printer");
    assert_eq!(field["values"][0]["after"]["precision"]["n"], 1);
    let since = run_json(
        folder.path(),
        &["rules", "replay", new, "--since", "2026-01-04"],
    );
    assert_eq!(
        (&since["tickets"], since["fields"].as_array().unwrap().len()),
        (&json!(1), 4)
    );
    let text = run(folder.path(), &["rules", "replay", new]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("was right: vpn printer  [T-3]"), "{text}");
}

/// A desk with a model of sixty tickets, one that was told of since and a newer one, and a file of
/// rules that speak for what the model has learned.
struct LearnedDesk {
    folder: tempfile::TempDir,
    new: String,
    tickets: Vec<Value>,
    version: String,
}

impl LearnedDesk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(file("rules.toml"), RULES).unwrap();
        let new = file("new.toml");
        let toner = RULES.replace("\"vpn\"", "\"toner\"");
        let toner = toner.replace("{ \"network/vpn\"", "{ \"hardware/printer\"");
        let (_, toner) = toner.split_once("[[rule]]").unwrap();
        std::fs::write(&new, format!("{RULES}[[rule]]{toner}")).unwrap();
        let tickets = (0..60).map(|n| {
            let (subject, category) = [
                ("vpn tunnel drops", "network/vpn"),
                ("toner is low", "hardware/printer"),
            ][n % 2];
            let mut ticket = ticket(n, subject, category);
            ticket["status"] = json!("resolved");
            ticket
        });
        let mut tickets: Vec<Value> = tickets.collect();
        import(folder.path(), &tickets);
        let trained = run_json(folder.path(), &["train"]);
        let server = Server::start(folder.path());
        let told = json!({"id": "T-60", "subject": "toner smells", "category": "network/vpn",
            "status": "resolved"});
        assert_eq!(server.put("/v1/tickets/T-60", &told).status, 201);
        assert_eq!(server.stop(), Some(0));
        let mut newer = ticket(61, "toner", "hardware/printer");
        newer["created_at"] = json!("2026-02-01T09:00:00Z");
        import(folder.path(), std::slice::from_ref(&newer));
        tickets.extend([told, newer]);
        Self {
            folder,
            new,
            tickets,
            version: trained["model_version"].as_str().unwrap().to_owned(),
        }
    }

    fn replay(&self, args: &[&str]) -> Value {
        let args = [&["rules", "replay", &self.new, "--field", "category"], args].concat();
        run_json(self.folder.path(), &args)
    }

    /// What becomes of the tickets when they come in now; nothing where it is left to a human.
    fn decide(&self, rules: &str) -> Vec<Value> {
        let file = self.folder.path().join("past.ndjson");
        let lines: Vec<String> = self.tickets.iter().map(Value::to_string).collect();
        std::fs::write(&file, lines.join("\n")).unwrap();
        let mut command = program();
        command.env("FIRSTLINE_TRIAGE_RULES", rules);
        command.arg("--data").arg(self.folder.path());
        let output = command.args(["triage", "--batch"]).arg(&file).output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        let decided = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let value = |decided: Value| match decided["category"]["decision"].as_str().unwrap() {
            "abstain" => Value::Null,
            _ => decided["category"]["value"].clone(),
        };
        decided.map(value).collect()
    }
}

/// What a model decides live is what a change of the rules must be tried on.
#[test]
fn replay_decides_with_the_model_in_use_as_live_triage_does() {
    let desk = LearnedDesk::new();
    let (before, after) = (desk.decide("rules.toml"), desk.decide(&desk.new));
    assert_eq!(before.len(), 62);
    let changed = before.iter().zip(&after).filter(|(a, b)| a != b);
    let field = desk.replay(&[])["fields"][0].clone();
    assert_eq!(field["changed"], changed.count());
    assert_eq!(field["mended"], 1, "what the model does not know: {field}");
    let alone = desk.replay(&["--rules-alone"])["fields"][0].clone();
    assert_eq!(alone["mended"], 31, "all with that word: {alone}");
}

#[test]
fn replay_says_what_decided_and_what_the_model_knows_already() {
    let desk = LearnedDesk::new();
    let with = desk.replay(&[]);
    assert_eq!(with["model_version"], desk.version);
    assert_eq!(
        (&with["corrections"], &with["known"]),
        (&json!(1), &json!(61))
    );
    let warning = with["warnings"][0].as_str().unwrap();
    assert!(
        warning.contains("knows 61 of these 62 tickets"),
        "{warning}"
    );
    let since = desk.replay(&["--since", "2026-02-01"]);
    assert_eq!((&since["tickets"], &since["known"]), (&json!(1), &json!(0)));
    assert_eq!(since.get("warnings"), None);
    let alone = desk.replay(&["--rules-alone"]);
    let decided_by = ["model_version", "corrections", "known"].map(|name| alone[name].clone());
    assert_eq!(decided_by, [json!(null), json!(0), json!(0)]);
    let text = |args: &[&str]| {
        let args = [&["rules", "replay", &desk.new], args].concat();
        String::from_utf8(run(desk.folder.path(), &args).stdout).unwrap()
    };
    let says = format!(
        "decided by the rules with model {} and 1 corrections\n",
        desk.version
    );
    assert!(text(&[]).contains(&says), "{}", text(&[]));
    assert!(text(&["--rules-alone"]).contains("; decided by the rules alone\n"));
}

/// Sixty tickets in three ways of saying two things.
fn tickets_with_habits() -> Vec<Value> {
    let mut tickets = Vec::new();
    for number in 0..60 {
        let (subject, category) = match number % 3 {
            0 => ("Paper jam in tray two", "hardware/printer"),
            1 => ("Tunnel drops every hour", "network/vpn"),
            _ => ("Something is odd with the hour", "network/vpn"),
        };
        let mut ticket = ticket(number, subject, category);
        ticket["created_at"] = json!(format!(
            "2026-01-01T{:02}:{:02}:00Z",
            number / 10,
            number % 10
        ));
        tickets.push(ticket);
    }
    tickets
}

fn phrases(suggestions: &Value) -> Vec<String> {
    let found = suggestions["suggestions"].as_array().unwrap().iter();
    found
        .map(|found| found["phrase"].as_str().unwrap().to_owned())
        .collect()
}

/// What is proposed must be read as a rule file, and its figures must be those of the tickets.
#[test]
fn suggested_rules_are_supported_and_can_be_copied() {
    let folder = tempfile::tempdir().unwrap();
    import(folder.path(), &tickets_with_habits());
    let json = run_json(folder.path(), &["rules", "suggest"]);
    assert_eq!(
        (&json["older_tickets"], &json["newer_tickets"]),
        (&json!(40), &json!(20))
    );
    let found = json["suggestions"].as_array().unwrap();
    let jam = found
        .iter()
        .find(|found| found["value"] == "hardware/printer")
        .unwrap();
    assert_eq!(
        (&jam["precision"]["n"], &jam["precision"]["of"]),
        (&json!(14), &json!(14)),
        "{jam}"
    );
    assert_eq!(
        (&jam["newer"]["n"], &jam["newer"]["of"]),
        (&json!(6), &json!(6))
    );
    let of_printer = found
        .iter()
        .filter(|found| found["value"] == "hardware/printer");
    assert_eq!(
        of_printer.count(),
        1,
        "phrases of the same tickets are proposed once"
    );
    let file = folder.path().join("rules.toml");
    std::fs::write(&file, json["toml"].as_str().unwrap()).unwrap();
    let checked = run(
        folder.path(),
        &["rules", "check", file.to_str().unwrap(), "--strict"],
    );
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stdout)
    );
    let triage = run_json(folder.path(), &["triage", "paper jam in tray"]);
    assert_eq!(
        triage["category"]["value"],
        "hardware/printer",
        "{}",
        stderr(&checked)
    );
    let again = run_json(folder.path(), &["rules", "suggest"]);
    assert!(
        phrases(&again)
            .iter()
            .all(|phrase| !phrases(&json).contains(phrase)),
        "known rules are not proposed again"
    );
}

/// The note and the phrases of a rule go to whoever asks for decisions.
#[test]
fn tickets_that_not_every_analyst_may_see_suggest_nothing() {
    let folder = tempfile::tempdir().unwrap();
    import(folder.path(), &tickets_with_habits());
    let suggest = || run_json(folder.path(), &["rules", "suggest"]);
    let before = suggest();
    let hidden = (0..20).map(|n| {
        let mut hidden = ticket(100 + n, "Layoff of the hour", "hardware/printer");
        hidden["visibility"] = json!({"restricted": ["hr"]});
        hidden
    });
    import(folder.path(), &hidden.collect::<Vec<_>>());
    assert_eq!(suggest(), before);
}
