//! The one thread that writes the store, with group commit.
//!
//! Whoever wants to write puts its changes into a bounded queue and is called back. The thread
//! takes all that wait, writes them in one transaction, and answers when that is on disk: one sync
//! serves as many writers as came while the one before was under way.
//!
//! Between the writes the thread writes the counts of searches, every few seconds and at the end.
//!
//! A change that hides a document from somebody is answered only when the indexes have it too:
//! after the answer no hit, count, facet or score may tell of what was hidden.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Error;
use super::clock::{Stopwatch, now};
use super::frequent_queries::FrequentQueries;
use super::progress::Progress;
use super::search_counts::SearchCounts;
use crate::config::Settings;
use crate::model::Day;
use crate::store::{self, Change, Outcome, StoreWriter};

/// Requests that may wait.
const MAX_WAITING: usize = 4_096;

/// Changes in one transaction, unless a single request has more.
const MAX_GROUP: usize = 2_000;

/// How long counts of searches stay in memory only; so much of them a crash loses.
const COUNTS_INTERVAL: Duration = Duration::from_secs(2);

/// Called with what the changes did.
type Reply = Box<dyn FnOnce(Result<Vec<Outcome>, Arc<store::Error>>) + Send>;

struct Request {
    changes: Vec<Change>,
    reply: Reply,
}

/// The way to the writer thread.
pub(super) struct WriteQueue {
    sender: Option<SyncSender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl WriteQueue {
    pub(super) fn start(
        store: StoreWriter,
        progress: Arc<Progress>,
        counts: Counting,
    ) -> Result<Self, Error> {
        let (sender, receiver) = sync_channel(MAX_WAITING);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(store, &receiver, &progress, counts))
            .map_err(Error::Thread)?;
        Ok(Self {
            sender: Some(sender),
            thread: Some(thread),
        })
    }

    /// Queues changes; refuses when the queue is full.
    pub(super) fn submit(&self, changes: Vec<Change>, reply: Reply) -> Result<(), Error> {
        let sender = self.sender.as_ref().ok_or(Error::Closed)?;
        sender
            .try_send(Request { changes, reply })
            .map_err(|error| match error {
                TrySendError::Full(_) => Error::Busy,
                TrySendError::Disconnected(_) => Error::Closed,
            })
    }

    /// Queues changes, waiting for room.
    pub(super) fn submit_waiting(&self, changes: Vec<Change>, reply: Reply) -> Result<(), Error> {
        let sender = self.sender.as_ref().ok_or(Error::Closed)?;
        sender
            .send(Request { changes, reply })
            .map_err(|_| Error::Closed)
    }

    /// Writes what is queued and ends the thread.
    pub(super) fn close(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store writer thread panicked");
        }
    }
}

fn run(
    mut store: StoreWriter,
    receiver: &Receiver<Request>,
    progress: &Progress,
    mut counting: Counting,
) {
    counting.write(&mut store);
    let mut since_counts = Stopwatch::start();
    loop {
        let timeout = COUNTS_INTERVAL.saturating_sub(since_counts.elapsed());
        match receiver.recv_timeout(timeout) {
            Ok(first) => {
                let mut n_changes = first.changes.len();
                let mut group = vec![first];
                while n_changes < MAX_GROUP
                    && let Ok(next) = receiver.try_recv()
                {
                    n_changes += next.changes.len();
                    group.push(next);
                }
                write(&mut store, group, progress);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if since_counts.elapsed() >= COUNTS_INTERVAL {
            counting.write(&mut store);
            since_counts = Stopwatch::start();
        }
    }
    counting.write(&mut store);
}

/// How many days is kept what is not kept for ever.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeepDays {
    /// Feedback and counts of searches.
    searches: u32,
    /// Decisions.
    decisions: u32,
}

impl KeepDays {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            searches: settings.search.keep_days,
            decisions: settings.triage.keep_days,
        }
    }
}

/// What the writer has to do with counts of searches, and with what is too old.
pub(super) struct Counting {
    counts: Arc<SearchCounts>,
    frequent: Arc<FrequentQueries>,
    keep: KeepDays,
    /// The day on which what is too old was last dropped.
    tidied_on: Option<Day>,
}

impl Counting {
    pub(super) fn new(
        counts: Arc<SearchCounts>,
        frequent: Arc<FrequentQueries>,
        keep: KeepDays,
    ) -> Self {
        Self {
            counts,
            frequent,
            keep,
            tidied_on: None,
        }
    }

    /// Writes what was counted since, and drops what is too old when the day has changed.
    fn write(&mut self, store: &mut StoreWriter) {
        let counts = self.counts.take();
        if !counts.is_empty()
            && let Err(error) = store.count_searches(&counts)
        {
            let cause = &error as &dyn std::error::Error;
            tracing::warn!(error = cause, "counts of searches wait to be written");
            self.counts.put_back(counts);
        }
        let today = Day::of(now());
        if let Err(error) = self.frequent.refresh(&store.reader(), today) {
            let cause = &error as &dyn std::error::Error;
            tracing::warn!(error = cause, "frequent queries could not be read");
        }
        if self.tidied_on == Some(today) {
            return;
        }
        let forgotten = store
            .forget_searches_before(today.before(self.keep.searches))
            .and_then(|()| store.forget_decisions_before(today.before(self.keep.decisions)));
        match forgotten {
            Ok(()) => self.tidied_on = Some(today),
            Err(error) => {
                let cause = &error as &dyn std::error::Error;
                tracing::warn!(error = cause, "what is too old could not be dropped");
            }
        }
    }
}

fn write(store: &mut StoreWriter, group: Vec<Request>, progress: &Progress) {
    let mut changes = Vec::new();
    let mut replies = Vec::with_capacity(group.len());
    for request in group {
        replies.push((request.changes.len(), request.reply));
        changes.extend(request.changes);
    }
    match store.write(&changes) {
        Ok(outcomes) => {
            progress.set_stored_seq(store.newest_seq());
            let mut outcomes = outcomes.into_iter();
            for (n_changes, reply) in replies {
                answer(outcomes.by_ref().take(n_changes).collect(), reply, progress);
            }
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a write failed");
            let error = Arc::new(error);
            for (_, reply) in replies {
                reply(Err(Arc::clone(&error)));
            }
        }
    }
}

fn answer(outcomes: Vec<Outcome>, reply: Reply, progress: &Progress) {
    let hidden = outcomes
        .iter()
        .filter(|outcome| outcome.hides)
        .map(|outcome| outcome.seq)
        .max();
    match hidden {
        None => reply(Ok(outcomes)),
        // When the engine closes first, nobody is left who could find it.
        Some(seq) => progress.when_visible(seq, Box::new(move |_| reply(Ok(outcomes)))),
    }
}
