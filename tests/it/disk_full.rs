//! A full disk: writes are refused in words, reads go on, and all is well once there is room.
//!
//! Two ways to have one: a small file system of its own where mounting is allowed, and a limit on
//! the size of files, which works everywhere.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::faults::{
    Client, Ledger, assert_clean, assert_clean_with, ticket, until, wait_caught_up,
};
use crate::support::{Server, program};

/// A ticket of about 40 KB, with other words in each.
fn large_ticket(id: &str, subject: &str) -> Value {
    let mut ticket = ticket(id, subject);
    let words: Vec<String> = (0..4_000).map(|n| format!("{id}x{n}")).collect();
    ticket["description"] = Value::from(words.join(" "));
    ticket
}

/// Puts tickets until the disk is full.
fn fill(server: &Server, ledger: &mut Ledger) {
    let mut client = Client::connect(server.address());
    for n in 0..2_000 {
        let id = format!("t{n}");
        ledger.sent(&id, "filling");
        let put = client
            .put(&format!("/v1/tickets/{id}"), &large_ticket(&id, "filling"))
            .unwrap();
        match put.status {
            200 | 201 => ledger.acknowledged(&id, "filling"),
            507 => {
                assert!(put.is_problem(), "{put:?}");
                assert!(n > 3, "it filled only after a while");
                return;
            }
            _ => panic!("{put:?}"),
        }
    }
    panic!("the disk never filled");
}

/// Refuses writes, answers reads.
fn assert_reads_go_on(server: &Server, ledger: &Ledger) {
    let mut client = Client::connect(server.address());
    for n in 0..20 {
        let id = format!("new{n}");
        let put = client
            .put(&format!("/v1/tickets/{id}"), &large_ticket(&id, "new"))
            .unwrap();
        assert_eq!(put.status, 507, "{put:?}");
        assert_eq!(
            client.get(&format!("/v1/tickets/{id}")).status,
            404,
            "nothing of it is kept"
        );
    }
    let rows = (0..3).map(|n| large_ticket(&format!("row{n}"), "new").to_string());
    let lines = rows.collect::<Vec<_>>().join("\n");
    let headers = [("content-type", "application/x-ndjson")];
    let import = server.send("POST", "/v1/import", &headers, lines);
    assert_eq!(import.status, 507, "{import:?}");
    for id in ledger.ids() {
        ledger.check(&mut client, &id);
    }
    assert_eq!(client.get("/v1/search?q=printer").status, 200);
    assert_eq!(client.get("/v1/status").status, 200);
    assert_eq!(client.get("/readyz").status, 200);
}

/// Everything acknowledged is there, writes work, and the index has no gap.
fn assert_well(server: &Server, ledger: &mut Ledger, verify: impl Fn()) {
    let mut client = Client::connect(server.address());
    until("there is room", || {
        client
            .put("/v1/tickets/late", &large_ticket("late", "late"))
            .unwrap()
            .status
            < 300
    });
    ledger.acknowledged("late", "late");
    wait_caught_up(server);
    for id in ledger.ids() {
        ledger.check(&mut client, &id);
    }
    let status = server.get("/v1/status").json();
    for index in status["indexes"].as_array().unwrap() {
        assert_eq!(index["rejected"], Value::Null, "no document was to blame");
        assert_eq!(index["last_error"], Value::Null);
    }
    verify();
}

/// Quotas, limits of a service manager and full disks all look alike from here: a write that does
/// not get its bytes down must not be acknowledged, nor end the service.
#[test]
fn a_limit_on_files_refuses_writes_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::default();
    let server = Server::start(folder.path());
    let mut client = Client::connect(server.address());
    client
        .put("/v1/tickets/early", &ticket("early", "early"))
        .unwrap();
    ledger.acknowledged("early", "early");
    wait_caught_up(&server);
    assert_eq!(server.stop(), Some(0));

    let mut limited = Command::new("sh");
    // In blocks of 512 bytes, or of 1024 where `sh` is bash.
    let script = r#"trap "" XFSZ; ulimit -f 1500; exec "$0" "$@""#;
    limited.args(["-c", script]).arg(program().get_program());
    let server = Server::start_with(limited, folder.path(), &["--log", "off"]);
    fill(&server, &mut ledger);
    assert_reads_go_on(&server, &ledger);
    assert_eq!(server.stop(), Some(0));

    let server = Server::start(folder.path());
    assert_well(&server, &mut ledger, || assert_clean(folder.path()));
}

/// A small file system that only we see, gone with us.
struct SmallDisk {
    holder: Child,
    folder: tempfile::TempDir,
    is_own_user: bool,
}

impl SmallDisk {
    /// None where mounting is not allowed, with a word about it.
    fn new(mib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let script = format!(
            "mount -t tmpfs -o size={mib}m,mode=777 tmpfs '{}' && echo mounted && exec cat",
            folder.path().display()
        );
        for (flags, is_own_user) in [("-m", false), ("-rm", true)] {
            let holder = Command::new("unshare")
                .args([flags, "sh", "-c", &script])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn();
            let Ok(mut holder) = holder else { break };
            let mut line = String::new();
            let stdout = holder.stdout.as_mut().unwrap();
            BufReader::new(stdout).read_line(&mut line).unwrap();
            if line == "mounted\n" {
                return Some(Self {
                    holder,
                    folder,
                    is_own_user,
                });
            }
            holder.wait().unwrap();
        }
        eprintln!("skipped: no small file system can be mounted here");
        None
    }

    /// Runs the program where it sees the disk.
    fn program(&self) -> Command {
        self.inside(program().get_program())
    }

    /// Runs something where it sees the disk.
    fn inside(&self, what: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-m", "-t", &self.holder.id().to_string()]);
        if self.is_own_user {
            command.args(["-U", "--preserve-credentials"]);
        }
        command.arg("--").arg(what);
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("desk")
    }

    /// A path of the disk as we see it from outside.
    fn seen(&self, path: &Path) -> PathBuf {
        let root = format!("/proc/{}/root", self.holder.id());
        Path::new(&root).join(path.strip_prefix("/").unwrap())
    }

    /// Takes all room but `kib`.
    fn leave(&self, kib: u64) {
        let script = r#"cd "$1"; free=$(df -Pk . | awk 'NR == 2 {print $4}')
            head -c $(((free - $2) * 1024)) /dev/zero > ballast"#;
        let mut command = self.inside("sh");
        let written = command
            .args(["-c", script, "sh"])
            .arg(self.folder.path())
            .arg(kib.to_string())
            .status();
        assert!(written.unwrap().success());
    }

    fn make_room(&self) {
        std::fs::remove_file(self.seen(&self.folder.path().join("ballast"))).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        self.holder.kill().unwrap_or_default();
        self.holder.wait().ok();
    }
}

/// The disk of a running desk fills up and is cleared by somebody: no restart must be needed, and
/// no document must be missing from the index because it came at the wrong time.
#[test]
fn a_full_disk_refuses_writes_until_there_is_room() {
    let Some(disk) = SmallDisk::new(64) else {
        return;
    };
    let mut ledger = Ledger::default();
    let server = Server::start_with(disk.program(), &disk.data(), &["--log", "off"]);
    // Several times, each with another rest for the index to stumble over.
    for kib in [900, 1_100, 1_700] {
        disk.leave(kib);
        fill(&server, &mut ledger);
        assert_reads_go_on(&server, &ledger);
        if kib == 1_700 {
            wait_stumbled(&server);
        }
        disk.make_room();
        assert_well(&server, &mut ledger, || {
            assert_clean_with(disk.program(), &disk.data())
        });
    }
    disk.leave(300);
    fill_up(&server, &mut ledger);
    server.kill();
    disk.make_room();
    let server = Server::start_with(disk.program(), &disk.data(), &["--log", "off"]);
    assert_well(&server, &mut ledger, || {
        assert_clean_with(disk.program(), &disk.data())
    });
}

/// Waits until the index has failed often enough to look for the one document that is to blame.
fn wait_stumbled(server: &Server) {
    let mut n_seen = 0;
    until("the index has stumbled", || {
        let status = server.get("/v1/status").json();
        n_seen += u32::from(status["indexes"][1]["last_error"].is_string());
        n_seen > 150
    });
}

/// Small changes to one ticket until none fits.
fn fill_up(server: &Server, ledger: &mut Ledger) {
    let mut client = Client::connect(server.address());
    for n in 0..100_000 {
        let subject = format!("state {n}");
        ledger.sent("changed", &subject);
        let put = client
            .put("/v1/tickets/changed", &ticket("changed", &subject))
            .unwrap();
        match put.status {
            200 | 201 => ledger.acknowledged("changed", &subject),
            507 => return,
            _ => panic!("{put:?}"),
        }
    }
    panic!("the disk never filled");
}

/// An index is made anew on a disk without room for it: reads by id go on, the disk is not filled
/// with one attempt after the other, and once there is room the index comes by itself.
#[test]
fn a_rebuild_without_room_is_done_when_there_is_room() {
    let Some(disk) = SmallDisk::new(64) else {
        return;
    };
    let mut ledger = Ledger::default();
    let server = Server::start_with(disk.program(), &disk.data(), &["--log", "off"]);
    let mut client = Client::connect(server.address());
    for n in 0..60 {
        let id = format!("t{n}");
        client
            .put(&format!("/v1/tickets/{id}"), &large_ticket(&id, "stored"))
            .unwrap();
        ledger.acknowledged(&id, "stored");
    }
    wait_caught_up(&server);
    assert_eq!(server.stop(), Some(0));
    let index = disk.seen(&disk.data()).join("tickets");
    std::fs::remove_dir_all(&index).unwrap();

    disk.leave(700);
    let server = Server::start_with(disk.program(), &disk.data(), &["--log", "off"]);
    until("the rebuild has failed", || {
        let status = server.get("/v1/status").json();
        status["indexes"][1]["last_error"].is_string()
    });
    assert_eq!(server.get("/readyz").status, 503);
    let mut client = Client::connect(server.address());
    for id in ledger.ids() {
        ledger.check(&mut client, &id);
    }
    let n_generations = || std::fs::read_dir(&index).map_or(0, Iterator::count);
    until("failed attempts are cleared away", || n_generations() == 0);
    disk.make_room();
    until("ready", || server.get("/readyz").status == 200);
    assert_well(&server, &mut ledger, || {
        assert_clean_with(disk.program(), &disk.data())
    });
}
