//! Takes the records of an import into the store, in batches, while the next ones are read.

use std::collections::{HashMap, VecDeque};
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use super::{Engine, Error};
use crate::import::{LineProblem, Mapped, Notes, Record, Refused, Report};
use crate::model::Document;
use crate::store::{self, Change, Outcome, WriteStatus};

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
            batch: Vec::with_capacity(BATCH),
            batch_bytes: 0,
            in_flight: VecDeque::new(),
        };
        for record in records {
            import.take(record, on_event)?;
        }
        import.finish(on_event)
    }
}

struct Import<'a> {
    engine: &'a Engine,
    report: Report,
    notes: Notes,
    /// The line of every document, by the first half of a hash of its key.
    seen: HashMap<u128, u64>,
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
        let line = record.line_number;
        match record.content.and_then(|mapped| self.once(line, mapped)) {
            Ok(Mapped { document, notes }) => {
                self.notes.add(line, notes);
                self.batch_bytes += size_of_json(&document);
                self.batch.push((line, Change::Put(Box::new(document))));
            }
            Err(refused) => {
                if let Some(problem) = self.report.refuse(line, refused) {
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

    /// Refuses the second document with one key: which of the two is right is not ours to say.
    fn once(&mut self, line: u64, mapped: Mapped) -> Result<Mapped, Refused> {
        let key = mapped.document.key();
        let hash = blake3::hash(key.to_string().as_bytes());
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
                WriteStatus::Deleted | WriteStatus::Missing | WriteStatus::Counted => {}
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
