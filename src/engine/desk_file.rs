//! A file that a desk edits while the engine runs: read again when it has changed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::clock::instant;

/// How long a change of the file may go unnoticed.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// A file with its last good content. A missing file is an empty one; a wrong one changes nothing,
/// and its problem is kept for the status.
pub(super) struct DeskFile<T> {
    path: PathBuf,
    parse: fn(&str, &str) -> Result<T, String>,
    state: Mutex<State<T>>,
}

struct State<T> {
    content: Arc<T>,
    problem: Option<String>,
    /// Size and time of the file as it was read.
    seen: Option<(u64, SystemTime)>,
    checked: Instant,
}

impl<T: Default> DeskFile<T> {
    /// Reads the file.
    pub(super) fn open(path: PathBuf, parse: fn(&str, &str) -> Result<T, String>) -> Self {
        let mut state = State {
            content: Arc::new(T::default()),
            problem: None,
            seen: None,
            checked: instant(),
        };
        state.refresh(&path, parse);
        Self {
            path,
            parse,
            state: Mutex::new(state),
        }
    }

    /// The content, no older than a second.
    pub(super) fn content(&self) -> Arc<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = instant();
        if now.saturating_duration_since(state.checked) >= CHECK_EVERY {
            state.checked = now;
            state.refresh(&self.path, self.parse);
        }
        Arc::clone(&state.content)
    }

    /// Why the file as it is now was not taken, if it was not.
    pub(super) fn problem(&self) -> Option<String> {
        let content = self.content();
        drop(content);
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.problem.clone()
    }
}

impl<T: Default> State<T> {
    fn refresh(&mut self, path: &Path, parse: fn(&str, &str) -> Result<T, String>) {
        let metadata = std::fs::metadata(path).ok();
        let seen = metadata.and_then(|file| Some((file.len(), file.modified().ok()?)));
        if seen == self.seen {
            return;
        }
        self.seen = seen;
        let name = path.display().to_string();
        let read = match std::fs::read_to_string(path) {
            Ok(text) => parse(&name, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(T::default()),
            Err(error) => Err(format!("{name} could not be read: {error}")),
        };
        match read {
            Ok(content) => {
                self.content = Arc::new(content);
                self.problem = None;
            }
            Err(problem) => {
                tracing::warn!(
                    problem,
                    "the file was not taken; what was read before stays"
                );
                self.problem = Some(problem);
            }
        }
    }
}
