//! The whole product as a library: the only place where the stages are joined.
//!
//! An [`Engine`] owns a data folder: the thread that writes the store, the thread that follows the
//! change feed for each index, and the clock. What is acknowledged is on disk; what was
//! acknowledged becomes searchable within the commit interval, or at once for those who wait.

mod analytics;
mod answers;
mod clock;
mod corrections;
mod decisions;
mod desk_file;
mod error;
mod evidence;
mod feedback;
mod frequent_queries;
mod import;
mod indexer;
mod intake;
mod kept_query;
mod learning;
mod lock;
mod models;
mod past_tickets;
mod pool;
mod progress;
mod rebuild;
mod replay;
mod rule_file;
mod rule_suggestions;
mod search_counts;
mod similar;
mod slot;
mod status;
mod triage;
mod triage_analytics;
mod verify;
mod write_queue;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

pub use analytics::{ArticleTitle, SearchAnalytics};
pub use clock::{instant, now};
pub use corrections::{CorrectedValue, Correction};
pub use decisions::{DecisionDifference, DecisionRecord, DecisionReplay};
pub use error::Error;
pub use evidence::Evidence;
pub use feedback::{ArticleVotes, VotesByArticle};
pub use import::ImportEvent;
pub use intake::IntakeOutcome;
pub use learning::TrainReport;
pub use pool::{Lane, Pool};
pub use progress::{RebuildProgress, Rejected};
pub use replay::{
    ChangedTicket, Effect, FieldReplay, Measures, ReplayOptions, RulesReplay, ValueReplay,
};
pub use rule_suggestions::{RuleSuggestion, RuleSuggestions, SuggestOptions};
pub use status::{IndexStatus, ModelStatus, RulesStatus, SearchStatus, Status, StoreStatus};
pub use triage::{
    Asked, Decided, Decider, DecisionSettings, Gone, GoneInput, TriageAnswer, Wanted,
};
pub use triage_analytics::{
    CalibrationBin, FieldAnalytics, TriageAnalytics, TriageMeasures, ValueAnalytics,
};
pub use verify::{Difference, IndexComparison, VerifyReport};

use corrections::CorrectionBox;
use desk_file::DeskFile;
use feedback::VoteBox;
use frequent_queries::FrequentQueries;
use indexer::Indexer;
use lock::FolderLock;
use models::Models;
use progress::Progress;
use rule_file::RuleFile;
use search_counts::SearchCounts;
use slot::IndexSlot;
use write_queue::{Counting, KeepDays, WriteQueue};

use crate::config::Settings;
use crate::model::{Day, Document, DocumentKey, Kind};
use crate::search::{Pins, Synonyms};
use crate::store::{ApiKey, Author, Change, Outcome, StoreReader, StoreWriter, Written};
use crate::triage::{Rules, Thresholds};

/// How long [`Engine::wait_visible`] waits.
const MAX_VISIBLE_WAIT: Duration = Duration::from_secs(30);

/// A data folder at work. Dropping it writes what is queued and ends its threads.
pub struct Engine {
    folder: PathBuf,
    settings: Settings,
    rules: Arc<DeskFile<RuleFile>>,
    models: Arc<Models>,
    corrections: CorrectionBox,
    synonyms: DeskFile<Synonyms>,
    pins: DeskFile<Pins>,
    store: StoreReader,
    slots: [Arc<IndexSlot>; 2],
    progress: Arc<Progress>,
    votes: VoteBox,
    counts: Arc<SearchCounts>,
    frequent: Arc<FrequentQueries>,
    /// Held by whatever comes in alone, from reading its ticket to writing it.
    intake: Mutex<()>,
    writing: Option<Writing>,
}

/// What only the one process that writes the data folder has.
struct Writing {
    writes: WriteQueue,
    indexers: Vec<JoinHandle<()>>,
    /// Tells the learner to end. Nobody waits for it: what it learns to the end it may still put in
    /// use.
    closing: Arc<AtomicBool>,
    /// Last, so that it is given back last.
    _lock: FolderLock,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// The change that stores a document which somebody writes by hand, now.
#[must_use]
pub fn by_hand(document: Document, author: String) -> Change {
    let author = Author {
        name: author,
        at: now(),
    };
    Change::Write(Box::new(Written { document, author }))
}

impl Engine {
    /// Opens a data folder for reading and writing, making it when there is none. An index that is
    /// missing, damaged or of another version is made anew in the background.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process has it; a newer format, which leaves the folder
    /// untouched.
    pub fn open(folder: &Path, settings: Settings) -> Result<Self, Error> {
        crate::store::check(folder)?;
        let lock = FolderLock::take(folder)?;
        let writer = StoreWriter::open(folder)?;
        let store = writer.reader();
        let rules = Arc::new(RuleFile::open(folder, &settings, &store));
        let models = Arc::new(Models::open(folder, store.clone()));
        models.take_files()?;
        let progress = Arc::new(Progress::default());
        progress.set_stored_seq(writer.newest_seq());
        let slots = open_slots(folder, &store, &progress, |slot, detail| {
            let kind = slot.kind();
            if writer.newest_seq() == 0 {
                // An empty store is fully indexed by an empty index.
                slot.start_empty()?;
            } else {
                tracing::warn!(%kind, detail, "the index has to be made anew");
                progress.update(kind, |index| index.is_rebuild_wanted = true);
            }
            Ok(())
        })?;
        for slot in &slots {
            slot.clear_unfinished();
        }
        let votes = VoteBox::load(&store)?;
        let counts = Arc::new(SearchCounts::default());
        let frequent = Arc::new(frequent_queries(&store, &settings)?);
        let counting = Counting::new(
            Arc::clone(&counts),
            Arc::clone(&frequent),
            KeepDays::of(&settings),
        );
        let writes = WriteQueue::start(writer, Arc::clone(&progress), counting)?;
        let indexers = start_indexers(&slots, &store, &progress, &settings)?;
        let closing = Arc::new(AtomicBool::new(false));
        let writing = Some(Writing {
            writes,
            indexers,
            closing: Arc::clone(&closing),
            _lock: lock,
        });
        let engine = Self {
            folder: folder.to_owned(),
            synonyms: synonyms(folder, &settings),
            pins: pins(folder, &settings),
            settings,
            rules,
            models,
            corrections: CorrectionBox::default(),
            store,
            slots,
            progress,
            votes,
            counts,
            frequent,
            intake: Mutex::default(),
            writing,
        };
        engine.learner().start(closing, learning::LOOK_EVERY)?;
        Ok(engine)
    }

    /// Opens a data folder for reading, also while another process writes it.
    ///
    /// # Errors
    /// [`Error::NeedsRebuild`] when there is no index to read.
    pub fn open_reading(folder: &Path, settings: Settings) -> Result<Self, Error> {
        let store = StoreReader::open_folder(folder)?;
        let rules = Arc::new(RuleFile::open(folder, &settings, &store));
        let progress = Arc::new(Progress::default());
        progress.set_stored_seq(store.newest_seq()?);
        let slots = open_slots(folder, &store, &progress, |slot, detail| {
            Err(Error::NeedsRebuild {
                kind: slot.kind().as_str(),
                detail: detail.to_owned(),
            })
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            synonyms: synonyms(folder, &settings),
            pins: pins(folder, &settings),
            votes: VoteBox::load(&store)?,
            counts: Arc::default(),
            frequent: Arc::new(frequent_queries(&store, &settings)?),
            intake: Mutex::default(),
            settings,
            rules,
            models: Arc::new(Models::open(folder, store.clone())),
            corrections: CorrectionBox::default(),
            store,
            slots,
            progress,
            writing: None,
        })
    }

    /// The settings it was opened with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The rules of triage as the file says now, no older than a second.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.content().rules)
    }

    /// Stores a document. When it returns the document is on disk; searchable it is a little
    /// later. Gives its sequence number, for [`Engine::wait_visible`].
    ///
    /// # Errors
    /// When the store cannot be written; nothing was stored then.
    pub fn put(&self, document: Document) -> Result<u64, Error> {
        self.write(vec![Change::Put(Box::new(document))])
            .map(|outcome| outcome.seq)
    }

    /// The same for a document that somebody wrote by hand: a resolved ticket counts at once as
    /// what its values should have been.
    ///
    /// # Errors
    /// As [`Engine::put`].
    pub fn write_by_hand(&self, document: Document, author: &str) -> Result<u64, Error> {
        self.write(vec![by_hand(document, author.to_owned())])
            .map(|outcome| outcome.seq)
    }

    /// Removes a document; none there is no error.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn delete(&self, key: DocumentKey) -> Result<u64, Error> {
        self.write(vec![Change::Delete(key)])
            .map(|outcome| outcome.seq)
    }

    fn write(&self, changes: Vec<Change>) -> Result<Outcome, Error> {
        let (sender, answer) = sync_channel(1);
        let reply = Box::new(move |outcomes| drop(sender.send(outcomes)));
        self.writes()?.submit_waiting(changes, reply)?;
        let outcomes = answer
            .recv()
            .map_err(|_| Error::Closed)?
            .map_err(Error::Write)?;
        outcomes.last().copied().ok_or(Error::Closed)
    }

    /// Stores one change without waiting; `reply` is called from another thread when it is on disk
    /// or has failed.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many writes wait; `reply` is not called then.
    pub fn submit(
        &self,
        change: Change,
        reply: impl FnOnce(Result<Outcome, Error>) + Send + 'static,
    ) -> Result<(), Error> {
        self.submit_all(vec![change], move |outcomes| {
            let outcome =
                outcomes.and_then(|outcomes| outcomes.last().copied().ok_or(Error::Closed));
            reply(outcome);
        })
    }

    /// As [`Engine::submit`] for changes that are all stored, or none of them.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many writes wait; `reply` is not called then.
    pub fn submit_all(
        &self,
        changes: Vec<Change>,
        reply: impl FnOnce(Result<Vec<Outcome>, Error>) + Send + 'static,
    ) -> Result<(), Error> {
        let reply = move |outcomes: Result<_, _>| reply(outcomes.map_err(Error::Write));
        self.writes()?.submit(changes, Box::new(reply))
    }

    /// Waits until the change with this sequence number, and all before it, can be found.
    ///
    /// # Errors
    /// [`Error::NotVisibleYet`] after 30 seconds, for example when the disk is full.
    pub fn wait_visible(&self, seq: u64) -> Result<(), Error> {
        let (sender, visible) = sync_channel(1);
        self.when_visible(seq, move |is_visible| {
            sender.send(is_visible).unwrap_or_default()
        });
        match visible.recv_timeout(MAX_VISIBLE_WAIT) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::Closed),
            Err(_) => Err(Error::NotVisibleYet),
        }
    }

    /// Calls `waiter` from another thread once the change can be found (true), or the engine
    /// closes (false). Has it indexed at once.
    pub fn when_visible(&self, seq: u64, waiter: impl FnOnce(bool) + Send + 'static) {
        self.progress.when_visible(seq, Box::new(waiter));
    }

    /// All changes up to this sequence number can be found.
    #[must_use]
    pub fn visible_seq(&self) -> u64 {
        self.progress.visible_seq()
    }

    /// Whether there is an index of every kind.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.slots.iter().all(|slot| slot.live().is_some())
    }

    /// Has both indexes made anew in the background; searching goes on meanwhile.
    ///
    /// # Errors
    /// [`Error::ReadOnly`].
    pub fn rebuild(&self) -> Result<(), Error> {
        self.writes()?;
        for kind in Kind::ALL {
            self.progress.update(kind, |index| {
                index.is_rebuild_wanted = true;
                index.rebuild = Some(RebuildProgress { done: 0, total: 0 });
            });
        }
        Ok(())
    }

    /// How far the rebuild of an index is, or `None` when none runs.
    #[must_use]
    pub fn rebuild_progress(&self, kind: Kind) -> Option<RebuildProgress> {
        let state = self.progress.index_state(kind);
        let waiting = RebuildProgress { done: 0, total: 0 };
        state.rebuild.or(state.is_rebuild_wanted.then_some(waiting))
    }

    /// The API key with this secret.
    ///
    /// # Errors
    /// An error of the store.
    pub fn key_of(&self, secret: &str) -> Result<Option<ApiKey>, Error> {
        Ok(self.store.key_of(secret)?)
    }

    /// Whether any API key is configured.
    ///
    /// # Errors
    /// An error of the store.
    pub fn has_keys(&self) -> Result<bool, Error> {
        Ok(self.store.has_keys()?)
    }

    fn slot(&self, kind: Kind) -> &IndexSlot {
        let [articles, tickets] = &self.slots;
        match kind {
            Kind::Article => articles,
            Kind::Ticket => tickets,
        }
    }

    fn writes(&self) -> Result<&WriteQueue, Error> {
        self.writing
            .as_ref()
            .map(|writing| &writing.writes)
            .ok_or(Error::ReadOnly)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let Some(mut writing) = self.writing.take() else {
            return;
        };
        writing.closing.store(true, Ordering::Relaxed);
        writing.writes.close();
        self.progress.close();
        for indexer in writing.indexers {
            if indexer.join().is_err() {
                tracing::error!("an index thread panicked");
            }
        }
        self.progress.dismiss_waiters();
    }
}

/// Starts the thread of each index.
fn start_indexers(
    slots: &[Arc<IndexSlot>],
    store: &StoreReader,
    progress: &Arc<Progress>,
    settings: &Settings,
) -> Result<Vec<JoinHandle<()>>, Error> {
    let interval = Duration::from_millis(settings.index.commit_interval_ms);
    let start = |slot: &Arc<IndexSlot>| {
        let (slot, progress) = (Arc::clone(slot), Arc::clone(progress));
        Indexer::start(slot, store.clone(), progress, interval)
    };
    slots.iter().map(start).collect()
}

/// Opens both indexes; `without` decides what happens where there is none.
fn open_slots(
    folder: &Path,
    store: &StoreReader,
    progress: &Progress,
    without: impl Fn(&IndexSlot, &str) -> Result<(), Error>,
) -> Result<[Arc<IndexSlot>; 2], Error> {
    let store_id = store.store_id()?;
    let newest = store.newest_seq()?;
    let open = |kind: Kind| -> Result<Arc<IndexSlot>, Error> {
        let (slot, opened) = IndexSlot::open(folder, kind, &store_id, newest)?;
        if let Err(detail) = opened {
            without(&slot, &detail)?;
        }
        if let Some(live) = slot.live() {
            let seq = live.committed_seq()?;
            progress.update(kind, |index| index.visible_seq = seq);
        }
        Ok(Arc::new(slot))
    };
    Ok([open(Kind::Article)?, open(Kind::Ticket)?])
}

fn synonyms(folder: &Path, settings: &Settings) -> DeskFile<Synonyms> {
    DeskFile::open(folder.join(&settings.search.synonyms), |name, text| {
        Synonyms::parse(name, text).map_err(|error| error.to_string())
    })
}

fn pins(folder: &Path, settings: &Settings) -> DeskFile<Pins> {
    DeskFile::open(folder.join(&settings.search.pins), |name, text| {
        Pins::parse(name, text).map_err(|error| error.to_string())
    })
}

fn frequent_queries(store: &StoreReader, settings: &Settings) -> Result<FrequentQueries, Error> {
    let today = Day::of(now());
    Ok(FrequentQueries::load(
        store,
        today,
        settings.search.frequent_days,
    )?)
}

impl crate::config::Triage {
    /// From which confidence on values are set and suggested.
    fn thresholds(&self) -> Thresholds {
        Thresholds {
            apply: self.apply,
            suggest: self.suggest,
        }
    }
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
