//! What is asked of whoever comes in, by whichever way.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use axum::response::Response;
use relay_protocol::rest::Problem;
use relay_protocol::{CloseCode, ErrorCode, RETRY_AFTER};
use relay_runtime::census::{Counted, network};
use relay_runtime::http::{Peer, forwarded_for, problem_response};
use relay_runtime::query_holds_secret;
use relay_runtime::trace::TraceContext;
use tokio::sync::OwnedSemaphorePermit;

use crate::state::Shared;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A place among the sockets of all and among those of an address.
pub(crate) type Places = (OwnedSemaphorePermit, Counted<IpAddr>);

/// The answer to what is refused. On the heap: it is large, and seldom.
pub(crate) struct Refusal(Box<Response>);

impl Refusal {
    pub(crate) fn new(answer: Response) -> Self {
        Self(Box::new(answer))
    }

    pub(crate) fn answer(self) -> Response {
        *self.0
    }
}

/// Refuses tokens in the URL, pages of others, and everybody while this gateway goes away.
pub(crate) fn judge(shared: &Shared, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    if query_holds_secret(uri) {
        return Err(refuse(ErrorCode::TokenInUrl, "send the token in the hello frame"));
    }
    if let Err(error) = shared.origins.judge(headers) {
        return Err(refuse(ErrorCode::OriginRefused, &error.to_string()));
    }
    if shared.health.is_draining() {
        return Err(refuse(ErrorCode::Draining, "this server is going away"));
    }
    Ok(())
}

/// Takes a place, unless the address has as many as it may, or all are taken.
pub(crate) fn take_place(shared: &Shared, peer: Peer, headers: &HeaderMap) -> Result<Places, Refusal> {
    let forwarded = shared.config.trusted_proxies.checked_sub(1).and_then(|hop| forwarded_for(headers, hop));
    let address = network(forwarded.unwrap_or(peer.0.ip()));
    let Some(counted) = shared.addresses.enter(address, shared.config.max_sockets_per_address) else {
        return Err(refuse(ErrorCode::TooManyConnections, "this address has as many sockets as it may"));
    };
    match Arc::clone(&shared.connection_slots).try_acquire_owned() {
        Ok(slot) => Ok((slot, counted)),
        Err(_) => Err(refuse(ErrorCode::Busy, "every connection slot is taken")),
    }
}

/// The body as text: JSON of at most `most` bytes, within the time for a hello.
pub(crate) async fn text(shared: &Shared, headers: &HeaderMap, body: Body, most: usize) -> Result<String, Refusal> {
    // Any other kind a page may send without asking first whether it may.
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/json") {
        return Err(refuse(ErrorCode::MalformedFrame, "content-type has to be application/json"));
    }
    let reading = tokio::time::timeout(shared.config.hello_timeout(), axum::body::to_bytes(body, most));
    let Ok(read) = reading.await else { return Err(refuse(ErrorCode::MalformedFrame, "the body did not arrive in time")) };
    // Or the connection broke, and nobody is told.
    let Ok(bytes) = read else { return Err(refuse(ErrorCode::FrameTooLarge, &format!("a body has at most {most} bytes"))) };
    String::from_utf8(bytes.into()).map_err(|_| refuse(ErrorCode::MalformedFrame, "the body is not UTF-8"))
}

/// A refusal, counted.
pub(crate) fn refuse(code: ErrorCode, detail: &str) -> Refusal {
    metrics::counter!("relay_errors_total", "code" => code.as_str()).increment(1);
    Refusal::new(problem(code, detail, None, None))
}

/// A refusal's answer. `wait` stands for the usual time to wait, `close` for the number that a socket would be closed with.
pub(crate) fn problem(code: ErrorCode, detail: &str, wait: Option<Duration>, close: Option<CloseCode>) -> Response {
    let retry_after = code.retryable().then_some(wait.unwrap_or(RETRY_AFTER));
    let context = TraceContext::begin();
    let problem = Problem { close_code: close.map(CloseCode::code), ..Problem::new(code, detail, retry_after, context.trace_id()) };
    let mut response = problem_response(problem.status, problem.encode(), retry_after);
    if let Ok(id) = HeaderValue::from_str(&problem.request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}
