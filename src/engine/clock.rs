//! The clock of the engine: everything below it gets time as an argument.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::model::Time;

/// The time of day.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn now() -> Time {
    Time::from_unix_seconds(Timestamp::now().as_second())
}

/// A point on the clock that never goes back.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn instant() -> Instant {
    Instant::now()
}

/// Measures how long something takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(instant())
    }

    pub(crate) fn elapsed(self) -> Duration {
        instant().saturating_duration_since(self.0)
    }

    /// Whole microseconds.
    pub(crate) fn elapsed_us(self) -> u64 {
        u64::try_from(self.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}
