//! The place of one index in a data folder: which generation is live now.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::index::{Error, IndexFolder, IndexWriter, LiveIndex, WriterSize, stamp};
use crate::model::Kind;

/// More than the index takes for the largest document.
const PROBE_BYTES: usize = 32 * 1024 * 1024;

/// The index of one kind of document.
#[derive(Debug)]
pub(super) struct IndexSlot {
    kind: Kind,
    folder: IndexFolder,
    stamp: String,
    live: RwLock<Option<Arc<LiveIndex>>>,
    /// A generation that could not be used, to be set aside when another one is live.
    unusable: Mutex<Option<PathBuf>>,
}

impl IndexSlot {
    /// Opens the live generation. `Err` of the pair says why there is none.
    ///
    /// # Errors
    /// What says nothing about the index itself: a disk or a permission.
    pub(super) fn open(
        data_folder: &Path,
        kind: Kind,
        store_id: &str,
        stored_seq: u64,
    ) -> Result<(Self, Result<(), String>), Error> {
        let folder = IndexFolder::new(data_folder, kind);
        let stamp = stamp(store_id);
        let path = folder.live()?;
        if let Some(path) = &path {
            check_access(path)?;
        }
        let opened = match &path {
            Some(path) => LiveIndex::open(path, &stamp),
            None => Err(Error::Unusable {
                path: folder.path().to_owned(),
                detail: "there is none".to_owned(),
            }),
        };
        let (live, problem) = match opened {
            // Of this store, but from its future: the store file was put back to an older state.
            Ok(live) if live.committed_seq()? > stored_seq => {
                (None, Err("it is ahead of the store".to_owned()))
            }
            Ok(live) => (Some(Arc::new(live)), Ok(())),
            Err(Error::Unusable { detail, .. }) => (None, Err(detail)),
            Err(error) => return Err(error),
        };
        let unusable = match (&live, path) {
            (Some(_), _) => None,
            (None, Some(path)) => Some(path),
            (None, None) => folder.newest()?,
        };
        let slot = Self {
            kind,
            folder,
            stamp,
            live: RwLock::new(live),
            unusable: Mutex::new(unusable),
        };
        Ok((slot, problem))
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// The live generation; none while the first one is being made.
    pub(super) fn live(&self) -> Option<Arc<LiveIndex>> {
        self.live
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Makes an empty generation beside the live one.
    pub(super) fn new_generation(&self) -> Result<LiveIndex, Error> {
        let path = self.folder.new_generation()?;
        let created = LiveIndex::create(&path, &self.stamp);
        if created.is_err() {
            self.discard(&path);
        }
        created
    }

    /// Removes a generation that did not become what it should.
    pub(super) fn discard(&self, generation: &Path) {
        if let Err(error) = std::fs::remove_dir_all(generation) {
            let kind = self.kind;
            tracing::warn!(%kind, %error, "an unfinished index could not be removed");
        }
    }

    /// Removes what a crash left of generations that were never finished.
    pub(super) fn clear_unfinished(&self) {
        let unusable = self.unusable.lock();
        let unusable = unusable.unwrap_or_else(PoisonError::into_inner).clone();
        let live = self.live();
        let keep = live.as_deref().map(LiveIndex::path).or(unusable.as_deref());
        if let Err(error) = self.folder.clear(keep, None) {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "old files of the index could not be removed");
        }
    }

    /// Whether the disk takes a file of some size; where it does not, a failed write says nothing
    /// about what was written.
    pub(super) fn has_room(&self) -> bool {
        let path = self.folder.path().join("probe");
        let written = std::fs::write(&path, vec![0; PROBE_BYTES]);
        let removed = std::fs::remove_file(&path);
        written.and(removed).is_ok()
    }

    /// Makes an empty live generation: all there is of an empty store.
    pub(super) fn start_empty(&self) -> Result<(), Error> {
        let live = Arc::new(self.new_generation()?);
        // Without a commit it would have no stamp, and the next start would make it anew.
        IndexWriter::open(Arc::clone(&live), WriterSize::Trickle)?.commit(0)?;
        self.replace(live)
    }

    /// Makes `live` the live generation, on disk and for all who ask from now on.
    pub(super) fn replace(&self, live: Arc<LiveIndex>) -> Result<(), Error> {
        self.folder.publish(live.path())?;
        let path = live.path().to_owned();
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Some(live);
        let unusable = self
            .unusable
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // Requests under way keep the files of the old generation open; removing their names does
        // not hurt them.
        if let Err(error) = self.folder.clear(Some(&path), unusable.as_deref()) {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "old files of the index could not be removed");
        }
        Ok(())
    }

    /// The bytes that the live generation takes on disk.
    pub(super) fn size_bytes(&self) -> u64 {
        let Some(live) = self.live() else {
            return 0;
        };
        let Ok(entries) = std::fs::read_dir(live.path()) else {
            return 0;
        };
        entries
            .filter_map(|entry| entry.ok()?.metadata().ok())
            .map(|metadata| metadata.len())
            .sum()
    }
}

/// Refuses a folder that may not be looked into: what cannot be seen is not damaged.
fn check_access(path: &Path) -> Result<(), Error> {
    let look = || -> std::io::Result<()> {
        for entry in std::fs::read_dir(path)? {
            entry?.metadata()?;
        }
        Ok(())
    };
    match look() {
        Err(source) if source.kind() == ErrorKind::PermissionDenied => Err(Error::Io {
            path: path.to_owned(),
            source,
        }),
        // Anything else is for the index to judge.
        _ => Ok(()),
    }
}
