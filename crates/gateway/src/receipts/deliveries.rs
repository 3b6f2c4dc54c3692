//! What devices here have: from sessions to the other gateways, where it is told.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use relay_domain::ports::{DeliveryStep, EphemeralAudience, EphemeralLink};
use relay_protocol::receipts::{DeliveredNotice, RECEIPTS_MOST_MEMBERS, ReceiptBatch};
use relay_types::{ConversationId, Seq, SessionId, TimestampMs, UserId};
use tokio::sync::Notify;

use crate::ephemeral::audience::{self, Answer, Known, Verdict};
use crate::metrics::Dropped;

/// Notices that wait at most: what does not fit is read as a state.
const MOST_WAITING: usize = 16_384;

/// Whose devices, and where.
type Key = (ConversationId, UserId);

/// What a device came to have.
#[derive(Debug, Clone)]
pub(super) struct Given {
    notice: DeliveredNotice,
    step: DeliveryStep,
}

impl Given {
    /// Takes the place of an earlier one.
    fn replaces(&mut self, earlier: &Self) {
        self.notice.replaces(&earlier.notice);
        replace(&mut self.step, &earlier.step);
    }
}

/// The later step stands for both.
fn replace(step: &mut DeliveryStep, earlier: &DeliveryStep) {
    step.since = step.since.min(earlier.since);
    step.seq = step.seq.max(earlier.seq);
}

/// What sessions give, and what is to be kept of it.
#[derive(Default)]
pub(crate) struct Deliveries {
    waiting: Mutex<HashMap<Key, Given>>,
    wake: Notify,
    /// Of what was told.
    steps: Mutex<HashMap<Key, DeliveryStep>>,
}

impl Deliveries {
    /// Told soon, or not at all. Each notice comes with what the user's devices had before.
    pub(crate) fn give(&self, notices: Vec<(DeliveredNotice, Seq)>, session: SessionId, at_ms: TimestampMs) {
        if notices.is_empty() {
            return;
        }
        let mut waiting = self.waiting.lock();
        for (notice, since) in notices {
            let (conversation, user) = (notice.conversation_id, notice.user_id);
            let seq = notice.of.iter().map(|of| of.seq).max().unwrap_or_default();
            let step = DeliveryStep { conversation, user, session, since, seq, at_ms };
            add(&mut waiting, Given { notice, step });
        }
        drop(waiting);
        self.wake.notify_one();
    }

    /// Something waits.
    pub(super) async fn given(&self) {
        self.wake.notified().await;
    }

    pub(super) fn take(&self) -> Vec<Given> {
        std::mem::take(&mut *self.waiting.lock()).into_values().collect()
    }

    /// These are to be kept. What there is no room for is not known in detail, nor is what waited, when a later one comes: its time is
    /// not the earlier one's.
    pub(super) fn note(&self, steps: impl IntoIterator<Item = DeliveryStep>) {
        let mut kept = self.steps.lock();
        for step in steps {
            let full = kept.len() >= MOST_WAITING;
            match kept.entry((step.conversation, step.user)) {
                Entry::Occupied(mut known) => {
                    if known.get().seq < step.seq {
                        known.insert(step);
                    }
                }
                Entry::Vacant(_) if full => {}
                Entry::Vacant(place) => {
                    place.insert(step);
                }
            }
        }
    }

    pub(super) fn take_steps(&self) -> Vec<DeliveryStep> {
        std::mem::take(&mut *self.steps.lock()).into_values().collect()
    }
}

fn add(waiting: &mut HashMap<Key, Given>, mut given: Given) {
    let full = waiting.len() >= MOST_WAITING;
    match waiting.entry((given.notice.conversation_id, given.notice.user_id)) {
        Entry::Occupied(mut earlier) => {
            given.replaces(earlier.get());
            earlier.insert(given);
            metrics::counter!("relay_ephemeral_conflated_total").increment(1);
        }
        Entry::Vacant(_) if full => Dropped::Full.count(1),
        Entry::Vacant(place) => {
            place.insert(given);
        }
    }
}

/// What waits until it is known whether it is told, and since when.
#[derive(Default)]
pub(super) struct Outgoing {
    waiting: HashMap<Key, (Instant, Given)>,
    known: Known,
}

impl Outgoing {
    pub(super) fn take_in(&mut self, given: Vec<Given>, now: Instant) {
        for mut given in given {
            let full = self.waiting.len() >= MOST_WAITING;
            match self.waiting.entry((given.notice.conversation_id, given.notice.user_id)) {
                Entry::Occupied(mut earlier) => {
                    given.replaces(&earlier.get().1);
                    earlier.insert((now, given));
                }
                Entry::Vacant(_) if full => Dropped::Full.count(1),
                Entry::Vacant(place) => {
                    place.insert((now, given));
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

    /// Tells the other gateways what is told, and answers with it and with what is to be kept of it.
    pub(super) fn tell(&mut self, link: &dyn EphemeralLink, now: Instant) -> (Vec<DeliveredNotice>, Vec<DeliveryStep>) {
        let (known, mut told, mut steps) = (&self.known, Vec::new(), Vec::new());
        self.waiting.retain(|(conversation, _), (since, given)| {
            match known.verdict_since(*conversation, *since, now) {
                Verdict::Told => {
                    told.push(given.notice.clone());
                    steps.push(given.step);
                }
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
        (told, steps)
    }
}
