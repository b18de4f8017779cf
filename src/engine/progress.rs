//! What the threads of the engine tell each other: how far the store is, how far each index is,
//! who waits for what.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::model::Kind;

/// Rejected documents that are remembered.
const MAX_REJECTED: usize = 100;

/// Called when a change is searchable (true) or the engine closes (false).
type Waiter = Box<dyn FnOnce(bool) + Send>;

/// How far a rebuild is, in sequence numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RebuildProgress {
    /// Changes that were read.
    pub done: u64,
    /// Changes there are.
    pub total: u64,
}

/// A document that the index does not take. It is in the store, and is tried again at the next
/// rebuild.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// The document.
    pub id: String,
    /// The sequence number of the change.
    pub seq: u64,
    /// Why.
    pub detail: String,
}

/// How one index is doing.
#[derive(Debug, Clone, Default)]
pub(super) struct IndexState {
    /// All changes up to here can be found.
    pub(super) visible_seq: u64,
    pub(super) rebuild: Option<RebuildProgress>,
    pub(super) is_rebuild_wanted: bool,
    pub(super) rejected: Vec<Rejected>,
    pub(super) last_error: Option<String>,
}

#[derive(Default)]
struct State {
    stored_seq: u64,
    is_closing: bool,
    indexes: BTreeMap<Kind, IndexState>,
    waiters: BTreeMap<u64, Vec<Waiter>>,
}

impl State {
    fn visible_seq(&self) -> u64 {
        Kind::ALL
            .iter()
            .map(|kind| self.indexes.get(kind).map_or(0, |index| index.visible_seq))
            .min()
            .unwrap_or(0)
    }
}

/// What an index thread needs to know to decide on its next step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signal {
    pub(super) stored_seq: u64,
    /// Somebody waits for changes that this index has not made visible.
    pub(super) is_waited_for: bool,
    pub(super) is_rebuild_wanted: bool,
    pub(super) is_closing: bool,
}

/// The shared state with its bell.
#[derive(Default)]
pub(super) struct Progress {
    state: Mutex<State>,
    changed: Condvar,
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_stored_seq(&self, seq: u64) {
        self.lock().stored_seq = seq;
        self.changed.notify_all();
    }

    pub(super) fn stored_seq(&self) -> u64 {
        self.lock().stored_seq
    }

    pub(super) fn close(&self) {
        self.lock().is_closing = true;
        self.changed.notify_all();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.lock().is_closing
    }

    /// All changes up to here can be found in all indexes.
    pub(super) fn visible_seq(&self) -> u64 {
        self.lock().visible_seq()
    }

    pub(super) fn index_state(&self, kind: Kind) -> IndexState {
        self.lock().indexes.get(&kind).cloned().unwrap_or_default()
    }

    /// Changes what is known of an index, and wakes who waits for it.
    pub(super) fn update(&self, kind: Kind, change: impl FnOnce(&mut IndexState)) {
        let mut state = self.lock();
        let index = state.indexes.entry(kind).or_default();
        change(index);
        index.rejected.truncate(MAX_REJECTED);
        let visible_seq = state.visible_seq();
        let later = state.waiters.split_off(&(visible_seq + 1));
        let ready = std::mem::replace(&mut state.waiters, later);
        drop(state);
        self.changed.notify_all();
        for waiter in ready.into_values().flatten() {
            waiter(true);
        }
    }

    /// Calls `waiter` once all changes up to `seq` can be found, and has that done soon.
    pub(super) fn when_visible(&self, seq: u64, waiter: Waiter) {
        let mut state = self.lock();
        if state.visible_seq() >= seq {
            drop(state);
            waiter(true);
        } else if state.is_closing {
            drop(state);
            waiter(false);
        } else {
            state.waiters.entry(seq).or_default().push(waiter);
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Lets everybody who still waits know that it is over.
    pub(super) fn dismiss_waiters(&self) {
        let waiters = std::mem::take(&mut self.lock().waiters);
        for waiter in waiters.into_values().flatten() {
            waiter(false);
        }
    }

    /// Sleeps until `is_due` says that there is something to do, at most `timeout`.
    pub(super) fn wait(
        &self,
        kind: Kind,
        timeout: Duration,
        is_due: impl Fn(&Signal) -> bool,
    ) -> Signal {
        let signal = |state: &State| {
            let index = state.indexes.get(&kind);
            let visible_seq = index.map_or(0, |index| index.visible_seq);
            Signal {
                stored_seq: state.stored_seq,
                is_waited_for: state.waiters.range(visible_seq + 1..).next().is_some(),
                is_rebuild_wanted: index.is_some_and(|index| index.is_rebuild_wanted),
                is_closing: state.is_closing,
            }
        };
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), timeout, |state| !is_due(&signal(state)));
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        signal(&state)
    }
}
