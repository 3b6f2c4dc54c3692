//! What people have read, as other processes tell it: gathered, and told to the sockets here at most every 250 ms, in one frame for
//! each conversation, however many people read it. Who gets a frame is the hub's decision at that moment.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use relay_domain::ports::EphemeralLink;
use relay_protocol::ephemeral::BatchError;
use relay_protocol::receipts::{RECEIPTS_MOST_MEMBERS, ReadNotice, ReceiptBatch};
use relay_runtime::{Restart, Supervisor, Task};
use relay_types::{ConversationId, UserId};
use tokio::time::Instant;

use crate::hub::Hub;
use crate::metrics::Dropped;

/// Between two frames of one conversation.
const EVERY: Duration = Duration::from_millis(250);
/// Conversations of which something waits; what it takes is bounded by the people that each may have.
const MOST_CONVERSATIONS: usize = 4_096;
/// How long a notice waits for this gateway's tail.
const TAIL_LIMIT: Duration = Duration::from_secs(1);
/// What is told before others may run on this thread, and what looking costs in the same measure.
const SLICE: u64 = 512;
const LOOK: u64 = 16;
/// The task heals by itself; this is for what does not.
const RESTART_CAP: Duration = Duration::from_secs(5);

/// Tells until the supervisor is told to stop.
pub(crate) fn serve(supervisor: &Supervisor, hub: Arc<Hub>, link: Arc<dyn EphemeralLink>) {
    supervisor.spawn("receipts", Restart::Backoff { cap: RESTART_CAP }, move |task: Task| run(task, Arc::clone(&hub), Arc::clone(&link)));
}

async fn run(task: Task, hub: Arc<Hub>, link: Arc<dyn EphemeralLink>) -> anyhow::Result<()> {
    let mut feed = link.listen().await?;
    task.health.up();
    let mut gathered = Gathered::default();
    let mut told: Option<Instant> = None;
    loop {
        let due = async {
            match told {
                _ if gathered.0.is_empty() => std::future::pending().await,
                Some(at) => tokio::time::sleep_until(at + EVERY).await,
                None => {}
            }
        };
        tokio::select! {
            () = task.stop.cancelled() => return Ok(()),
            () = due => {
                told = Some(Instant::now());
                gathered.tell(&hub).await;
            }
            batch = feed.next() => match batch {
                Some(batch) => gathered.take_in(&batch, Instant::now()),
                None => anyhow::bail!("what people have read is not heard any more"),
            },
        }
    }
}

/// The newest mark of each person, and until when it waits.
type Waiting = HashMap<UserId, (Instant, ReadNotice)>;

#[derive(Default)]
struct Gathered(HashMap<ConversationId, Waiting>);

impl Gathered {
    fn take_in(&mut self, batch: &[u8], now: Instant) {
        match ReceiptBatch::decode(batch) {
            Ok(batch) => batch.read.into_iter().for_each(|notice| self.add(now + TAIL_LIMIT, notice)),
            Err(BatchError::TooLarge) => Dropped::TooLarge.count(1),
            Err(BatchError::Malformed) => Dropped::Malformed.count(1),
        }
    }

    fn add(&mut self, until: Instant, mut notice: ReadNotice) {
        let full = self.0.len() >= MOST_CONVERSATIONS;
        let people = match self.0.entry(notice.conversation_id) {
            Entry::Occupied(people) => people.into_mut(),
            Entry::Vacant(_) if full => return Dropped::Full.count(1),
            Entry::Vacant(place) => place.insert(Waiting::new()),
        };
        let full = people.len() >= RECEIPTS_MOST_MEMBERS as usize;
        match people.entry(notice.by.user_id) {
            Entry::Occupied(mut earlier) => {
                notice.replaces(&earlier.get().1);
                earlier.insert((until, notice));
                metrics::counter!("relay_ephemeral_conflated_total").increment(1);
            }
            Entry::Vacant(_) if full => Dropped::Full.count(1),
            Entry::Vacant(place) => {
                place.insert((until, notice));
            }
        }
    }

    /// Tells what waits; what is ahead of the tail goes on waiting.
    async fn tell(&mut self, hub: &Hub) {
        let (now, mut spent) = (Instant::now(), 0);
        for (conversation, people) in std::mem::take(&mut self.0) {
            let until: HashMap<UserId, Instant> = people.iter().map(|(user, (until, _))| (*user, *until)).collect();
            let (sockets, ahead) = hub.tell_read(conversation, people.into_values().map(|(_, notice)| notice).collect());
            metrics::counter!("relay_ephemeral_deliveries_total").increment(sockets);
            for notice in ahead {
                match until.get(&notice.by.user_id) {
                    Some(until) if *until > now => self.add(*until, notice),
                    Some(_) | None => Dropped::Behind.count(1),
                }
            }
            spent += LOOK + sockets;
            if spent >= SLICE {
                spent = 0;
                tokio::task::yield_now().await;
            }
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
            gathered.add(now, notice(n, 1));
            gathered.add(now, notice(1, n));
        }
        assert_eq!(gathered.0.len(), MOST_CONVERSATIONS);
        assert_eq!(gathered.0.values().map(HashMap::len).max(), Some(RECEIPTS_MOST_MEMBERS as usize));
    }
}
