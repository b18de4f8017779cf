//! Holds the table of which module may import which.

use std::collections::BTreeMap;
use std::path::Path;

/// Module, and what it may import from this crate. Adding an arrow means adding it here, with the
/// reason in the commit.
const MAY_IMPORT: [(&str, &str); 13] = [
    ("model", ""),
    ("text", ""),
    ("config", "model"),
    ("import", "model text"),
    ("store", "model"),
    ("index", "model text"),
    ("search", "model text index"),
    ("similar", "model text index"),
    ("triage", "model text"),
    (
        "engine",
        "model text config import store index search similar triage",
    ),
    (
        "eval",
        "config engine import model search similar triage Engine",
    ),
    (
        "http",
        "engine config model index search similar store import triage",
    ),
    (
        "cli",
        "engine eval http config model store import index search similar triage Settings Engine \
         Rules Audience SearchQuery SimilarQuery TicketId TicketText",
    ),
];

/// Packages that only some modules may use.
const ONLY_IN: [(&str, &str); 7] = [
    ("tantivy", "index search similar"),
    ("rusqlite", "store"),
    ("axum", "http"),
    ("hyper", "http"),
    ("tokio", "http cli"),
    ("clap", "cli"),
    ("anyhow", "cli"),
];

/// The lines of code of every module, with the file they are in.
fn sources() -> BTreeMap<String, Vec<(String, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            let Some((module, _)) = name.split_once('/') else {
                continue;
            };
            let text = std::fs::read_to_string(&path).unwrap();
            // Unit tests may use whatever helps them.
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
            let lines = code
                .lines()
                .map(str::trim)
                .filter(|line| !line.starts_with("//"))
                .map(|line| (name.clone(), line.to_owned()));
            if !name.ends_with("tests.rs") {
                sources.entry(module.to_owned()).or_default().extend(lines);
            }
        }
    }
    sources
}

/// The first names after `crate::` in a line, braces included.
fn imported(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let before = line.get(..at).unwrap_or_default();
        if before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &line[at + "crate::".len()..];
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        match rest.strip_prefix('{') {
            Some(list) => names.extend(
                list.split('}')
                    .next()
                    .unwrap()
                    .split(',')
                    .map(|name| name.trim().chars().take_while(|&c| is_name(c)).collect()),
            ),
            None => names.push(rest.chars().take_while(|&c| is_name(c)).collect()),
        }
    }
    names
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let table: BTreeMap<&str, &str> = MAY_IMPORT.into_iter().collect();
    let mut wrong = Vec::new();
    let mut n_arrows = 0;
    for (module, lines) in sources() {
        let allowed = table
            .get(module.as_str())
            .unwrap_or_else(|| panic!("{module} is not known"));
        for (file, line) in lines {
            for name in imported(&line) {
                n_arrows += 1;
                if name != module && !allowed.split_whitespace().any(|known| known == name) {
                    wrong.push(format!("{file} imports {name}: {line}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        n_arrows > 50,
        "the test reads the imports at all: {n_arrows}"
    );
}

#[test]
fn packages_stay_in_their_modules() {
    let mut wrong = Vec::new();
    for (module, lines) in sources() {
        for (package, modules) in ONLY_IN {
            if modules.split_whitespace().any(|allowed| allowed == module) {
                continue;
            }
            let uses = [format!("use {package}::"), format!(" {package}::")];
            for (file, line) in &lines {
                if uses.iter().any(|path| line.contains(path.as_str())) {
                    wrong.push(format!("{file} uses {package}: {line}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
