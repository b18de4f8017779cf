//! The one writer of an index.
//!
//! tantivy's writer loses documents without a word after one of its threads failed (see
//! `ARCHITECTURE.md`, "What tantivy does not promise"). Three things keep that from happening
//! here: documents are made by one function from typed values, after any error the writer is
//! thrown away with all it had not committed, and every commit is checked by looking up its newest
//! document.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::thread::JoinHandle;

use tantivy::index::SegmentId;
use tantivy::merge_policy::LogMergePolicy;
use tantivy::{SegmentReader, TantivyDocument, Term};

use super::live::Payload;
use super::schema::index_form;
use super::{Error, LiveIndex};
use crate::model::{Document, DocumentKey};

/// A segment is merged when more than this share of its documents is deleted. tantivy's own
/// default never does it.
const MAX_DELETED_SHARE: f32 = 0.2;

/// So many segments of about one size are merged into one.
const MIN_SEGMENTS_TO_MERGE: usize = 5;

/// How much a writer takes of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriterSize {
    /// One thread, 40 MB: for the changes of a running desk.
    Trickle,
    /// Two threads, 100 MB each: for a rebuild.
    Bulk,
}

impl WriterSize {
    fn threads(self) -> usize {
        match self {
            Self::Trickle => 1,
            Self::Bulk => 2,
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::Trickle => 40_000_000,
            Self::Bulk => 200_000_000,
        }
    }
}

/// Writes an index. There is one at a time for an index; it lives in the thread that owns it.
pub struct IndexWriter {
    live: Arc<LiveIndex>,
    writer: tantivy::IndexWriter<TantivyDocument>,
    /// The number of the last document added since the last commit, if it has not been removed.
    newest_added: Option<u64>,
    /// Hashes of the ids added since the last commit. A collision costs a needless deletion.
    uncommitted: HashSet<u64>,
    hasher: RandomState,
}

impl IndexWriter {
    /// Takes the writer's lock of the index.
    ///
    /// # Errors
    /// When another writer has the lock, or the file system refuses.
    pub fn open(live: Arc<LiveIndex>, size: WriterSize) -> Result<Self, Error> {
        let writer = live
            .index
            .writer_with_num_threads(size.threads(), size.bytes())?;
        let mut policy = LogMergePolicy::default();
        policy.set_del_docs_ratio_before_merge(MAX_DELETED_SHARE);
        policy.set_min_num_segments(MIN_SEGMENTS_TO_MERGE);
        writer.set_merge_policy(Box::new(policy));
        Ok(Self {
            live,
            writer,
            newest_added: None,
            uncommitted: HashSet::new(),
            hasher: RandomState::new(),
        })
    }

    /// Takes one change: the document after it, or `None` when it was deleted. It counts with the
    /// next commit.
    ///
    /// # Errors
    /// The writer must not be used again after an error.
    pub fn apply(
        &mut self,
        seq: u64,
        key: &DocumentKey,
        document: Option<&Document>,
    ) -> Result<(), Error> {
        // tantivy runs every deletion against every segment; most documents are new and need none.
        let id = Term::from_field_text(self.live.fields.id, key.id());
        let is_new_here = self.uncommitted.insert(self.hasher.hash_one(key.id()));
        if !is_new_here || self.live.searcher().doc_freq(&id)? > 0 {
            self.writer.delete_term(id);
        }
        let form = document.and_then(|document| index_form(&self.live.fields, seq, document));
        self.newest_added = form.is_some().then_some(seq);
        if let Some(form) = form {
            self.writer.add_document(form)?;
        }
        Ok(())
    }

    /// Commits what was applied as the state up to `seq`, makes it visible, and checks that the
    /// newest document is there.
    ///
    /// # Errors
    /// The writer must not be used again after an error: what was not committed is lost with it.
    pub fn commit(&mut self, seq: u64) -> Result<(), Error> {
        let payload = Payload {
            seq,
            stamp: self.live.stamp.clone(),
        };
        let payload = serde_json::to_string(&payload)
            .map_err(|error| tantivy::TantivyError::InternalError(error.to_string()))?;
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(&payload);
        commit.commit()?;
        self.live.reload()?;
        self.uncommitted.clear();
        match self.newest_added.take() {
            Some(added) if !self.live.has_seq(added)? => Err(Error::Lost(added)),
            _ => Ok(()),
        }
    }

    /// Starts to merge all segments into one; the one that comes of it is visible when the thread has
    /// ended.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn compact(&mut self) -> std::io::Result<JoinHandle<()>> {
        let searcher = self.live.searcher();
        let segments = searcher.segment_readers().iter();
        let ids: Vec<SegmentId> = segments.map(SegmentReader::segment_id).collect();
        let merge = self.writer.merge(&ids);
        let live = Arc::clone(&self.live);
        let wait = move || {
            // One that meets another merge of the same segments fails, which does no harm.
            let merged = merge.wait().map_err(Error::from);
            if let Err(error) = merged.and_then(|_| live.reload()) {
                tracing::debug!(%error, "segments were not merged into one");
            }
        };
        let name = "compact".to_owned();
        std::thread::Builder::new().name(name).spawn(wait)
    }

    /// Lets running merges finish. Worth it after a rebuild; otherwise they may be dropped.
    ///
    /// # Errors
    /// When a merge failed.
    pub fn finish(self) -> Result<(), Error> {
        self.writer.wait_merging_threads()?;
        self.live.reload()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{View, stamp};
    use crate::model::{Audience, Kind};

    fn live() -> (tempfile::TempDir, Arc<LiveIndex>) {
        let folder = tempfile::tempdir().unwrap();
        let live = LiveIndex::create(folder.path(), &stamp("test")).unwrap();
        (folder, Arc::new(live))
    }

    fn ticket(id: &str) -> (DocumentKey, Document) {
        let json = format!(r#"{{"kind":"ticket","id":"{id}","subject":"VPN drops"}}"#);
        (
            DocumentKey::new(Kind::Ticket, id).unwrap(),
            serde_json::from_str(&json).unwrap(),
        )
    }

    /// tantivy answers Ok to everything after a worker died, and keeps nothing. The check of the
    /// newest document must notice it, and a new writer must heal it.
    #[test]
    fn a_document_that_tantivy_rejects_loses_no_later_one_in_silence() {
        let (_folder, live) = live();
        let mut writer = IndexWriter::open(Arc::clone(&live), WriterSize::Trickle).unwrap();
        let mut bad = TantivyDocument::default();
        bad.add_text(live.fields.seq, "text where a number belongs");
        writer.writer.add_document(bad).unwrap();
        assert!(
            writer.commit(1).is_err(),
            "the commit with the bad document fails"
        );

        let (key, document) = ticket("T-2");
        let applied = writer.apply(2, &key, Some(&document));
        let committed = applied.and_then(|()| writer.commit(2));
        assert!(
            matches!(committed, Err(Error::Lost(2)) | Err(Error::Tantivy(_))),
            "the loss is noticed: {committed:?}"
        );
        drop(writer);

        let mut healed = IndexWriter::open(Arc::clone(&live), WriterSize::Trickle).unwrap();
        healed.apply(2, &key, Some(&document)).unwrap();
        healed.commit(2).unwrap();
        assert!(live.has_seq(2).unwrap());
    }

    #[test]
    fn compaction_leaves_one_segment_and_every_document() {
        let (_folder, live) = live();
        let mut writer = IndexWriter::open(Arc::clone(&live), WriterSize::Trickle).unwrap();
        for seq in 1..=3 {
            let (key, document) = ticket(&format!("T-{seq}"));
            writer.apply(seq, &key, Some(&document)).unwrap();
            writer.commit(seq).unwrap();
        }
        assert_eq!(live.summary().segments, 3);
        assert!(live.is_worth_compacting());
        let compacting = writer.compact().unwrap();
        // What is written meanwhile is kept too.
        let (key, document) = ticket("T-4");
        writer.apply(4, &key, Some(&document)).unwrap();
        writer.commit(4).unwrap();
        compacting.join().unwrap();
        assert_eq!(live.summary().segments, 2);
        assert_eq!(live.ids().unwrap().len(), 4);
        assert_eq!(live.committed_seq().unwrap(), 4);
    }

    #[test]
    fn a_change_replaces_its_document_and_a_deletion_removes_it() {
        let (_folder, live) = live();
        let mut writer = IndexWriter::open(Arc::clone(&live), WriterSize::Trickle).unwrap();
        let (key, document) = ticket("T-1");
        writer.apply(1, &key, Some(&document)).unwrap();
        writer.apply(2, &key, Some(&document)).unwrap();
        writer.commit(2).unwrap();
        assert_eq!(live.ids().unwrap(), [("T-1".to_owned(), 2)]);
        writer.apply(3, &key, None).unwrap();
        writer.commit(3).unwrap();
        assert_eq!(live.ids().unwrap(), []);
        assert_eq!(live.committed_seq().unwrap(), 3);
    }

    /// Segments that are merged are removed, while those who were there before still look at them:
    /// also somebody who never did so yet.
    #[test]
    fn a_merge_takes_nothing_from_who_has_not_looked_yet() {
        let (folder, live) = live();
        let mut writer = IndexWriter::open(Arc::clone(&live), WriterSize::Trickle).unwrap();
        for (seq, id) in [(1, "T-1"), (2, "T-2")] {
            let (key, document) = ticket(id);
            writer.apply(seq, &key, Some(&document)).unwrap();
            writer.commit(seq).unwrap();
        }
        let other = Arc::new(LiveIndex::open(folder.path(), &stamp("test")).unwrap());
        assert_eq!(other.summary().segments, 2);
        let rows = || {
            let files = std::fs::read_dir(folder.path()).unwrap();
            let rows = files.filter(|file| {
                let path = file.as_ref().unwrap().path();
                path.extension()
                    .is_some_and(|extension| extension == "forward")
            });
            rows.count()
        };
        assert_eq!(rows(), 2);
        writer.compact().unwrap().join().unwrap();
        assert_eq!(
            (live.summary().segments, rows()),
            (1, 1),
            "the old ones are gone"
        );
        let view = View::new(other, &Audience::Everything).unwrap();
        assert_eq!((view.n_segments(), view.n_docs()), (2, 2));
    }
}
