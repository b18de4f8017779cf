//! A file that a desk edits while the engine runs: read again when it has changed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::clock::instant;

/// How long a change of the file may go unnoticed.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Reads a content from the name of a file and its text.
type Parse<T, E> = fn(&str, &str) -> Result<T, E>;

/// A file with its last good content. A missing file is an empty one; a wrong one changes nothing,
/// and its problem is kept for the status. The same goes for a file that must be right from the
/// start and has gone.
pub(super) struct DeskFile<T, E = String> {
    path: PathBuf,
    parse: Parse<T, E>,
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
    pub(super) fn open(path: PathBuf, parse: Parse<T, String>) -> Self {
        let seen = seen(&path);
        let (content, problem) = match read(&path, parse) {
            Ok(content) => (content, None),
            Err(problem) => {
                let problem = problem.told(&path);
                tracing::warn!(problem, "the file was not taken");
                (T::default(), Some(problem))
            }
        };
        Self::of((path, parse), seen, (content, problem), false)
    }
}

impl<T: Default, E: ToString> DeskFile<T, E> {
    /// Reads the file; one that is wrong from the start is refused.
    pub(super) fn open_right(path: PathBuf, parse: Parse<T, E>) -> Result<Self, Refused<E>> {
        let seen = seen(&path);
        let content = read(&path, parse)?;
        Ok(Self::of((path, parse), seen, (content, None), true))
    }

    fn of(
        (path, parse): (PathBuf, Parse<T, E>),
        seen: Option<Seen>,
        (content, problem): (T, Option<String>),
        is_kept_when_gone: bool,
    ) -> Self {
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
            Err(Refused::Io(std::io::ErrorKind::NotFound.into()))
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
                let problem = problem.told(&self.path);
                tracing::warn!(
                    problem,
                    "the file was not taken; what was read before stays"
                );
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

/// Why a file is not taken.
pub(super) enum Refused<E> {
    /// It could not be read.
    Io(std::io::Error),
    /// It is wrong.
    Wrong(E),
}

impl<E: ToString> Refused<E> {
    fn told(&self, path: &Path) -> String {
        match self {
            Self::Io(error) => format!("{} could not be read: {error}", path.display()),
            Self::Wrong(error) => error.to_string(),
        }
    }
}

fn seen(path: &Path) -> Option<Seen> {
    let metadata = std::fs::metadata(path).ok();
    metadata.and_then(|file| Some((file.len(), file.modified().ok()?)))
}

fn read<T: Default, E>(path: &Path, parse: Parse<T, E>) -> Result<T, Refused<E>> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&path.display().to_string(), &text).map_err(Refused::Wrong),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(Refused::Io(error)),
    }
}
