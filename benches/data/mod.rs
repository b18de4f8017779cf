//! What the benches work on: the demo desk, or the folder that `FIRSTLINE_BENCH_DATA` names, which
//! has documents as `docs*.jsonl.gz` and queries as `queries.jsonl.gz`.

#![allow(dead_code, reason = "every bench uses its part")]

pub mod million;

use std::io::BufRead;
use std::path::{Path, PathBuf};

use firstline::import::{Options, Taken, ndjson, open};
use firstline::{Document, Engine, Settings};

/// The name of the queries in the folder.
const QUERIES: &str = "queries.jsonl.gz";

/// A set of documents and the queries to it.
pub struct Data {
    /// For the ids of benches.
    pub name: String,
    pub documents: Vec<Document>,
    pub queries: Vec<Query>,
}

/// A query, and how it came to be where that is known: `short`, `title` or `ticket`.
pub struct Query {
    pub text: String,
    kind: Option<String>,
}

impl Query {
    /// Whether it is of this kind, or may be.
    pub fn is(&self, kind: &str) -> bool {
        self.kind.as_ref().is_none_or(|own| own == kind)
    }
}

impl Data {
    /// Reads at most `limit` documents.
    pub fn load(limit: usize) -> Self {
        match std::env::var_os("FIRSTLINE_BENCH_DATA") {
            Some(folder) => Self::of_folder(Path::new(&folder), limit),
            None => Self::demo(limit),
        }
    }

    pub fn demo(limit: usize) -> Self {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
        let files = [
            files(&corpus.join("demo/articles")),
            files(&corpus.join("demo/tickets")),
        ];
        Self {
            name: "demo".to_owned(),
            documents: documents(&files.concat(), limit),
            queries: queries(&corpus.join("eval/search/queries.jsonl")),
        }
    }

    fn of_folder(folder: &Path, limit: usize) -> Self {
        Self {
            name: folder.file_name().unwrap().to_string_lossy().into_owned(),
            documents: documents(&texts_of(folder), limit),
            queries: queries(&folder.join(QUERIES)),
        }
    }

    /// An engine in a temporary folder that has all documents.
    pub fn engine(&self) -> (tempfile::TempDir, Engine) {
        let folder = tempfile::tempdir().unwrap();
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/demo/rules.toml");
        std::fs::copy(rules, folder.path().join("rules.toml")).unwrap();
        let engine = Engine::open(folder.path(), Settings::default()).unwrap();
        self.import_into(&engine);
        (folder, engine)
    }

    /// Stores all documents and waits until they can be found.
    pub fn import_into(&self, engine: &Engine) {
        let mut newest = 0;
        for batch in self.documents.chunks(1_000) {
            for document in batch {
                // All of a batch but the last go without waiting, as an import sends them.
                engine
                    .submit(
                        firstline::store::Change::Put(Box::new(document.clone())),
                        |_| (),
                    )
                    .or_else(|_| engine.put(document.clone()).map(|_| ()))
                    .unwrap();
            }
            newest = engine.put(batch.last().unwrap().clone()).unwrap();
        }
        engine.wait_visible(newest).unwrap();
    }
}

/// The files with the documents of the folder that `FIRSTLINE_BENCH_DATA` names.
pub fn texts() -> Vec<PathBuf> {
    let folder = std::env::var_os("FIRSTLINE_BENCH_DATA").unwrap();
    texts_of(Path::new(&folder))
}

/// The queries of that folder that are whole tickets.
pub fn ticket_queries() -> Vec<Query> {
    let folder = std::env::var_os("FIRSTLINE_BENCH_DATA").unwrap();
    let mut queries = queries(&Path::new(&folder).join(QUERIES));
    queries.retain(|query| query.kind.as_deref() == Some("ticket"));
    queries
}

fn texts_of(folder: &Path) -> Vec<PathBuf> {
    let is_queries = |path: &PathBuf| path.ends_with(QUERIES);
    files(folder)
        .into_iter()
        .filter(|path| !is_queries(path))
        .collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.to_string_lossy();
            let name = name.strip_suffix(".gz").unwrap_or(&name);
            name.ends_with(".jsonl") || name.ends_with(".ndjson")
        })
        .collect();
    files.sort();
    files
}

fn documents(files: &[PathBuf], limit: usize) -> Vec<Document> {
    let mut documents = Vec::new();
    for file in files {
        let records = ndjson(open(file, |_| ()).unwrap(), Options::default());
        let left = limit - documents.len();
        documents.extend(
            records
                .take(left)
                .filter_map(|record| match record.content.unwrap() {
                    Taken::Document(mapped) => Some(mapped.document),
                    Taken::Skipped(_) => None,
                }),
        );
    }
    documents
}

fn queries(file: &Path) -> Vec<Query> {
    let query = |line: Result<String, _>| {
        let query: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let value = |field: &str| query[field].as_str().map(str::to_owned);
        Query {
            text: value("text").unwrap_or_default(),
            kind: value("kind"),
        }
    };
    open(file, |_| ())
        .unwrap()
        .lines()
        .map(query)
        .filter(|query| !query.text.is_empty())
        .collect()
}
