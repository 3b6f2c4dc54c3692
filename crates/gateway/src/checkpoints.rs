//! Moving users' durable consumers to what their devices have: at disconnect, and now and then while connected.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use relay_domain::ports::{Checkpoint, DeliveryCursors};
use relay_runtime::Task;
use relay_types::{Seq, ShardId, UserId};
use tokio::sync::{Mutex, mpsc};

use crate::hub::Hub;

/// Moves that wait. Beyond, a move is left out: the next disconnect of that user makes it good.
const QUEUE: usize = 10_000;
/// Moves at once. The server makes 1,500 to 2,200 a second; chat comes first.
const CONCURRENCY: usize = 8;
/// A consumer that is not there yet is looked for this often: whoever logs in for the first time, or after a long absence, gets
/// theirs a moment later, and may be gone by then.
const AGAIN: Duration = Duration::from_secs(2);
/// So many times.
const ATTEMPTS: u32 = 30;
/// Looked for together: a fraction of a second of the server's.
const AT_ONCE: usize = 256;
/// How often the hub is swept.
const SWEEP: Duration = Duration::from_secs(5);

type Move = (UserId, BTreeMap<ShardId, Seq>);

/// Moves that found no consumer, each with the attempts that are left.
type Waiting = HashMap<(UserId, ShardId), (Seq, u32)>;

/// Where sockets hand in what their user has.
#[derive(Clone)]
pub(crate) struct Checkpoints {
    sender: mpsc::Sender<Move>,
    receiver: Arc<Mutex<mpsc::Receiver<Move>>>,
}

impl Checkpoints {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        Self { sender, receiver: Arc::new(Mutex::new(receiver)) }
    }

    /// Hands in a move; never waits.
    pub(crate) fn hand_in(&self, user: UserId, delivered: BTreeMap<ShardId, Seq>) {
        if !delivered.is_empty() && self.sender.try_send((user, delivered)).is_err() {
            metrics::counter!("relay_checkpoints_skipped_total").increment(1);
        }
    }

    /// The task that makes the moves, and sweeps the hub beside them. After the stop signal it makes those already handed in.
    pub(crate) async fn run(&self, task: Task, hub: Arc<Hub>, cursors: Arc<dyn DeliveryCursors>, interval: Duration) -> anyhow::Result<()> {
        task.health.up();
        // A log that answers slowly must not keep the hub from forgetting.
        let sweeping = async {
            let mut sweep = tokio::time::interval(SWEEP);
            loop {
                sweep.tick().await;
                hub.sweep();
            }
        };
        tokio::select! {
            done = self.make_moves(&task, &hub, &cursors, interval) => done,
            () = sweeping => Ok(()),
        }
    }

    async fn make_moves(&self, task: &Task, hub: &Hub, cursors: &Arc<dyn DeliveryCursors>, interval: Duration) -> anyhow::Result<()> {
        let mut receiver = self.receiver.lock().await;
        let mut next_round = tokio::time::Instant::now() + jittered(interval);
        let mut next_attempt = tokio::time::Instant::now() + AGAIN;
        let (mut batch, mut waiting) = (Vec::new(), Waiting::new());
        loop {
            tokio::select! {
                biased;
                count = receiver.recv_many(&mut batch, 256) => {
                    if count > 0 {
                        wait_for(&mut waiting, move_all(cursors, std::mem::take(&mut batch)).await);
                    }
                }
                () = task.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep_until(next_round) => {
                    wait_for(&mut waiting, move_all(cursors, hub.take_acked()).await);
                    next_round = tokio::time::Instant::now() + jittered(interval);
                }
                () = tokio::time::sleep_until(next_attempt), if !waiting.is_empty() => {
                    attempt(cursors, &mut waiting).await;
                    next_attempt = tokio::time::Instant::now() + AGAIN;
                }
            }
        }
    }

    /// Makes the moves that are left when the process goes away.
    pub(crate) async fn finish(&self, cursors: Arc<dyn DeliveryCursors>, limit: Duration) {
        let mut batch = Vec::new();
        if let Ok(mut receiver) = self.receiver.try_lock() {
            while let Ok(next) = receiver.try_recv() {
                batch.push(next);
            }
        }
        if tokio::time::timeout(limit, move_all(&cursors, batch)).await.is_err() {
            tracing::info!("some durable cursors were not moved before the end; they move at the next disconnect");
        }
    }
}

fn jittered(interval: Duration) -> Duration {
    interval / 2 + (interval / 2).mul_f64(rand::random::<f64>())
}

/// Makes the moves. Those are left that found no consumer.
async fn move_all(cursors: &Arc<dyn DeliveryCursors>, moves: Vec<Move>) -> Vec<(UserId, ShardId, Seq)> {
    let each = moves.into_iter().flat_map(|(user, shards)| shards.into_iter().map(move |(shard, seq)| (user, shard, seq)));
    move_each(cursors, each.collect()).await
}

async fn move_each(cursors: &Arc<dyn DeliveryCursors>, moves: Vec<(UserId, ShardId, Seq)>) -> Vec<(UserId, ShardId, Seq)> {
    let moved = futures::stream::iter(moves).map(|(user, shard, seq)| async move {
        match cursors.checkpoint(shard, user, seq).await {
            Ok(Checkpoint::Reached) => None,
            Ok(Checkpoint::NoConsumer) => Some((user, shard, seq)),
            Err(error) => {
                tracing::debug!(user.id = %user, reason = error.reason, "durable cursor not moved");
                metrics::counter!("relay_checkpoints_failed_total").increment(1);
                None
            }
        }
    });
    let moved: Vec<Option<(UserId, ShardId, Seq)>> = moved.buffer_unordered(CONCURRENCY).collect().await;
    moved.into_iter().flatten().collect()
}

/// Moves that found no consumer are made later, if there are not too many.
fn wait_for(waiting: &mut Waiting, moves: Vec<(UserId, ShardId, Seq)>) {
    for (user, shard, seq) in moves {
        if waiting.len() < QUEUE || waiting.contains_key(&(user, shard)) {
            // News of a user begins no new wait: where no place is left for their consumer, news comes for as long as they talk.
            let (known, attempts) = waiting.get(&(user, shard)).copied().unwrap_or((Seq::ZERO, ATTEMPTS));
            waiting.insert((user, shard), (known.max(seq), attempts));
        } else {
            metrics::counter!("relay_checkpoints_skipped_total").increment(1);
        }
    }
}

/// Looks for the consumers again: those first that were looked for least, and no more than [`AT_ONCE`], because everybody else's
/// moves wait meanwhile.
async fn attempt(cursors: &Arc<dyn DeliveryCursors>, waiting: &mut Waiting) {
    let mut attempted: Vec<_> = waiting.iter().map(|(key, value)| (*key, *value)).collect();
    attempted.sort_by_key(|(_, (_, attempts))| std::cmp::Reverse(*attempts));
    attempted.truncate(AT_ONCE);
    let attempted: Waiting = attempted.into_iter().collect();
    waiting.retain(|key, _| !attempted.contains_key(key));
    let left = move_each(cursors, attempted.iter().map(|((user, shard), (seq, _))| (*user, *shard, *seq)).collect()).await;
    for (user, shard, seq) in left {
        let attempts = attempted.get(&(user, shard)).map_or(0, |(_, attempts)| attempts.saturating_sub(1));
        if attempts > 0 {
            waiting.insert((user, shard), (seq, attempts));
        } else {
            metrics::counter!("relay_checkpoints_skipped_total").increment(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use async_trait::async_trait;
    use parking_lot::Mutex as Lock;
    use relay_domain::ports::CursorError;
    use relay_types::ConversationId;

    use super::*;

    /// Consumers of some users, and what was reached.
    #[derive(Default)]
    struct Consumers {
        there: Lock<BTreeSet<UserId>>,
        reached: Lock<Vec<(UserId, Seq)>>,
    }

    #[async_trait]
    impl DeliveryCursors for Consumers {
        async fn conversations(&self, _: ShardId, _: UserId) -> Result<Option<Vec<ConversationId>>, CursorError> {
            Ok(None)
        }

        async fn checkpoint(&self, _: ShardId, user: UserId, delivered: Seq) -> Result<Checkpoint, CursorError> {
            if !self.there.lock().contains(&user) {
                return Ok(Checkpoint::NoConsumer);
            }
            self.reached.lock().push((user, delivered));
            Ok(Checkpoint::Reached)
        }
    }

    #[tokio::test]
    async fn a_move_that_finds_no_consumer_is_made_when_there_is_one() {
        let consumers = Arc::new(Consumers::default());
        let cursors: Arc<dyn DeliveryCursors> = Arc::clone(&consumers) as _;
        let (ann, bob): (UserId, UserId) = ("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(), "01ARZ3NDEKTSV4RRFFQ69G5FAW".parse().unwrap());
        let mut waiting = Waiting::new();
        for seq in [5, 9, 7] {
            wait_for(&mut waiting, move_all(&cursors, vec![(ann, [(ShardId(0), Seq(seq))].into())]).await);
        }
        wait_for(&mut waiting, move_all(&cursors, vec![(bob, [(ShardId(0), Seq(1))].into())]).await);
        attempt(&cursors, &mut waiting).await;
        assert_eq!(waiting.len(), 2);
        consumers.there.lock().insert(ann);
        attempt(&cursors, &mut waiting).await;
        assert_eq!(*consumers.reached.lock(), [(ann, Seq(9))], "the furthest, once");
        // Nobody is waited for for ever, whatever they say meanwhile.
        for seq in 0..ATTEMPTS {
            wait_for(&mut waiting, vec![(bob, ShardId(0), Seq(u64::from(seq)))]);
            attempt(&cursors, &mut waiting).await;
            if waiting.is_empty() {
                break;
            }
        }
        assert!(waiting.is_empty());
    }

    #[tokio::test]
    async fn one_look_is_bounded_and_everybody_gets_their_turn() {
        let cursors: Arc<dyn DeliveryCursors> = Arc::new(Consumers::default());
        let mut waiting = Waiting::new();
        let many = 2 * AT_ONCE + 1;
        let ann: UserId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        wait_for(&mut waiting, (0..many).map(|shard| (ann, ShardId(u16::try_from(shard).unwrap()), Seq(1))).collect());
        for look in 1..=3 {
            attempt(&cursors, &mut waiting).await;
            let looked_for = waiting.values().filter(|(_, attempts)| *attempts < ATTEMPTS).count();
            assert_eq!(looked_for, many.min(look * AT_ONCE));
        }
    }
}
