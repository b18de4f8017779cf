//! Reads a judged set from its folder.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::import::{self, Mapped, Options, Record, document_of_object};
use crate::model::{Kind, TicketText, Time};

/// Why a set could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file is missing.
    #[error("{folder} has no {name}, plain or with .gz")]
    Missing {
        /// The folder of the set.
        folder: PathBuf,
        /// The file.
        name: &'static str,
    },
    /// A file could not be read.
    #[error("{path} could not be read")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A line does not say what it should.
    #[error("{path}:{line}: {detail}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        detail: String,
    },
    /// Too few tickets have the field, or all the same value.
    #[error(
        "{folder} has too few tickets with a {field}, or all with the same: nothing is learned"
    )]
    NothingToLearn {
        /// The folder of the set.
        folder: PathBuf,
        /// The field.
        field: String,
    },
    /// The model could not be written.
    #[error("the model cannot be written")]
    Model(#[from] crate::triage::ModelError),
    /// Nothing is left to ask.
    #[error("{0} has no query with a relevant document")]
    NoQueries(PathBuf),
}

/// A query with what answers it.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedQuery {
    /// What is asked; empty when it is what the query's own document says.
    pub text: String,
    /// The beginning of the text that is its title, where the set says so.
    pub title: Option<String>,
    /// When it was asked.
    pub created_at: Option<Time>,
    /// The part of the set that it belongs to, where that is split.
    pub split: Option<String>,
    /// The document that is the query itself and must not count as an answer.
    pub own_document: Option<String>,
    /// The relevance of documents; every other one has none.
    pub relevant: BTreeMap<String, u32>,
}

impl JudgedQuery {
    /// The query as a ticket: the subject is its title, or its first line.
    #[must_use]
    pub fn ticket(&self) -> TicketText {
        let title = self.title.as_deref().unwrap_or_default();
        let rest = self.text.strip_prefix(title).filter(|_| !title.is_empty());
        let (subject, description) = match rest {
            Some(rest) => (title, rest),
            None => self.text.split_once('\n').unwrap_or((&self.text, "")),
        };
        TicketText {
            subject: subject.trim().to_owned(),
            description: description.trim().to_owned(),
            ..TicketText::default()
        }
    }
}

/// Judged queries.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedSet {
    /// The name of its folder.
    pub name: String,
    /// The queries that have at least one relevant document.
    pub queries: Vec<JudgedQuery>,
}

#[derive(Deserialize)]
struct QueryLine {
    id: String,
    doc_id: Option<String>,
    split: Option<String>,
    created_at: Option<Time>,
    #[serde(flatten)]
    texts: Map<String, Value>,
}

/// Tickets that were the same trouble.
#[derive(Deserialize)]
struct GroupLine {
    tickets: Vec<String>,
    split: Option<String>,
}

impl JudgedSet {
    /// Reads the queries of a folder: those of a split only, when one is given. The text is in
    /// `query_field`, or in `text` where a query has no such field.
    ///
    /// # Errors
    /// A file that is missing or wrong, with the line.
    pub fn read(folder: &Path, query_field: &str, split: Option<&str>) -> Result<Self, Error> {
        let judgments = judgments(folder)?;
        let mut queries = Vec::new();
        let path = find(folder, "queries.jsonl")?;
        for (line, text) in lines(&path)? {
            let query: QueryLine = serde_json::from_str(&text).map_err(|error| Error::Line {
                path: path.clone(),
                line,
                detail: error.to_string(),
            })?;
            let mut relevant = judgments.get(&query.id).cloned().unwrap_or_default();
            relevant.retain(|_, grade| *grade > 0);
            if relevant.is_empty()
                || split.is_some_and(|split| query.split.as_deref() != Some(split))
            {
                continue;
            }
            let text = [query_field, "text"]
                .into_iter()
                .find_map(|field| query.texts.get(field)?.as_str());
            let text = text.ok_or_else(|| Error::Line {
                path: path.clone(),
                line,
                detail: format!("there is neither a text {query_field:?} nor \"text\""),
            })?;
            let title = query.texts.get("title").and_then(Value::as_str);
            queries.push(JudgedQuery {
                text: text.to_owned(),
                title: title.map(str::to_owned),
                created_at: query.created_at,
                split: query.split,
                own_document: query.doc_id,
                relevant,
            });
        }
        Self::of(folder, queries)
    }

    /// Reads the groups of tickets that were the same trouble: every one of them asks for the
    /// others. The folder has them in `groups.jsonl`, or queries and judgments as for
    /// [`JudgedSet::read`].
    ///
    /// # Errors
    /// A file that is missing or wrong, with the line.
    pub fn read_similar(folder: &Path, split: Option<&str>) -> Result<Self, Error> {
        let path = match find(folder, "groups.jsonl") {
            Ok(path) => path,
            Err(Error::Missing { .. }) => return Self::read(folder, "text", split),
            Err(error) => return Err(error),
        };
        let mut queries = Vec::new();
        for (line, text) in lines(&path)? {
            let group: GroupLine = serde_json::from_str(&text).map_err(|error| Error::Line {
                path: path.clone(),
                line,
                detail: error.to_string(),
            })?;
            if split.is_some_and(|split| group.split.as_deref() != Some(split)) {
                continue;
            }
            queries.extend(group.tickets.iter().map(|own| {
                let others = group.tickets.iter().filter(|other| *other != own);
                JudgedQuery {
                    text: String::new(),
                    title: None,
                    created_at: None,
                    split: group.split.clone(),
                    own_document: Some(own.clone()),
                    relevant: others.map(|other| (other.clone(), 1)).collect(),
                }
            }));
        }
        Self::of(folder, queries)
    }

    fn of(folder: &Path, mut queries: Vec<JudgedQuery>) -> Result<Self, Error> {
        queries.retain(|query| !query.relevant.is_empty());
        if queries.is_empty() {
            return Err(Error::NoQueries(folder.to_owned()));
        }
        let name = folder.file_name().unwrap_or(folder.as_os_str());
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            queries,
        })
    }

    /// Calls the documents by other names wherever they are judged.
    pub fn rename(&mut self, names: &BTreeMap<String, String>) {
        let renamed = |id: &String| names.get(id).unwrap_or(id).clone();
        for query in &mut self.queries {
            query.own_document = query.own_document.as_ref().map(renamed);
            let relevant = query.relevant.iter();
            query.relevant = relevant.map(|(id, grade)| (renamed(id), *grade)).collect();
        }
    }
}

/// The relevance of documents for every query.
fn judgments(folder: &Path) -> Result<BTreeMap<String, BTreeMap<String, u32>>, Error> {
    let path = find(folder, "qrels.tsv")?;
    let mut judgments: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
    for (line, text) in lines(&path)?.into_iter().skip(1) {
        let columns: Vec<&str> = text.trim_end().split('\t').collect();
        let grade = columns.get(2).and_then(|grade| grade.parse().ok());
        let (&[query, document, _], Some(grade)) = (columns.as_slice(), grade) else {
            return Err(Error::Line {
                path,
                line,
                detail: "a line is a query, a document and a number, with tabs between".to_owned(),
            });
        };
        let of_query = judgments.entry(query.to_owned()).or_default();
        of_query.insert(document.to_owned(), grade);
    }
    Ok(judgments)
}

/// The documents of a set, to be imported.
#[derive(Debug)]
pub struct JudgedDocuments {
    /// As records of an import.
    pub records: Vec<Record>,
    /// The ids that they get there, by the ids that they have in the set.
    pub names: BTreeMap<String, String>,
}

/// The documents of a folder, if it has any: in `docs.jsonl`, or where a set is split for learning
/// in `train.jsonl` and `test.jsonl`.
///
/// Ids of public sets can be anything, and often are words of the title, which would be found like
/// any other word of a document; so every document is called by its number instead.
///
/// # Errors
/// A file that cannot be read.
pub fn documents(folder: &Path) -> Result<Option<JudgedDocuments>, Error> {
    let found = |names: &[&'static str]| -> Vec<PathBuf> {
        names
            .iter()
            .filter_map(|&name| find(folder, name).ok())
            .collect()
    };
    let mut paths = found(&["docs.jsonl"]);
    if paths.is_empty() {
        paths = found(&["train.jsonl", "test.jsonl"]);
    }
    if paths.is_empty() {
        return Ok(None);
    }
    let mut names = BTreeMap::new();
    let mut records = Vec::new();
    for path in paths {
        for (line, text) in lines(&path)? {
            let mapped = renamed(&text, &mut names).map_err(|detail| Error::Line {
                path: path.clone(),
                line,
                detail,
            })?;
            records.push(Record {
                file: None,
                line_number: line as u64,
                content: Ok(mapped.into()),
            });
        }
    }
    Ok(Some(JudgedDocuments { records, names }))
}

fn renamed(text: &str, names: &mut BTreeMap<String, String>) -> Result<Mapped, String> {
    let mut object: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    let name = (names.len() + 1).to_string();
    let id = object.insert("id".to_owned(), Value::String(name.clone()));
    let Some(Value::String(id)) = id else {
        return Err("there is no text \"id\"".to_owned());
    };
    if names.insert(id.clone(), name).is_some() {
        return Err(format!("the document {id:?} is there twice"));
    }
    object
        .entry("body")
        .or_insert_with(|| Value::String(String::new()));
    let options = Options {
        default_kind: Some(Kind::Article),
    };
    document_of_object(object, options).map_err(|refused| refused.detail)
}

/// The file of this name, or with `.gz` behind it.
pub(super) fn find(folder: &Path, name: &'static str) -> Result<PathBuf, Error> {
    let packed = format!("{name}.gz");
    let candidates = [folder.join(name), folder.join(packed)];
    let found = candidates.into_iter().find(|path| path.is_file());
    found.ok_or_else(|| Error::Missing {
        folder: folder.to_owned(),
        name,
    })
}

/// The lines of a file that are not blank, with their numbers.
pub(super) fn lines(path: &Path) -> Result<Vec<(usize, String)>, Error> {
    let io = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    let mut lines = Vec::new();
    for (n, line) in import::open(path, |_| ()).map_err(io)?.lines().enumerate() {
        let line = line.map_err(io)?;
        if !line.trim().is_empty() {
            lines.push((n + 1, line));
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(queries: &str, qrels: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("queries.jsonl"), queries).unwrap();
        std::fs::write(folder.path().join("qrels.tsv"), qrels).unwrap();
        folder
    }

    #[test]
    fn only_queries_with_an_answer_in_the_split_are_asked() {
        let folder = folder(
            "{\"id\": \"a\", \"text\": \"long\", \"short\": \"s\", \"split\": \"dev\"}\n\
             {\"id\": \"b\", \"text\": \"other\", \"split\": \"test\"}\n\
             {\"id\": \"c\", \"text\": \"none\", \"split\": \"dev\"}\n",
            "query_id\tdoc_id\trelevance\na\td1\t1\na\td2\t0\nb\td1\t1\nc\td1\t0\n",
        );
        let set = JudgedSet::read(folder.path(), "short", Some("dev")).unwrap();
        assert_eq!(set.queries.len(), 1);
        assert_eq!(set.queries[0].text, "s");
        assert_eq!(set.queries[0].relevant.len(), 1);
        assert!(matches!(
            JudgedSet::read(folder.path(), "text", Some("train")),
            Err(Error::NoQueries(_))
        ));
    }

    #[test]
    fn a_wrong_line_is_named() {
        let folder = folder("{}\n", "query_id\tdoc_id\trelevance\na d1 1\n");
        let error = JudgedSet::read(folder.path(), "text", None).unwrap_err();
        assert!(error.to_string().contains("qrels.tsv:2:"), "{error}");
    }
}
