//! The learned models of a data folder: a file each, named by its version, and `CURRENT`, which names
//! the one in use and is replaced atomically. Whoever else trains (the command line beside a server)
//! is noticed within a second. Older models stay for a while, so that stored decisions can be made
//! again.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::clock::instant;
use crate::triage::Model;

/// The folder of the models in a data folder.
const FOLDER: &str = "models";

const CURRENT: &str = "CURRENT";

/// So many models are kept, the newest.
const MAX_KEPT: usize = 10;

/// How long a new model may go unnoticed.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The models of a data folder.
#[derive(Debug)]
pub(super) struct Models {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    model: Option<Arc<Model>>,
    /// The time of `CURRENT` as it was read.
    seen: Option<SystemTime>,
    checked: Option<Instant>,
    problem: Option<String>,
}

impl Models {
    /// The models of a data folder. One that cannot be read is none, and is told of.
    pub(super) fn open(data: &Path) -> Self {
        Self {
            folder: data.join(FOLDER),
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
        let changed = fs::metadata(self.folder.join(CURRENT)).and_then(|meta| meta.modified());
        let seen = changed.ok();
        if seen != state.seen {
            state.seen = seen;
            // Only the question that finds a new model waits for it, while there is another.
            let read = if state.model.is_none() {
                self.read_current()
            } else {
                drop(state);
                let read = self.read_current();
                state = lock();
                if state.seen != seen {
                    return state.model.clone();
                }
                read
            };
            match read {
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

    fn read_current(&self) -> Result<Option<Arc<Model>>, String> {
        let path = self.folder.join(CURRENT);
        let version = match fs::read_to_string(&path) {
            Ok(version) => version,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        self.of_version(version.trim()).map(Some)
    }

    /// The model of a version, or why it cannot be had.
    pub(super) fn of_version(&self, version: &str) -> Result<Arc<Model>, String> {
        let is_name = version.chars().all(|c| c.is_ascii_alphanumeric());
        if !is_name || version.is_empty() {
            return Err(format!("{version:?} is no version of a model"));
        }
        let path = self.path_of(version);
        let told = |detail: String| format!("{}: {detail}", path.display());
        let bytes = fs::read(&path).map_err(|error| told(error.to_string()))?;
        let model = Model::from_bytes(&bytes).map_err(|error| told(super::chain(&error)))?;
        Ok(Arc::new(model))
    }

    /// Where they are.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn path_of(&self, version: &str) -> PathBuf {
        self.folder.join(format!("{version}.model"))
    }

    /// Puts a model in use. It is on disk when this returns.
    pub(super) fn put(&self, model: Model) -> std::io::Result<PathBuf> {
        fs::create_dir_all(&self.folder)?;
        let path = self.path_of(model.version());
        let bytes = model.to_bytes().map_err(std::io::Error::other)?;
        self.replace(&path, &bytes)?;
        let current = self.folder.join(CURRENT);
        let written = self.replace(&current, model.version().as_bytes())?;
        self.forget_old(&path)?;
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State {
            model: Some(Arc::new(model)),
            seen: Some(written),
            ..State::default()
        };
        Ok(path)
    }

    /// Writes a file anew, and tells when.
    fn replace(&self, path: &Path, content: &[u8]) -> std::io::Result<SystemTime> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        let written = file.as_file().metadata()?.modified()?;
        file.persist(path)?;
        fs::File::open(&self.folder)?.sync_all()?;
        Ok(written)
    }

    /// Removes all models but the newest, and never this one.
    fn forget_old(&self, keep: &Path) -> std::io::Result<()> {
        let mut models = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let is_model = path
                .extension()
                .is_some_and(|extension| extension == "model");
            if is_model && path != keep {
                models.push((fs::metadata(&path)?.modified()?, path));
            }
        }
        models.sort();
        let n_old = (models.len() + 1).saturating_sub(MAX_KEPT);
        for (_, path) in models.into_iter().take(n_old) {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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

    #[test]
    fn the_newest_model_is_in_use_and_older_ones_can_be_had() {
        let folder = tempfile::tempdir().unwrap();
        let models = Models::open(folder.path());
        assert!(models.current().is_none());
        let versions: Vec<String> = (0..MAX_KEPT + 2)
            .map(|n| {
                let model = model(&format!("word{n}"));
                let version = model.version().to_owned();
                models.put(model).unwrap();
                assert_eq!(models.current().unwrap().version(), version);
                version
            })
            .collect();
        assert!(models.of_version(&versions[MAX_KEPT]).is_ok());
        assert!(models.of_version(&versions[0]).is_err(), "too old");
        assert!(models.of_version("../firstline").is_err());
        assert_eq!(models.current().unwrap().seq(), 7);
    }

    #[test]
    fn what_another_process_learned_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (here, there) = (Models::open(folder.path()), Models::open(folder.path()));
        here.put(model("one")).unwrap();
        let second = model("two");
        there.put(second.clone()).unwrap();
        let found = here.current().unwrap();
        assert_eq!(found.version(), second.version());
        assert_eq!(*found, second, "as it was learned");
    }

    #[test]
    fn a_damaged_model_leaves_the_one_before_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let (here, there) = (Models::open(folder.path()), Models::open(folder.path()));
        let first = model("one");
        here.put(first.clone()).unwrap();
        let path = there.put(model("two")).unwrap();
        fs::write(path, "damaged").unwrap();
        assert_eq!(here.current().unwrap().version(), first.version());
        assert!(here.problem().unwrap().contains("no model"));
    }
}
