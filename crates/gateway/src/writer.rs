//! Writing frames to a socket.

use std::collections::VecDeque;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use futures::SinkExt;

fn text(frame: Bytes) -> Message {
    // Frames are encoded here, from strings.
    Message::Text(Utf8Bytes::try_from(frame).unwrap_or_default())
}

/// Writes frames, and a ping behind them, and flushes once. Dropped half-way it leaves the socket fit only for closing.
pub(crate) async fn write_all(ws: &mut WebSocket, frames: VecDeque<Bytes>, ping: Option<u64>) -> Result<(), ()> {
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
pub(crate) struct Writer<'a> {
    pub(crate) ws: &'a mut WebSocket,
}

impl Writer<'_> {
    /// Writes one frame; `Err` when the socket is gone or takes nothing any more.
    pub(crate) async fn one(&mut self, frame: Bytes) -> Result<(), ()> {
        self.ws.send(text(frame)).await.map_err(|_| ())
    }

    /// Writes and flushes; `Err` when the socket is gone or takes nothing any more.
    pub(crate) async fn write(&mut self, frames: Vec<Bytes>) -> Result<(), ()> {
        write_all(self.ws, frames.into(), None).await
    }
}
