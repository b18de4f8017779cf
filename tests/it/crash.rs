//! Crashes: the server is killed in the middle of writes, again and again, on one folder.

use std::io::BufRead;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use crate::faults::{Client, Ledger, assert_clean, ticket, wait_caught_up};
use crate::support::Server;

const ROUNDS: u32 = 30;
const WRITERS: u32 = 3;

/// Tickets that each writer changes in turn.
const TICKETS: u32 = 20;

/// Lines of one import; a row of progress comes every thousand.
const LINES: u32 = 4_000;

/// What a client learned.
enum Event {
    Sent(String, String),
    Stored(String, String),
    /// Everything up to this line of the import is stored.
    Imported(u32),
}

fn imported(round: u32, line: u32) -> (String, String) {
    (
        format!("import-{line}"),
        format!("round {round} line {line}"),
    )
}

/// Puts tickets until the server is gone.
fn writer(address: &str, round: u32, writer: u32, events: Sender<Event>) -> JoinHandle<()> {
    let mut client = Client::connect(address);
    std::thread::spawn(move || {
        for n in 0.. {
            let (id, subject) = (format!("w{writer}-{}", n % TICKETS), format!("{round} {n}"));
            events
                .send(Event::Sent(id.clone(), subject.clone()))
                .unwrap();
            match client.put(&format!("/v1/tickets/{id}"), &ticket(&id, &subject)) {
                Ok(answer) if [200, 201].contains(&answer.status) => {
                    events.send(Event::Stored(id, subject)).unwrap();
                }
                Ok(answer) => panic!("{answer:?}"),
                Err(_) => return,
            }
        }
    })
}

/// Streams an import, and reads its progress, until the server is gone.
fn importer(address: &str, round: u32, events: Sender<Event>) -> [JoinHandle<()>; 2] {
    let mut client = Client::connect(address);
    let writing = client.stream.get_ref().try_clone().unwrap();
    let reading = std::thread::spawn(move || {
        let mut line = String::new();
        while client
            .stream
            .read_line(&mut line)
            .is_ok_and(|n_bytes| n_bytes > 0)
        {
            if let Ok(row) = serde_json::from_str::<serde_json::Value>(&line)
                && let Some(through_line) = row["through_line"].as_u64()
            {
                events
                    .send(Event::Imported(u32::try_from(through_line).unwrap()))
                    .unwrap();
            }
            line.clear();
        }
    });
    let sending = std::thread::spawn(move || {
        let head = "POST /v1/import HTTP/1.1\r\nhost: localhost\r\n\
                    content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
        let send = |text: &str| std::io::Write::write_all(&mut &writing, text.as_bytes());
        let mut sent = send(head);
        for line in 1..=LINES {
            let (id, subject) = imported(round, line);
            let line = format!("{}\n", ticket(&id, &subject));
            sent = sent.and_then(|()| send(&format!("{:x}\r\n{line}\r\n", line.len())));
        }
        // The stream stays open: it is in the middle whenever the server is killed.
        drop(sent);
    });
    [reading, sending]
}

/// Takes events until the server should die; gives the line up to which the import is stored.
fn watch(events: &Receiver<Event>, round: u32, ledger: &mut Ledger) -> u32 {
    // Somewhere else in every round; every third one only after a part of the import is stored.
    let n_wanted = 3 + round * 7 % 40;
    let (mut n_stored, mut through_line) = (0, 0);
    while n_stored < n_wanted || (round.is_multiple_of(3) && through_line == 0) {
        match events.recv().unwrap() {
            Event::Imported(line) => through_line = line,
            Event::Sent(id, subject) => ledger.sent(&id, &subject),
            Event::Stored(id, subject) => {
                n_stored += 1;
                ledger.acknowledged(&id, &subject);
            }
        }
    }
    through_line
}

/// A desk is told "stored" once; after that a crash must not cost it the document, nor leave the
/// index with another opinion than the store.
#[test]
fn what_was_acknowledged_survives_thirty_kills() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::default();
    let (mut n_checked, mut n_rows) = (0, 0);
    let mut server = Server::start(folder.path());
    for round in 0..ROUNDS {
        let (sender, events) = channel();
        for line in 1..=LINES {
            let (id, subject) = imported(round, line);
            ledger.sent(&id, &subject);
        }
        let mut threads: Vec<_> = (0..WRITERS)
            .map(|index| writer(server.address(), round, index, sender.clone()))
            .collect();
        threads.extend(importer(server.address(), round, sender));
        let mut through_line = watch(&events, round, &mut ledger);
        server.kill();
        for thread in threads {
            thread.join().unwrap();
        }
        // Answers that were on their way when the server died count as well.
        for event in events {
            match event {
                Event::Imported(line) => through_line = line,
                Event::Sent(id, subject) => ledger.sent(&id, &subject),
                Event::Stored(id, subject) => ledger.acknowledged(&id, &subject),
            }
        }
        let mut touched: Vec<String> = (0..WRITERS * TICKETS)
            .map(|n| format!("w{}-{}", n / TICKETS, n % TICKETS))
            .collect();
        for line in 1..=through_line {
            let (id, subject) = imported(round, line);
            ledger.acknowledged(&id, &subject);
            touched.push(id);
        }
        n_rows += u32::from(through_line > 0);
        let known = ledger.ids();
        touched.retain(|id| known.binary_search(id).is_ok());

        server = Server::start(folder.path());
        let mut client = Client::connect(server.address());
        for id in &touched {
            ledger.check(&mut client, id);
        }
        n_checked += touched.len();
        wait_caught_up(&server);
        assert_clean(folder.path());
    }
    let mut client = Client::connect(server.address());
    let known = ledger.ids();
    for id in &known {
        ledger.check(&mut client, id);
    }
    eprintln!(
        "{n_checked} checks in {n_rows} rounds with imports, {} tickets",
        known.len()
    );
    assert!(
        n_rows >= ROUNDS / 3,
        "the imports were killed before anything was stored"
    );
}
