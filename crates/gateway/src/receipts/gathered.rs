//! What waits to be told to the sockets here: the newest of each person in each conversation.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use relay_protocol::ephemeral::BatchError;
use relay_protocol::receipts::{DeliveredNotice, RECEIPTS_MOST_MEMBERS, ReadNotice, ReceiptBatch};
use relay_types::{ConversationId, UserId};
use tokio::time::Instant;

use crate::hub::{Hub, ReceiptNews};
use crate::metrics::Dropped;

/// Conversations of which something waits; what it takes is bounded by the people that each may have.
const MOST_CONVERSATIONS: usize = 4_096;
/// How long a notice waits for this gateway's tail.
const TAIL_LIMIT: Duration = Duration::from_secs(1);
/// What is told before others may run on this thread, and what looking costs in the same measure.
const SLICE: u64 = 512;
const LOOK: u64 = 16;
/// What is told at once, in the same measure: some milliseconds under the hub's lock, for which the tail waits. The rest is told with the
/// next.
const BUDGET: u64 = 32_768;

/// Of one conversation: the newest of each person, and until when it waits.
#[derive(Default)]
struct Waiting {
    read: HashMap<UserId, (Instant, ReadNotice)>,
    delivered: HashMap<UserId, (Instant, DeliveredNotice)>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Gathered(HashMap<ConversationId, Waiting>);

impl Gathered {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Another process's batch.
    pub(super) fn take_in(&mut self, batch: &[u8], now: Instant) {
        match ReceiptBatch::decode(batch) {
            Ok(ReceiptBatch { read, delivered, .. }) => {
                for notice in read {
                    self.add_read(now + TAIL_LIMIT, notice);
                }
                for notice in delivered {
                    self.add_delivered(now + TAIL_LIMIT, notice);
                }
            }
            Err(BatchError::TooLarge) => Dropped::TooLarge.count(1),
            Err(BatchError::Malformed) => Dropped::Malformed.count(1),
        }
    }

    fn of(&mut self, conversation: ConversationId) -> Option<&mut Waiting> {
        let full = self.0.len() >= MOST_CONVERSATIONS;
        match self.0.entry(conversation) {
            Entry::Occupied(waiting) => Some(waiting.into_mut()),
            Entry::Vacant(_) if full => {
                Dropped::Full.count(1);
                None
            }
            Entry::Vacant(place) => Some(place.insert(Waiting::default())),
        }
    }

    fn add_read(&mut self, until: Instant, mut notice: ReadNotice) {
        let Some(waiting) = self.of(notice.conversation_id) else { return };
        put(&mut waiting.read, notice.by.user_id, |earlier| {
            if let Some((_, earlier)) = earlier {
                notice.replaces(earlier);
            }
            (until, notice)
        });
    }

    /// What somebody's devices have.
    pub(super) fn add_delivered(&mut self, until: Instant, mut notice: DeliveredNotice) {
        let Some(waiting) = self.of(notice.conversation_id) else { return };
        put(&mut waiting.delivered, notice.user_id, |earlier| {
            if let Some((_, earlier)) = earlier {
                notice.replaces(earlier);
            }
            (until, notice)
        });
    }

    /// Tells what waits; what is ahead of the tail goes on waiting.
    pub(super) async fn tell(&mut self, hub: &Hub) {
        let (now, mut spent, mut in_all) = (Instant::now(), 0, 0);
        for (conversation, waiting) in std::mem::take(&mut self.0) {
            if in_all >= BUDGET {
                self.0.insert(conversation, waiting);
                continue;
            }
            let Waiting { read, delivered } = waiting;
            let until: HashMap<UserId, Instant> = read.iter().map(|(user, (until, _))| (*user, *until)).collect();
            let until_delivered: HashMap<UserId, Instant> = delivered.iter().map(|(user, (until, _))| (*user, *until)).collect();
            let news = ReceiptNews {
                read: read.into_values().map(|(_, notice)| notice).collect(),
                delivered: delivered.into_values().map(|(_, notice)| notice).collect(),
            };
            let (sockets, ahead) = hub.tell_receipts(conversation, news);
            metrics::counter!("relay_ephemeral_deliveries_total").increment(sockets);
            for notice in ahead.read {
                match until.get(&notice.by.user_id) {
                    Some(until) if *until > now => self.add_read(*until, notice),
                    Some(_) | None => Dropped::Behind.count(1),
                }
            }
            for notice in ahead.delivered {
                match until_delivered.get(&notice.user_id) {
                    Some(until) if *until > now => self.add_delivered(*until, notice),
                    Some(_) | None => Dropped::Behind.count(1),
                }
            }
            spent += LOOK + sockets;
            in_all += LOOK + sockets;
            if spent >= SLICE {
                spent = 0;
                tokio::task::yield_now().await;
            }
        }
    }
}

/// Puts one person's notice in the place of their earlier one, or beside the others' while there is room.
fn put<T>(people: &mut HashMap<UserId, T>, user: UserId, make: impl FnOnce(Option<&T>) -> T) {
    let full = people.len() >= RECEIPTS_MOST_MEMBERS as usize;
    match people.entry(user) {
        Entry::Occupied(mut earlier) => {
            let newer = make(Some(earlier.get()));
            earlier.insert(newer);
            metrics::counter!("relay_ephemeral_conflated_total").increment(1);
        }
        Entry::Vacant(_) if full => Dropped::Full.count(1),
        Entry::Vacant(place) => {
            place.insert(make(None));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_protocol::receipts::ReadBy;
    use relay_types::{Seq, ShardId};

    fn notice(conversation: u32, user: u32) -> ReadNotice {
        let by = ReadBy { user_id: format!("{user:026}").parse().unwrap(), after_seq: Seq(0), read_seq: Seq(5) };
        let conversation_id = format!("{conversation:026}").parse().unwrap();
        ReadNotice { conversation_id, by, not_to: Vec::new(), shard: ShardId(0), as_of: Seq(9) }
    }

    #[test]
    fn what_waits_is_bounded_in_conversations_and_in_people() {
        let (mut gathered, now) = (Gathered::default(), Instant::now());
        for n in 0..10_000 {
            gathered.add_read(now, notice(n, 1));
            gathered.add_read(now, notice(1, n));
            let ReadNotice { conversation_id, by, shard, as_of, .. } = notice(1, n);
            gathered.add_delivered(now, DeliveredNotice { conversation_id, user_id: by.user_id, of: Vec::new(), shard, as_of });
        }
        assert_eq!(gathered.0.len(), MOST_CONVERSATIONS);
        let most = RECEIPTS_MOST_MEMBERS as usize;
        assert_eq!(gathered.0.values().map(|waiting| waiting.read.len()).max(), Some(most));
        assert_eq!(gathered.0.values().map(|waiting| waiting.delivered.len()).max(), Some(most));
    }
}
