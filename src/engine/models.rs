//! The learned models of a data folder: the store keeps them, each as bytes under its version, and the
//! newest is the one in use. Whoever else trains (the command line beside a server) is noticed within
//! a second. One that a stored decision names stays as long as the decision, so that it can be made
//! again, and goes into backups with it.
//!
//! What that costs: a model of 2,700 tickets has 3 MB, one of 100,000 tickets and a hundred values
//! 43 MB. A server learns anew only after `triage.relearn_after` changes and a tenth of the tickets, so
//! in the usual 730 days there are 146 of the one at 100 changes a day (0.5 GB) and 73 of the other at
//! 1,000 (3 GB). The room of those that have gone is used again; the file does not shrink.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::Error;
use super::clock::instant;
use crate::store::{ModelName, StoreReader, put_model};
use crate::triage::Model;

/// Where older versions kept models as files, named by their versions.
const OLD_FOLDER: &str = "models";

/// How long a new model may go unnoticed.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The models of a data folder.
#[derive(Debug)]
pub(super) struct Models {
    folder: PathBuf,
    store: StoreReader,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    model: Option<Arc<Model>>,
    /// The newest model when it was last looked.
    seen: Option<ModelName>,
    checked: Option<Instant>,
    problem: Option<String>,
}

impl Models {
    /// The models of a data folder and its store. One that cannot be read is none, and is told of.
    pub(super) fn open(folder: &Path, store: StoreReader) -> Self {
        Self {
            folder: folder.to_owned(),
            store,
            state: Mutex::default(),
        }
    }

    /// The model in use, no older than a second; none before anything was learned.
    pub(super) fn current(&self) -> Option<Arc<Model>> {
        let lock = || self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = lock();
        let now = instant();
        let is_fresh = |checked| now.saturating_duration_since(checked) < CHECK_EVERY;
        if state.checked.is_some_and(is_fresh) {
            return state.model.clone();
        }
        state.checked = Some(now);
        let seen = match self.store.newest_model() {
            Ok(seen) => seen,
            Err(error) => {
                let problem = super::chain(&error);
                tracing::warn!(problem, "the newest model is not known");
                state.problem = Some(problem);
                return state.model.clone();
            }
        };
        if seen != state.seen {
            state.seen.clone_from(&seen);
            let read = || seen.as_ref().map(|seen| self.of_version(&seen.version));
            // Only the question that finds a new model waits for it, while there is another.
            let read = if state.model.is_none() {
                read()
            } else {
                drop(state);
                let read = read();
                state = lock();
                if state.seen != seen {
                    return state.model.clone();
                }
                read
            };
            match read.transpose() {
                Ok(model) => (state.model, state.problem) = (model, None),
                Err(problem) => {
                    tracing::warn!(problem, "the learned model was not taken");
                    state.problem = Some(problem);
                }
            }
        }
        state.model.clone()
    }

    /// Why the newest model is not in use.
    pub(super) fn problem(&self) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.problem.clone()
    }

    /// The model of a version, or why it cannot be had.
    pub(super) fn of_version(&self, version: &str) -> Result<Arc<Model>, String> {
        let bytes = self
            .store
            .model(version)
            .map_err(|error| super::chain(&error))?;
        let bytes = bytes.ok_or("it is not kept")?;
        let model = Model::from_bytes(&bytes).map_err(|error| super::chain(&error))?;
        Ok(Arc::new(model))
    }

    /// Puts a model in use, and gives its size. It is on disk when this returns.
    pub(super) fn put(&self, model: Model) -> Result<usize, Error> {
        let bytes = model.to_bytes().map_err(Error::Model)?;
        // Before this one, which is newer.
        self.take_files()?;
        let seen = put_model(&self.folder, model.version(), &bytes)?;
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State {
            model: Some(Arc::new(model)),
            seen: Some(seen),
            ..State::default()
        };
        Ok(bytes.len())
    }

    /// Takes what an older version kept as files into the store.
    pub(super) fn take_files(&self) -> Result<(), Error> {
        let folder = self.folder.join(OLD_FOLDER);
        if !folder.exists() {
            return Ok(());
        }
        let of_folder = |source| Error::Folder {
            path: folder.clone(),
            source,
        };
        for (path, version) in old_files(&folder).map_err(of_folder)? {
            let content = fs::read(path).map_err(of_folder)?;
            put_model(&self.folder, &version, &content)?;
        }
        fs::remove_dir_all(&folder).map_err(of_folder)
    }
}

/// The models of a folder with their versions, the one in use last.
fn old_files(folder: &Path) -> std::io::Result<Vec<(PathBuf, String)>> {
    let current = fs::read_to_string(folder.join("CURRENT")).unwrap_or_default();
    let mut files: Vec<(bool, SystemTime, PathBuf, String)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if let Some(version) = name.to_str().and_then(|name| name.strip_suffix(".model")) {
            let is_current = version == current.trim();
            let changed = entry.metadata()?.modified()?;
            files.push((is_current, changed, entry.path(), version.to_owned()));
        }
    }
    files.sort();
    let files = files.into_iter();
    Ok(files.map(|(_, _, path, version)| (path, version)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreWriter;
    use crate::triage::{FieldValue, PastTicket, Rules, Training};

    fn model(word: &str) -> Model {
        let past = |subject: &str, value: &str| PastTicket {
            ticket: crate::TicketText {
                subject: subject.to_owned(),
                ..crate::TicketText::default()
            },
            values: [("category".to_owned(), FieldValue::Name(value.to_owned()))].into(),
            ..PastTicket::default()
        };
        let tickets = [past(word, "a"), past("printer", "b")];
        let training = Training {
            rules: &Rules::default(),
            fields: &["category"],
            precision: 0.9,
            seq: 7,
        };
        let tickets: Vec<PastTicket> = tickets.iter().cycle().take(20).cloned().collect();
        Model::train(&tickets, training).unwrap()
    }

    /// The models of a new store in a folder.
    fn models(folder: &Path) -> Models {
        let store = StoreWriter::open(folder).unwrap();
        Models::open(folder, store.reader())
    }

    /// Puts a model in use and gives its version.
    fn learn(models: &Models, word: &str) -> String {
        let model = model(word);
        let version = model.version().to_owned();
        models.put(model).unwrap();
        version
    }

    #[test]
    fn the_newest_model_is_in_use_and_those_just_before_can_be_had() {
        let folder = tempfile::tempdir().unwrap();
        let models = models(folder.path());
        assert!(models.current().is_none());
        let versions: Vec<String> = (0..5)
            .map(|n| {
                let version = learn(&models, &format!("word{n}"));
                assert_eq!(models.current().unwrap().version(), version);
                version
            })
            .collect();
        let is_kept = |version: &String| models.of_version(version).is_ok();
        let kept: Vec<bool> = versions.iter().map(is_kept).collect();
        assert_eq!(kept, [false, false, true, true, true]);
        assert_eq!(models.of_version("other").unwrap_err(), "it is not kept");
        assert_eq!(models.current().unwrap().seq(), 7);
        // The same again is the newest again.
        learn(&models, "word2");
        learn(&models, "word5");
        let kept: Vec<bool> = versions.iter().map(is_kept).collect();
        assert_eq!(kept, [false, false, true, false, true]);
    }

    #[test]
    fn what_another_process_learned_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (here, there) = (models(folder.path()), models(folder.path()));
        learn(&here, "one");
        let second = model("two");
        there.put(second.clone()).unwrap();
        let found = here.current().unwrap();
        assert_eq!(found.version(), second.version());
        assert_eq!(*found, second, "as it was learned");
    }

    #[test]
    fn a_damaged_model_leaves_the_one_before_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let here = models(folder.path());
        let first = learn(&here, "one");
        put_model(folder.path(), "two", b"damaged").unwrap();
        assert_eq!(here.current().unwrap().version(), first);
        assert!(here.problem().unwrap().contains("no model"));
    }

    #[test]
    fn what_an_older_version_kept_as_files_is_taken_into_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let models = models(folder.path());
        let old = folder.path().join(OLD_FOLDER);
        fs::create_dir(&old).unwrap();
        let write = |word: &str| {
            let model = model(word);
            let file = old.join(format!("{}.model", model.version()));
            fs::write(file, model.to_bytes().unwrap()).unwrap();
            model.version().to_owned()
        };
        let (in_use, other) = (write("one"), write("two"));
        fs::write(old.join("CURRENT"), &in_use).unwrap();
        models.take_files().unwrap();
        assert_eq!(models.current().unwrap().version(), in_use);
        assert!(models.of_version(&other).is_ok());
        assert!(!old.exists());
        models.take_files().unwrap();

        // Who learns before anybody has taken them has the newest.
        fs::create_dir(&old).unwrap();
        write("three");
        let learned = learn(&models, "four");
        models.take_files().unwrap();
        let newest = models.store.newest_model().unwrap().unwrap();
        assert_eq!(newest.version, learned);
    }
}
