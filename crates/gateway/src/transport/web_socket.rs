//! A WebSocket (RFC 6455): frames are its text messages, receipts its pings.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use futures::SinkExt as _;
use relay_protocol::{CloseCode, MAX_CLIENT_FRAME_BYTES};
use relay_runtime::http::Meter;

use super::{Ended, Incoming, Transport, Writing, ended};
use crate::outbound::Closing;

/// Time for a closing socket to take what is left and the close frame.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// A slow reader gets longer to come to the close frame, which lies behind what it has not read.
const SLOW_CLOSE_LIMIT: Duration = Duration::from_secs(15);
/// What is read until the peer's close frame.
const CLOSE_BYTES: u64 = 256 * 1024;
/// Bytes beyond what messages hold: a long message that is still arriving, and headers of fragments.
const UNFINISHED_BYTES: u64 = 4 * MAX_CLIENT_FRAME_BYTES as u64;
/// Of these, forgiven each second: some thousand headers.
const FORGIVEN_PER_S: u64 = 64 * 1024;
/// A frame's header.
const HEADER_BYTES: u64 = 14;

/// One WebSocket after its upgrade.
pub(crate) struct WebSocketTransport {
    ws: WebSocket,
    meter: Meter,
}

impl WebSocketTransport {
    /// `meter` counts the bytes of the connection beneath.
    pub(crate) fn new(ws: WebSocket, meter: Meter) -> Self {
        meter.arm(UNFINISHED_BYTES, FORGIVEN_PER_S);
        Self { ws, meter }
    }

    /// What an end that shows as an error of the connection was about.
    fn broken(&self, otherwise: Ended) -> Ended {
        if self.meter.flooded() {
            ended(CloseCode::Flooding)
        } else if self.meter.stalled() {
            ended(CloseCode::SlowReader)
        } else {
            otherwise
        }
    }

    fn poll_feed_and_flush(&mut self, cx: &mut Context<'_>, writing: &mut Writing) -> Poll<Result<(), axum::Error>> {
        while !writing.frames.is_empty() {
            ready!(self.ws.poll_ready_unpin(cx))?;
            if let Some(frame) = writing.frames.pop_front() {
                // Frames are encoded here, from strings.
                self.ws.start_send_unpin(Message::Text(Utf8Bytes::try_from(frame).unwrap_or_default()))?;
            }
        }
        if writing.receipt.is_some() {
            ready!(self.ws.poll_ready_unpin(cx))?;
            if let Some(receipt) = writing.receipt.take() {
                self.ws.start_send_unpin(Message::Ping(Bytes::copy_from_slice(&receipt.to_be_bytes())))?;
            }
        }
        self.ws.poll_flush_unpin(cx)
    }

    /// Sends the close frame and waits for the other side.
    async fn say_goodbye(&mut self, closing: Closing) {
        // What it still sends is not read for long.
        self.meter.arm(CLOSE_BYTES, 0);
        if self.ws.send(close_frame(closing)).await.is_ok() {
            // The peer's close, or its end; what it still sends is not read any more.
            while let Some(Ok(message)) = self.ws.recv().await {
                if matches!(message, Message::Close(_)) {
                    break;
                }
            }
        }
    }
}

impl Transport for WebSocketTransport {
    const NAME: &'static str = "web_socket";
    const BRINGS_COMMANDS: bool = true;
    type Text = Text;

    async fn receive(&mut self) -> Result<Incoming<Text>, Ended> {
        let message = match self.ws.recv().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(self.broken(read_error(&error))),
            None => return Err(None),
        };
        let (incoming, bytes) = match message {
            Message::Text(text) => {
                let bytes = text.len();
                (Incoming::Command(Text(text)), bytes)
            }
            Message::Binary(bytes) => (Incoming::Unfit("frames are text"), bytes.len()),
            Message::Ping(payload) => (Incoming::SignOfLife, payload.len()),
            Message::Pong(payload) => {
                let receipt = payload.as_ref().try_into().ok().map(u64::from_be_bytes);
                (receipt.map_or(Incoming::SignOfLife, Incoming::Receipt), payload.len())
            }
            Message::Close(_) => (Incoming::Goodbye, 0),
        };
        self.meter.credit(bytes as u64 + HEADER_BYTES);
        Ok(incoming)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, writing: &mut Writing) -> Poll<Result<(), Ended>> {
        self.poll_feed_and_flush(cx, writing).map(|written| written.map_err(|_| self.broken(None)))
    }

    async fn close(&mut self, ended: Ended) {
        let closed = if let Some(closing) = ended {
            let limit = if closing.code == CloseCode::SlowReader { SLOW_CLOSE_LIMIT } else { CLOSE_LIMIT };
            tokio::time::timeout(limit, self.say_goodbye(closing)).await.is_ok()
        } else {
            // The answer to the peer's close frame, with the peer's own number, so that it sees a clean end and not 1006, lies in the
            // buffer since the frame was read. A peer that is gone makes this fail at once.
            tokio::time::timeout(CLOSE_LIMIT, self.ws.flush()).await.is_ok()
        };
        if !closed {
            let code = ended.map_or("gone", |closing| closing.code.as_str());
            tracing::debug!(code, "the peer did not take the end of its socket");
        }
    }
}

/// A text message.
pub(crate) struct Text(Utf8Bytes);

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.0.as_str()
    }
}

/// The close frame: the number says whether to come back, the reason names the code and when.
fn close_frame(closing: Closing) -> Message {
    let reason = match closing.retry_after_ms {
        Some(ms) => format!("{{\"code\":\"{}\",\"retry_after_ms\":{ms}}}", closing.code.as_str()),
        None => format!("{{\"code\":\"{}\"}}", closing.code.as_str()),
    };
    Message::Close(Some(CloseFrame { code: closing.code.code(), reason: reason.into() }))
}

/// What a failed read means for the close.
fn read_error(error: &axum::Error) -> Ended {
    let text = error.to_string();
    // tungstenite's kinds are not reachable through axum's error; its texts are stable and tested for.
    let code = if text.contains("too long") || text.contains("too big") || text.contains("capacity") || text.contains("Space limit") {
        CloseCode::FrameTooLarge
    } else if text.contains("protocol") || text.contains("UTF-8") || text.contains("utf-8") {
        CloseCode::ProtocolViolation
    } else {
        return None;
    };
    ended(code)
}
