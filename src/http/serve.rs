//! Runs the router on a listener: bounded connections, bounded patience, graceful end.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::problem::{Code, Problem};
use super::{App, app};
use crate::engine;

/// How long requests under way may take to finish when the server ends.
const MAX_GRACE: Duration = Duration::from_secs(10);

/// Reading ahead on one connection stops here.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// So many connections may wait to be accepted, or fewer where the system says so. One more is not
/// heard at all, and its client tries again only a second later.
const MAX_WAITING: u32 = 4_096;

/// Why the server did not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address is not the loopback one and there is no API key.
    #[error(
        "without API keys only this machine may be served: listen on 127.0.0.1, or make a key \
         first with `firstline keys add`; {0} would be open to everyone"
    )]
    OpenToEveryone(SocketAddr),
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] engine::Error),
}

/// Serves until `shutdown` is ready, then lets requests under way finish. `on_listening` gets the
/// real address, which tells the port when 0 was asked for.
///
/// # Errors
/// [`ServeError::OpenToEveryone`], or when the address is taken.
pub async fn serve(
    state: App,
    address: SocketAddr,
    on_listening: impl FnOnce(SocketAddr),
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    if !address.ip().is_loopback() && !state.engine.has_keys()? {
        return Err(ServeError::OpenToEveryone(address));
    }
    let listen = |source| ServeError::Listen { address, source };
    let listener = listener(address).map_err(listen)?;
    on_listening(listener.local_addr().map_err(listen)?);
    let settings = state.engine.settings().server.clone();
    let head_timeout = Duration::from_millis(settings.head_timeout_ms);
    let connections = Arc::new(Semaphore::new(settings.max_connections));
    let router = app(state);
    let (closing, is_closing) = watch::channel(false);
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: others will be given back.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        match Arc::clone(&connections).try_acquire_owned() {
            Ok(permit) => {
                let (router, is_closing) = (router.clone(), is_closing.clone());
                tokio::spawn(async move {
                    connection(stream, router, head_timeout, is_closing).await;
                    drop(permit);
                });
            }
            Err(_) => {
                if let Err(error) = refuse(stream) {
                    tracing::debug!(%error, "a connection too many went by itself");
                }
            }
        }
    }
    drop(listener);
    // Receivers are the connections; without any there is nobody to tell.
    closing.send(true).unwrap_or_default();
    let all = u32::try_from(settings.max_connections).unwrap_or(u32::MAX);
    if tokio::time::timeout(MAX_GRACE, connections.acquire_many(all))
        .await
        .is_err()
    {
        tracing::warn!(
            "requests were still under way after {} s",
            MAX_GRACE.as_secs()
        );
    }
    Ok(())
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart need not wait until the system has forgotten the last connections. On Windows it
    // would mean that two servers may listen on one port.
    socket.set_reuseaddr(cfg!(unix))?;
    socket.bind(address)?;
    socket.listen(MAX_WAITING)
}

async fn connection(
    stream: TcpStream,
    router: Router,
    head_timeout: Duration,
    mut is_closing: watch::Receiver<bool>,
) {
    stream.set_nodelay(true).unwrap_or_default();
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .max_buf_size(MAX_HEAD_BYTES);
    let service = TowerToHyperService::new(router);
    let mut connection = server.serve_connection(TokioIo::new(stream), service);
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        // Only ever changes to true.
        _ = is_closing.changed() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
        let parts = connection.into_parts();
        // A head that began and did not end in time; an idle connection is just closed.
        if error.is_timeout() && !parts.read_buf.is_empty() {
            let problem = Problem::new(
                Code::RequestTimeout,
                "the head of the request came too slowly",
            );
            answer_raw(parts.io.into_inner(), &problem).await;
        }
    }
}

/// Answers a connection that speaks no HTTP yet, or no more.
async fn answer_raw(mut stream: TcpStream, problem: &Problem) {
    let written = stream.write_all(problem.raw().as_bytes()).await;
    if written.is_ok() {
        stream.shutdown().await.unwrap_or_default();
    }
}

/// Tells a connection too many to come back; it gets no task of its own, and nobody waits for it.
fn refuse(stream: TcpStream) -> io::Result<()> {
    let problem = Problem::new(Code::Overloaded, "there are too many connections");
    // Not with tokio's `try_write`: it writes only what it has heard to be writable, and of a new
    // socket it has heard nothing. A new socket has room for this.
    let mut stream = stream.into_std()?;
    stream.write_all(problem.raw().as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    // Closing with something unread is a reset, which may overtake the answer.
    match stream.read(&mut [0; 4_096]) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(()),
    }
}
