//! What the README shows is what a newcomer gets.
//!
//! Every `$ curl` line of a console block is sent to the demo desk, and the answer must have the
//! shape of the one that is shown; every `$ firstline` line is run, and must print what is shown
//! but for times. With `FIRSTLINE_README_ADDRESS` the requests go to a server that runs there.

use std::path::Path;

use serde_json::Value;

use crate::support::{Server, corpus, program, run, stderr};

/// A command of a console block, with what is shown below it.
#[derive(Debug)]
struct Shown {
    command: String,
    output: String,
}

fn shown() -> Vec<Shown> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut shown: Vec<Shown> = Vec::new();
    for block in text.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for line in block.lines() {
            match (line.strip_prefix("$ "), shown.last_mut()) {
                (Some(command), _) => {
                    shown.push(Shown {
                        command: command.to_owned(),
                        output: String::new(),
                    });
                }
                (None, Some(last)) => {
                    last.output.push_str(line);
                    last.output.push('\n');
                }
                (None, None) => panic!("output without a command: {line}"),
            }
        }
    }
    shown
}

/// The parts of a command line, single and double quotes understood.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in command.chars() {
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (' ', None) => words.push(String::new()),
            (c, _) => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn demo(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::copy(corpus("demo/rules.toml"), folder.join("rules.toml")).unwrap();
    let imported = run(folder, &["import", corpus("demo").to_str().unwrap()]);
    assert!(imported.status.success(), "{}", stderr(&imported));
}

fn assert_same_shape(shown: &Value, real: &Value, path: &str) {
    match (shown, real) {
        (Value::Object(shown), Value::Object(real)) => {
            let names = |object: &serde_json::Map<String, Value>| {
                object.keys().cloned().collect::<Vec<String>>()
            };
            assert_eq!(names(shown), names(real), "the fields of {path}");
            for (name, value) in shown {
                assert_same_shape(value, &real[name], &format!("{path}.{name}"));
            }
        }
        (Value::Array(shown), Value::Array(real)) => {
            assert_eq!(
                shown.is_empty(),
                real.is_empty(),
                "{path} has items or has none"
            );
            if let (Some(shown), Some(real)) = (shown.first(), real.first()) {
                assert_same_shape(shown, real, &format!("{path}[0]"));
            }
        }
        _ => {
            let same = std::mem::discriminant(shown) == std::mem::discriminant(real);
            assert!(same, "{path} is shown as {shown} and is {real}");
        }
    }
}

/// A newcomer pastes these lines first.
#[test]
fn the_shown_requests_are_answered_in_the_shown_shape() {
    let folder = tempfile::tempdir().unwrap();
    let running = std::env::var("FIRSTLINE_README_ADDRESS").ok();
    let started = running.is_none().then(|| {
        demo(folder.path());
        Server::start(folder.path())
    });
    let address = match &started {
        Some(server) => server.address().to_owned(),
        None => running.unwrap(),
    };
    let mut n_requests = 0;
    for Shown { command, output } in shown() {
        let words = words(&command);
        if words[0] != "curl" {
            continue;
        }
        let mut request = std::process::Command::new("curl");
        let args = words[1..]
            .iter()
            .map(|word| word.replace("127.0.0.1:7878", &address));
        let answer = request.args(args).output().unwrap();
        let real: Value = serde_json::from_slice(&answer.stdout)
            .unwrap_or_else(|error| panic!("{command}: {error}: {answer:?}"));
        let shown: Value = serde_json::from_str(&output).unwrap();
        assert_same_shape(&shown, &real, &command);
        n_requests += 1;
    }
    assert!(n_requests >= 3, "the README shows requests");
}

/// Real output means that it can be had again.
#[test]
fn the_shown_commands_print_what_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    demo(folder.path());
    let without_times = |text: &str| {
        let line = |line: &str| match line.rsplit_once(" in ") {
            Some((start, time)) if time.ends_with(" us") => start.to_owned(),
            _ => line.trim_end().to_owned(),
        };
        text.trim_end()
            .lines()
            .map(line)
            .collect::<Vec<String>>()
            .join("\n")
    };
    let mut n_commands = 0;
    for Shown { command, output } in shown() {
        let words = words(&command);
        if words[0] != "firstline" {
            continue;
        }
        let args = words[1..].iter().map(|word| match word.as_str() {
            "index/demo" => folder.path().to_str().unwrap().to_owned(),
            other => other.to_owned(),
        });
        let real = program().args(args).output().unwrap();
        let real = String::from_utf8(real.stdout).unwrap();
        assert_eq!(without_times(&real), without_times(&output), "{command}");
        n_commands += 1;
    }
    assert!(n_commands >= 2, "the README shows similar and triage");
}
