//! What a session needs of the connection to its client, whatever carries it.
//!
//! A session reads commands and writes frames. Pings, close handshakes, and what a broken connection was about, are the
//! transport's own. The session is generic over it: there is no call through a table, and no allocation, per frame.

mod event_stream;
mod nowhere;
mod web_socket;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::Bytes;
use relay_protocol::CloseCode;

use crate::outbound::Closing;

pub(crate) use event_stream::EventStream;
pub(crate) use nowhere::Nowhere;
pub(crate) use web_socket::WebSocketTransport;

/// How a session ends. `None`: the peer is gone, there is nobody to say goodbye to.
pub(crate) type Ended = Option<Closing>;

/// The end of a session with this code.
#[expect(clippy::unnecessary_wraps, reason = "spares every caller the wrapping")]
pub(crate) const fn ended(code: CloseCode) -> Ended {
    Some(Closing { code, retry_after_ms: None })
}

/// One thing that came from the client. Each counts towards the rate of frames, and shows that the client is there.
#[derive(Debug)]
pub(crate) enum Incoming<T> {
    /// A command, not decoded yet.
    Command(T),
    /// The client has read everything that was written before this receipt was asked for.
    Receipt(u64),
    /// Nothing for the session.
    SignOfLife,
    /// Events were written a while ago, and no position behind them: the client cannot ask for one on this transport.
    Unplaced,
    /// What no client may say on this transport, in words for people.
    Unfit(&'static str),
    /// The client says goodbye.
    Goodbye,
}

/// What is to be written.
#[derive(Debug, Default)]
pub(crate) struct Writing {
    /// In order. What is gone from here is on its way.
    pub(crate) frames: VecDeque<Bytes>,
    /// The client's [`Incoming::Receipt`] of this number is to follow when it has read them.
    pub(crate) receipt: Option<u64>,
}

/// Writes all of it.
///
/// # Errors
/// As [`Transport::poll_write`].
///
/// # Cancel safety
/// Cancel safe: what is left in `writing` was not written.
pub(crate) fn write<T: Transport>(transport: &mut T, writing: &mut Writing) -> impl Future<Output = Result<(), Ended>> + Send {
    poll_fn(|cx| transport.poll_write(cx, writing))
}

/// A connection to one client. Bounds on the bytes that it holds for its peer are its own business.
pub(crate) trait Transport: Send {
    /// Its name in metrics.
    const NAME: &'static str;
    /// Whether the client's commands come over it. Those of others come in requests of their own, to any gateway.
    const BRINGS_COMMANDS: bool;
    /// A command's text.
    type Text: AsRef<str> + Send;

    /// Waits for what the client sends next.
    ///
    /// # Errors
    /// How the session ends, because nothing more can come.
    ///
    /// # Cancel safety
    /// Cancel safe.
    fn receive(&mut self) -> impl Future<Output = Result<Incoming<Self::Text>, Ended>> + Send;

    /// Takes from `writing` what the connection takes now; ready when all of it is on its way. However slowly a peer reads, it is
    /// written to as long as it reads: a connection that takes nothing ends by itself. Polled rather than awaited, because every
    /// idle session keeps room for the future of a write.
    ///
    /// # Errors
    /// How the session ends: the connection is gone or takes nothing any more.
    fn poll_write(&mut self, cx: &mut Context<'_>, writing: &mut Writing) -> Poll<Result<(), Ended>>;

    /// Tells the client why it is closed, or answers its goodbye, and waits for its end: a few seconds at most.
    ///
    /// # Cancel safety
    /// Not cancel safe: the client may not hear why.
    fn close(&mut self, ended: Ended) -> impl Future<Output = ()> + Send;
}
