//! The thread that owns one index: it follows the change feed of the store.
//!
//! Starting, running and catching up after a crash are one and the same: read the changes after
//! the last one that the index has, apply them, commit now and then. A rebuild runs in a thread of
//! its own, into a generation of its own, while this one goes on feeding the old; then the new one
//! is caught up and takes its place.
//!
//! After any error the writer is thrown away and feeding starts again from the last commit, in
//! batches half as large, each with its own commit, until the place of the error is passed. A
//! change that fails alone, where an empty commit succeeds and the disk has room, is to blame itself:
//! it is set down as rejected and passed over, so that one document cannot hold up all others.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::clock::{Stopwatch, instant};
use super::progress::{Progress, RebuildProgress, Rejected, Signal};
use super::rebuild::{Rebuilt, rebuild};
use super::slot::IndexSlot;
use crate::index::{self, IndexWriter, LiveIndex, WriterSize};
use crate::store::{self, Changes, StoreReader, StoredChange};

/// Changes applied between two looks at the clock.
const BATCH: usize = 500;

/// The longest pause after errors.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// A commit may take this part of the time at most, so that a flood is not committed to death.
const COMMIT_SHARE: u32 = 5;

/// After so long without a change the segments are merged into one.
const IDLE: Duration = Duration::from_secs(5);

/// Whether that succeeded is looked at after so long.
const COMPACT_AGAIN: Duration = Duration::from_secs(60);

/// An index that had nothing to do for so many changes is committed all the same, so that a start
/// need not read them again.
const MAX_UNCOMMITTED_GAP: u64 = 20_000;

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the index could not be written")]
    Index(#[from] index::Error),
    #[error("the change feed could not be read")]
    Store(#[from] store::Error),
}

/// The state of an index thread.
pub(super) struct Indexer {
    slot: Arc<IndexSlot>,
    store: StoreReader,
    progress: Arc<Progress>,
    commit_interval: Duration,
    writer: Option<IndexWriter>,
    /// All changes up to here were applied.
    cursor: u64,
    /// All changes up to here are in the last commit.
    committed: u64,
    /// When the oldest change that is not committed was applied.
    dirty_since: Option<Instant>,
    last_commit_took: Duration,
    /// Failures since the last success.
    failures: u32,
    /// Up to here every batch has its own commit, because something failed there.
    careful_until: u64,
    /// The size of a batch while careful.
    careful_batch: usize,
    /// When it will have been idle for long enough to be compacted.
    compact_at: Option<Instant>,
    compacting: Option<JoinHandle<()>>,
    rebuilding: Option<JoinHandle<Result<Rebuilt, super::Error>>>,
    /// Rebuilds that failed since the last one that did not.
    failed_rebuilds: u32,
    /// The next rebuild is not started before.
    rebuild_after: Option<Instant>,
}

impl Indexer {
    /// Starts the thread.
    pub(super) fn start(
        slot: Arc<IndexSlot>,
        store: StoreReader,
        progress: Arc<Progress>,
        commit_interval: Duration,
    ) -> Result<JoinHandle<()>, super::Error> {
        let committed = match slot.live() {
            Some(live) => live.committed_seq()?,
            None => 0,
        };
        let indexer = Self {
            slot,
            store,
            progress,
            commit_interval,
            writer: None,
            cursor: committed,
            committed,
            dirty_since: None,
            last_commit_took: Duration::ZERO,
            failures: 0,
            careful_until: 0,
            careful_batch: BATCH,
            compact_at: Some(instant() + IDLE),
            compacting: None,
            rebuilding: None,
            failed_rebuilds: 0,
            rebuild_after: None,
        };
        std::thread::Builder::new()
            .name(format!("index-{}", indexer.slot.kind()))
            .spawn(move || indexer.run())
            .map_err(super::Error::Thread)
    }

    fn run(mut self) {
        loop {
            let signal = self.wait();
            if signal.is_closing {
                break;
            }
            if let Err(failure) = self.step(signal) {
                self.recover(&failure);
            }
        }
        self.close();
    }

    fn wait(&self) -> Signal {
        let pause = match self.failures {
            0 => Duration::ZERO,
            // Not yet known whether a document or the disk is to blame.
            _ if self.careful_batch > 1 => Duration::from_millis(10),
            n => pause_after(n),
        };
        if !pause.is_zero() {
            let closing = |signal: &Signal| signal.is_closing;
            return self.progress.wait(self.slot.kind(), pause, closing);
        }
        let until_commit = self.dirty_since.map(|since| {
            let due = since + self.interval();
            due.saturating_duration_since(instant())
        });
        let poll = if self.rebuilding.is_some() {
            50
        } else {
            60_000
        };
        let mut timeout = until_commit.unwrap_or(Duration::from_millis(poll));
        for due in [self.rebuild_after, self.compact_at].into_iter().flatten() {
            timeout = timeout.min(due.saturating_duration_since(instant()));
        }
        let has_index = self.slot.live().is_some();
        self.progress.wait(self.slot.kind(), timeout, |signal| {
            signal.is_closing
                || (signal.is_rebuild_wanted && self.may_rebuild())
                || (has_index && signal.stored_seq > self.cursor)
                || (has_index && signal.is_waited_for && self.dirty_since.is_some())
        })
    }

    fn may_rebuild(&self) -> bool {
        self.rebuilding.is_none() && self.rebuild_after.is_none_or(|after| after <= instant())
    }

    fn interval(&self) -> Duration {
        self.commit_interval
            .max(self.last_commit_took * COMMIT_SHARE)
    }

    fn step(&mut self, signal: Signal) -> Result<(), Failure> {
        if signal.is_rebuild_wanted && self.may_rebuild() {
            self.start_rebuild();
        }
        if self
            .rebuilding
            .as_ref()
            .is_some_and(JoinHandle::is_finished)
        {
            self.take_over();
        }
        let Some(live) = self.slot.live() else {
            return Ok(());
        };
        if signal.stored_seq > self.cursor {
            self.feed(&live)?;
        }
        let is_due = self.dirty_since.is_some_and(|since| {
            signal.is_waited_for || instant().saturating_duration_since(since) >= self.interval()
        });
        let gap = self.cursor - self.committed;
        if is_due || (self.dirty_since.is_none() && gap > MAX_UNCOMMITTED_GAP) {
            self.commit(&live)?;
        }
        if self.dirty_since.is_none() {
            self.publish_visible();
        }
        if self.compact_at.is_some_and(|at| at <= instant()) {
            self.compact(&live)?;
        }
        self.failures = 0;
        Ok(())
    }

    /// Applies the next changes.
    fn feed(&mut self, live: &Arc<LiveIndex>) -> Result<(), Failure> {
        let is_careful = self.cursor < self.careful_until;
        let limit = if is_careful {
            self.careful_batch
        } else {
            BATCH
        };
        // Read before the changes, so that nothing between the two is passed over.
        let newest = self.store.newest_seq()?;
        let Changes { changes, is_last } =
            self.store
                .changes(Some(self.slot.kind()), self.cursor, limit)?;
        match changes.as_slice() {
            [alone] if limit == 1 => self.feed_alone(live, alone)?,
            _ => {
                for change in &changes {
                    self.apply(live, change)?;
                }
            }
        }
        if is_last {
            self.cursor = self.cursor.max(newest);
        }
        if is_careful {
            self.commit(live)?;
            self.careful_batch = BATCH.min(self.careful_batch * 2);
        }
        Ok(())
    }

    fn apply(&mut self, live: &Arc<LiveIndex>, change: &StoredChange) -> Result<(), Failure> {
        // Before it is known to succeed: a failure must know how far it was tried.
        self.cursor = change.seq;
        self.dirty_since.get_or_insert_with(instant);
        let writer = self.writer(live)?;
        writer.apply(change.seq, &change.key, change.document.as_ref())?;
        Ok(())
    }

    /// Applies and commits one change. When that fails although an empty commit succeeds, the
    /// change is rejected.
    fn feed_alone(&mut self, live: &Arc<LiveIndex>, change: &StoredChange) -> Result<(), Failure> {
        let Err(failure) = self.apply(live, change).and_then(|()| self.commit(live)) else {
            return Ok(());
        };
        self.drop_writer();
        self.commit(live)?;
        // An empty commit is small: it succeeds on a disk that has no room for a document.
        if !self.slot.has_room() {
            return Err(failure);
        }
        self.cursor = change.seq;
        let detail = super::chain(&failure);
        tracing::error!(
            id = change.key.id(),
            seq = change.seq,
            detail,
            "the index rejects a document"
        );
        let id = change.key.id().to_owned();
        let rejected = Rejected {
            id,
            seq: change.seq,
            detail,
        };
        self.progress
            .update(self.slot.kind(), |index| index.rejected.insert(0, rejected));
        Ok(())
    }

    fn writer(&mut self, live: &Arc<LiveIndex>) -> Result<&mut IndexWriter, Failure> {
        match &mut self.writer {
            Some(writer) => Ok(writer),
            none => Ok(none.insert(IndexWriter::open(Arc::clone(live), WriterSize::Trickle)?)),
        }
    }

    fn commit(&mut self, live: &Arc<LiveIndex>) -> Result<(), Failure> {
        let started = Stopwatch::start();
        let cursor = self.cursor;
        self.writer(live)?.commit(cursor)?;
        self.committed = cursor;
        self.dirty_since = None;
        self.compact_at = Some(instant() + IDLE);
        self.last_commit_took = started.elapsed();
        Ok(())
    }

    /// Merges the segments into one, beside what else there is to do.
    fn compact(&mut self, live: &Arc<LiveIndex>) -> Result<(), Failure> {
        let is_busy = |thread: &JoinHandle<()>| !thread.is_finished();
        if self.dirty_since.is_some() || self.compacting.as_ref().is_some_and(is_busy) {
            self.compact_at = Some(instant() + IDLE);
            return Ok(());
        }
        // Asked before a writer is opened for it: most starts find nothing to do.
        if !live.is_worth_compacting() {
            self.compact_at = None;
            return Ok(());
        }
        match self.writer(live)?.compact() {
            Ok(compacting) => self.compacting = Some(compacting),
            Err(error) => tracing::warn!(%error, "no thread to merge segments"),
        }
        // It may fail; where it succeeded the next look finds nothing to do.
        self.compact_at = Some(instant() + COMPACT_AGAIN);
        Ok(())
    }

    fn publish_visible(&self) {
        let cursor = self.cursor;
        self.progress.update(self.slot.kind(), |index| {
            index.visible_seq = index.visible_seq.max(cursor);
            index.last_error = None;
        });
    }

    /// Throws away the writer with all it had not committed; feeding goes on from there.
    fn recover(&mut self, failure: &Failure) {
        self.failures = self.failures.saturating_add(1);
        let detail = super::chain(failure);
        tracing::error!(kind = %self.slot.kind(), failures = self.failures, detail, "indexing failed");
        self.careful_until = self.careful_until.max(self.cursor);
        self.careful_batch = (self.careful_batch / 2).max(1);
        self.drop_writer();
        self.progress
            .update(self.slot.kind(), |index| index.last_error = Some(detail));
    }

    fn drop_writer(&mut self) {
        self.writer = None;
        self.dirty_since = None;
        self.cursor = self.committed;
    }

    fn start_rebuild(&mut self) {
        let kind = self.slot.kind();
        let (slot, store) = (Arc::clone(&self.slot), self.store.clone());
        let progress = Arc::clone(&self.progress);
        let spawned = std::thread::Builder::new()
            .name(format!("rebuild-{kind}"))
            .spawn(move || rebuild(&slot, &store, &progress));
        match spawned {
            Ok(thread) => {
                self.rebuilding = Some(thread);
                self.rebuild_after = None;
                self.progress.update(kind, |index| {
                    index.is_rebuild_wanted = false;
                    index.rebuild = Some(RebuildProgress { done: 0, total: 0 });
                });
            }
            Err(error) => self.rebuild_failed(format!("no thread for it: {error}")),
        }
    }

    /// Puts the rebuilt index in the place of the old one. When that fails the old one goes on
    /// from where it was, and there will be another rebuild.
    fn take_over(&mut self) {
        let answer = self.rebuilding.take().map(JoinHandle::join);
        let rebuilt = match answer {
            Some(Ok(Ok(rebuilt))) => rebuilt,
            Some(Ok(Err(error))) => return self.rebuild_failed(super::chain(&error)),
            Some(Err(_)) => return self.rebuild_failed("it panicked".to_owned()),
            None => return,
        };
        let path = rebuilt.live.path().to_owned();
        self.drop_writer();
        let committed = self.committed;
        if let Err(failure) = self.replace(rebuilt) {
            self.committed = committed;
            self.drop_writer();
            self.slot.discard(&path);
            self.rebuild_failed(super::chain(&failure));
        }
    }

    /// Brings the rebuilt index to where the store is, and makes it the live one.
    fn replace(&mut self, rebuilt: Rebuilt) -> Result<(), Failure> {
        self.committed = rebuilt.seq;
        self.cursor = rebuilt.seq;
        let live = Arc::new(rebuilt.live);
        while self.cursor < self.progress.stored_seq() {
            self.feed(&live)?;
        }
        self.commit(&live)?;
        self.slot.replace(live)?;
        self.failed_rebuilds = 0;
        let kind = self.slot.kind();
        self.progress.update(kind, |index| {
            index.rebuild = None;
            index.rejected.clear();
        });
        tracing::info!(%kind, seq = self.cursor, "the index was made anew");
        Ok(())
    }

    fn rebuild_failed(&mut self, detail: String) {
        let kind = self.slot.kind();
        tracing::error!(%kind, detail, "a rebuild failed and is tried again");
        self.failed_rebuilds = self.failed_rebuilds.saturating_add(1);
        self.rebuild_after = Some(instant() + pause_after(self.failed_rebuilds));
        self.progress.update(kind, |index| {
            index.rebuild = None;
            index.last_error = Some(detail);
            index.is_rebuild_wanted = true;
        });
    }

    /// Commits what was applied, so that the next start has less to do.
    fn close(mut self) {
        if let Some(rebuilding) = self.rebuilding.take() {
            // It looks at the closing mark between batches; what it made is cleared at the next start.
            drop(rebuilding.join());
        }
        if let Some(live) = self.slot.live()
            && self.dirty_since.is_some()
            && let Err(failure) = self.commit(&live)
        {
            let detail = super::chain(&failure);
            tracing::warn!(detail, "the last commit failed; the next start catches up");
        }
        // With the writer its merges end.
        self.writer = None;
        if let Some(compacting) = self.compacting.take() {
            drop(compacting.join());
        }
    }
}

/// How long to wait after so many failures in a row.
fn pause_after(failures: u32) -> Duration {
    MAX_PAUSE.min(Duration::from_millis(50) * 2_u32.saturating_pow(failures.min(10)))
}
