//! The JSON HTTP API, version 1. axum only: every handler reads its request, makes one engine
//! call on a thread of the pool, and maps the answer.
//!
//! [`app`] builds the router, [`serve`] runs it. Errors are RFC 9457 problems, made in `problem`
//! only; who may do what is decided in `access` only.

mod access;
mod analytics;
mod decisions;
mod documents;
mod feedback;
mod import;
mod intake;
mod params;
mod problem;
mod request;
mod search;
mod serve;
mod similar;
mod status;
mod triage;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use tokio::sync::{Semaphore, oneshot};
use tower_http::catch_panic::CatchPanicLayer;

pub use problem::{CODES, Code};
pub use serve::{ServeError, serve};

use crate::engine::{self, Engine, Lane, Pool};
use crate::store::{Change, Outcome};
use problem::Problem;

/// What the handlers share.
#[derive(Clone)]
pub struct App {
    engine: Arc<Engine>,
    pool: Arc<Pool>,
    /// A permit for every byte that the bodies being read may take together.
    bodies: Arc<Semaphore>,
}

/// How long a write may wait for the indexes, which it does when it hides something.
const MAX_VISIBLE_WAIT: Duration = Duration::from_secs(8);

/// What the bodies being read may take together, in bytes.
const MAX_BODIES_BYTES: usize = 256 * 1024 * 1024;

impl App {
    /// Serves an engine.
    ///
    /// # Errors
    /// When the threads of the pool cannot be started.
    pub fn new(engine: Arc<Engine>) -> Result<Self, engine::Error> {
        let server = &engine.settings().server;
        let pool = Arc::new(Pool::start(server.light_queue, server.heavy_queue)?);
        let bodies = Arc::new(Semaphore::new(MAX_BODIES_BYTES));
        Ok(Self {
            engine,
            pool,
            bodies,
        })
    }

    /// Computes an answer on the pool. Work whose caller has gone is skipped.
    async fn compute<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce(&Engine) -> Result<T, engine::Error> + Send + 'static,
    ) -> Result<T, Problem> {
        let (sender, answer) = oneshot::channel();
        let engine = Arc::clone(&self.engine);
        self.pool.submit(lane, move || {
            if !sender.is_closed() {
                // A caller that has gone meanwhile needs no answer.
                drop(sender.send(work(&engine)));
            }
        })?;
        let limit = Duration::from_millis(self.engine.settings().server.answer_timeout_ms);
        match tokio::time::timeout(limit, answer).await {
            Ok(Ok(answer)) => answer.map_err(Problem::from),
            // The job panicked; the pool has logged it.
            Ok(Err(_)) => Err(Problem::new(
                Code::Internal,
                "the answer could not be computed",
            )),
            Err(_) => {
                let detail = format!("there was no answer within {} ms", limit.as_millis());
                Err(Problem::new(Code::Overloaded, detail))
            }
        }
    }

    /// Stores one change; when it returns the change is on disk.
    async fn write(&self, change: Change) -> Result<Outcome, Problem> {
        let outcomes = self.write_all(vec![change]).await?;
        Ok(outcomes.last().copied().ok_or(engine::Error::Closed)?)
    }

    /// Stores changes, all or none; when it returns they are on disk.
    async fn write_all(&self, changes: Vec<Change>) -> Result<Vec<Outcome>, Problem> {
        let (sender, outcomes) = oneshot::channel();
        // A caller that has gone meanwhile needs no answer; its changes are stored all the same.
        self.engine
            .submit_all(changes, move |outcomes| drop(sender.send(outcomes)))?;
        // Only a change that hides something waits for the index, and only that can take long.
        match tokio::time::timeout(MAX_VISIBLE_WAIT, outcomes).await {
            Ok(Ok(outcomes)) => Ok(outcomes?),
            Ok(Err(_)) => Err(engine::Error::Closed.into()),
            Err(_) => Err(engine::Error::NotVisibleYet.into()),
        }
    }
}

/// The router with all resources and layers.
pub fn app(app: App) -> Router {
    Router::new()
        .merge(search::router())
        .merge(similar::router())
        .merge(triage::router())
        .merge(decisions::router())
        .merge(documents::router())
        .merge(import::router())
        .merge(intake::router())
        .merge(status::router())
        .merge(feedback::router())
        .merge(analytics::router())
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(CatchPanicLayer::custom(problem::of_panic))
        .layer(from_fn(request::log_and_identify))
        .with_state(app)
}
