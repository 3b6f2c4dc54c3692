//! HTTP/1.1 on a listener: bounded in connections and in every wait.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use relay_runtime::{CancellationToken, Supervisor};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use crate::config::Config;
use crate::edge::Peer;

/// Bytes of a request's line and headers. A token has at most 4 KiB.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Headers of one request.
const MAX_HEADERS: usize = 64;
/// A pause after a failed accept, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts until `stop`, then lets open requests finish; `supervisor` waits for them.
///
/// # Cancel safety
/// Cancel safe; connections already accepted go on.
pub async fn serve(config: &Config, router: Router, listener: TcpListener, supervisor: &Supervisor, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(config.max_connections));
    let header_timeout = Duration::from_millis(config.header_timeout_ms);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = stop.cancelled() => return,
        };
        let Some((stream, peer, place)) = accepted else { continue };
        let (router, stop) = (router.clone(), stop.clone());
        supervisor.spawn_detached(async move {
            connection(stream, Peer(peer), router, header_timeout, stop).await;
            drop(place);
        });
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, std::net::SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    // The place comes first: beyond the limit, callers wait in the kernel's bounded backlog.
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) => {
            tracing::warn!(%error, "could not accept a connection");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn connection(stream: TcpStream, peer: Peer, router: Router, header_timeout: Duration, stop: CancellationToken) {
    // Small answers must not wait for the peer's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "could not set TCP_NODELAY");
    }
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request.map(Body::new)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}
