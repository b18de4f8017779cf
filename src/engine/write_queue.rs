//! The one thread that writes the store, with group commit.
//!
//! Whoever wants to write puts its changes into a bounded queue and is called back. The thread
//! takes all that wait, writes them in one transaction, and answers when that is on disk: one sync
//! serves as many writers as came while the one before was under way.
//!
//! A change that hides a document from somebody is answered only when the indexes have it too:
//! after the answer nothing, no count and no score, may tell of what was hidden.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use super::Error;
use super::progress::Progress;
use crate::store::{self, Change, Outcome, StoreWriter};

/// Requests that may wait.
const MAX_WAITING: usize = 4_096;

/// Changes in one transaction, unless a single request has more.
const MAX_GROUP: usize = 2_000;

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
    pub(super) fn start(store: StoreWriter, progress: Arc<Progress>) -> Result<Self, Error> {
        let (sender, receiver) = sync_channel(MAX_WAITING);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(store, &receiver, &progress))
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

fn run(mut store: StoreWriter, receiver: &Receiver<Request>, progress: &Progress) {
    while let Ok(first) = receiver.recv() {
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
