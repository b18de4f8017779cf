//! Takes the records of an import into the store, in batches, while the next ones are read.

use std::collections::{HashMap, VecDeque};
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use super::intake::{keep_decided, keep_state_of_alert};
use super::{Engine, Error};
use crate::import::{
    LineProblem, Mapped, Mapping, Notes, Original, Record, Refused, Report, System, Taken,
    Versions, convert,
};
use crate::model::Document;
use crate::store::{
    self, Change, Imported, OriginalRow, Outcome, StoreReader, StoredOriginal, WriteStatus,
};

/// Originals read at a time.
const ORIGINALS: u32 = 100;

/// Documents in one transaction.
const BATCH: usize = 1_000;

/// Bytes in one transaction, unless a single document has more.
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// Batches that may be under way: one is written while the next is read.
const MAX_IN_FLIGHT: usize = 2;

/// What an import tells while it runs.
#[derive(Debug, Clone, Copy)]
pub enum ImportEvent<'a> {
    /// Everything that was taken up to this line is stored.
    Stored {
        /// The line, from 1.
        through_line: u64,
        /// The newest sequence number.
        seq: u64,
    },
    /// A line was refused.
    Refused(&'a LineProblem),
}

/// A batch that waits for its turn or its answer.
struct InFlight {
    through_line: u64,
    answer: Receiver<Result<Vec<Outcome>, Arc<store::Error>>>,
}

impl Engine {
    /// Stores the documents of an import. Refused lines are reported and never stop it; what was
    /// stored stays so when it fails.
    ///
    /// # Errors
    /// When the store cannot be written: the report of what was stored before is lost with it, but
    /// the events have told.
    pub fn import(
        &self,
        records: impl Iterator<Item = Record>,
        on_event: &mut dyn FnMut(ImportEvent<'_>),
    ) -> Result<Report, Error> {
        let mut import = Import {
            engine: self,
            report: Report::default(),
            notes: Notes::default(),
            seen: HashMap::new(),
            versions: Versions::default(),
            batch: Vec::with_capacity(BATCH),
            batch_bytes: 0,
            in_flight: VecDeque::new(),
        };
        for record in records {
            import.take(record, on_event)?;
        }
        import.finish(on_event)
    }

    /// The tables of words, with the desk's own.
    ///
    /// # Errors
    /// [`Error::Mapping`] when its file is wrong.
    pub fn mapping(&self) -> Result<Mapping, Error> {
        let path = self.folder.join(&self.settings.import.mapping);
        let file = match std::fs::read_to_string(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(Error::Folder { path, source }),
        };
        Mapping::with(&file).map_err(|error| Error::Mapping {
            path,
            detail: error.to_string(),
        })
    }

    /// Converts all stored originals again, by the rules and tables of today.
    ///
    /// # Errors
    /// As [`Engine::import`].
    pub fn import_again(
        &self,
        mapping: &Mapping,
        on_event: &mut dyn FnMut(ImportEvent<'_>),
    ) -> Result<Report, Error> {
        let originals = Originals {
            store: &self.store,
            waiting: VecDeque::new(),
            row: 0,
            n_read: 0,
        };
        let records = originals.map(|(n_read, found)| self.again(n_read, found, mapping));
        self.import(records, on_event)
    }

    fn again(
        &self,
        n_read: u64,
        found: Result<OriginalRow, store::Error>,
        mapping: &Mapping,
    ) -> Record {
        let of_store = |error: store::Error| Refused {
            field: None,
            detail: error.to_string(),
            is_fatal: true,
        };
        let content = found.map_err(of_store).and_then(|row| {
            let original = original_of(row.original)?;
            let mut taken = convert(&original, mapping)?;
            // Neither a mail nor an alert says what the desk has decided on it.
            if let Taken::Document(mapped) = &mut taken
                && let Document::Ticket(ticket) = &mut mapped.document
                && let Some(Document::Ticket(known)) =
                    self.store.document(&row.key).map_err(of_store)?
            {
                if original.system == System::Eml {
                    keep_decided(ticket, known);
                } else if original.system == System::Alertmanager {
                    keep_state_of_alert(ticket, known);
                }
            }
            Ok(taken)
        });
        Record {
            file: None,
            line_number: n_read,
            content,
        }
    }
}

/// All originals of a store, in the order in which they came.
struct Originals<'a> {
    store: &'a StoreReader,
    waiting: VecDeque<OriginalRow>,
    row: i64,
    n_read: u64,
}

impl Iterator for Originals<'_> {
    type Item = (u64, Result<OriginalRow, store::Error>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.waiting.is_empty() {
            match self.store.originals_after(self.row, ORIGINALS) {
                Ok(rows) => self.waiting.extend(rows),
                Err(error) => {
                    self.row = i64::MAX;
                    return Some((self.n_read + 1, Err(error)));
                }
            }
        }
        let row = self.waiting.pop_front()?;
        self.row = row.row;
        self.n_read += 1;
        Some((self.n_read, Ok(row)))
    }
}

/// An original as the import knows it.
pub(super) fn original_of(stored: StoredOriginal) -> Result<Original, Refused> {
    let system = System::from_name(&stored.system).ok_or_else(|| Refused {
        field: None,
        detail: format!("there is no system {:?} in this version", stored.system),
        is_fatal: false,
    })?;
    Ok(Original {
        system,
        content: stored.content,
    })
}

/// What a document and its original become in the store.
pub(super) fn change_of(mapped: Mapped) -> Change {
    if !mapped.is_versioned {
        return Change::Put(Box::new(mapped.document));
    }
    let original = mapped.original.map(|original| StoredOriginal {
        system: original.system.as_str().to_owned(),
        content: original.content,
    });
    Change::Import(Box::new(Imported {
        document: mapped.document,
        original,
    }))
}

struct Import<'a> {
    engine: &'a Engine,
    report: Report,
    notes: Notes,
    /// The line of every document, by the first half of a hash of its file and key.
    seen: HashMap<u128, u64>,
    /// The states of other systems' documents.
    versions: Versions,
    batch: Vec<(u64, Change)>,
    /// What the documents of the batch take as JSON.
    batch_bytes: usize,
    in_flight: VecDeque<InFlight>,
}

impl Import<'_> {
    fn take(
        &mut self,
        record: Record,
        on_event: &mut dyn FnMut(ImportEvent<'_>),
    ) -> Result<(), Error> {
        self.report.lines += 1;
        let Record {
            file,
            line_number: line,
            content,
        } = record;
        let content = content.and_then(|taken| match taken {
            Taken::Document(mapped) => self.once(file.as_deref(), line, *mapped).map(Taken::from),
            skipped @ Taken::Skipped(_) => Ok(skipped),
        });
        match content {
            Ok(Taken::Document(mapped))
                if mapped.is_versioned && !self.versions.is_news(&mapped.document) =>
            {
                self.report.older += 1;
            }
            Ok(Taken::Document(mapped)) => self.put(line, *mapped),
            Ok(Taken::Skipped(skipped)) => {
                self.report.skip(&skipped);
                if let Some(key) = skipped.removes {
                    self.batch.push((line, Change::Delete(key)));
                }
            }
            Err(refused) => {
                if let Some(problem) = self.report.refuse(file, line, refused) {
                    on_event(ImportEvent::Refused(problem));
                }
            }
        }
        if self.batch.len() >= BATCH || self.batch_bytes >= BATCH_BYTES {
            self.send()?;
            while self.in_flight.len() >= MAX_IN_FLIGHT {
                self.receive(on_event)?;
            }
        }
        Ok(())
    }

    fn put(&mut self, line: u64, mut mapped: Mapped) {
        self.report.take(&mapped);
        self.notes.add(line, std::mem::take(&mut mapped.notes));
        let original = mapped.original.as_ref();
        self.batch_bytes += original.map_or(0, |original| original.content.len());
        self.batch_bytes += size_of_json(&mapped.document);
        self.batch.push((line, change_of(mapped)));
    }

    /// Refuses the second document with one key in a file of ours: which of the two is right is not
    /// ours to say. Pages of other systems overlap; of their documents the newest state stays.
    fn once(&mut self, file: Option<&str>, line: u64, mapped: Mapped) -> Result<Mapped, Refused> {
        if mapped.is_versioned {
            return Ok(mapped);
        }
        let key = mapped.document.key();
        let name = format!("{}\0{key}", file.unwrap_or_default());
        let hash = blake3::hash(name.as_bytes());
        let half = hash
            .as_bytes()
            .first_chunk::<16>()
            .copied()
            .unwrap_or_default();
        let half = u128::from_le_bytes(half);
        match self.seen.insert(half, line) {
            None => Ok(mapped),
            Some(first) => {
                self.seen.insert(half, first);
                Err(Refused {
                    field: Some("id".to_owned()),
                    detail: format!("the {key} stands on line {first} already"),
                    is_fatal: false,
                })
            }
        }
    }

    fn send(&mut self) -> Result<(), Error> {
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        let Some((through_line, _)) = batch.last() else {
            return Ok(());
        };
        let (sender, answer) = sync_channel(1);
        self.in_flight.push_back(InFlight {
            through_line: *through_line,
            answer,
        });
        let changes = batch.into_iter().map(|(_, change)| change).collect();
        let reply = Box::new(move |outcomes| drop(sender.send(outcomes)));
        self.engine.writes()?.submit_waiting(changes, reply)
    }

    fn receive(&mut self, on_event: &mut dyn FnMut(ImportEvent<'_>)) -> Result<(), Error> {
        let Some(InFlight {
            through_line,
            answer,
        }) = self.in_flight.pop_front()
        else {
            return Ok(());
        };
        let outcomes = answer
            .recv()
            .map_err(|_| Error::Closed)?
            .map_err(Error::Write)?;
        for Outcome { status, seq, .. } in outcomes {
            match status {
                WriteStatus::Created => self.report.created += 1,
                WriteStatus::Updated => self.report.updated += 1,
                WriteStatus::Unchanged => self.report.unchanged += 1,
                WriteStatus::Older => self.report.older += 1,
                WriteStatus::Deleted => self.report.removed += 1,
                WriteStatus::Missing | WriteStatus::Counted | WriteStatus::Decided => {}
            }
            self.report.newest_seq = self.report.newest_seq.max(seq);
        }
        on_event(ImportEvent::Stored {
            through_line,
            seq: self.report.newest_seq,
        });
        Ok(())
    }

    fn finish(mut self, on_event: &mut dyn FnMut(ImportEvent<'_>)) -> Result<Report, Error> {
        self.send()?;
        while !self.in_flight.is_empty() {
            self.receive(on_event)?;
        }
        self.notes.into_report(&mut self.report);
        Ok(self.report)
    }
}

/// The bytes that a document takes as JSON, without making it.
fn size_of_json(document: &Document) -> usize {
    let mut counter = Counter(0);
    // What does not become JSON is refused by the store, in its turn.
    serde_json::to_writer(&mut counter, document).unwrap_or_default();
    counter.0
}

/// Counts what is written to it.
struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
