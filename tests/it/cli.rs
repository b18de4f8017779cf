//! The command line: help, JSON, exit codes, and what it does beside a running server.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::{Server, corpus, import, program, run, run_json, stderr};

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Every run of the program reads the rules: these few are read at once.
const RULES: &str = r#"
format = 1
[queues]
"network/vpn" = "network"
[[rule]]
id = "vpn"
words = ["vpn"]
category = { "network/vpn" = 3.0 }
"#;

/// A small desk, imported.
fn desk() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.toml"), RULES).unwrap();
    let documents = [
        json!({"kind": "article", "id": "KB-1", "title": "The VPN drops at home",
            "body": "Restart the router.", "visibility": "public"}),
        json!({"kind": "ticket", "id": "INC1", "subject": "VPN drops every hour",
            "resolution": "Replaced the router."}),
        json!({"kind": "ticket", "id": "INC2", "subject": "VPN drops at night"}),
    ];
    import(folder.path(), &documents);
    folder
}

/// Runs the program with something on its standard input.
fn run_with_input(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut command = program();
    command.arg("--data").arg(folder).args(args);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

/// People learn a command from the example in its help.
#[test]
fn every_command_has_help_with_an_example() {
    let help = program().arg("--help").output().unwrap();
    assert_eq!(help.status.code(), Some(0));
    let commands = [
        "demo", "serve", "import", "search", "similar", "triage", "rules", "status", "rebuild",
        "verify", "backup", "restore", "keys",
    ];
    for command in commands {
        assert!(
            stdout(&help).contains(&format!("\n  {command} ")),
            "{command}"
        );
        let help = program().args([command, "--help"]).output().unwrap();
        assert_eq!(help.status.code(), Some(0), "{command}");
        let example = format!("Example: firstline {command}");
        assert!(
            stdout(&help).contains(&example),
            "{command}: {}",
            stdout(&help)
        );
        assert!(stdout(&help).contains("--json"), "{command}");
    }
    let version = program().arg("--version").output().unwrap();
    assert_eq!(
        stdout(&version).trim(),
        concat!("firstline ", env!("CARGO_PKG_VERSION"))
    );
}

/// Scripts read the JSON and the exit code: 0 found or done, 1 nothing found, 2 an error.
#[test]
fn every_command_answers_json_and_its_exit_code() {
    let folder = desk();
    let backup = folder.path().join("backup.db");
    let backup = backup.to_str().unwrap();
    let check = |args: &[&str], code: i32, pointer: &str| {
        let output = run(folder.path(), &[args, &["--json"]].concat());
        assert_eq!(
            output.status.code(),
            Some(code),
            "{args:?}: {}",
            stderr(&output)
        );
        let json: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{args:?}: {error}: {}", stdout(&output)));
        assert!(
            json.pointer(pointer).is_some(),
            "{args:?} has no {pointer}: {json}"
        );
    };
    check(&["search", "vpn"], 0, "/hits/0/snippet/highlights");
    check(&["search", "zanzibar"], 1, "/unknown_words/0");
    check(&["similar", "vpn drops"], 0, "/hits/0/shared_terms");
    check(
        &["similar", "--id", "INC1", "--min-similarity", "0"],
        0,
        "/hits/0/similarity",
    );
    check(&["similar", "zanzibar"], 1, "/hits");
    check(&["triage", "vpn drops at home"], 0, "/category/reasons");
    check(&["status"], 0, "/store/seq");
    check(&["verify"], 0, "/is_clean");
    check(&["rebuild"], 0, "/0/documents");
    check(&["backup", backup], 0, "/size_bytes");
    check(&["keys", "list"], 1, "");
    check(&["keys", "add", "portal", "--role", "reader"], 0, "/secret");
    check(&["keys", "list"], 0, "/0/name");
    check(&["keys", "revoke", "portal"], 0, "/name");
    std::fs::remove_file(folder.path().join("rules.toml")).unwrap();
    check(&["triage", "vpn drops at home"], 1, "/needs_human");
    let again = folder.path().join("again");
    let output = run(&again, &["restore", backup, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json, json!({"articles": 1, "tickets": 2}));
}

/// A wrong call must neither look like success nor leave the caller guessing.
#[test]
fn errors_go_to_standard_error_with_code_2() {
    let folder = desk();
    let check = |args: &[&str], says: &str| {
        let output = run(folder.path(), args);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{args:?}: {}",
            stdout(&output)
        );
        assert!(
            stderr(&output).contains(says),
            "{args:?}: {}",
            stderr(&output)
        );
        assert_eq!(stdout(&output), "", "{args:?}");
    };
    check(&["nonsense"], "unrecognized subcommand");
    check(&["search"], "<WORDS>");
    check(&["search", "vpn", "--limit", "0"], "1..=100");
    check(
        &["search", "vpn", "--as", "boss"],
        "reader, analyst or admin",
    );
    check(&["similar"], "give the words");
    check(&["similar", "vpn", "--id", "INC1"], "cannot be used with");
    check(&["similar", "--id", "INC9"], "there is no ticket INC9");
    check(&["similar", "--id", "a b"], "has ' '");
    check(&["similar", "vpn", "--min-similarity", "2"], "0 to 1");
    check(
        &["import", "x.ndjson", "--kind", "page"],
        "article or ticket",
    );
    check(
        &["import", "x.csv", "--map", "subject"],
        "field=Column name",
    );
    check(&["import", "none.ndjson"], "none.ndjson could not be read");
    check(&["backup", "/nowhere/at/all.db"], "/nowhere/at/all.db");
    check(&["restore", "none.db"], "already");
    check(&["status", "--log", "=="], "--log is no log level");
}

/// A question about a desk that is not there must not make one, and a wrong setting must not be
/// passed over.
#[test]
fn a_missing_desk_and_a_wrong_setting_are_named() {
    let folder = desk();
    let nothing = folder.path().join("nothing");
    for args in [
        &["search", "vpn"][..],
        &["status"],
        &["verify"],
        &["keys", "list"],
    ] {
        let output = run(&nothing, args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(
            stderr(&output).contains("there is no firstline data in"),
            "{}",
            stderr(&output)
        );
    }
    assert!(!nothing.exists(), "a question makes no data folder");
    std::fs::write(
        folder.path().join("firstline.toml"),
        "[server]\nlistn = 1\n",
    )
    .unwrap();
    let output = run(folder.path(), &["status"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("there is no setting server.listn"),
        "{}",
        stderr(&output)
    );
}

/// `firstline search ... | head -1` is how people use it.
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = desk();
    for args in [
        &["search", "vpn"][..],
        &["search", "vpn", "--json"],
        &["status"],
        &["triage", "vpn"],
    ] {
        let mut command = program();
        command.arg("--data").arg(folder.path()).args(args);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{args:?}: {}",
            stderr(&output)
        );
        assert_eq!(stderr(&output), "", "{args:?}");
    }
}

/// Nightly exports bring everything again; only what changed may cost anything.
#[test]
fn a_second_import_of_a_folder_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let articles = corpus("demo/articles");
    let first = run_json(folder.path(), &["import", articles.to_str().unwrap()]);
    let n_articles = first["lines"].as_u64().unwrap();
    assert!(n_articles >= 120, "{first}");
    assert_eq!(
        (&first["created"], &first["refused"]),
        (&json!(n_articles), &json!(0))
    );
    assert_eq!(first["notes"], json!([]), "the demo needs no guessing");
    let second = run_json(folder.path(), &["import", articles.to_str().unwrap()]);
    assert_eq!(second["unchanged"], n_articles, "{second}");
    assert_eq!(second["newest_seq"], first["newest_seq"]);
}

/// Exports of other systems have columns and names of their own, and often come through a pipe.
#[test]
fn csv_columns_are_mapped_and_standard_input_is_read() {
    let folder = desk();
    let text = "\u{feff}Number,Short description,Description,Priority,Site\r\n\
        INC7,\"Fan, loud\",\"It hums\nall day\",High,Lyon\r\n";
    let args = [
        "import",
        "-",
        "--format",
        "csv",
        "--kind",
        "ticket",
        "--map",
        "id=Number",
        "--map",
        "subject=Short description",
    ];
    let output = run_with_input(folder.path(), &args, text);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("1 record: 1 new, 0 updated, 0 unchanged, 0 refused"));
    let found = run_json(
        folder.path(),
        &["similar", "loud fan hums", "--min-similarity", "0"],
    );
    assert_eq!(found["hits"][0]["id"], "INC7", "{found}");

    let line = r#"{"id":"INC8","subject":"Zebra printer is offline"}"#;
    let output = run_with_input(folder.path(), &["import", "-", "--kind", "ticket"], line);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let mail = "Zebra printer\nIt is offline since this morning.\n";
    let output = run_with_input(folder.path(), &["similar", "-"], mail);
    assert!(stdout(&output).contains("INC8"), "{}", stdout(&output));
}

/// A desk may start with nothing but its tickets, or nothing but its articles.
#[test]
fn a_desk_of_one_kind_can_be_asked_at_once() {
    for (document, ask) in [
        (
            json!({"kind": "ticket", "id": "INC1", "subject": "VPN drops"}),
            "similar",
        ),
        (
            json!({"kind": "article", "id": "KB-1", "title": "VPN drops"}),
            "search",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        import(folder.path(), &[document]);
        for command in [&[ask, "vpn"][..], &["status"], &["verify"]] {
            let output = run(folder.path(), command);
            assert_eq!(
                output.status.code(),
                Some(0),
                "{command:?}: {}",
                stderr(&output)
            );
            assert_eq!(stderr(&output), "", "{command:?}");
        }
    }
}

/// A backup is worth what comes back from it.
#[test]
fn a_backup_comes_back_whole() {
    let folder = desk();
    let target = folder.path().join("desk.db");
    let name = target.to_str().unwrap();
    let answers = |data: &Path| {
        let mut search = run_json(data, &["search", "vpn"]);
        let mut similar = run_json(data, &["similar", "vpn drops"]);
        search["took_us"] = json!(0);
        similar["took_us"] = json!(0);
        (search, similar)
    };
    let before = answers(folder.path());
    assert!(run(folder.path(), &["backup", name]).status.success());
    let twice = run(folder.path(), &["backup", name]);
    assert_eq!(twice.status.code(), Some(2));
    assert!(
        stderr(&twice).contains("is there already; nothing was changed"),
        "{}",
        stderr(&twice)
    );

    let again = folder.path().join("again");
    assert!(run(&again, &["restore", name]).status.success());
    std::fs::write(again.join("rules.toml"), RULES).unwrap();
    assert_eq!(
        run(&again, &["restore", name]).status.code(),
        Some(2),
        "never over a store"
    );
    let early = run(&again, &["search", "vpn"]);
    assert!(
        stderr(&early).contains("firstline rebuild"),
        "{}",
        stderr(&early)
    );
    assert!(run(&again, &["rebuild"]).status.success());
    assert_eq!(answers(&again), before);
    assert!(run(&again, &["verify"]).status.success());

    let garbage = folder.path().join("garbage.db");
    std::fs::write(&garbage, "SQLite format 3\0 and no more").unwrap();
    let third = folder.path().join("third");
    let output = run(&third, &["restore", garbage.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(!third.join("firstline.db").exists());
}

/// Analysts ask on the command line while the desk is served; nobody may write beside the server.
#[test]
fn beside_a_server_the_command_line_reads_and_does_not_write() {
    let folder = desk();
    let server = Server::start(folder.path());
    let backup = folder.path().join("live.db");
    for args in [
        &["search", "vpn"][..],
        &["similar", "vpn drops"],
        &["triage", "vpn drops"],
        &["status"],
        &["verify"],
        &["backup", backup.to_str().unwrap()],
    ] {
        let output = run(folder.path(), args);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{args:?}: {}",
            stderr(&output)
        );
    }
    let ticket = json!({"kind": "ticket", "id": "INC3", "subject": "Zebra printer is offline"});
    let stored = server.put("/v1/tickets/INC3?visible=true", &ticket);
    assert_eq!(stored.json()["visible"], true);
    let found = run_json(folder.path(), &["similar", "zebra printer"]);
    assert_eq!(
        found["hits"][0]["id"], "INC3",
        "what the server stored is found: {found}"
    );

    let file = folder.path().join("more.ndjson");
    std::fs::write(&file, ticket.to_string()).unwrap();
    for args in [
        &["import", file.to_str().unwrap()][..],
        &["rebuild"],
        &["serve", "--listen", "127.0.0.1:0"],
        &["demo", "--listen", "127.0.0.1:0"],
    ] {
        let output = run(folder.path(), args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let holder = format!("is in use by process {}", server.pid());
        assert!(
            stderr(&output).contains(&holder),
            "{args:?}: {}",
            stderr(&output)
        );
        assert!(
            stderr(&output).contains("POST /v1/import"),
            "{}",
            stderr(&output)
        );
    }
    let restore = run(folder.path(), &["restore", backup.to_str().unwrap()]);
    assert_eq!(restore.status.code(), Some(2), "{}", stderr(&restore));
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.stop(), Some(0));
    assert!(
        run(folder.path(), &["import", file.to_str().unwrap()])
            .status
            .success()
    );
}

/// A running demo; killed when dropped.
struct Demo {
    child: Child,
    /// What it says before it waits.
    said: String,
}

impl Demo {
    fn start(folder: &Path) -> Self {
        let mut child = program()
            .args(["demo", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("/v1/status") {
            assert!(
                log.read_line(&mut said).unwrap() > 0,
                "the demo ended: {said}"
            );
        }
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, said }
    }

    /// Ctrl-C; gives the exit code and what was on standard output.
    fn interrupt(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
        let code = self.child.wait().unwrap().code();
        let mut told = String::new();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut told)
            .unwrap();
        (code, told)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().ok();
    }
}

/// Sends what a line of the demo would have curl send.
fn run_curl(line: &str) -> Value {
    let rest = line.strip_prefix("curl -s ").unwrap();
    let (url, body) = rest
        .split_once(" -d ")
        .map_or((rest, None), |(url, body)| (url, Some(body)));
    let url = url.trim().trim_matches('\'');
    let mut response = match body {
        None => ureq::get(url).call().unwrap(),
        // As curl does without being told a type.
        Some(body) => ureq::post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .send(body.trim().trim_matches('\''))
            .unwrap(),
    };
    response.body_mut().read_json().unwrap()
}

/// The first minute decides: the demo must run as it says, and again.
#[test]
fn the_demo_shows_what_it_promises_and_loads_once() {
    let folder = tempfile::tempdir().unwrap();
    let data: PathBuf = folder.path().join("demo");
    let demo = Demo::start(&data);
    let lines: Vec<&str> = demo
        .said
        .lines()
        .filter(|line| line.starts_with("curl "))
        .collect();
    let [search, code, similar, triage, status] = lines[..] else {
        panic!("{}", demo.said)
    };
    assert_eq!(run_curl(search)["hits"].as_array().unwrap().len(), 3);
    let code = run_curl(code);
    assert!(code["total"].as_u64().unwrap() > 0 && code["facets"]["category"].is_object());
    let similar = run_curl(similar)["hits"][0]["subject"].clone();
    assert!(
        similar
            .as_str()
            .unwrap()
            .starts_with("Outlook keeps asking"),
        "{similar}"
    );
    let triage = run_curl(triage);
    assert_eq!(triage["category"]["value"], "hardware/printer", "{triage}");
    assert!(
        triage["priority"]["value"].as_u64().unwrap() <= 2,
        "{triage}"
    );
    let before = run_curl(status)["store"].clone();
    assert!(before["articles"].as_u64() >= Some(120) && before["tickets"].as_u64() >= Some(400));
    let (exit, told) = demo.interrupt();
    assert_eq!(exit, Some(0));
    assert!(told.contains("articles and tickets in"), "{told}");

    std::fs::write(data.join("rules.toml"), "format = 1\n").unwrap();
    let again = Demo::start(&data);
    let lines: Vec<&str> = again
        .said
        .lines()
        .filter(|line| line.starts_with("curl "))
        .collect();
    let after = run_curl(lines[4]);
    assert_eq!(
        after["store"]["seq"], before["seq"],
        "nothing was written again"
    );
    assert_eq!(
        after["rules"]["rules"], 0,
        "the rules of the desk are its own"
    );
    assert_eq!(again.interrupt().0, Some(0));
}
