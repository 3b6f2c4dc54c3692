//! Accepting HTTP connections with limits on what a peer may make us hold.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::Service as _;

use crate::supervisor::{Restart, Supervisor};

/// Headers have to be complete within this time.
const HEADER_LIMIT: Duration = Duration::from_secs(10);
/// Bytes of request head at most.
const HEAD_BYTES: usize = 16 * 1024;
/// After a failed accept (such as too many open files), a pause: the loop must not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `router` on `listener` as a supervised task until the stop signal; then accepts nothing more and lets each
/// connection finish the request it is on. At most `max_connections` at once; further ones wait in the kernel's queue.
pub fn serve(listener: TcpListener, router: Router, supervisor: &Supervisor, max_connections: usize) {
    let listener = Arc::new(listener);
    let places = Arc::new(Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS)));
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
                // Frames are small and answers are waited for.
                let _ = stream.set_nodelay(true);
                let (router, stop) = (router.clone(), task.stop.clone());
                owner.spawn_detached(async move {
                    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
                        request.extensions_mut().insert(axum::extract::ConnectInfo(peer));
                        router.clone().call(request)
                    });
                    let mut http = hyper::server::conn::http1::Builder::new();
                    http.timer(TokioTimer::new()).header_read_timeout(HEADER_LIMIT).max_buf_size(HEAD_BYTES);
                    let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
                    tokio::pin!(connection);
                    tokio::select! {
                        _ended = &mut connection => {}
                        () = stop.cancelled() => {
                            connection.as_mut().graceful_shutdown();
                            let _ended = connection.await;
                        }
                    }
                    drop(place);
                });
            }
        }
    });
}
