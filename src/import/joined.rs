//! The export of one system as records that are whole: its files of records and rows are read
//! twice, first for what stands beside the documents (people, sections, comments), then for the
//! documents.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::assemble::{Raw, RawContent};
use super::detect::Shape;
use super::draft::{WITH, text_of};
use super::inputs::Input;
use super::mapping::SystemMapping;
use super::pieces::{Piece, Pieces, pieces};
use super::systems::{Joins, Role, alerts, joins, role};
use super::tables::Tables;
use super::{Refused, Skipped, System};

/// Rows may lead to rows: section, section, category.
const MAX_ROWS_IN_A_ROW: usize = 8;

type Object = Map<String, Value>;

/// The documents of a system's files of records and rows.
pub(super) struct Joined<'a> {
    system: System,
    joins: Joins,
    inputs: VecDeque<(&'a Input, Shape)>,
    on_read: &'a dyn Fn(usize),
    current: Option<Open<'a>>,
    tables: Tables,
    /// What every record of the export carries: the names of the desk's own fields.
    common: Object,
    /// Parts whose record has not come yet.
    waiting: BTreeSet<(&'static str, String)>,
    /// What comes before the next record.
    queue: VecDeque<Raw>,
}

struct Open<'a> {
    file: Arc<str>,
    pieces: Pieces<'a>,
}

impl<'a> Joined<'a> {
    pub(super) fn new(
        system: System,
        inputs: Vec<(&'a Input, Shape)>,
        mapping: &SystemMapping,
        on_read: &'a dyn Fn(usize),
    ) -> Self {
        let mut records = Self {
            system,
            joins: joins(system),
            inputs: inputs.into(),
            on_read,
            current: None,
            tables: Tables::default(),
            common: Object::new(),
            waiting: BTreeSet::new(),
            queue: VecDeque::new(),
        };
        if !records.joins.is_empty() {
            records.read_tables();
            records.common = records.field_names(mapping);
            for set in records.joins.parts.iter().map(|(set, _)| *set) {
                let owners = records.tables.owners(set);
                records
                    .waiting
                    .extend(owners.into_iter().map(|owner| (set, owner)));
            }
        }
        records
    }

    /// The first reading. What fails here fails again in the second, where it is told.
    fn read_tables(&mut self) {
        for (input, shape) in self.inputs.clone() {
            for (_, piece) in pieces(input, shape, &|_| ()) {
                let kept = match piece {
                    Ok(Piece::Record { list, json }) => self.keep_beside(list.as_deref(), &json),
                    Ok(Piece::Beside { name, json }) => {
                        self.keep_names(&name, &json);
                        Ok(())
                    }
                    Err(_) => continue,
                };
                if let Err(error) = kept {
                    self.queue.push_back(Raw {
                        file: Arc::clone(&input.name),
                        position: 1,
                        content: Err(Refused::fatal(format!(
                            "what stands beside the records could not be kept: {error}"
                        ))),
                    });
                    return;
                }
            }
        }
    }

    fn keep_beside(&mut self, list: Option<&str>, json: &[u8]) -> io::Result<()> {
        if list.is_some_and(|list| self.joins.documents.contains(&list)) {
            return Ok(());
        }
        let Ok(Value::Object(record)) = serde_json::from_slice(json) else {
            return Ok(());
        };
        match role(self.system, list, &record) {
            Role::Row(table) => {
                let inner = inner_of(&record);
                let id = first_id(inner, &["id", "sys_id", "key"]);
                self.tables.add_row(table, id, inner);
                Ok(())
            }
            Role::Part(set, owner) => self.tables.add_part(set, id_of(&record, owner), json),
            Role::Document | Role::Skip(_) => Ok(()),
        }
    }

    /// Jira names the fields of a page once: `"names": {"customfield_10004": "Impact"}`.
    fn keep_names(&mut self, name: &str, json: &[u8]) {
        if name != "names" || self.system != System::Jira {
            return;
        }
        let Ok(Value::Object(names)) = serde_json::from_slice(json) else {
            return;
        };
        for (id, name) in names {
            let row = Object::from_iter([("name".to_owned(), name)]);
            self.tables.add_row("fields", id, &row);
        }
    }

    /// Which of the record's fields is what the mapping calls by its label.
    fn field_names(&self, mapping: &SystemMapping) -> Object {
        let mut names = Object::new();
        for label in mapping.fields() {
            let mut ids: Vec<&str> = self
                .tables
                .rows("fields")
                .filter(|(_, row)| row.get("name").is_some_and(|name| name == label))
                .map(|(id, _)| id)
                .collect();
            ids.sort_unstable();
            if !ids.is_empty() {
                names.insert(label.to_owned(), Value::from(ids));
            }
        }
        match names.is_empty() {
            true => Object::new(),
            false => Object::from_iter([("names".to_owned(), Value::Object(names))]),
        }
    }

    fn next_piece(&mut self) -> Option<(Arc<str>, u64, Result<Piece, Refused>)> {
        loop {
            if let Some(open) = &mut self.current {
                if let Some((position, piece)) = open.pieces.next() {
                    return Some((Arc::clone(&open.file), position, piece));
                }
                self.current = None;
            }
            let (input, shape) = self.inputs.pop_front()?;
            self.current = Some(Open {
                file: Arc::clone(&input.name),
                pieces: pieces(input, shape, self.on_read),
            });
        }
    }

    /// What becomes of a record in the second reading; nothing of what stood beside.
    fn documents(&mut self, list: Option<&str>, json: Vec<u8>) -> Vec<Result<RawContent, Refused>> {
        let record = match serde_json::from_slice::<Value>(&json) {
            Ok(Value::Object(record)) => record,
            Ok(_) => return vec![Err(Refused::new("the record is no JSON object"))],
            Err(error) => return vec![Err(Refused::new(format!("this is no JSON: {error}")))],
        };
        match role(self.system, list, &record) {
            Role::Row(_) | Role::Part(..) => Vec::new(),
            Role::Skip(reason) => vec![Ok(RawContent::Skipped(Skipped {
                reason: reason.to_owned(),
                removes: None,
            }))],
            Role::Document if self.system == System::Alertmanager => match alerts(&record) {
                Ok(alerts) => alerts.into_iter().map(alone).collect(),
                Err(refused) => vec![Err(refused)],
            },
            Role::Document => vec![self.whole(record, json)],
        }
    }

    /// The record with all that belongs to it.
    fn whole(&mut self, mut record: Object, mut json: Vec<u8>) -> Result<RawContent, Refused> {
        let mut with = self.common.clone();
        if !self.tables.is_empty() {
            let inner = inner_of(&record);
            self.add_rows(inner, &mut with, 0);
            self.add_parts(inner, &mut with)?;
        }
        if !with.is_empty() {
            let with = Value::Object(with);
            let mut spliced = format!("{{{WITH:?}:{with},").into_bytes();
            spliced.extend_from_slice(json.get(1..).unwrap_or_default());
            json = spliced;
            record.insert(WITH.to_owned(), with);
        }
        Ok(RawContent::Json(record, json))
    }

    fn add_rows(&self, record: &Object, with: &mut Object, depth: usize) {
        for (field, table) in self.joins.rows {
            let id = id_of(record, field);
            let Some(Value::Object(row)) = self.tables.row(table, &id) else {
                continue;
            };
            let mut row = row.clone();
            if depth < MAX_ROWS_IN_A_ROW {
                let mut further = Object::new();
                let own = row.clone();
                self.add_rows(&own, &mut further, depth + 1);
                if !further.is_empty() {
                    row.insert(WITH.to_owned(), Value::Object(further));
                }
            }
            with.insert((*field).to_owned(), Value::Object(row));
        }
    }

    fn add_parts(&mut self, record: &Object, with: &mut Object) -> Result<(), Refused> {
        for (set, owner) in self.joins.parts {
            let id = id_of(record, owner);
            self.waiting.remove(&(*set, id.clone()));
            let parts = self
                .tables
                .parts(set, &id)
                .map_err(|error| Refused::new(error.to_string()))?;
            let read = parts
                .iter()
                .filter_map(|part| serde_json::from_slice::<Object>(part).ok());
            let parts: Vec<Value> = read.map(|part| self.with_author(part)).collect();
            if !parts.is_empty() {
                with.insert((*set).to_owned(), Value::Array(parts));
            }
        }
        Ok(())
    }

    /// A part with the row of whoever wrote it.
    fn with_author(&self, mut part: Object) -> Value {
        if let Some((field, table)) = self.joins.author {
            let id = id_of(&part, field);
            if let Some(row) = self.tables.row(table, &id) {
                let with = Object::from_iter([(field.to_owned(), row.clone())]);
                part.insert(WITH.to_owned(), Value::Object(with));
            }
        }
        Value::Object(part)
    }
}

impl Iterator for Joined<'_> {
    type Item = Raw;

    fn next(&mut self) -> Option<Raw> {
        loop {
            if let Some(raw) = self.queue.pop_front() {
                return Some(raw);
            }
            let Some((file, position, piece)) = self.next_piece() else {
                break;
            };
            let contents = match piece {
                Ok(Piece::Beside { .. }) => Vec::new(),
                Ok(Piece::Record { list, json }) => self.documents(list.as_deref(), json),
                Err(refused) => vec![Err(refused)],
            };
            self.queue.extend(contents.into_iter().map(|content| Raw {
                file: Arc::clone(&file),
                position,
                content,
            }));
        }
        let (set, owner) = self.waiting.pop_first()?;
        Some(Raw {
            file: Arc::from(format!("{set} of {owner}")),
            position: 1,
            content: Ok(RawContent::Skipped(Skipped {
                reason: format!("{set} of a document that is not in this import"),
                removes: None,
            })),
        })
    }
}

/// A record that was cut out of another.
fn alone(record: Object) -> Result<RawContent, Refused> {
    let json = serde_json::to_vec(&record).unwrap_or_default();
    Ok(RawContent::Json(record, json))
}

/// The record inside `{"ticket": {...}}`.
pub(super) fn inner_of(record: &Object) -> &Object {
    const AROUND_ONE: [&str; 6] = ["ticket", "article", "issue", "page", "request", "result"];
    let mut inner = record.iter().filter(|(name, _)| name.as_str() != WITH);
    match (inner.next(), inner.next()) {
        (Some((name, Value::Object(inner))), None) if AROUND_ONE.contains(&name.as_str()) => inner,
        _ => record,
    }
}

/// The id in a field: a text, a number, or the value of a reference.
fn id_of(record: &Object, field: &str) -> String {
    match record.get(field) {
        Some(Value::Object(reference)) => {
            let value = reference.get("value").or_else(|| reference.get("id"));
            value.map(text_of).unwrap_or_default()
        }
        Some(value) => text_of(value),
        None => String::new(),
    }
}

fn first_id(record: &Object, fields: &[&str]) -> String {
    let ids = fields.iter().map(|field| id_of(record, field));
    ids.into_iter()
        .find(|id| !id.is_empty())
        .unwrap_or_default()
}
