//! What devices here have: from sessions to the other gateways, where it is told.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use relay_domain::ports::{EphemeralAudience, EphemeralLink};
use relay_protocol::receipts::{DeliveredNotice, RECEIPTS_MOST_MEMBERS, ReceiptBatch};
use relay_types::{ConversationId, UserId};
use tokio::sync::Notify;

use crate::ephemeral::audience::{self, Answer, Known, Verdict};
use crate::metrics::Dropped;

/// Notices that wait at most: what does not fit is read as a state.
const MOST_WAITING: usize = 16_384;

/// The newest of each person in each conversation.
type Notices = HashMap<(ConversationId, UserId), DeliveredNotice>;

/// What sessions give.
#[derive(Default)]
pub(crate) struct Deliveries {
    waiting: Mutex<Notices>,
    wake: Notify,
}

impl Deliveries {
    /// Told soon, or not at all.
    pub(crate) fn give(&self, notices: Vec<DeliveredNotice>) {
        if notices.is_empty() {
            return;
        }
        let mut waiting = self.waiting.lock();
        for notice in notices {
            add(&mut waiting, notice);
        }
        drop(waiting);
        self.wake.notify_one();
    }

    /// Something waits.
    pub(super) async fn given(&self) {
        self.wake.notified().await;
    }

    pub(super) fn take(&self) -> Vec<DeliveredNotice> {
        std::mem::take(&mut *self.waiting.lock()).into_values().collect()
    }
}

fn add(waiting: &mut Notices, mut notice: DeliveredNotice) {
    let full = waiting.len() >= MOST_WAITING;
    match waiting.entry((notice.conversation_id, notice.user_id)) {
        Entry::Occupied(mut earlier) => {
            notice.replaces(earlier.get());
            earlier.insert(notice);
            metrics::counter!("relay_ephemeral_conflated_total").increment(1);
        }
        Entry::Vacant(_) if full => Dropped::Full.count(1),
        Entry::Vacant(place) => {
            place.insert(notice);
        }
    }
}

/// What waits until it is known whether it is told, and since when.
#[derive(Default)]
pub(super) struct Outgoing {
    waiting: HashMap<(ConversationId, UserId), (Instant, DeliveredNotice)>,
    known: Known,
}

impl Outgoing {
    pub(super) fn take_in(&mut self, notices: Vec<DeliveredNotice>, now: Instant) {
        for mut notice in notices {
            let full = self.waiting.len() >= MOST_WAITING;
            match self.waiting.entry((notice.conversation_id, notice.user_id)) {
                Entry::Occupied(mut earlier) => {
                    notice.replaces(&earlier.get().1);
                    earlier.insert((now, notice));
                }
                Entry::Vacant(_) if full => Dropped::Full.count(1),
                Entry::Vacant(place) => {
                    place.insert((now, notice));
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The question whether something is told where notices wait; `None`: there is nothing to ask now.
    pub(super) fn question(&self, audience: &Arc<dyn EphemeralAudience>, now: Instant) -> Option<BoxFuture<'static, Answer>> {
        let conversations = self.waiting.keys().map(|(conversation, _)| *conversation);
        let mut unknown = conversations.filter(|id| self.known.verdict(*id, now) == Verdict::NotKnown).peekable();
        unknown.peek()?;
        Some(audience::ask(audience, RECEIPTS_MOST_MEMBERS, unknown))
    }

    /// Without an answer, what was asked about is given up: it is read as a state.
    pub(super) fn learn(&mut self, answer: &Answer, now: Instant) {
        self.known.learn(answer, now);
        let Some(unanswered) = answer.unanswered() else { return };
        let before = self.waiting.len();
        self.waiting.retain(|(conversation, _), _| !unanswered.contains(conversation));
        Dropped::Unknown.count(before - self.waiting.len());
    }

    /// Tells the other gateways what is told, and answers with it.
    pub(super) fn tell(&mut self, link: &dyn EphemeralLink, now: Instant) -> Vec<DeliveredNotice> {
        let (known, mut told) = (&self.known, Vec::new());
        self.waiting.retain(|(conversation, _), (given, notice)| {
            match known.verdict_since(*conversation, *given, now) {
                Verdict::Told => told.push(notice.clone()),
                Verdict::Silent => Dropped::Silent.count(1),
                Verdict::NotKnown => return true,
            }
            false
        });
        metrics::counter!("relay_ephemeral_notices_total").increment(told.len() as u64);
        let mut buckets: HashMap<u8, Vec<DeliveredNotice>> = HashMap::new();
        for notice in &told {
            buckets.entry(relay_subjects::live_bucket(notice.conversation_id)).or_default().push(notice.clone());
        }
        for (bucket, notices) in buckets {
            for batch in ReceiptBatch::pack_delivered(notices) {
                if link.publish(bucket, Bytes::from(batch)) {
                    metrics::counter!("relay_ephemeral_batches_total").increment(1);
                } else {
                    Dropped::Link.count(1);
                }
            }
        }
        told
    }
}
