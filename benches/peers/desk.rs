//! Firstline's part: a data folder, opened and complete.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use firstline::import::{Options, ndjson, open};
use firstline::model::Kind;
use firstline::{Audience, Document, Engine, SearchQuery, Settings};

use super::data::Data;
use super::measure::Answer;

pub struct Desk {
    engine: Engine,
    articles: PathBuf,
    folder: PathBuf,
    analyst: Audience,
    _temporary: Option<tempfile::TempDir>,
}

impl Desk {
    /// The articles of the demo desk, in a temporary folder.
    pub fn demo(data: &Data) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().to_owned();
        let mut file = BufWriter::new(File::create(folder.join("articles.ndjson")).unwrap());
        for document in &data.documents {
            if matches!(document, Document::Article(_)) {
                serde_json::to_writer(&mut file, document).unwrap();
                file.write_all(b"\n").unwrap();
            }
        }
        file.flush().unwrap();
        Self {
            _temporary: Some(temporary),
            ..Self::of_folder(&folder)
        }
    }

    /// The desk in `folder/desk`, imported from `folder/articles.ndjson` when it is empty.
    pub fn of_folder(folder: &Path) -> Self {
        let desk = Self {
            engine: Engine::open(&folder.join("desk"), Settings::default()).unwrap(),
            articles: folder.join("articles.ndjson"),
            folder: folder.join("desk"),
            analyst: Audience::Analyst(std::collections::BTreeSet::new()),
            _temporary: None,
        };
        if desk.n_articles() == 0 {
            let reader = open(&desk.articles, |_| ()).unwrap();
            let started = Instant::now();
            desk.engine
                .import(ndjson(reader, Options::default()), &mut |_| ())
                .unwrap();
            desk.wait();
            println!("Firstline: imported in {:.0?}", started.elapsed());
        }
        desk.wait();
        desk
    }

    /// Waits until all is found, also after a rebuild that another version asks for.
    fn wait(&self) {
        let newest = self.engine.status().unwrap().store.seq;
        while !self.engine.is_ready()
            || self.engine.rebuild_progress(Kind::Article).is_some()
            || self.engine.wait_visible(newest).is_err()
        {
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub fn articles(&self) -> &Path {
        &self.articles
    }

    pub fn n_articles(&self) -> u64 {
        self.engine.status().unwrap().store.articles
    }

    pub fn size_mb(&self) -> u64 {
        size_bytes(&self.folder) / 1_000_000
    }

    pub fn search(&self, query: &str) -> Answer {
        let query = SearchQuery::text(query);
        let started = Instant::now();
        let answer = self.engine.search(&query, &self.analyst).unwrap();
        Answer {
            took: started.elapsed(),
            n_hits: answer.hits.len(),
        }
    }
}

fn size_bytes(path: &Path) -> u64 {
    let metadata = path.metadata().unwrap();
    if metadata.is_file() {
        return metadata.len();
    }
    let entries = std::fs::read_dir(path).unwrap();
    entries
        .map(|entry| size_bytes(&entry.unwrap().path()))
        .sum()
}
