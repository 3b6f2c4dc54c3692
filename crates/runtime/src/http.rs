//! Accepting HTTP/1.1 connections with limits on what a peer may make us hold.
//!
//! One request of a connection is served at a time, and the next one is not read before the answer is written: whoever
//! pipelines fills their own buffers. An answer that nobody takes ends the connection ([`crate::wire`]).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::census::{Census, Counted, network};
use crate::supervisor::{Restart, Supervisor};
use crate::trace::TraceContext;
pub use crate::wire::Meter;
use crate::wire::Wire;

/// Bytes of a request's line and headers. A token has at most 4 KiB.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Headers of one request.
const MAX_HEADERS: usize = 64;
/// After a failed accept (such as too many open files), a pause: the loop must not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Refusals of whole connections that are under way at once; further ones are hung up on.
const REFUSALS: usize = 64;
/// For a refused peer to read why.
const REFUSAL_LIMIT: Duration = Duration::from_secs(1);
/// What a peer does not acknowledge for so long beyond `write_stall` ends its connection: its host is gone. A peer that is there and
/// takes nothing was given up by then.
const GONE_AFTER: Duration = Duration::from_secs(15);

/// What peers may make us hold.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// Connections at once; further ones wait in the kernel's bounded backlog.
    pub max_connections: usize,
    /// Of these, from one IPv4 address or IPv6 /64; further ones are refused.
    pub max_per_address: usize,
    /// A request's headers have to arrive within this; idle connections are kept as long.
    pub header_timeout: Duration,
    /// A connection of which the peer takes not one byte for this long is ended.
    pub write_stall: Duration,
}

impl HttpLimits {
    /// For the operators' listener.
    pub(crate) const ADMIN: Self =
        Self { max_connections: 128, max_per_address: 128, header_timeout: Duration::from_secs(10), write_stall: Duration::from_secs(30) };
}

/// Who is at the other end of the connection, in each request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// A connection's place among those that its listener holds, in each request's extensions.
#[derive(Debug, Clone)]
pub struct Place(Arc<Mutex<Option<Held>>>);

/// Among all connections, and among those of an address.
type Held = (OwnedSemaphorePermit, Counted<IpAddr>);

impl Place {
    fn new(place: OwnedSemaphorePermit, counted: Counted<IpAddr>) -> Self {
        Self(Arc::new(Mutex::new(Some((place, counted)))))
    }

    /// Of a connection that nobody counts.
    pub fn none() -> Self {
        Self(Arc::default())
    }

    /// From now on the connection is counted by whoever serves it: its answer lasts, and is its last one.
    pub fn give_up(&self) {
        drop(self.0.lock().take());
    }
}

/// What the proxy at `hop` (0: the nearest) saw as the client: they append, so it is counted from the right. Some write the port
/// as well.
pub fn forwarded_for(headers: &HeaderMap, hop: usize) -> Option<IpAddr> {
    let values: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    let entry = values.iter().flat_map(|value| value.split(',')).rev().nth(hop)?.trim();
    let with_port = || entry.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    entry.parse().ok().or_else(with_port).or_else(bracketed)
}

/// Serves `router` on `listener` as a supervised task until the stop signal; then accepts nothing more and lets each
/// connection finish the request it is on, which the supervisor waits for. WebSocket upgrades leave its care.
pub fn serve(listener: TcpListener, router: Router, supervisor: &Supervisor, limits: HttpLimits) {
    let door = Arc::new(Door::new(listener, router, limits));
    let owner = supervisor.clone();
    supervisor.spawn("http", Restart::StopProcess, move |task| {
        let (door, owner) = (Arc::clone(&door), owner.clone());
        async move {
            task.health.up();
            door.open(task.stop.clone(), |connection| owner.spawn_detached(connection)).await;
            Ok(())
        }
    });
}

/// Serves `router` until the process ends, so that one that drains can still be seen.
pub(crate) async fn serve_to_the_end(listener: TcpListener, router: Router, limits: HttpLimits) {
    #[expect(clippy::disallowed_methods, reason = "serves beyond the supervisor's own stop")]
    let spawn = |connection: Connection| drop(tokio::spawn(connection));
    Door::new(listener, router, limits).open(CancellationToken::new(), spawn).await;
}

type Connection = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where peers come in.
struct Door {
    listener: TcpListener,
    router: Router,
    limits: HttpLimits,
    places: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    addresses: Census<IpAddr>,
}

impl Door {
    fn new(listener: TcpListener, router: Router, limits: HttpLimits) -> Self {
        let places = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
        Self { listener, router, limits, places, refusals: Arc::new(Semaphore::new(REFUSALS)), addresses: Census::default() }
    }

    async fn open(&self, stop: CancellationToken, spawn: impl Fn(Connection)) {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return };
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = stop.cancelled() => return,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(counted) = self.addresses.enter(network(peer.ip()), self.limits.max_per_address) else {
                metrics::counter!("relay_connections_ended_total", "reason" => "crowded").increment(1);
                if let Ok(permit) = Arc::clone(&self.refusals).try_acquire_owned() {
                    spawn(Box::pin(async move {
                        refuse(stream).await;
                        drop(permit);
                    }));
                }
                continue;
            };
            let (router, stop, limits) = (self.router.clone(), stop.clone(), self.limits);
            let place = Place::new(place, counted);
            spawn(Box::pin(async move {
                connection(stream, (Peer(peer), place.clone()), router, limits, stop).await;
                place.give_up();
            }));
        }
    }
}

/// A refusal with a body of `application/problem+json` (RFC 9457), and the header that says when to try again.
pub fn problem_response(status: u16, body: String, retry_after: Option<Duration>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
    if let Some(wait) = retry_after {
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        if let Ok(value) = HeaderValue::from_str(&seconds.to_string()) {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
    }
    response
}

/// Says why, to whoever reads it soon. The code is registered in `relay-protocol`, which this crate does not know.
async fn refuse(mut stream: TcpStream) {
    let id = TraceContext::begin().trace_id();
    let body = format!(
        r#"{{"type":"/problems/too_many_connections","title":"This address, person or device has as many connections as it may.","status":429,"code":"too_many_connections","detail":"this address has as many connections as it may","retryable":true,"retry_after_ms":1000,"request_id":"{id}"}}"#
    );
    let answer = format!(
        "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/problem+json\r\nx-request-id: {id}\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let said = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        // What the peer has sent is taken: closing before would reset the connection, and the answer with it.
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    };
    if !matches!(tokio::time::timeout(REFUSAL_LIMIT, said).await, Ok(Ok(()))) {
        tracing::debug!("a refused peer did not read why");
    }
}

async fn connection(stream: TcpStream, (peer, place): (Peer, Place), router: Router, limits: HttpLimits, stop: CancellationToken) {
    if let Err(error) = prepare(&stream, limits.write_stall) {
        tracing::debug!(%error, "could not prepare a connection");
    }
    let meter = Meter::default();
    let wire = Wire::new(stream, limits.write_stall, meter.clone());
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(meter.clone());
        request.extensions_mut().insert(place.clone());
        request.map(Body::new)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).max_buf_size(MAX_HEAD_BYTES).max_headers(MAX_HEADERS);
    let connection = http.serve_connection(TokioIo::new(wire), TowerToHyperService::new(service)).with_upgrades();
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

fn prepare(stream: &TcpStream, write_stall: Duration) -> std::io::Result<()> {
    // Frames and answers are small and must not wait for the peer's delayed acknowledgement.
    stream.set_nodelay(true)?;
    // Otherwise the kernel tries for a quarter of an hour. A stream of events hears nothing that could tell it sooner.
    let gone_after = u32::try_from((write_stall + GONE_AFTER).as_millis()).unwrap_or(u32::MAX);
    rustix::net::sockopt::set_tcp_user_timeout(stream, gone_after)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_that_is_gone_is_not_waited_for_long() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connected, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (_connected, (accepted, _)) = (connected.unwrap(), accepted.unwrap());
        prepare(&accepted, Duration::from_secs(30)).unwrap();
        assert_eq!(rustix::net::sockopt::tcp_user_timeout(&accepted).unwrap(), 45_000);
        assert!(accepted.nodelay().unwrap());
    }

    #[test]
    fn the_client_is_what_the_outermost_of_our_proxies_saw() {
        let mut headers = HeaderMap::new();
        for value in ["6.6.6.6, 192.0.2.1:4711", "[2001:db8::1]:80,[2001:db8::2]", "192.0.2.3, nonsense"] {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let at = |hop| forwarded_for(&headers, hop).map(|ip| ip.to_string()).unwrap_or_default();
        assert_eq!([0, 1, 2, 3, 4, 6].map(at), ["", "192.0.2.3", "2001:db8::2", "2001:db8::1", "192.0.2.1", ""]);
    }
}
