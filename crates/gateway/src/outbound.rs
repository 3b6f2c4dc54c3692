//! What waits to be written to one socket. Events and answers are bounded in bytes, closed on overflow, never thinned out.
//! Ephemeral frames wait in a lane of their own: conflated, bounded, sent behind the others, given up first.

mod droppable;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use relay_protocol::{CloseCode, Presence, Receipts};
use tokio::sync::Notify;

use droppable::{Droppable, Pushed};
pub(crate) use droppable::{DroppableKey, Ends};

use crate::metrics::Dropped;

/// What a queued frame costs beyond its bytes.
const HANDLE_BYTES: usize = 64;

/// Ephemeral frames are given up once this part of what may wait does: the client has enough to read.
const PRESSURE: usize = 4;

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
    /// Ephemeral frames. Made when one comes: most sockets are idle.
    droppable: Option<Box<Droppable>>,
}

impl State {
    fn give_up_droppable(&mut self) {
        if let Some(droppable) = self.droppable.take() {
            Dropped::Pressure.count(droppable.len());
        }
    }

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

    /// Queues a frame that says what nobody else says. Over the limit, the queue is given up and the socket closes as a slow reader; it resumes from
    /// where it was, so nothing is lost.
    pub(crate) fn push(&self, frame: Bytes) {
        self.push_event(frame, Ends::Nothing);
    }

    /// As [`Self::push`], and gives up what the event makes void of the ephemeral frames, which would be sent behind it.
    pub(crate) fn push_event(&self, frame: Bytes, ends: Ends) {
        let mut state = self.state.lock();
        if state.closing.is_some() {
            return;
        }
        let cost = frame.len() + HANDLE_BYTES;
        if let Some(droppable) = &mut state.droppable {
            droppable.end(ends);
        }
        if state.bytes + cost > self.limit_bytes / PRESSURE {
            state.give_up_droppable();
        }
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

    /// Queues an ephemeral frame, or gives it up. It never closes the socket, and goes out behind everything else that waits.
    pub(crate) fn push_droppable(&self, key: DroppableKey, frame: Bytes) {
        self.give(|lane| lane.push(key, frame));
    }

    /// As [`Self::push_droppable`], for what others have read: it is added to what waits of the conversation.
    pub(crate) fn push_receipts(&self, receipts: &Arc<Receipts>, frame: Bytes) {
        self.give(|lane| lane.push_receipts(receipts, frame));
    }

    /// As [`Self::push_receipts`], for who is there.
    pub(crate) fn push_presence(&self, presence: &Arc<Presence>, frame: Bytes) {
        self.give(|lane| lane.push_presence(presence, frame));
    }

    fn give(&self, push: impl FnOnce(&mut Droppable) -> Pushed) {
        let mut state = self.state.lock();
        if state.closing.is_some() {
            return;
        }
        if state.bytes > self.limit_bytes / PRESSURE {
            drop(state);
            return Dropped::Pressure.count(1);
        }
        let pushed = push(state.droppable.get_or_insert_default());
        drop(state);
        match pushed {
            Pushed::Queued => {}
            Pushed::Conflated => metrics::counter!("relay_ephemeral_conflated_total").increment(1),
            Pushed::Displaced => Dropped::LaneFull.count(1),
            Pushed::TooLarge => return Dropped::TooLarge.count(1),
        }
        self.wake.notify_one();
    }

    /// Everything that waits, for writing.
    pub(crate) fn take(&self) -> VecDeque<Bytes> {
        let mut state = self.state.lock();
        state.clear_bytes();
        // Gives the buffers away: an idle socket holds none.
        let (mut frames, droppable) = (std::mem::take(&mut state.frames), state.droppable.take());
        drop(state);
        frames.extend(droppable.into_iter().flat_map(|droppable| droppable.into_frames()));
        frames
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

    fn key(n: u32) -> DroppableKey {
        DroppableKey { conversation: format!("{n:026}").parse().unwrap(), user: format!("{:026}", 7).parse().unwrap() }
    }

    #[test]
    fn ephemeral_frames_go_last_are_conflated_and_end_with_what_makes_them_void() {
        let outbound = Outbound::new(1 << 20);
        for n in [1, 2, 3] {
            outbound.push_droppable(key(n), Bytes::from_static(b"old"));
            outbound.push_droppable(key(n), Bytes::from(n.to_string()));
        }
        outbound.push(Bytes::from_static(b"event"));
        outbound.push_event(Bytes::from_static(b"message"), Ends::Person(key(1)));
        outbound.push_event(Bytes::from_static(b"removal"), Ends::Conversation(key(3).conversation));
        let taken: Vec<Bytes> = outbound.take().into();
        assert_eq!(taken, ["event", "message", "removal", "2"]);
        assert!(outbound.take().is_empty());
    }

    #[test]
    fn ephemeral_frames_are_given_up_under_pressure_and_close_nothing() {
        let outbound = Outbound::new(4_000);
        for n in 0..1_000 {
            outbound.push_droppable(key(n), Bytes::from(vec![b'x'; 500]));
        }
        assert_eq!((outbound.closing(), outbound.queued_bytes()), (None, 0));
        outbound.push(Bytes::from(vec![b'y'; 1_000]));
        outbound.push_droppable(key(1), Bytes::from_static(b"late"));
        assert_eq!(outbound.take().len(), 1, "only the event");
    }

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
