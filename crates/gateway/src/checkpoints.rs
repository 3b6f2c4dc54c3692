//! Moving users' durable consumers to what their devices have: at disconnect, and now and then while connected.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use relay_domain::ports::DeliveryCursors;
use relay_runtime::Task;
use relay_types::{Seq, ShardId, UserId};
use tokio::sync::{Mutex, mpsc};

use crate::hub::Hub;

/// Moves that wait. Beyond, a move is left out: the next disconnect of that user makes it good.
const QUEUE: usize = 10_000;
/// Moves at once. The server makes 1,500 to 2,200 a second; chat comes first.
const CONCURRENCY: usize = 8;
/// How often the hub is swept.
const SWEEP: Duration = Duration::from_secs(5);

type Move = (UserId, BTreeMap<ShardId, Seq>);

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
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                biased;
                count = receiver.recv_many(&mut batch, 256) => {
                    if count > 0 {
                        move_all(cursors, std::mem::take(&mut batch)).await;
                    }
                }
                () = task.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep_until(next_round) => {
                    move_all(cursors, hub.take_acked()).await;
                    next_round = tokio::time::Instant::now() + jittered(interval);
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

async fn move_all(cursors: &Arc<dyn DeliveryCursors>, moves: Vec<Move>) {
    let each = moves.into_iter().flat_map(|(user, shards)| shards.into_iter().map(move |(shard, seq)| (user, shard, seq)));
    futures::stream::iter(each)
        .for_each_concurrent(CONCURRENCY, |(user, shard, seq)| async move {
            if let Err(error) = cursors.checkpoint(shard, user, seq).await {
                tracing::debug!(user.id = %user, reason = error.reason, "durable cursor not moved");
                metrics::counter!("relay_checkpoints_failed_total").increment(1);
            }
        })
        .await;
}
