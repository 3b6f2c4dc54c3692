//! One socket: the wire itself, without any intelligence about it.
//!
//! [`crate::RealtimeClient`] is built on this. Tests use it directly to send what no client should, or to stop reading.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{Sink as _, Stream as _};
use relay_protocol::frame::{ErrorFrame, ServerFrame, Welcome};
use relay_protocol::{CloseCode, Position};
use relay_protocol::{SendMessage, command::encode};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as WireCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WsError, Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::error::ClientError;

/// Where the gateway serves sockets.
pub(crate) const SOCKET_PATH: &str = "/v1/ws";
/// Largest frame taken from a server: a message of the longest text, escaped at its worst, with room to spare.
const MAX_SERVER_FRAME_BYTES: usize = 2 * relay_protocol::MAX_CLIENT_FRAME_BYTES;
/// What a connection without a close frame is reported as.
pub(crate) const ABNORMAL: u16 = 1006;

/// Sizes and limits of one socket. The defaults are small, so that ten thousand sockets fit into one process.
#[derive(Debug, Clone, Copy)]
pub struct SocketOptions {
    /// Bytes read at once.
    pub read_buffer_bytes: usize,
    /// Bytes gathered before a write.
    pub write_buffer_bytes: usize,
    /// For TCP, TLS and the upgrade together.
    pub connect_timeout: Duration,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self { read_buffer_bytes: 1024, write_buffer_bytes: 4096, connect_timeout: Duration::from_secs(10) }
    }
}

/// How a socket ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseInfo {
    /// The close frame's number; 1006 when there was none.
    pub code: u16,
    /// The close frame's reason.
    pub reason: String,
}

impl CloseInfo {
    /// The registered meaning of the number, if it has one.
    pub fn registered(&self) -> Option<CloseCode> {
        CloseCode::ALL.iter().copied().find(|code| code.code() == self.code)
    }

    /// How long the server asked to stay away: the first number in the reason.
    pub fn retry_after(&self) -> Option<Duration> {
        let digits: String = self.reason.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        digits.parse().ok().map(Duration::from_millis)
    }

    pub(crate) fn abnormal(reason: impl Into<String>) -> Self {
        Self { code: ABNORMAL, reason: reason.into() }
    }
}

/// What a socket brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A text frame, not yet decoded.
    Text(Utf8Bytes),
    /// The end. Nothing follows.
    Closed(CloseInfo),
}

impl Incoming {
    /// The frame; `None` for a close and for types that this version does not know.
    pub fn decode(&self) -> Option<ServerFrame> {
        match self {
            Self::Text(text) => serde_json::from_str(text.as_str()).ok(),
            Self::Closed(_) => None,
        }
    }
}

/// No welcome.
#[derive(Debug, thiserror::Error)]
pub enum HelloError {
    /// The gateway was not reached, or would not upgrade.
    #[error(transparent)]
    Open(#[from] ClientError),
    /// The socket was closed instead.
    #[error("the gateway closed the socket with {} ({}){}", close.code, close.reason, error.as_ref().map(|e| format!(": {}", e.code)).unwrap_or_default())]
    Refused {
        /// The error frame before the close, if there was one.
        error: Option<Box<ErrorFrame>>,
        /// The close.
        close: CloseInfo,
    },
}

/// One WebSocket to a gateway.
pub struct Connection {
    ws: WebSocketStream<MaybeTlsStream<TcpStream>>,
    queue: VecDeque<Message>,
    dirty: bool,
    closed: Option<CloseInfo>,
}

impl Connection {
    /// Opens a socket to the gateway at `gateway`, such as `ws://127.0.0.1:7080` (`http://` is understood too).
    ///
    /// # Cancel safety
    /// Cancel safe: dropping the future drops the socket.
    pub async fn open(gateway: &str, options: &SocketOptions) -> Result<Self, ClientError> {
        crate::install_tls();
        let url = socket_url(gateway)?;
        let transport = |source: crate::error::BoxError| ClientError::Transport { server: gateway.to_owned(), source };
        let request = url.as_str().into_client_request().map_err(|error| transport(error.into()))?;
        let config = WebSocketConfig::default()
            .read_buffer_size(options.read_buffer_bytes)
            .write_buffer_size(options.write_buffer_bytes)
            .max_message_size(Some(MAX_SERVER_FRAME_BYTES))
            .max_frame_size(Some(MAX_SERVER_FRAME_BYTES));
        // Boxed: the handshake's state is large and short-lived, the socket's is neither.
        let connecting = Box::pin(tokio_tungstenite::connect_async_with_config(request, Some(config), true));
        match tokio::time::timeout(options.connect_timeout, connecting).await {
            Ok(Ok((ws, _response))) => Ok(Self { ws, queue: VecDeque::new(), dirty: false, closed: None }),
            Ok(Err(WsError::Http(response))) => {
                let body = response.body().as_deref().unwrap_or_default();
                match serde_json::from_slice(body) {
                    Ok(problem) => Err(ClientError::Refused(Box::new(problem))),
                    Err(_) => Err(ClientError::Unexpected { server: gateway.to_owned(), status: response.status().as_u16() }),
                }
            }
            Ok(Err(error)) => Err(transport(error.into())),
            Err(elapsed) => Err(transport(elapsed.into())),
        }
    }

    /// Opens a socket, says hello and waits for the welcome.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping the future drops the socket.
    pub async fn hello(
        gateway: &str,
        token: &str,
        position: Option<&Position>,
        options: &SocketOptions,
    ) -> Result<(Self, Welcome), HelloError> {
        let mut connection = Self::open(gateway, options).await?;
        connection.queue_text(encode::hello(token, position));
        let deadline = tokio::time::Instant::now() + options.connect_timeout;
        let mut error = None;
        loop {
            let incoming = match tokio::time::timeout_at(deadline, connection.receive()).await {
                Ok(Incoming::Closed(close)) => return Err(HelloError::Refused { error, close }),
                Ok(incoming) => incoming,
                Err(_) => return Err(HelloError::Refused { error, close: CloseInfo::abnormal("no welcome in time") }),
            };
            match incoming.decode() {
                Some(ServerFrame::Welcome(welcome)) => return Ok((connection, welcome)),
                Some(ServerFrame::Error(frame)) => error = Some(Box::new(frame)),
                _ => {}
            }
        }
    }

    /// Queues a text frame as it is; [`Self::drive`], [`Self::flush`] and [`Self::receive`] write it.
    pub fn queue_text(&mut self, text: impl Into<Utf8Bytes>) {
        self.queue.push_back(Message::Text(text.into()));
    }

    /// Queues a `send_message`.
    pub fn queue_send(&mut self, send: &SendMessage) {
        self.queue_text(encode::send_message(send));
    }

    /// Queues a binary frame, which no server expects.
    pub fn queue_binary(&mut self, bytes: impl Into<bytes::Bytes>) {
        self.queue.push_back(Message::Binary(bytes.into()));
    }

    /// Queues a close frame.
    pub fn queue_close(&mut self, code: u16) {
        self.queue.push_back(Message::Close(Some(CloseFrame { code: WireCode::from(code), reason: Utf8Bytes::from_static("") })));
    }

    /// Frames that wait to be written. The caller bounds them.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Writes what is queued and, if `read`, waits for the next frame. Without `read` it returns only when the socket
    /// fails, so that a caller can stop reading while it goes on writing.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing queued or received is lost.
    pub async fn drive(&mut self, read: bool) -> Incoming {
        poll_fn(|cx| self.poll_drive(cx, read)).await
    }

    /// The next frame; writes meanwhile.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn receive(&mut self) -> Incoming {
        self.drive(true).await
    }

    /// The next frame, or `None` when none came in time.
    pub async fn receive_within(&mut self, limit: Duration) -> Option<Incoming> {
        tokio::time::timeout(limit, self.receive()).await.ok()
    }

    /// The next frame of a known type; the end of the socket, or nothing in time, as `Err`.
    pub async fn frame_within(&mut self, limit: Duration) -> Result<ServerFrame, CloseInfo> {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            match tokio::time::timeout_at(deadline, self.receive()).await {
                Ok(Incoming::Closed(info)) => return Err(info),
                Ok(incoming) => {
                    if let Some(frame) = incoming.decode() {
                        return Ok(frame);
                    }
                }
                Err(_) => return Err(CloseInfo::abnormal("nothing came in time; the socket is open")),
            }
        }
    }

    /// Reads and drops everything until the socket ends; `None` when it does not in time.
    pub async fn closed_within(&mut self, limit: Duration) -> Option<CloseInfo> {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            match tokio::time::timeout_at(deadline, self.receive()).await {
                Ok(Incoming::Closed(info)) => return Some(info),
                Ok(Incoming::Text(_)) => {}
                Err(_) => return None,
            }
        }
    }

    /// Writes everything queued.
    pub async fn flush(&mut self) -> Result<(), CloseInfo> {
        poll_fn(|cx| match self.poll_write(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            Poll::Ready(Err(info)) => Poll::Ready(Err(self.end(info))),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// Queues a text frame and writes it.
    pub async fn send_text(&mut self, text: impl Into<Utf8Bytes>) -> Result<(), CloseInfo> {
        self.queue_text(text);
        self.flush().await
    }

    fn poll_drive(&mut self, cx: &mut Context<'_>, read: bool) -> Poll<Incoming> {
        if let Some(info) = &self.closed {
            return Poll::Ready(Incoming::Closed(info.clone()));
        }
        let write_failed = match self.poll_write(cx) {
            Poll::Ready(Err(info)) => Some(info),
            Poll::Ready(Ok(())) | Poll::Pending => None,
        };
        // A failed write often leaves a close frame to be read, which says why; it is read even when nobody asked.
        if read || write_failed.is_some() {
            loop {
                match Pin::new(&mut self.ws).poll_next(cx) {
                    Poll::Ready(Some(Ok(Message::Text(text)))) => return Poll::Ready(Incoming::Text(text)),
                    Poll::Ready(Some(Ok(Message::Close(frame)))) => {
                        let info = frame.map_or_else(
                            || CloseInfo { code: 1005, reason: String::new() },
                            |frame| CloseInfo { code: frame.code.into(), reason: frame.reason.as_str().to_owned() },
                        );
                        // Answers the close; the result no longer matters.
                        let _ = Pin::new(&mut self.ws).poll_flush(cx);
                        return Poll::Ready(Incoming::Closed(self.end(info)));
                    }
                    // tungstenite answers pings itself, with the next write.
                    Poll::Ready(Some(Ok(_))) => self.dirty = true,
                    Poll::Ready(Some(Err(error))) => {
                        return Poll::Ready(Incoming::Closed(self.end(CloseInfo::abnormal(error.to_string()))));
                    }
                    Poll::Ready(None) => return Poll::Ready(Incoming::Closed(self.end(CloseInfo::abnormal("connection ended")))),
                    Poll::Pending => break,
                }
            }
        }
        match write_failed {
            Some(info) => Poll::Ready(Incoming::Closed(self.end(info))),
            None => Poll::Pending,
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CloseInfo>> {
        let failed = |error: WsError| CloseInfo::abnormal(error.to_string());
        while !self.queue.is_empty() {
            match Pin::new(&mut self.ws).poll_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(failed(error))),
                Poll::Pending => return Poll::Pending,
            }
            if let Some(message) = self.queue.pop_front() {
                self.dirty = true;
                if let Err(error) = Pin::new(&mut self.ws).start_send(message) {
                    return Poll::Ready(Err(failed(error)));
                }
            }
        }
        if !self.dirty {
            return Poll::Ready(Ok(()));
        }
        match Pin::new(&mut self.ws).poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.dirty = false;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(failed(error))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn end(&mut self, info: CloseInfo) -> CloseInfo {
        self.queue.clear();
        self.closed.get_or_insert(info).clone()
    }
}

/// Where the socket is, for a gateway's address.
pub(crate) fn socket_url(gateway: &str) -> Result<String, ClientError> {
    let bad = || ClientError::BadUrl { url: gateway.to_owned(), reason: "a ws:// or wss:// URL is expected" };
    let trimmed = gateway.trim_end_matches('/');
    let (scheme, rest) = trimmed.split_once("://").ok_or_else(bad)?;
    let scheme = match scheme {
        "ws" | "http" => "ws",
        "wss" | "https" => "wss",
        _ => return Err(bad()),
    };
    let rest = rest.trim_end_matches(SOCKET_PATH);
    if rest.is_empty() || rest.contains(['?', '#']) {
        return Err(bad());
    }
    Ok(format!("{scheme}://{rest}{SOCKET_PATH}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateway_addresses() {
        for good in ["ws://h:1", "http://h:1", "ws://h:1/", "ws://h:1/v1/ws"] {
            assert_eq!(socket_url(good).unwrap(), "ws://h:1/v1/ws", "{good}");
        }
        assert_eq!(socket_url("https://h").unwrap(), "wss://h/v1/ws");
        for bad in ["", "h:1", "ftp://h", "ws://", "ws://h?token=x"] {
            assert!(socket_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_close_reason_may_hold_a_delay() {
        let info = |reason: &str| CloseInfo { code: 4000, reason: reason.to_owned() };
        assert_eq!(info("draining retry_after_ms=2500").retry_after(), Some(Duration::from_millis(2500)));
        assert_eq!(info("draining").retry_after(), None);
        assert_eq!(info("draining").registered(), Some(CloseCode::Draining));
    }
}
