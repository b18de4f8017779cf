//! The articles in SQLite's own full-text index, ranked by its BM25 with the title weighted 3.
//!
//! Any word of the query may match, as for Firstline. The ten best are found by the column `rank`,
//! which SQLite sorts inside the index, and passages are cut for those ten only: asking for
//! `snippet()` and `bm25()` in one go cuts passages of every article that matches.

use std::time::Instant;

use firstline::Article;
use rusqlite::Connection;

use super::measure::Answer;

pub struct Fts5 {
    connection: Connection,
    folder: tempfile::TempDir,
}

impl Fts5 {
    pub fn build(articles: impl Iterator<Item = Article>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("fts5.db")).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL;
                 PRAGMA cache_size = -1000000;
                 CREATE VIRTUAL TABLE article USING fts5(id UNINDEXED, title, body, tokenize = 'porter unicode61');
                 INSERT INTO article(article, rank) VALUES ('rank', 'bm25(0, 3.0, 1.0)');
                 BEGIN;",
            )
            .unwrap();
        let mut insert = connection
            .prepare("INSERT INTO article VALUES (?1, ?2, ?3)")
            .unwrap();
        for article in articles {
            insert
                .execute([article.id.as_str(), &article.title, &article.body])
                .unwrap();
        }
        drop(insert);
        connection
            .execute_batch(
                "COMMIT;
                 INSERT INTO article(article) VALUES ('optimize');
                 PRAGMA wal_checkpoint(TRUNCATE);",
            )
            .unwrap();
        Self { connection, folder }
    }

    pub fn size_mb(&self) -> u64 {
        let file = self.folder.path().join("fts5.db");
        file.metadata().unwrap().len() / 1_000_000
    }

    pub fn search(&self, query: &str) -> Answer {
        let words: Vec<String> = query
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(|word| format!("\"{word}\""))
            .collect();
        let query = words.join(" OR ");
        let started = Instant::now();
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT id, title, snippet(article, 2, '*', '*', '', 24) FROM article
                 WHERE article MATCH ?1 ORDER BY rank LIMIT 10",
            )
            .unwrap();
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let hits: Vec<(String, String, String)> = statement
            .query_map([query], row)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        Answer {
            took: started.elapsed(),
            n_hits: hits.len(),
        }
    }
}
