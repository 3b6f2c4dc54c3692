//! Publishing outbox rows whose API process died between its commit and the log's acknowledgement, or had no answer.
//!
//! Every shard has a task of its own, and every subject a delay of its own, which the store keeps. What the log refuses is
//! parked there: the rest goes on, and an operator is told.

use std::sync::Arc;
use std::time::Duration;

use relay_domain::ports::{AppendError, FlushError, Flushed, MessageLog, Outbox};
use relay_runtime::Task;
use relay_types::ShardId;

/// How often left-behind rows are looked for.
const EVERY: Duration = Duration::from_secs(1);
/// How often at least, however long a shard has been away.
const SELDOM: Duration = Duration::from_secs(30);
/// Subjects of a shard flushed in one round at most.
const ROUND: u32 = 500;

/// What the job works with.
#[derive(Clone)]
pub struct OutboxRelay {
    /// The rows.
    pub outbox: Arc<dyn Outbox>,
    /// Where they go.
    pub log: Arc<dyn MessageLog>,
    /// From which age a row counts as left behind.
    pub age: Duration,
}

/// What became of some subjects.
#[derive(Debug, Default)]
struct Round {
    published: u64,
    unanswered: u64,
    /// More may be waiting already.
    full: bool,
    /// Somebody's words about the last one that failed.
    reason: Option<String>,
}

impl OutboxRelay {
    /// Relays what is for `shard` until told to stop.
    ///
    /// # Cancel safety
    /// Cancel safe: rows are marked after the log has them, and published again with the same id otherwise.
    pub async fn run(&self, task: Task, shard: ShardId) -> anyhow::Result<()> {
        task.health.up();
        let mut wait = EVERY;
        loop {
            let round = self.round(shard).await;
            let reason = match round {
                Ok(round) if round.unanswered == 0 => {
                    wait = if round.full && round.published > 0 { Duration::ZERO } else { EVERY };
                    round.reason
                }
                // A shard that is away is asked less and less; what was answered for says that it is not.
                Ok(round) => {
                    wait = if round.published > 0 { EVERY } else { (wait * 2).clamp(EVERY, SELDOM) };
                    round.reason
                }
                Err(reason) => Some(reason),
            };
            match self.parked(shard).await.or(reason) {
                None => task.health.up(),
                Some(reason) => task.health.degraded(reason),
            }
            tokio::select! {
                () = task.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn round(&self, shard: ShardId) -> Result<Round, String> {
        let due = self.outbox.due(shard, self.age, ROUND).await.map_err(|error| error.to_string())?;
        let flushed = self.outbox.flush_free(&due, self.log.as_ref()).await;
        Ok(Round::of(flushed, due.len() >= ROUND as usize))
    }

    /// What an operator has to see to.
    async fn parked(&self, shard: ShardId) -> Option<String> {
        let backlog = self.outbox.backlog(shard).await.ok()?;
        let label = shard.to_string();
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        let gauge = |rows: u64| rows as f64;
        metrics::gauge!("relay_outbox_waiting", "shard" => label.clone()).set(gauge(backlog.waiting));
        metrics::gauge!("relay_outbox_parked", "shard" => label).set(gauge(backlog.parked));
        (backlog.parked > 0).then(|| format!("the log refused {} events: see `relayctl outbox list`", backlog.parked))
    }
}

impl Round {
    fn of(flushed: Flushed, full: bool) -> Self {
        let (published, left) = (flushed.subjects as u64, flushed.left as u64);
        metrics::counter!("relay_outbox_relayed_total").increment(published);
        let mut round = Self { published, unanswered: left, full, reason: None };
        for (_, error) in flushed.failures {
            round.reason = Some(error.to_string());
            match error {
                FlushError::Append(AppendError::Refused { .. }) => {
                    metrics::counter!("relay_outbox_parked_total").increment(1);
                    tracing::error!(reason = %error, "the log refused an event: it is parked, with what follows it on its subject");
                }
                FlushError::Append(_) | FlushError::Store(_) => round.unanswered += 1,
                FlushError::Parked => {}
            }
        }
        round
    }
}
