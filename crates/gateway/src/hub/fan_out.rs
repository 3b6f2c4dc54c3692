//! Handing one event's frame to its sockets, outside the hub's lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use relay_types::Seq;

use super::Socket;
use crate::outbound::Ends;

/// Sockets that get a frame before others may run on this thread: a conversation with ten thousand of them takes
/// milliseconds.
const SLICE: usize = 512;

/// Up to where a shard's events have been handed to every socket that was to get them.
#[derive(Clone)]
pub(super) struct Delivered(Arc<AtomicU64>);

impl Delivered {
    pub(super) fn up_to(seq: Seq) -> Self {
        Self(Arc::new(AtomicU64::new(seq.0)))
    }

    pub(super) fn seq(&self) -> Seq {
        // Pairs with the store: whoever reads this sequence queues behind the frames up to it.
        Seq(self.0.load(Ordering::Acquire))
    }
}

/// What one event's step left to do.
pub(super) struct FanOut {
    pub(super) seq: Seq,
    pub(super) frame: Bytes,
    pub(super) sockets: Vec<Arc<Socket>>,
    /// What it makes void of the ephemeral frames that wait for them.
    pub(super) ends: Ends,
    pub(super) delivered: Delivered,
}

impl FanOut {
    /// Queues the frame for each socket, and says for how many. The next event's may begin when this has ended.
    pub(super) async fn hand_over(self) -> u64 {
        for slice in self.sockets.chunks(SLICE) {
            for socket in slice {
                socket.outbound.push_event(self.frame.clone(), self.ends);
            }
            if slice.len() == SLICE {
                tokio::task::yield_now().await;
            }
        }
        self.delivered.0.store(self.seq.0, Ordering::Release);
        self.sockets.len() as u64
    }
}
