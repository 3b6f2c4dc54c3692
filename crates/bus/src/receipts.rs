//! Telling gateways what people have read: the newest of each person in each conversation, in few batches.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use relay_domain::ports::{EphemeralLink, ReceiptNews};
use relay_protocol::receipts::{ReadNotice, ReceiptBatch};
use relay_types::{ConversationId, UserId};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Between two tellings.
const EVERY: Duration = Duration::from_millis(100);
/// Notices that wait at most: what does not fit is read as a state.
const MOST_WAITING: usize = 16_384;

/// See the module.
pub struct ReceiptTeller {
    link: Arc<dyn EphemeralLink>,
    waiting: Mutex<HashMap<(ConversationId, UserId), ReadNotice>>,
    wake: Notify,
}

impl ReceiptTeller {
    /// Tells over this link, as soon as [`Self::run`] does.
    pub fn new(link: Arc<dyn EphemeralLink>) -> Self {
        Self { link, waiting: Mutex::default(), wake: Notify::new() }
    }

    /// Tells, until it is dropped: at once, and then at most every [`EVERY`].
    ///
    /// # Cancel safety
    /// Cancel safe: what waits goes on waiting.
    pub async fn run(&self) {
        loop {
            self.wake.notified().await;
            let began = Instant::now();
            self.tell_waiting();
            tokio::time::sleep_until(began + EVERY).await;
        }
    }

    fn tell_waiting(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        let mut buckets: HashMap<u8, Vec<ReadNotice>> = HashMap::new();
        for notice in waiting.into_values() {
            buckets.entry(relay_subjects::live_bucket(notice.conversation_id)).or_default().push(notice);
        }
        for (bucket, notices) in buckets {
            metrics::counter!("relay_receipt_notices_total").increment(notices.len() as u64);
            for batch in ReceiptBatch::pack(notices) {
                let told = if self.link.publish(bucket, Bytes::from(batch)) { "relay_receipt_batches_total" } else { LOST };
                metrics::counter!(told).increment(1);
            }
        }
    }
}

impl ReceiptNews for ReceiptTeller {
    fn tell(&self, mut notice: ReadNotice) {
        let mut waiting = self.waiting.lock();
        let full = waiting.len() >= MOST_WAITING;
        match waiting.entry((notice.conversation_id, notice.by.user_id)) {
            Entry::Occupied(mut earlier) => {
                notice.replaces(earlier.get());
                earlier.insert(notice);
                metrics::counter!("relay_receipts_conflated_total").increment(1);
            }
            Entry::Vacant(_) if full => metrics::counter!("relay_receipts_given_up_total").increment(1),
            Entry::Vacant(place) => {
                place.insert(notice);
            }
        }
        drop(waiting);
        self.wake.notify_one();
    }
}

const LOST: &str = "relay_receipt_batches_lost_total";

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use relay_domain::ports::{EphemeralFeed, LinkError};
    use relay_protocol::receipts::ReadBy;
    use relay_types::{Seq, ShardId};

    use super::*;

    /// Takes every batch.
    #[derive(Default)]
    struct Taken(Mutex<Vec<(Instant, Vec<ReadNotice>)>>);

    #[async_trait]
    impl EphemeralLink for Taken {
        fn publish(&self, bucket: u8, batch: Bytes) -> bool {
            let read = ReceiptBatch::decode(&batch).unwrap().read;
            assert!(read.iter().all(|notice| relay_subjects::live_bucket(notice.conversation_id) == bucket));
            self.0.lock().push((Instant::now(), read));
            true
        }

        async fn listen(&self) -> Result<Box<dyn EphemeralFeed>, LinkError> {
            Err(LinkError::new("nobody listens here"))
        }
    }

    fn notice(user: u32, read_seq: u64) -> ReadNotice {
        let by = ReadBy { user_id: format!("{user:026}").parse().unwrap(), after_seq: Seq(0), read_seq: Seq(read_seq) };
        ReadNotice { conversation_id: format!("{:026}", 7).parse().unwrap(), by, not_to: Vec::new(), shard: ShardId(0), as_of: Seq(9) }
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_mark_of_each_person_is_told_and_not_more_often_than_every_tenth_of_a_second() {
        let link = Arc::new(Taken::default());
        let teller = ReceiptTeller::new(Arc::clone(&link) as _);
        let people_read = async {
            for n in 1..=1_000 {
                teller.tell(notice(1, n));
                teller.tell(notice(2, 1_001 - n));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::time::sleep(EVERY).await;
        };
        tokio::select! {
            () = teller.run() => {}
            () = people_read => {}
        }
        let batches = std::mem::take(&mut *link.0.lock());
        assert!((10..=12).contains(&batches.len()), "{} batches in a second", batches.len());
        assert!(batches.is_sorted_by(|(a, _), (b, _)| *b >= *a + EVERY), "too close together");
        let marks = |user| batches.iter().flat_map(|(_, read)| read).filter(move |read| read.by.user_id == notice(user, 0).by.user_id);
        assert_eq!(marks(1).next_back().unwrap().by.read_seq, Seq(1_000));
        assert!(marks(1).is_sorted_by(|a, b| a.by.read_seq < b.by.read_seq));
        assert_eq!(marks(2).next().unwrap().by.read_seq, Seq(1_000));
    }

    #[test]
    fn what_waits_is_bounded() {
        let teller = ReceiptTeller::new(Arc::new(Taken::default()));
        for user in 0..20_000 {
            teller.tell(notice(user, 1));
        }
        assert_eq!(teller.waiting.lock().len(), MOST_WAITING);
    }
}
