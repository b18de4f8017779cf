//! What stands beside the records of an export: people, groups, sections, comments.
//!
//! Names are held in memory; whole parts (comments, audits, notes) go to a temporary file, and only
//! their places are held, so that a million of them take some megabytes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use serde_json::{Map, Value};

/// Fields of a table's row that are kept: names, and what leads to further rows.
const KEPT: [&str; 27] = [
    "id",
    "sys_id",
    "name",
    "display_name",
    "displayName",
    "first_name",
    "last_name",
    "email",
    "primary_email",
    "key",
    "title",
    "user_name",
    "category_id",
    "parent_section_id",
    "parent_id",
    "section_id",
    "user_segment_id",
    "visibility",
    "folder_visibility",
    "department_ids",
    "group_ids",
    "requester_group_ids",
    "closedStatus",
    "closed_status",
    "active",
    "custom",
    "solved_at",
];

/// What parts of a single record may take together, in bytes.
const MAX_PARTS_BYTES: usize = 64 * 1024 * 1024;

/// Names and parts by the id that records give for them.
#[derive(Default)]
pub(super) struct Tables {
    rows: HashMap<(&'static str, String), Value>,
    parts: HashMap<(&'static str, String), Vec<(u64, usize)>>,
    file: Option<File>,
    end: u64,
}

impl Tables {
    /// Keeps the row of a table.
    pub(super) fn add_row(&mut self, table: &'static str, id: String, row: &Map<String, Value>) {
        let kept: Map<String, Value> = row
            .iter()
            .filter(|(name, value)| KEPT.contains(&name.as_str()) && !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        self.rows.insert((table, id), Value::Object(kept));
    }

    /// The row of a table.
    pub(super) fn row(&self, table: &'static str, id: &str) -> Option<&Value> {
        self.rows.get(&(table, id.to_owned()))
    }

    /// All rows of a table, by id.
    pub(super) fn rows(&self, table: &'static str) -> impl Iterator<Item = (&str, &Value)> {
        self.rows
            .iter()
            .filter(move |((of, _), _)| *of == table)
            .map(|((_, id), row)| (id.as_str(), row))
    }

    /// Keeps a part of a record.
    pub(super) fn add_part(
        &mut self,
        set: &'static str,
        owner: String,
        content: &[u8],
    ) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile()?),
        };
        file.seek(SeekFrom::Start(self.end))?;
        file.write_all(content)?;
        let places = self.parts.entry((set, owner)).or_default();
        places.push((self.end, content.len()));
        self.end += content.len() as u64;
        Ok(())
    }

    /// The parts of a record, in the order in which they came.
    ///
    /// # Errors
    /// When they take more than a record may, or the temporary file fails.
    pub(super) fn parts(&mut self, set: &'static str, owner: &str) -> io::Result<Vec<Vec<u8>>> {
        let places = self.parts.get(&(set, owner.to_owned()));
        let (Some(places), Some(file)) = (places, &mut self.file) else {
            return Ok(Vec::new());
        };
        let n_bytes: usize = places.iter().map(|(_, length)| length).sum();
        if n_bytes > MAX_PARTS_BYTES {
            let detail = format!("its {set} have {n_bytes} bytes, more than {MAX_PARTS_BYTES}");
            return Err(io::Error::other(detail));
        }
        let mut parts = Vec::with_capacity(places.len());
        for &(at, length) in places {
            file.seek(SeekFrom::Start(at))?;
            let mut content = vec![0; length];
            file.read_exact(&mut content)?;
            parts.push(content);
        }
        Ok(parts)
    }

    /// The ids of all records that have parts of a set, in order.
    pub(super) fn owners(&self, set: &'static str) -> Vec<String> {
        let mut owners: Vec<String> = self
            .parts
            .keys()
            .filter(|(of, _)| *of == set)
            .map(|(_, owner)| owner.clone())
            .collect();
        owners.sort();
        owners
    }

    /// Whether nothing stands beside the records.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.parts.is_empty()
    }
}
