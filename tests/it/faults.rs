//! What the fault tests share: waiting without a clock, and counting what was acknowledged.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Server, run};

/// Looks for up to two minutes until it is so; a fault test must end, however slow the machine.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..12_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it never came to this: {what}");
}

/// Waits until both indexes have all that the store has.
pub(crate) fn wait_caught_up(server: &Server) {
    until("the indexes have caught up", || {
        let status = server.get("/v1/status").json();
        let seq = &status["store"]["seq"];
        let indexes = status["indexes"].as_array().unwrap();
        indexes
            .iter()
            .all(|index| index["is_ready"] == true && &index["seq"] == seq)
    });
}

/// What `firstline verify` says must be that store and index agree.
pub(crate) fn assert_clean(folder: &Path) {
    assert_clean_with(Command::new(env!("CARGO_BIN_EXE_firstline")), folder);
}

/// As `assert_clean`, for a folder that only `command` can see.
pub(crate) fn assert_clean_with(mut command: Command, folder: &Path) {
    let output = command
        .arg("verify")
        .arg("--json")
        .arg("--data")
        .arg(folder)
        .output()
        .unwrap();
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{said}{complained}");
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["is_clean"], true, "{report}");
}

/// A copy of a data folder that is not in use.
pub(crate) fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .status()
        .unwrap();
    assert!(copied.success());
}

/// Loads the demo desk into a folder.
pub(crate) fn load_demo(folder: &Path) {
    let demo = crate::support::corpus("demo");
    let output = run(folder, &["import", demo.to_str().unwrap()]);
    assert!(
        output.status.success(),
        "{}",
        crate::support::stderr(&output)
    );
}

/// A ticket whose subject tells its state.
pub(crate) fn ticket(id: &str, subject: &str) -> Value {
    json!({"kind": "ticket", "id": id, "subject": subject, "description": "the printer hums"})
}

/// The most memory that a process had, in MiB.
pub(crate) fn peak_mib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024
}

/// What a desk was told of its documents: the last state that was acknowledged, and those that
/// were sent since then without an answer.
#[derive(Default)]
pub(crate) struct Ledger {
    states: BTreeMap<String, (Option<String>, Vec<String>)>,
}

impl Ledger {
    pub(crate) fn sent(&mut self, id: &str, subject: &str) {
        self.states
            .entry(id.to_owned())
            .or_default()
            .1
            .push(subject.to_owned());
    }

    pub(crate) fn acknowledged(&mut self, id: &str, subject: &str) {
        self.states
            .insert(id.to_owned(), (Some(subject.to_owned()), Vec::new()));
    }

    /// Every id of which a state was acknowledged.
    pub(crate) fn ids(&self) -> Vec<String> {
        let is_acknowledged =
            |(_, (state, _)): &(&String, &(Option<String>, Vec<String>))| state.is_some();
        self.states
            .iter()
            .filter(is_acknowledged)
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// The ticket must be there in the acknowledged state, or in one sent after it.
    pub(crate) fn check(&self, client: &mut Client, id: &str) {
        let (acknowledged, sent) = &self.states[id];
        let answer = client.get(&format!("/v1/tickets/{id}"));
        assert_eq!(
            answer.status, 200,
            "{id} was acknowledged and is not there: {}",
            answer.body
        );
        let ticket: Value = serde_json::from_str(&answer.body).unwrap();
        let subject = ticket["subject"].as_str().unwrap();
        assert!(
            acknowledged.as_deref() == Some(subject) || sent.iter().any(|sent| sent == subject),
            "{id} is {subject:?}; acknowledged was {acknowledged:?}, sent since then {sent:?}"
        );
    }
}

/// An answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Whether it is a problem that tells its own status.
    pub(crate) fn is_problem(&self) -> bool {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        self.head.contains("content-type: application/problem+json")
            && body["status"] == self.status
    }
}

/// One connection that is kept, and may be used wrongly.
pub(crate) struct Client {
    pub(crate) stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        // Nothing here waits that long, but a test must not hang.
        stream
            .set_read_timeout(Some(Duration::from_secs(120)))
            .unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.write(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes())
            .unwrap();
        self.answer().unwrap()
    }

    /// Sends a document; an error means that it is not known whether it is stored.
    pub(crate) fn put(&mut self, path: &str, body: &Value) -> std::io::Result<Answer> {
        let body = body.to_string();
        let n_bytes = body.len();
        let request = format!(
            "PUT {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {n_bytes}\r\n\r\n{body}"
        );
        self.write(request.as_bytes())?;
        self.answer()
    }

    /// Reads an answer with a length.
    pub(crate) fn answer(&mut self) -> std::io::Result<Answer> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head)? == 0 {
                let message = format!("the connection ended in the head {head:?}");
                return Err(std::io::Error::other(message));
            }
        }
        let head = head.to_lowercase();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let length = head
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.lines().next());
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.stream.read_exact(&mut body)?;
        let body = String::from_utf8(body).unwrap();
        Ok(Answer {
            status: status.unwrap(),
            head,
            body,
        })
    }
}
