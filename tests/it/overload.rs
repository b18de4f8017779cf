//! Overload: too much, too many, too slow. The server refuses in words, keeps its memory, and
//! serves the next one as if nothing had been.

use std::io::Read;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::faults::{Client, load_demo, peak_mib, ticket, until};
use crate::support::{Server, program};

const GIB: usize = 1024 * 1024 * 1024;

/// Far above what the server takes for itself, far below what was sent.
const MEMORY_BOUND_MIB: u64 = 400;

/// A server whose settings differ from the defaults.
fn server_with(folder: &std::path::Path, settings: &[(&str, &str)]) -> Server {
    let mut command = program();
    command.envs(
        settings
            .iter()
            .map(|(name, value)| (format!("FIRSTLINE_SERVER_{name}"), value)),
    );
    Server::start_with(command, folder, &["--log", "warn"])
}

/// Half requests at once.
const HALF_REQUESTS: usize = 10_000;

/// Clients that find no place beside them.
const REFUSED: usize = 100;

/// Longer than any test takes.
const NEVER_MS: &str = "600000";

/// Lets this process, and the server that it starts, have so many connections. The systems that
/// this runs on may not allow those of two tests.
fn allow_connections(n: usize) -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let turn = ONE_AT_A_TIME.lock();
    let wanted = n as u64 + 1_000;
    let limit = rlimit::increase_nofile_limit(wanted).unwrap();
    assert!(
        limit >= wanted,
        "this test needs {wanted} open files, the system allows {limit} (ulimit -Hn)"
    );
    // Another test that failed is no reason to fail as well.
    turn.unwrap_or_else(PoisonError::into_inner)
}

/// Begins requests and does not end them, half of them in the head and half in the body.
fn begin_half_requests(server: &Server) -> Vec<Client> {
    let half_head = "GET /v1/search?q=printer HTTP/1.1\r\nhost: loc";
    let half_body = "PUT /v1/tickets/half HTTP/1.1\r\nhost: localhost\r\n\
                     content-type: application/json\r\ncontent-length: 500\r\n\r\n{\"subject\"";
    let begin = |n: usize| {
        let mut client = Client::connect(server.address());
        let half = if n.is_multiple_of(2) {
            half_head
        } else {
            half_body
        };
        client.write(half.as_bytes()).unwrap();
        client
    };
    (0..HALF_REQUESTS).map(begin).collect()
}

fn assert_memory_bounded(server: &Server) {
    let peak = peak_mib(server.pid());
    assert!(peak < MEMORY_BOUND_MIB, "the server took {peak} MiB");
    eprintln!("peak {peak} MiB");
}

/// The server does what it always does.
fn assert_at_work(server: &Server) {
    assert_eq!(server.get("/readyz").status, 200);
    assert_eq!(server.get("/v1/search?q=printer").status, 200);
    let id = format!("after-{}", server.pid());
    let answer = server.put(
        &format!("/v1/tickets/{id}?visible=true"),
        &ticket(&id, "after"),
    );
    assert_eq!(
        (answer.status, &answer.json()["visible"]),
        (201, &Value::from(true))
    );
    assert_eq!(
        server
            .send("DELETE", &format!("/v1/tickets/{id}"), &[], "")
            .status,
        200
    );
}

/// Sends a body of a gibibyte as far as the server takes it.
fn send_gibibyte(client: &mut Client, frame: &[u8]) {
    for _ in 0..GIB / frame.len() {
        if client.write(frame).is_err() {
            return;
        }
    }
}

/// The rows of a streamed answer, without what frames them.
fn rows(answer: &str) -> Vec<Value> {
    let lines = answer.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// One file of logs dropped into a ticket must not take the memory of everybody else.
#[test]
fn a_body_of_a_gibibyte_is_refused_without_being_held() {
    let folder = tempfile::tempdir().unwrap();
    load_demo(folder.path());
    let server = Server::start(folder.path());
    let piece = vec![b'x'; 64 * 1024];
    let chunk = [b"10000\r\n".as_slice(), &piece, b"\r\n"].concat();
    let framings = [
        ("content-length: 1073741824", &piece),
        ("transfer-encoding: chunked", &chunk),
    ];
    for (framing, frame) in framings {
        for (method, path) in [("PUT", "/v1/tickets/large"), ("POST", "/v1/similar")] {
            let mut client = Client::connect(server.address());
            let head = format!(
                "{method} {path} HTTP/1.1\r\nhost: localhost\r\n\
                 content-type: application/json\r\n{framing}\r\n\r\n"
            );
            client.write(head.as_bytes()).unwrap();
            send_gibibyte(&mut client, frame);
            let answer = client.answer().unwrap();
            assert_eq!(answer.status, 413, "{method} {framing}: {answer:?}");
            assert!(answer.is_problem(), "{answer:?}");
        }
    }
    assert_memory_bounded(&server);
    assert_at_work(&server);
}

/// A broken export may have no line end at all: its line is refused, what follows is taken.
#[test]
fn a_line_of_a_gibibyte_is_refused_and_the_next_one_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let mut client = Client::connect(server.address());
    let head = "POST /v1/import HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
    client.write(head.as_bytes()).unwrap();
    let piece = vec![b'x'; 1024 * 1024];
    let chunk = [b"100000\r\n".as_slice(), &piece, b"\r\n"].concat();
    for _ in 0..GIB / piece.len() {
        client.write(&chunk).unwrap();
    }
    let line = format!("\n{}\n", ticket("small", "after the large one"));
    let last = format!("{:x}\r\n{line}\r\n0\r\n\r\n", line.len());
    client.write(last.as_bytes()).unwrap();
    let mut answer = String::new();
    client.stream.read_to_string(&mut answer).unwrap();
    let rows = rows(&answer);
    let refused = rows.iter().find(|row| row["line"] == 1).unwrap();
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("the line has 1073741824 bytes"), "{detail}");
    let report = rows.iter().find(|row| row["done"] == true).unwrap();
    assert_eq!(
        (&report["created"], &report["refused"]),
        (&1.into(), &1.into()),
        "{report}"
    );
    assert_memory_bounded(&server);
    assert_eq!(server.get("/v1/tickets/small").status, 200);
}

/// An import of scanned manuals has lines of megabytes: what waits to be stored is bounded in
/// bytes, not only in documents.
#[test]
fn an_import_of_large_documents_is_not_held_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let mut client = Client::connect(server.address());
    let head = "POST /v1/import HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
    client.write(head.as_bytes()).unwrap();
    let text = "0123456 ".repeat(3_500_000 / 8);
    for n in 0..48 {
        let line = format!(
            r#"{{"kind":"ticket","id":"large-{n}","subject":"a manual","scanned":"{text}"}}"#
        );
        let chunk = format!("{:x}\r\n{line}\n\r\n", line.len() + 1);
        client.write(chunk.as_bytes()).unwrap();
    }
    client.write(b"0\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.stream.read_to_string(&mut answer).unwrap();
    let rows = rows(&answer);
    assert_eq!(rows.last().unwrap()["created"], 48, "{answer}");
    crate::faults::wait_caught_up(&server);
    let peak = peak_mib(server.pid());
    assert!(peak < 200, "the server took {peak} MiB");
    eprintln!("peak {peak} MiB");
}

/// Clients that begin and never end cost nothing but a place; who finds no place is told so, and
/// the places of those that go are given back.
#[test]
fn ten_thousand_half_requests_are_held_and_the_next_client_is_told_to_come_back() {
    let _turn = allow_connections(HALF_REQUESTS + REFUSED);
    let folder = tempfile::tempdir().unwrap();
    load_demo(folder.path());
    let settings = [
        ("HEAD_TIMEOUT_MS", NEVER_MS),
        ("BODY_TIMEOUT_MS", NEVER_MS),
        ("MAX_CONNECTIONS", &HALF_REQUESTS.to_string()),
    ];
    let server = server_with(folder.path(), &settings);
    let held = begin_half_requests(&server);
    for n in 0..REFUSED {
        let mut client = Client::connect(server.address());
        if n % 2 == 0 {
            // May come too late to be read; the answer is there all the same.
            client
                .write(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
                .unwrap_or_default();
        }
        let answer = client.answer().unwrap();
        assert_eq!(answer.status, 503, "there is no place: {answer:?}");
        assert!(
            answer.is_problem() && answer.head.contains("retry-after: "),
            "{answer:?}"
        );
    }
    assert_memory_bounded(&server);
    drop(held);
    until("there are places again", || {
        server.get("/healthz").status == 200
    });
    assert_at_work(&server);
}

/// Patience ends: every one of them is told so and its place is free for somebody else.
#[test]
fn ten_thousand_half_requests_are_answered_when_patience_ends() {
    let _turn = allow_connections(HALF_REQUESTS);
    let folder = tempfile::tempdir().unwrap();
    load_demo(folder.path());
    let settings = [
        ("HEAD_TIMEOUT_MS", "5000"),
        ("BODY_TIMEOUT_MS", "5000"),
        ("MAX_CONNECTIONS", &HALF_REQUESTS.to_string()),
    ];
    let server = server_with(folder.path(), &settings);
    for client in &mut begin_half_requests(&server) {
        let answer = client.answer().unwrap();
        assert_eq!(answer.status, 408, "{answer:?}");
        assert!(
            answer.is_problem() && answer.head.contains("connection: close"),
            "{answer:?}"
        );
        let mut rest = Vec::new();
        client.stream.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty(), "the connection ends after the answer");
    }
    assert_memory_bounded(&server);
    assert_eq!(
        server.get("/v1/tickets/half").status,
        404,
        "half a document is none"
    );
    assert_at_work(&server);
}

/// A storm of searches must give quick answers to some and a clear "later" to the others, and
/// leave no trace.
#[test]
fn five_thousand_searches_at_once_are_answered_or_sent_away() {
    const SEARCHES: usize = 5_000;
    let _turn = allow_connections(SEARCHES);
    let folder = tempfile::tempdir().unwrap();
    load_demo(folder.path());
    let settings = [("MAX_CONNECTIONS", "5100"), ("HEAD_TIMEOUT_MS", NEVER_MS)];
    let server = server_with(folder.path(), &settings);
    let mut clients: Vec<Client> = (0..SEARCHES)
        .map(|_| Client::connect(server.address()))
        .collect();
    let request = "GET /v1/search?q=printer+vpn+password+outlook+slow+laptop&limit=20 \
                   HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let (mut n_answered, mut n_refused) = (0, 0);
    for client in &mut clients {
        client.write(request.as_bytes()).unwrap();
    }
    for client in &mut clients {
        let answer = client.answer().unwrap();
        match answer.status {
            200 => n_answered += 1,
            503 => {
                n_refused += 1;
                assert!(answer.is_problem(), "{answer:?}");
                assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
            }
            _ => panic!("{answer:?}"),
        }
    }
    eprintln!("{n_answered} answered, {n_refused} refused");
    assert_eq!(n_answered + n_refused, SEARCHES);
    assert!(
        n_answered > 0 && n_refused > 0,
        "{n_answered} answered, {n_refused} refused"
    );
    drop(clients);
    assert_memory_bounded(&server);
    assert_at_work(&server);
}
