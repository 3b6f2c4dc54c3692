//! The way in: from an HTTP request to a socket, or to a refusal.

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use relay_protocol::rest::Problem;
use relay_protocol::{ErrorCode, MAX_CLIENT_FRAME_BYTES, RETRY_AFTER};
use relay_runtime::census::network;
use relay_runtime::http::{Meter, Peer, forwarded_for, problem_response};
use relay_runtime::query_holds_secret;
use relay_runtime::trace::TraceContext;

use crate::session;
use crate::state::Shared;
use crate::transport::WebSocketTransport;

pub(crate) async fn not_found() -> Response {
    refuse(ErrorCode::NotFound, "sockets are at /v1/ws")
}

pub(crate) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    Extension(peer): Extension<Peer>,
    Extension(meter): Extension<Meter>,
    headers: HeaderMap,
    ws: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    if query_holds_secret(&uri) {
        return refuse(ErrorCode::TokenInUrl, "send the token in the hello frame");
    }
    if let Err(error) = shared.origins.judge(&headers) {
        return refuse(ErrorCode::OriginRefused, &error.to_string());
    }
    if shared.health.is_draining() {
        return refuse(ErrorCode::Draining, "this server is going away");
    }
    let Ok(ws) = ws else { return refuse(ErrorCode::MalformedFrame, "a WebSocket handshake is expected here") };
    let forwarded = shared.config.trusted_proxies.checked_sub(1).and_then(|hop| forwarded_for(&headers, hop));
    let address = network(forwarded.unwrap_or(peer.0.ip()));
    let Some(counted) = shared.addresses.enter(address, shared.config.max_sockets_per_address) else {
        return refuse(ErrorCode::TooManyConnections, "this address has as many sockets as it may");
    };
    let Ok(slot) = Arc::clone(&shared.connection_slots).try_acquire_owned() else {
        return refuse(ErrorCode::Busy, "every connection slot is taken");
    };
    // Small buffers: 10,000 idle sockets should cost megabytes, not gigabytes.
    ws.read_buffer_size(1024)
        .write_buffer_size(4 * 1024)
        .max_write_buffer_size(2 * MAX_CLIENT_FRAME_BYTES)
        .max_message_size(MAX_CLIENT_FRAME_BYTES)
        .max_frame_size(MAX_CLIENT_FRAME_BYTES)
        .on_upgrade(move |socket| {
            let mut transport = WebSocketTransport::new(socket, meter);
            // One allocation holds all of a session, and the transport once: a future that is given it by value keeps room for it twice.
            Box::pin(async move {
                session::serve(&shared, &mut transport).await;
                drop((slot, counted));
            })
        })
}

fn refuse(code: ErrorCode, detail: &str) -> Response {
    metrics::counter!("relay_errors_total", "code" => code.as_str()).increment(1);
    let retry_after = code.retryable().then_some(RETRY_AFTER);
    let problem = Problem::new(code, detail, retry_after, TraceContext::begin().trace_id());
    problem_response(problem.status, problem.encode(), retry_after)
}
