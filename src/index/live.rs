//! One generation of an index, open for reading.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tantivy::directory::error::OpenReadError;
use tantivy::query::TermQuery;
use tantivy::schema::IndexRecordOption;
use tantivy::{Index, IndexReader, ReloadPolicy, Searcher, SegmentReader, TantivyError, Term};

use super::Error;
use super::forward::{Forward, ForwardPlugin};
use super::schema::{Fields, schema};
use super::tokenizer::{FirstlineTokenizer, TOKENIZER};
use super::view::{SegmentView, ViewKey};

/// All segments are worth merging into one when this part of the documents is not in the largest:
/// so every document is merged a bounded number of times.
const WORTH_COMPACTING: u64 = 10;

/// So many merges in a row may end while a commit is opened.
const MAX_TRIES: u32 = 10;

/// What every commit carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Payload {
    /// All changes up to this sequence number are in the index.
    pub(super) seq: u64,
    /// See [`super::stamp`].
    pub(super) stamp: String,
}

/// How an index is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SegmentSummary {
    /// Segments; few is quick.
    pub segments: usize,
    /// Documents that can be found.
    pub documents: u64,
    /// Deleted documents that still take room.
    pub deleted: u64,
}

/// A commit that was made visible, with all that its answers need open: the files of segments that
/// are merged meanwhile are removed, and only who has them open can still read them.
pub(super) struct Opened {
    pub(super) searcher: Searcher,
    /// By segment.
    forwards: Vec<Arc<Forward>>,
}

impl Opened {
    /// The segments, each with what stands in its documents.
    pub(super) fn segments(&self) -> impl Iterator<Item = (&SegmentReader, &Arc<Forward>)> {
        self.searcher.segment_readers().iter().zip(&self.forwards)
    }

    /// What `last` has open already is not opened again.
    fn new(searcher: Searcher, last: Option<&Self>) -> Result<Self, Error> {
        let open = |segment: &SegmentReader| {
            let mut known = last.into_iter().flat_map(Self::segments);
            let same = known.find(|(other, _)| other.segment_id() == segment.segment_id());
            match same {
                Some((_, forward)) => Ok(Arc::clone(forward)),
                None => Forward::open(segment).map(Arc::new),
            }
        };
        let forwards = searcher.segment_readers().iter().map(open);
        Ok(Self {
            forwards: forwards.collect::<Result<_, _>>()?,
            searcher,
        })
    }
}

/// One generation of an index, open for reading.
pub struct LiveIndex {
    pub(super) path: PathBuf,
    pub(super) index: Index,
    reader: IndexReader,
    opened: Mutex<Arc<Opened>>,
    /// Held while a commit is made visible, so that an older one never follows a newer one.
    reloading: Mutex<()>,
    pub(super) fields: Fields,
    pub(super) stamp: String,
    pub(super) segment_views: Mutex<HashMap<ViewKey, Arc<SegmentView>>>,
}

impl std::fmt::Debug for LiveIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveIndex")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl LiveIndex {
    /// Makes an empty index in an empty folder.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn create(path: &Path, stamp: &str) -> Result<Self, Error> {
        let (schema, fields) = schema();
        let index = Index::builder()
            .schema(schema)
            .register_plugin(Arc::new(ForwardPlugin { fields }))
            .create_in_dir(path)?;
        Self::of(path, index, fields, stamp)
    }

    /// Opens the index in `path` after checking its stamp and the checksum of every file.
    ///
    /// # Errors
    /// [`Error::Unusable`] when it has to be made anew; any other error says nothing about the
    /// index and is no reason to throw it away.
    pub fn open(path: &Path, stamp: &str) -> Result<Self, Error> {
        // tantivy asserts in places what a damaged file does not hold.
        let opened = catch_unwind(AssertUnwindSafe(|| Self::open_checked(path, stamp)));
        let unusable = |detail: String| Error::Unusable {
            path: path.to_owned(),
            detail,
        };
        match opened {
            Ok(Err(Error::Tantivy(error))) if shows_damage(&error) => {
                Err(unusable(error.to_string()))
            }
            Ok(answer) => answer,
            Err(_) => Err(unusable("its files are not those of an index".to_owned())),
        }
    }

    fn open_checked(path: &Path, stamp: &str) -> Result<Self, Error> {
        let unusable = |detail: String| Error::Unusable {
            path: path.to_owned(),
            detail,
        };
        if !path.join("meta.json").is_file() {
            return Err(unusable("it has no meta.json".to_owned()));
        }
        let mut index = Index::open_in_dir(path)?;
        let (expected, fields) = schema();
        index.register_plugin(Arc::new(ForwardPlugin { fields }));
        if index.schema() != expected {
            return Err(unusable("it has other fields".to_owned()));
        }
        let payload = payload_of(&index)?
            .ok_or_else(|| unusable("its commit carries no sequence number".to_owned()))?;
        if payload.stamp != stamp {
            return Err(unusable(format!(
                "it is of {}, not of {stamp}",
                payload.stamp
            )));
        }
        let damaged = index.validate_checksum()?;
        if !damaged.is_empty() {
            let mut names: Vec<String> = damaged
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            names.sort();
            return Err(unusable(format!("wrong checksum in {}", names.join(", "))));
        }
        Self::of(path, index, fields, stamp)
    }

    fn of(path: &Path, index: Index, fields: Fields, stamp: &str) -> Result<Self, Error> {
        index
            .tokenizers()
            .register(TOKENIZER, FirstlineTokenizer::default());
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        let opened = newest(&reader, None)?;
        Ok(Self {
            opened: Mutex::new(Arc::new(opened)),
            reloading: Mutex::default(),
            path: path.to_owned(),
            index,
            reader,
            fields,
            stamp: stamp.to_owned(),
            segment_views: Mutex::default(),
        })
    }

    /// The folder of this generation.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All changes up to this sequence number are in the last commit; 0 before the first.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn committed_seq(&self) -> Result<u64, Error> {
        Ok(payload_of(&self.index)?.map_or(0, |payload| payload.seq))
    }

    /// Makes the last commit visible to new views.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn reload(&self) -> Result<(), Error> {
        let _guard = self
            .reloading
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let opened = Arc::new(newest(&self.reader, Some(&self.opened()))?);
        let alive = opened.segments().map(|(segment, _)| segment.segment_id());
        let alive: Vec<_> = alive.collect();
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = opened;
        self.segment_views
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|key, _| alive.contains(&key.segment));
        Ok(())
    }

    /// The commit that was made visible last.
    pub(super) fn opened(&self) -> Arc<Opened> {
        Arc::clone(&self.opened.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A searcher of that commit.
    pub(super) fn searcher(&self) -> Searcher {
        self.opened().searcher.clone()
    }

    /// Whether the document whose last change has this number can be found.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn has_seq(&self, seq: u64) -> Result<bool, Error> {
        let query = TermQuery::new(
            Term::from_field_u64(self.fields.seq, seq),
            IndexRecordOption::Basic,
        );
        Ok(self.searcher().search(&query, &tantivy::collector::Count)? > 0)
    }

    /// Every document that can be found, as (id, sequence number).
    ///
    /// # Errors
    /// An error of the file system.
    pub fn ids(&self) -> Result<Vec<(String, u64)>, Error> {
        let mut found = Vec::new();
        for segment in self.searcher().segment_readers() {
            let ids = segment.fast_fields().str("id")?;
            let seqs = segment.fast_fields().u64("seq")?;
            for doc in segment.doc_ids_alive() {
                let mut id = String::new();
                if let Some(column) = &ids
                    && let Some(ord) = column.term_ords(doc).next()
                {
                    column.ord_to_str(ord, &mut id)?;
                }
                found.push((id, seqs.first(doc).unwrap_or(0)));
            }
        }
        Ok(found)
    }

    /// Whether merging all segments into one is worth its time. Every segment costs every question
    /// again.
    #[must_use]
    pub fn is_worth_compacting(&self) -> bool {
        let searcher = self.searcher();
        let segments = searcher.segment_readers();
        let sizes = || segments.iter().map(|segment| u64::from(segment.max_doc()));
        let outside_largest = sizes().sum::<u64>() - sizes().max().unwrap_or(0);
        outside_largest * WORTH_COMPACTING > searcher.num_docs()
    }

    /// How the index is laid out.
    #[must_use]
    pub fn summary(&self) -> SegmentSummary {
        let searcher = self.searcher();
        let segments = searcher.segment_readers();
        SegmentSummary {
            segments: segments.len(),
            documents: searcher.num_docs(),
            deleted: segments
                .iter()
                .map(|segment| u64::from(segment.num_deleted_docs()))
                .sum(),
        }
    }
}

/// The newest commit. A merge may end between the two openings, and its segments are removed then:
/// the commit that follows is opened in their place.
fn newest(reader: &IndexReader, last: Option<&Opened>) -> Result<Opened, Error> {
    let mut tries = 0;
    loop {
        reader.reload()?;
        tries += 1;
        match Opened::new(reader.searcher(), last) {
            Err(Error::Tantivy(TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(
                _,
            )))) if tries < MAX_TRIES => {}
            done => return done,
        }
    }
}

fn payload_of(index: &Index) -> Result<Option<Payload>, Error> {
    let payload = index.load_metas()?.payload;
    Ok(payload.and_then(|json| serde_json::from_str(&json).ok()))
}

/// Whether the error says that the files themselves are wrong, as against a disk, a permission or
/// a lock that is.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other error says nothing about the files"
)]
fn shows_damage(error: &TantivyError) -> bool {
    use std::io::ErrorKind;
    let is_cut = |kind: ErrorKind| {
        matches!(
            kind,
            ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::NotFound
        )
    };
    match error {
        TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. })
        | TantivyError::IoError(io_error) => is_cut(io_error.kind()),
        TantivyError::OpenReadError(_)
        | TantivyError::DataCorruption(_)
        | TantivyError::IncompatibleIndex(_)
        | TantivyError::DeserializeError(_)
        | TantivyError::SchemaError(_) => true,
        _ => false,
    }
}
