//! `firstline serve`: a data folder over HTTP until Ctrl-C.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use super::args::ServeArgs;
use super::{Exit, output};
use crate::http::{App, serve};
use crate::{Engine, Settings};

/// File descriptors to ask for: connections, index files, the store.
const FILE_DESCRIPTORS: u64 = 16_384;

pub(super) fn run(folder: &Path, mut settings: Settings, args: &ServeArgs) -> anyhow::Result<Exit> {
    if let Some(listen) = args.listen {
        settings.server.listen = listen;
    }
    let engine = open(folder, settings)?;
    serve_engine(engine, |address| {
        output::note(&format!("serving {} on http://{address}", folder.display()));
    })
}

pub(super) fn open(folder: &Path, settings: Settings) -> anyhow::Result<Engine> {
    Engine::open(folder, settings)
        .with_context(|| format!("the data folder {} could not be opened", folder.display()))
}

/// Serves an engine until Ctrl-C or a termination signal.
pub(super) fn serve_engine(
    engine: Engine,
    on_listening: impl FnOnce(SocketAddr),
) -> anyhow::Result<Exit> {
    if let Err(error) = rlimit::increase_nofile_limit(FILE_DESCRIPTORS) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    let address = engine.settings().server.listen;
    if !engine.has_keys()? {
        tracing::warn!(
            "no API key is configured: everyone on this machine is an admin, and only this \
             machine is served"
        );
    }
    let engine = Arc::new(engine);
    let app = App::new(Arc::clone(&engine))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the server could not be started")?;
    runtime.block_on(serve(app, address, on_listening, stop_signal()))?;
    drop(runtime);
    tracing::info!("stopped; writing what is left");
    // The last holder: its end commits the indexes.
    drop(engine);
    Ok(Exit::Done)
}

/// Ready when the process is asked to stop.
async fn stop_signal() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    if interrupted.await.is_err() {
        // Without a way to be told, run until killed.
        std::future::pending::<()>().await;
    }
}
