//! A file that a desk edits while the engine runs: read again when it has changed.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::clock::instant;

/// How long a change of the file may go unnoticed.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Reads a content from the name of a file and its text.
type Parse<T> = fn(&str, &str) -> Result<T, String>;

/// A file with its last good content. A missing file is an empty one; a wrong one changes nothing,
/// and its problem is kept for the status.
pub(super) struct DeskFile<T> {
    path: PathBuf,
    parse: Parse<T>,
    is_kept_when_gone: bool,
    state: Mutex<State<T>>,
}

/// Size and time of change.
type Seen = (u64, SystemTime);

struct State<T> {
    content: Arc<T>,
    problem: Option<String>,
    /// Size and time of the file as it was read.
    seen: Option<Seen>,
    checked: Instant,
}

impl<T: Default> DeskFile<T> {
    /// Reads the file; one that is wrong from the start is empty until it is mended.
    pub(super) fn open(path: PathBuf, parse: Parse<T>) -> Self {
        Self::start((path, parse), T::default, false)
    }

    /// Reads a file that is never taken for empty: one that is wrong from the start is as
    /// `last_good` says until it is mended, and one that goes stays as it was.
    pub(super) fn open_kept(path: PathBuf, parse: Parse<T>, last_good: impl FnOnce() -> T) -> Self {
        Self::start((path, parse), last_good, true)
    }

    fn start(
        (path, parse): (PathBuf, Parse<T>),
        last_good: impl FnOnce() -> T,
        is_kept_when_gone: bool,
    ) -> Self {
        let seen = seen(&path);
        let (content, problem) = match read(&path, parse) {
            Ok(content) => (content, None),
            Err(problem) => {
                tracing::error!("not taken until it is mended: {problem}");
                (last_good(), Some(problem))
            }
        };
        let state = State {
            content: Arc::new(content),
            problem,
            seen,
            checked: instant(),
        };
        Self {
            path,
            parse,
            is_kept_when_gone,
            state: Mutex::new(state),
        }
    }

    /// The content, no older than a second. Whoever notices a change reads the file; everyone else
    /// goes on with what was read before until that is done.
    pub(super) fn content(&self) -> Arc<T> {
        let mut state = self.state();
        let now = instant();
        if now.saturating_duration_since(state.checked) < CHECK_EVERY {
            return Arc::clone(&state.content);
        }
        state.checked = now;
        let seen = seen(&self.path);
        if seen == state.seen {
            return Arc::clone(&state.content);
        }
        state.seen = seen;
        drop(state);
        let read = if seen.is_none() && self.is_kept_when_gone {
            Err(unreadable(&self.path, &ErrorKind::NotFound.into()))
        } else {
            read(&self.path, self.parse)
        };
        let mut state = self.state();
        match read {
            Ok(content) => {
                state.content = Arc::new(content);
                state.problem = None;
            }
            Err(problem) => {
                tracing::warn!("not taken, what was read before stays: {problem}");
                state.problem = Some(problem);
            }
        }
        Arc::clone(&state.content)
    }

    /// Why the file as it is now was not taken, if it was not.
    pub(super) fn problem(&self) -> Option<String> {
        drop(self.content());
        self.state().problem.clone()
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn seen(path: &Path) -> Option<Seen> {
    let metadata = std::fs::metadata(path).ok();
    metadata.and_then(|file| Some((file.len(), file.modified().ok()?)))
}

fn read<T: Default>(path: &Path, parse: Parse<T>) -> Result<T, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&path.display().to_string(), &text),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("{} could not be read: {error}", path.display())
}
