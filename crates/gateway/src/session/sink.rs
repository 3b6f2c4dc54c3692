//! Writing to a socket, and what its errors mean.

use std::collections::VecDeque;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use futures::SinkExt;
use relay_protocol::CloseCode;

use crate::outbound::Closing;
use crate::resume::FrameSink;

fn text(frame: Bytes) -> Message {
    // Frames are encoded here, from strings.
    Message::Text(Utf8Bytes::try_from(frame).unwrap_or_default())
}

/// Writes frames, and a ping behind them, and flushes once. Dropped half-way it leaves the socket fit only for closing.
pub(super) async fn write_all(ws: &mut WebSocket, frames: VecDeque<Bytes>, ping: Option<u64>) -> Result<(), ()> {
    for frame in frames {
        ws.feed(text(frame)).await.map_err(|_| ())?;
    }
    if let Some(ping) = ping {
        ws.feed(Message::Ping(Bytes::copy_from_slice(&ping.to_be_bytes()))).await.map_err(|_| ())?;
    }
    ws.flush().await.map_err(|_| ())
}

/// Writes while nothing else uses the socket. However slowly a peer reads, it is written to as long as it reads: a connection
/// that takes nothing ends by itself.
pub(super) struct Writer<'a> {
    pub(super) ws: &'a mut WebSocket,
}

impl Writer<'_> {
    pub(super) async fn one(&mut self, frame: Bytes) -> Result<(), ()> {
        self.ws.send(text(frame)).await.map_err(|_| ())
    }
}

#[async_trait::async_trait]
impl FrameSink for Writer<'_> {
    async fn write(&mut self, frames: Vec<Bytes>) -> Result<(), ()> {
        write_all(self.ws, frames.into(), None).await
    }
}

/// The close frame: the number says whether to come back, the reason names the code and when.
pub(super) fn close_frame(closing: Closing) -> Message {
    let reason = match closing.retry_after_ms {
        Some(ms) => format!("{{\"code\":\"{}\",\"retry_after_ms\":{ms}}}", closing.code.as_str()),
        None => format!("{{\"code\":\"{}\"}}", closing.code.as_str()),
    };
    Message::Close(Some(CloseFrame { code: closing.code.code(), reason: reason.into() }))
}

/// What a failed read means for the close.
pub(super) fn read_error(error: &axum::Error) -> Option<Closing> {
    let text = error.to_string();
    // tungstenite's kinds are not reachable through axum's error; its texts are stable and tested for.
    let code = if text.contains("too long") || text.contains("too big") || text.contains("capacity") || text.contains("Space limit") {
        CloseCode::FrameTooLarge
    } else if text.contains("protocol") || text.contains("UTF-8") || text.contains("utf-8") {
        CloseCode::ProtocolViolation
    } else {
        return None;
    };
    Some(Closing { code, retry_after_ms: None })
}
