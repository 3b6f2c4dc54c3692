//! What waits to be written to one socket: bounded in bytes, closed on overflow, never thinned out.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use relay_protocol::CloseCode;
use tokio::sync::Notify;

/// What a queued frame costs beyond its bytes.
const HANDLE_BYTES: usize = 64;

/// Why and how a socket is to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closing {
    /// The reason.
    pub code: CloseCode,
    /// When the client may come back.
    pub retry_after_ms: Option<u64>,
}

#[derive(Default)]
struct State {
    frames: VecDeque<Bytes>,
    bytes: usize,
    closing: Option<Closing>,
}

impl State {
    fn clear_bytes(&mut self) {
        QUEUED.fetch_sub(std::mem::take(&mut self.bytes), Ordering::Relaxed);
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.clear_bytes();
    }
}

/// Bytes that wait in all queues of the process: a figure, nothing is decided by it.
static QUEUED: AtomicUsize = AtomicUsize::new(0);

/// Bytes that wait to be written, in all.
pub(crate) fn queued_in_all() -> usize {
    QUEUED.load(Ordering::Relaxed)
}

/// One socket's queue. Written by the tail, emptied by the socket's own task.
pub(crate) struct Outbound {
    state: Mutex<State>,
    limit_bytes: usize,
    /// Wakes the socket's task: there is something to write, or it is to close.
    pub(crate) wake: Notify,
}

impl Outbound {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self { state: Mutex::new(State::default()), limit_bytes, wake: Notify::new() }
    }

    /// Queues a frame. Over the limit, the queue is given up and the socket closes as a slow reader; it resumes from
    /// where it was, so nothing is lost.
    pub(crate) fn push(&self, frame: Bytes) {
        let mut state = self.state.lock();
        if state.closing.is_some() {
            return;
        }
        let cost = frame.len() + HANDLE_BYTES;
        if state.bytes + cost > self.limit_bytes {
            state.frames = VecDeque::new();
            state.clear_bytes();
            state.closing = Some(Closing { code: CloseCode::SlowReader, retry_after_ms: None });
        } else {
            state.bytes += cost;
            QUEUED.fetch_add(cost, Ordering::Relaxed);
            state.frames.push_back(frame);
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Everything that waits, for writing.
    pub(crate) fn take(&self) -> VecDeque<Bytes> {
        let mut state = self.state.lock();
        state.clear_bytes();
        // Gives the buffer away: an idle socket holds none.
        std::mem::take(&mut state.frames)
    }

    /// Asks the socket to close after what is queued. The first reason stays.
    pub(crate) fn close(&self, closing: Closing) {
        let mut state = self.state.lock();
        state.closing.get_or_insert(closing);
        drop(state);
        self.wake.notify_one();
    }

    /// Whether the socket is to close, and why.
    pub(crate) fn closing(&self) -> Option<Closing> {
        self.state.lock().closing
    }

    /// Bytes that wait.
    #[cfg(test)]
    pub(crate) fn queued_bytes(&self) -> usize {
        self.state.lock().bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overflow_closes_and_frees() {
        let outbound = Outbound::new(10 + 2 * HANDLE_BYTES);
        outbound.push(Bytes::from_static(b"12345"));
        assert_eq!(outbound.closing(), None);
        outbound.push(Bytes::from_static(b"678901"));
        assert_eq!(outbound.closing().map(|c| c.code), Some(CloseCode::SlowReader));
        assert!(outbound.take().is_empty());
        outbound.push(Bytes::from_static(b"1"));
        assert_eq!(outbound.queued_bytes(), 0);
    }
}
