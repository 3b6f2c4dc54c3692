//! Accepting HTTP/1.1 connections with limits on what a peer may make us hold.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::supervisor::{Restart, Supervisor};

/// Bytes of a request's line and headers. A token has at most 4 KiB.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Headers of one request.
const MAX_HEADERS: usize = 64;
/// After a failed accept (such as too many open files), a pause: the loop must not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What peers may make us hold.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// Connections at once; further ones wait in the kernel's bounded backlog.
    pub max_connections: usize,
    /// A request's headers have to arrive within this; idle connections are kept as long.
    pub header_timeout: Duration,
}

/// Who is at the other end of the connection, in each request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Serves `router` on `listener` as a supervised task until the stop signal; then accepts nothing more and lets each
/// connection finish the request it is on, which the supervisor waits for. WebSocket upgrades leave its care.
pub fn serve(listener: TcpListener, router: Router, supervisor: &Supervisor, limits: HttpLimits) {
    let listener = Arc::new(listener);
    let places = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
    let owner = supervisor.clone();
    supervisor.spawn("http", Restart::StopProcess, move |task| {
        let (listener, router, places, owner) = (Arc::clone(&listener), router.clone(), Arc::clone(&places), owner.clone());
        async move {
            task.health.up();
            loop {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = task.stop.cancelled() => return Ok(()),
                };
                let (stream, peer) = match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(%error, "could not accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                };
                let (router, stop) = (router.clone(), task.stop.clone());
                owner.spawn_detached(async move {
                    connection(stream, Peer(peer), router, limits.header_timeout, stop).await;
                    drop(place);
                });
            }
        }
    });
}

async fn connection(stream: TcpStream, peer: Peer, router: Router, header_timeout: Duration, stop: CancellationToken) {
    // Frames and answers are small and must not wait for the peer's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "could not set TCP_NODELAY");
    }
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request.map(Body::new)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(header_timeout).max_buf_size(MAX_HEAD_BYTES).max_headers(MAX_HEADERS);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)).with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}
