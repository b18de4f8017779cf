//! Upkeep: who may use a data folder, and what backup, restore and rebuild keep.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use crate::faults::{Client, Ledger, assert_clean, load_demo, ticket, until, wait_caught_up};
use crate::support::{Server, run, run_json, stderr};

/// Two writers on one folder would each believe to be the only one; the second must not start.
#[test]
fn a_second_server_is_refused_and_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    assert_eq!(
        server.put("/v1/tickets/a", &ticket("a", "first")).status,
        201
    );
    for args in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["rebuild"],
        &["import", "-"],
    ] {
        let output = run(folder.path(), args);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{args:?}: {}",
            stderr(&output)
        );
        let message = stderr(&output);
        let holder = format!("in use by process {}", server.pid());
        assert!(
            message.contains(&holder),
            "{args:?} says who has it: {message}"
        );
    }
    assert_eq!(server.get("/v1/tickets/a").status, 200);
    assert_eq!(
        server.put("/v1/tickets/b", &ticket("b", "second")).status,
        201
    );
    server.kill();
    let server = Server::start(folder.path());
    assert_eq!(
        server.get("/v1/tickets/b").status,
        200,
        "a lock dies with its process"
    );
}

/// Every file below a folder with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path.clone());
                files.insert(path, Vec::new());
            } else {
                files.insert(path.clone(), fs::read(path).unwrap());
            }
        }
    }
    files
}

/// Somebody starts an old version on the folder of a newer one: whatever it did there, the newer
/// one would have to live with.
#[test]
fn a_folder_of_a_newer_format_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    load_demo(folder.path());
    let store = folder.path().join("firstline.db");
    let connection = rusqlite::Connection::open(&store).unwrap();
    let format: i32 = connection
        .pragma_query_value(None, "user_version", |r| r.get(0))
        .unwrap();
    connection
        .pragma_update(None, "user_version", format + 1)
        .unwrap();
    connection.close().unwrap();
    let before = files(folder.path());
    let target = folder.path().with_extension("backup");
    let target = target.to_str().unwrap();
    let commands: [&[&str]; 9] = [
        &["serve", "--listen", "127.0.0.1:0"],
        &["rebuild"],
        &["import", "-"],
        &["verify"],
        &["status"],
        &["search", "printer"],
        &["backup", target],
        &["keys", "list"],
        &["keys", "add", "new", "--role", "admin"],
    ];
    for args in commands {
        let output = run(folder.path(), args);
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {message}");
        let says = format!(
            "data format {}, this version knows up to {format}",
            format + 1
        );
        assert!(message.contains(&says), "{args:?}: {message}");
        assert!(
            message.contains("nothing was changed"),
            "{args:?}: {message}"
        );
        assert!(
            files(folder.path()) == before,
            "{args:?} touched the folder"
        );
    }
    assert!(!Path::new(target).exists());
}

/// A rebuild is what an administrator tries first, so it must change no answer and end by itself.
#[test]
fn a_rebuild_from_the_command_line_keeps_every_answer() {
    let folder = tempfile::tempdir().unwrap();
    load_demo(folder.path());
    let search = || run_json(folder.path(), &["search", "printer"])["hits"].clone();
    let before = search();
    let output = run(folder.path(), &["rebuild", "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let indexes: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let status = run_json(folder.path(), &["status"]);
    for index in indexes.as_array().unwrap() {
        let stored = &status["store"][format!("{}s", index["kind"].as_str().unwrap())];
        // Drafts and archived articles are stored, but not to be found.
        let n_documents = index["documents"].as_u64().unwrap();
        assert!(
            (1..=stored.as_u64().unwrap()).contains(&n_documents),
            "{index}"
        );
        assert_eq!(
            (&index["is_ready"], &index["rebuild"]),
            (&json!(true), &json!(null))
        );
        assert_eq!(index["seq"], status["store"]["seq"]);
    }
    assert_eq!(search(), before);
    assert_clean(folder.path());
}

/// Stores a ticket.
fn put(client: &mut Client, id: &str, subject: &str) {
    let answer = client
        .put(&format!("/v1/tickets/{id}"), &ticket(id, subject))
        .unwrap();
    assert!([200, 201].contains(&answer.status), "{answer:?}");
}

/// A backup is taken while people work, and is worth what its restore is: a whole store of one
/// moment, with everything that was acknowledged before it began.
#[test]
fn a_backup_under_writes_restores_to_a_clean_desk() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("desk");
    load_demo(&folder);
    let server = Server::start(&folder);
    let mut ledger = Ledger::default();
    let mut client = Client::connect(server.address());
    for n in 0..50 {
        let id = format!("before-{n}");
        put(&mut client, &id, "acknowledged");
        ledger.acknowledged(&id, "acknowledged");
    }
    let is_done = AtomicBool::new(false);
    let backups: Vec<PathBuf> = (0..3)
        .map(|n| parent.path().join(format!("b{n}.db")))
        .collect();
    let n_written = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let address = server.address();
        scope.spawn(|| {
            let mut client = Client::connect(address);
            while !is_done.load(Ordering::Relaxed) {
                let n = n_written.load(Ordering::Relaxed);
                put(
                    &mut client,
                    &format!("during-{}", n % 30),
                    &format!("state {n}"),
                );
                n_written.fetch_add(1, Ordering::Relaxed);
            }
        });
        until("somebody writes", || n_written.load(Ordering::Relaxed) > 0);
        for backup in &backups {
            let output = run(&folder, &["backup", backup.to_str().unwrap()]);
            assert!(output.status.success(), "{}", stderr(&output));
        }
        is_done.store(true, Ordering::Relaxed);
    });
    let again = run(&folder, &["backup", backups[0].to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(2), "a backup overwrites nothing");

    for backup in &backups {
        let restored = backup.with_extension("restored");
        let output = run(&restored, &["restore", backup.to_str().unwrap()]);
        assert!(output.status.success(), "{}", stderr(&output));
        let server = Server::start(&restored);
        until("ready", || server.get("/readyz").status == 200);
        wait_caught_up(&server);
        assert_clean(&restored);
        let mut client = Client::connect(server.address());
        for id in ledger.ids() {
            ledger.check(&mut client, &id);
        }
        let again = run(&restored, &["restore", backup.to_str().unwrap()]);
        assert_eq!(again.status.code(), Some(2), "a restore overwrites nothing");
    }
}
