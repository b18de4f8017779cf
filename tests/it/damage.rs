//! Damage: index files that are gone, cut or garbage. The store has everything, so an index is
//! made anew, while the desk goes on with what it has.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::faults::{assert_clean, copy, load_demo, until, wait_caught_up};
use crate::support::{Server, import, program, stderr};

const INDEXES: [&str; 2] = ["articles", "tickets"];

/// What the indexes of a desk answer, scores included.
fn answers(server: &Server) -> Vec<Value> {
    let mut answers = Vec::new();
    for q in ["vpn+password", "printer", "outlook+calendar+shared"] {
        answers.push(
            server
                .get(&format!("/v1/search?q={q}&limit=50&facets=category"))
                .json(),
        );
    }
    let similar = json!({"subject": "cannot print to the printer on the second floor"});
    answers.push(server.post("/v1/similar", &similar).json());
    for answer in &mut answers {
        answer.as_object_mut().unwrap().remove("took_us");
    }
    answers
}

/// The same answer, but for the last digit of a score: tantivy adds up the terms of a document in
/// an order that depends on the segments, and two documents less than that apart may change places.
fn assert_same(answer: &Value, expected: &Value, name: &str) {
    let is_close = |a: f64, b: f64| (a - b).abs() <= 1e-5 * b.abs();
    let score = |hit: &Value| hit["score"].as_f64().unwrap();
    let (mut answer, mut expected) = (answer.clone(), expected.clone());
    let hits = |answer: &mut Value| -> Vec<Value> {
        serde_json::from_value(answer["hits"].take()).unwrap()
    };
    let (found, wanted) = (hits(&mut answer), hits(&mut expected));
    assert_eq!(answer, expected, "{name}");
    assert_eq!(found.len(), wanted.len(), "{name}");
    let last = wanted.last().map(score).unwrap();
    for (found, wanted) in found.iter().zip(&wanted) {
        assert!(
            is_close(score(found), score(wanted)),
            "{name}: {found} {wanted}"
        );
    }
    for mut wanted in wanted {
        let Some(mut found) = found.iter().find(|hit| hit["id"] == wanted["id"]).cloned() else {
            assert!(
                is_close(score(&wanted), last),
                "{name}: {wanted} is not found"
            );
            continue;
        };
        let scores = (found["score"].take(), wanted["score"].take());
        assert!(
            is_close(scores.0.as_f64().unwrap(), scores.1.as_f64().unwrap()),
            "{name}"
        );
        assert_eq!(found, wanted, "{name}");
    }
}

/// As `assert_same`, for all answers.
fn assert_answers(server: &Server, expected: &[Value], name: &str) {
    for (answer, expected) in answers(server).iter().zip(expected) {
        assert_same(answer, expected, name);
    }
}

/// The folder of an index in a data folder.
fn index(folder: &Path, kind: &str) -> PathBuf {
    folder.join(kind)
}

/// The live generation of an index.
fn generation(index: &Path) -> PathBuf {
    index.join(fs::read_to_string(index.join("CURRENT")).unwrap().trim())
}

fn is_set_aside(index: &Path) -> bool {
    let entries = fs::read_dir(index)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    entries
        .filter(|name| name.to_string_lossy().starts_with("set-aside-"))
        .count()
        == 1
}

/// The demo desk with both indexes at rest, and what it answers.
fn desk(folder: &Path) -> Vec<Value> {
    load_demo(folder);
    let server = Server::start(folder);
    wait_caught_up(&server);
    let answers = answers(&server);
    assert_eq!(server.stop(), Some(0));
    answers
}

/// Damages a copy of the desk, and starts a server on it.
fn check(desk: &Path, expected: &[Value], name: &str, damage: &dyn Fn(&Path)) {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("desk");
    copy(desk, &folder);
    let indexes = INDEXES.map(|kind| index(&folder, kind));
    for index in &indexes {
        damage(index);
    }
    let server = Server::start(&folder);
    until(name, || server.get("/readyz").status == 200);
    wait_caught_up(&server);
    assert_answers(&server, expected, name);
    assert_clean(&folder);
    assert_eq!(server.stop(), Some(0), "{name}");
    for index in indexes {
        let is_gone = name == "the folder is gone";
        assert!(
            is_set_aside(&index) != is_gone,
            "{name}: the damaged index is kept"
        );
        let was = fs::read_to_string(index.join("CURRENT")).unwrap();
        assert_eq!(
            was,
            if is_gone {
                "generation-1\n"
            } else {
                "generation-2\n"
            },
            "{name}"
        );
    }
}

/// The damage to one file of the generation: the file, and what becomes of its bytes.
fn damaged_file(name: &str, new: fn(Vec<u8>) -> Option<Vec<u8>>) -> impl Fn(&Path) {
    move |index: &Path| {
        for entry in fs::read_dir(generation(index)).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().ends_with(name) {
                match new(fs::read(&path).unwrap()) {
                    Some(bytes) => fs::write(&path, bytes).unwrap(),
                    None => fs::remove_file(&path).unwrap(),
                }
            }
        }
    }
}

/// Bytes that look like nothing, the same in every run.
fn garbage(length: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

/// The ends of the names of all files of the generations.
fn kinds_of_files(desk: &Path) -> Vec<String> {
    let mut kinds: Vec<String> = INDEXES
        .iter()
        .flat_map(|kind| fs::read_dir(generation(&index(desk, kind))).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| fs::metadata(path).unwrap().len() > 0)
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let is_named = name.starts_with('.') || name == "meta.json";
            if is_named {
                name
            } else {
                format!(".{}", name.rsplit('.').next().unwrap())
            }
        })
        .collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

/// Whatever a disk or an administrator does to the files of an index, the desk must come back by
/// itself with the answers it had, and the damaged files must be there to look at.
#[test]
fn a_damaged_index_is_made_anew_from_the_store() {
    let parent = tempfile::tempdir().unwrap();
    let desk_folder = parent.path().join("desk");
    let expected = desk(&desk_folder);
    let check = |name: &str, damage: &dyn Fn(&Path)| check(&desk_folder, &expected, name, damage);
    check("the folder is gone", &|index| {
        fs::remove_dir_all(index).unwrap()
    });
    check("CURRENT is gone", &|index| {
        fs::remove_file(index.join("CURRENT")).unwrap()
    });
    check("CURRENT is garbage", &|index| {
        fs::write(index.join("CURRENT"), garbage(99)).unwrap()
    });
    check("CURRENT is empty", &|index| {
        fs::write(index.join("CURRENT"), "").unwrap()
    });
    check(
        "one bit of the postings is another",
        &damaged_file(".idx", |mut bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            Some(bytes)
        }),
    );
}

/// An index is many files, and any of them may be the one that is lost.
#[test]
fn a_damage_to_any_file_of_an_index_is_noticed() {
    let parent = tempfile::tempdir().unwrap();
    let desk_folder = parent.path().join("desk");
    let expected = desk(&desk_folder);
    let check = |name: &str, damage: &dyn Fn(&Path)| check(&desk_folder, &expected, name, damage);
    let kinds = kinds_of_files(&desk_folder);
    assert!(
        kinds.len() >= 7,
        "meta.json, .managed.json and the files of a segment: {kinds:?}"
    );
    for kind in kinds {
        let [articles, tickets] = INDEXES;
        let cut = damaged_file(&kind, |mut bytes| {
            bytes.truncate(bytes.len() / 2);
            Some(bytes)
        });
        let garbled = damaged_file(&kind, |bytes| Some(garbage(bytes.len())));
        let gone = damaged_file(&kind, |_| None);
        // Two at once, or the starts would take too long.
        check(
            &format!("{kind} is cut in one index, garbage in the other"),
            &|index| {
                if index.ends_with(articles) {
                    cut(index)
                } else {
                    garbled(index)
                }
            },
        );
        // tantivy makes its list of files anew when that is gone.
        if kind != ".managed.json" {
            check(
                &format!("{kind} is gone in one index, cut in the other"),
                &|index| {
                    if index.ends_with(tickets) {
                        cut(index)
                    } else {
                        gone(index)
                    }
                },
            );
        }
    }
}

/// A large desk takes a while to be made anew; nobody at the desk should notice more than a
/// warning meanwhile.
#[test]
fn a_desk_is_of_use_while_its_index_is_made_anew() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("desk");
    let body: Vec<String> = (0..150).map(|n| format!("word{n} stands here")).collect();
    let articles: Vec<Value> = (0..5_000)
        .map(|n| {
            json!({"kind": "article", "id": format!("KB-{n}"), "title": format!("Reset box{n}"),
                "body": body.join(" "), "visibility": "public"})
        })
        .collect();
    import(&folder, &articles);
    fs::write(index(&folder, "articles").join("CURRENT"), "generation-x").unwrap();

    let server = Server::start(&folder);
    let ready = server.get("/readyz");
    let search = server.get("/v1/search?q=box77");
    let by_id = server.get("/v1/articles/KB-77");
    assert_eq!(
        (ready.status, ready.header("retry-after")),
        (503, Some("1")),
        "{}",
        ready.body
    );
    assert!(ready.content_type.starts_with("application/problem+json"));
    assert!(
        ready.body.contains("articles"),
        "it says what is going on: {}",
        ready.body
    );
    assert_eq!(search.status, 200);
    assert_eq!(search.json()["hits"], json!([]));
    assert!(
        search.json()["warnings"][0]
            .as_str()
            .unwrap()
            .contains("being made anew")
    );
    assert_eq!(
        (by_id.status, by_id.json()["title"].as_str()),
        (200, Some("Reset box77"))
    );
    assert_eq!(server.get("/healthz").status, 200);
    let late = json!({"kind": "article", "id": "KB-late", "title": "Reset latecomer",
        "visibility": "public"});
    assert_eq!(
        server.put("/v1/articles/KB-late", &late).status,
        201,
        "writes go on"
    );

    until("ready", || server.get("/readyz").status == 200);
    wait_caught_up(&server);
    for (q, id) in [("box77", "KB-77"), ("latecomer", "KB-late")] {
        let answer = server.get(&format!("/v1/search?q={q}")).json();
        assert_eq!(
            (&answer["hits"][0]["id"], &answer["warnings"]),
            (&json!(id), &Value::Null)
        );
    }
    assert_clean(&folder);
    assert!(is_set_aside(&index(&folder, "articles")));
}

/// A server that is killed while it makes an index anew must not leave a part of one behind, nor
/// take it for the whole.
#[test]
fn a_rebuild_that_is_killed_starts_over() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("desk");
    let expected = desk(&folder);
    for index in INDEXES.map(|kind| index(&folder, kind)) {
        fs::write(generation(&index).join("meta.json"), "{").unwrap();
    }
    for _ in 0..5 {
        Server::start(&folder).kill();
    }
    let server = Server::start(&folder);
    until("ready", || server.get("/readyz").status == 200);
    wait_caught_up(&server);
    assert_answers(&server, &expected, "afterwards");
    assert_clean(&folder);
    for index in INDEXES.map(|kind| index(&folder, kind)) {
        let entries = fs::read_dir(&index)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let generations = entries.filter(|n| n.to_string_lossy().starts_with("generation-"));
        assert_eq!(
            generations.count(),
            1,
            "unfinished generations are cleared away"
        );
    }
}

/// Starts a server that must refuse to run.
fn ended(command: &mut Command, folder: &Path, what: &str) -> Output {
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    for _ in 0..1_000 {
        if child.try_wait().unwrap().is_some() {
            return child.wait_with_output().unwrap();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    panic!("{what}: the server runs: {}", stderr(&output));
}

/// A wrong permission says nothing about the index: making it anew would hide the cause, and cost
/// a large desk hours.
#[test]
fn a_permission_that_is_missing_is_no_reason_to_rebuild() {
    use std::os::unix::fs::PermissionsExt;
    const NOBODY: u32 = 65_534;
    let parent = tempfile::tempdir().unwrap();
    fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let folder = parent.path().join("desk");
    let expected = desk(&folder);
    let is_root = fs::read_to_string("/proc/self/status")
        .unwrap()
        .contains("\nUid:\t0\t");
    let as_somebody = || {
        let mut command = program();
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    };
    if as_somebody().arg("--version").output().is_err() {
        eprintln!("skipped: nobody cannot run the program where it is built");
        return;
    }
    if is_root {
        // Root may read everything, so somebody else has to try.
        let owner = format!("{NOBODY}:{NOBODY}");
        let mut chown = Command::new("chown");
        let owned = chown.args(["-R", &owner]).arg(&folder).status();
        assert!(owned.unwrap().success());
    }
    for what in ["CURRENT", "generation", "meta.json", ".managed.json"] {
        let index = index(&folder, "articles");
        let path = match what {
            "CURRENT" => index.join(what),
            "generation" => generation(&index),
            file => generation(&index).join(file),
        };
        let before = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        let output = ended(&mut as_somebody(), &folder, what);
        fs::set_permissions(&path, before).unwrap();
        assert_eq!(output.status.code(), Some(2), "{what}: {}", stderr(&output));
        assert!(
            stderr(&output).contains("ermission denied"),
            "{what}: {}",
            stderr(&output)
        );
        assert!(!is_set_aside(&index), "{what}");
    }
    let server = Server::start(&folder);
    assert_eq!(
        server.get("/readyz").status,
        200,
        "the index is used at once"
    );
    assert_answers(&server, &expected, "afterwards");
}
