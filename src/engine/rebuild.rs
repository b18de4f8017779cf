//! Makes an index anew from the store, beside the live one.

use std::sync::Arc;

use super::Error;
use super::progress::{Progress, RebuildProgress};
use super::slot::IndexSlot;
use crate::index::{IndexWriter, LiveIndex, WriterSize};
use crate::model::Kind;
use crate::store::{Changes, StoreReader};

/// Changes read from the store at a time.
const BATCH: usize = 2_000;

/// A new generation that is not live yet.
pub(super) struct Rebuilt {
    pub(super) live: LiveIndex,
    /// It has all changes up to here.
    pub(super) seq: u64,
}

/// Fills a new generation with all that the store has. Stops early when the engine closes. What
/// was made of a generation that failed is removed: on a full disk it is the last thing to keep.
pub(super) fn rebuild(
    slot: &IndexSlot,
    store: &StoreReader,
    progress: &Progress,
) -> Result<Rebuilt, Error> {
    let live = slot.new_generation()?;
    let path = live.path().to_owned();
    let filled = fill(slot.kind(), live, store, progress);
    if filled.is_err() {
        slot.discard(&path);
    }
    filled
}

fn fill(
    kind: Kind,
    live: LiveIndex,
    store: &StoreReader,
    progress: &Progress,
) -> Result<Rebuilt, Error> {
    let live = Arc::new(live);
    let mut writer = IndexWriter::open(Arc::clone(&live), WriterSize::Bulk)?;
    let mut cursor = 0;
    loop {
        if progress.is_closing() {
            return Err(Error::Closed);
        }
        let total = store.newest_seq()?;
        let Changes { changes, is_last } = store.changes(Some(kind), cursor, BATCH)?;
        for change in changes {
            if let Some(document) = &change.document {
                writer.apply(change.seq, &change.key, Some(document))?;
            }
            cursor = change.seq;
        }
        if is_last {
            cursor = cursor.max(total);
        }
        let done = RebuildProgress {
            done: cursor,
            total: total.max(cursor),
        };
        progress.update(kind, |index| index.rebuild = Some(done));
        if is_last {
            break;
        }
    }
    writer.commit(cursor)?;
    writer.finish()?;
    let live = Arc::into_inner(live).ok_or(Error::Closed)?;
    Ok(Rebuilt { live, seq: cursor })
}
