//! The way in: from an HTTP request to a socket, or to a refusal.

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use relay_protocol::{ErrorCode, MAX_CLIENT_FRAME_BYTES};
use relay_runtime::http::{Meter, Peer};

use crate::entrance::{judge, refuse, take_place};
use crate::session;
use crate::state::Shared;
use crate::transport::WebSocketTransport;

pub(crate) async fn not_found() -> Response {
    refuse(ErrorCode::NotFound, "sockets are at /v1/ws, streams of events at /v1/events").answer()
}

pub(crate) async fn method_not_allowed() -> Response {
    refuse(ErrorCode::MethodNotAllowed, "sockets are a GET, streams of events and commands a POST").answer()
}

pub(crate) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    Extension(peer): Extension<Peer>,
    Extension(meter): Extension<Meter>,
    headers: HeaderMap,
    ws: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    if let Err(refusal) = judge(&shared, &uri, &headers) {
        return refusal.answer();
    }
    let Ok(ws) = ws else { return refuse(ErrorCode::MalformedFrame, "a WebSocket handshake is expected here").answer() };
    let places = match take_place(&shared, peer, &headers) {
        Ok(places) => places,
        Err(refusal) => return refusal.answer(),
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
                drop(places);
            })
        })
}
