//! The articles in PostgreSQL: a stored `tsvector` (title A, body D) with a GIN index, ranked by
//! `ts_rank_cd`, passages of the ten best by `ts_headline`.
//!
//! The server is the one of Debian's package, on a temporary folder, reached through a socket in that
//! folder, ended and removed with [`Server`]. It has room in memory for all it holds and works
//! without parallel workers, for the others use one thread too. Times are those that `psql` tells
//! (`\timing`), in one session. PostgreSQL does not run as root: then all is done as `postgres`.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use firstline::Article;

use super::measure::Answer;

const SETTINGS: &str = "-c listen_addresses= -c shared_buffers=2GB -c effective_cache_size=8GB \
    -c work_mem=256MB -c maintenance_work_mem=1GB -c max_wal_size=8GB -c jit=off \
    -c max_parallel_workers_per_gather=0 -c random_page_cost=1.1 \
    -c client_min_messages=warning";

const SCHEMA: &str = "CREATE TABLE article (id text, title text, body text, words tsvector
    GENERATED ALWAYS AS (setweight(to_tsvector('english', title), 'A')
                      || setweight(to_tsvector('english', body), 'D')) STORED)";

const COPY: &str = "COPY article (id, title, body) FROM STDIN";

const INDEX: &str = "CREATE INDEX ON article USING gin (words) WITH (fastupdate = off)";

/// A marker between answers.
const END: &str = "end of answer";

/// A server of its own, ended when it is dropped.
pub struct Server {
    programs: PathBuf,
    folder: String,
}

impl Server {
    /// `None` when PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        let programs = programs()?;
        let template = std::env::temp_dir().join("firstline-peer-XXXXXX");
        let folder = output(as_user(Path::new("mktemp")).arg("-d").arg(template));
        let server = Self { programs, folder };
        let data = server.data();
        output(
            server
                .command("initdb")
                .args(["-A", "trust", "-U", "bench", "-E", "UTF8"])
                .args(["--locale", "C.UTF-8", "-D", &data]),
        );
        let options = format!("{SETTINGS} -c unix_socket_directories={}", server.folder);
        let log = format!("{}/log", server.folder);
        output(
            server
                .command("pg_ctl")
                .args(["start", "-w", "-D", &data, "-l", &log, "-o", &options]),
        );
        Some(server)
    }

    /// Stores the articles, indexes them and lets the statistics be made.
    pub fn load(&self, articles: impl Iterator<Item = Article>) {
        output(self.psql().args(["-c", SCHEMA]));
        let mut copy = self
            .psql()
            .args(["-c", COPY])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut rows = BufWriter::new(copy.stdin.take().unwrap());
        for article in articles {
            let (id, title, body) = (article.id.as_str(), &article.title, &article.body);
            writeln!(
                rows,
                "{}\t{}\t{}",
                escaped(id),
                escaped(title),
                escaped(body)
            )
            .unwrap();
        }
        drop(rows.into_inner().unwrap());
        assert!(copy.wait().unwrap().success(), "COPY failed");
        output(self.psql().args(["-c", INDEX]));
        output(self.psql().args(["-c", "VACUUM ANALYZE article"]));
    }

    pub fn version(&self) -> String {
        format!("PostgreSQL {}", self.value("SHOW server_version"))
    }

    pub fn size(&self) -> String {
        self.value("SELECT pg_database_size('postgres') / 1000000 || ' MB'")
    }

    /// One connection that answers queries.
    pub fn session(&self) -> Session {
        let mut psql = self.psql();
        // A line of dashes in a mail reads as nested negations, which websearch refuses as "tsquery
        // stack too small": psql says so, the query has no hits, and the session goes on.
        psql.args(["-v", "ON_ERROR_STOP=0"]);
        let mut psql = psql
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(psql.stdout.take().unwrap());
        let mut session = Session { psql, answers };
        session.send("\\timing on\n");
        session
    }

    fn value(&self, sql: &str) -> String {
        output(self.psql().args(["-c", sql]))
    }

    fn psql(&self) -> Command {
        let mut command = self.command("psql");
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
        command.args(["-U", "bench", "-d", "postgres", "-h", &self.folder]);
        command
    }

    fn command(&self, program: &str) -> Command {
        as_user(&self.programs.join(program))
    }

    fn data(&self) -> String {
        format!("{}/data", self.folder)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.data();
        let stop = self
            .command("pg_ctl")
            .args(["stop", "-s", "-w", "-m", "fast", "-D", &data])
            .status();
        let remove = as_user(Path::new("rm"))
            .args(["-rf", &self.folder])
            .status();
        for failed in [stop, remove]
            .iter()
            .filter(|status| !status.as_ref().is_ok_and(|s| s.success()))
        {
            println!(
                "PostgreSQL was not put away: {failed:?}, see {}",
                self.folder
            );
        }
    }
}

/// A `psql` that stays connected.
pub struct Session {
    psql: Child,
    answers: BufReader<ChildStdout>,
}

impl Session {
    /// The ten best for an expression of type `tsquery`.
    pub fn search(&mut self, tsquery: &str) -> Answer {
        self.send(&format!(
            "SELECT json_build_array(id, title, ts_headline('english', body, query, 'MaxWords=24, MinWords=12'))
             FROM (SELECT id, title, body, query, ts_rank_cd(words, query) AS rank
                   FROM article, {tsquery} AS query
                   WHERE words @@ query ORDER BY rank DESC LIMIT 10) AS best ORDER BY rank DESC;
             \\echo {END}\n"
        ));
        let mut answer = Answer {
            took: Duration::ZERO,
            n_hits: 0,
        };
        loop {
            let mut line = String::new();
            assert!(
                self.answers.read_line(&mut line).unwrap() > 0,
                "psql has ended"
            );
            if line.trim_end() == END {
                return answer;
            }
            if let Some(time) = line.strip_prefix("Time: ") {
                let ms = time
                    .split_whitespace()
                    .next()
                    .unwrap()
                    .parse::<f64>()
                    .unwrap();
                answer.took = Duration::from_secs_f64(ms / 1000.0);
            } else if line.starts_with('[') {
                answer.n_hits += 1;
            }
        }
    }

    fn send(&mut self, text: &str) {
        self.psql
            .stdin
            .as_mut()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.psql.stdin.take());
        self.psql.wait().unwrap();
    }
}

/// As a user's text is read by default: every word must stand in the article.
pub fn and_query(text: &str) -> String {
    format!("websearch_to_tsquery('english', {})", quoted(text))
}

/// Any word may match, as for Firstline.
pub fn or_query(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    and_query(&words.join(" or "))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\0', " ").replace('\'', "''"))
}

/// A value in the text format of `COPY`.
fn escaped(text: &str) -> String {
    text.replace('\0', " ")
        .replace('\\', "\\\\")
        .replace('\t', "\\t")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}

/// The folder with the programs: that of the newest Debian package, or the one in the path.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let debian = versions.map(|entry| entry.unwrap().path().join("bin"));
    let path = std::env::var_os("PATH")?;
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).chain(debian).collect();
    folders.retain(|folder| folder.join("initdb").is_file() && folder.join("psql").is_file());
    folders.pop()
}

fn as_user(program: &Path) -> Command {
    let is_root = output(Command::new("id").arg("-u")) == "0";
    let mut command = Command::new(if is_root {
        Path::new("runuser")
    } else {
        program
    });
    if is_root {
        command.args(["-u", "postgres", "--"]).arg(program);
    }
    command.current_dir("/");
    command
}

/// What a program that must succeed prints.
fn output(command: &mut Command) -> String {
    let output = command.stderr(Stdio::piped()).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
