//! Whether a client has heard that a send was refused for good. Until it has, what it sent behind that one must not be stored:
//! it may have left this socket unheard, and be about to send all of it again elsewhere, in order and perhaps with success.
//! What it has heard is told by receipts, asked for behind the refusal: on a WebSocket a ping, which every client answers by
//! itself.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use relay_types::ConversationId;

/// A client that gives no receipt for so long and still sends is not waited for.
const RECEIPT_LIMIT: Duration = Duration::from_secs(30);
/// Barred conversations at once. Beyond, order is not kept for a client that leaves unheard.
const MAX_BARRED: usize = 1_024;

/// The refusals of one socket that its client may not have heard of yet.
#[derive(Debug, Default)]
pub(super) struct RejectionBarrier {
    by_conversation: HashMap<ConversationId, (u64, Instant)>,
    /// The newest receipt wanted, and the newest asked for.
    newest: u64,
    asked: u64,
}

impl RejectionBarrier {
    /// A send to the conversation was refused for good.
    pub(super) fn begin(&mut self, conversation: ConversationId, now: Instant) {
        self.by_conversation.retain(|_, (_, since)| now.duration_since(*since) < RECEIPT_LIMIT);
        if self.by_conversation.len() < MAX_BARRED {
            self.newest += 1;
            self.by_conversation.insert(conversation, (self.newest, now));
        }
    }

    /// The receipt to be asked for behind what is queued now, if there is one.
    pub(super) fn receipt_due(&mut self) -> Option<u64> {
        let due = self.newest > self.asked;
        self.asked = self.newest;
        due.then_some(self.newest)
    }

    /// The client has heard of everything before this receipt.
    pub(super) fn heard(&mut self, receipt: u64) {
        self.by_conversation.retain(|_, (awaited, _)| *awaited > receipt);
    }

    /// Whether a send to this conversation may have been sent without knowing of the refusal.
    pub(super) fn bars(&self, conversation: ConversationId, now: Instant) -> bool {
        self.by_conversation.get(&conversation).is_some_and(|(_, since)| now.duration_since(*since) < RECEIPT_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(n: u64) -> ConversationId {
        format!("{n:026}").parse().unwrap()
    }

    #[test]
    fn rejection_barrier_until_its_own_receipt_bars() {
        let (mut barrier, now) = (RejectionBarrier::default(), Instant::now());
        assert_eq!(barrier.receipt_due(), None);
        barrier.begin(room(1), now);
        let first = barrier.receipt_due().unwrap();
        barrier.begin(room(2), now);
        let second = barrier.receipt_due().unwrap();
        assert_eq!(barrier.receipt_due(), None, "one receipt tells of all");
        barrier.heard(first);
        assert!(!barrier.bars(room(1), now) && barrier.bars(room(2), now));
        barrier.begin(room(1), now);
        barrier.heard(second);
        assert!(barrier.bars(room(1), now) && !barrier.bars(room(2), now), "refused again since");
    }

    #[test]
    fn rejection_barrier_is_bounded_in_time_and_number() {
        let (mut barrier, now) = (RejectionBarrier::default(), Instant::now());
        for n in 0..5_000 {
            barrier.begin(room(n), now);
        }
        assert_eq!(barrier.by_conversation.len(), MAX_BARRED);
        let later = now + RECEIPT_LIMIT;
        assert!(!barrier.bars(room(0), later));
        barrier.begin(room(9_999), later);
        assert_eq!(barrier.by_conversation.len(), 1);
    }
}
