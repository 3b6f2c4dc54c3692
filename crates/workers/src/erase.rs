//! Taking the content of erased messages out of the log, one after another.
//!
//! It is hidden from people by then. Each costs the log about 16 ms, in which nobody publishes: one is in flight in all
//! processes together, at most so many in a second.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use relay_domain::ports::{Attempt, ErasableLog, Erasures};
use relay_runtime::Task;
use relay_types::ShardId;
use tokio::time::Instant;

/// Between looks while nothing waits, and after a failure.
const IDLE: Duration = Duration::from_secs(1);
/// A shard that refused is passed over for a second, then twice as long each time, up to this: what waits for it must not cost
/// the others a time limit each.
const LONGEST_PASS: Duration = Duration::from_secs(60);
/// Between looks at how much waits.
const SHOWN_EVERY: Duration = Duration::from_secs(5);

/// The job.
#[derive(Clone)]
pub struct Erase {
    /// What waits.
    pub erasures: Arc<dyn Erasures>,
    /// Where it is to go from.
    pub log: Arc<dyn ErasableLog>,
    /// At least so long between two.
    pub every: Duration,
}

impl Erase {
    /// Erases until told to stop.
    ///
    /// # Cancel safety
    /// Cancel safe: what was not marked as done is done again.
    pub async fn run(&self, task: Task) -> anyhow::Result<()> {
        let mut shown: Option<Instant> = None;
        let mut refusing = Refusing::default();
        task.health.up();
        loop {
            let began = Instant::now();
            let rest = tokio::select! {
                () = task.stop.cancelled() => return Ok(()),
                rest = self.one(&task, &mut refusing) => rest,
            };
            if shown.is_none_or(|at| at.elapsed() >= SHOWN_EVERY) {
                self.show().await;
                shown = Some(Instant::now());
            }
            tokio::select! {
                () = task.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep_until(began + rest) => {}
            }
        }
    }

    /// Erases the next one, and says when to look again, counted from the beginning of this.
    async fn one(&self, task: &Task, refusing: &mut Refusing) -> Duration {
        let outcome = self.erasures.erase_next(self.log.as_ref(), &refusing.now()).await;
        match outcome {
            Ok(Some(Attempt { erasure, outcome: Ok(()) })) => {
                tracing::info!(shard = erasure.shard.0, stream.seq = erasure.seq.0, message.id = %erasure.message, "erased from the log");
                metrics::counter!("relay_erasures_total").increment(1);
                refusing.answered(erasure.shard);
                if refusing.is_empty() {
                    task.health.up();
                }
                self.every
            }
            Ok(Some(Attempt { erasure, outcome: Err(error) })) => {
                let error = anyhow::Error::new(error);
                let error = format!("shard {}: {error:#}", erasure.shard);
                tracing::warn!(stream.seq = erasure.seq.0, message.id = %erasure.message, error, "not erased now; again later");
                refusing.refused(erasure.shard);
                task.health.degraded(error);
                self.every
            }
            Ok(None) => {
                if refusing.is_empty() {
                    task.health.up();
                }
                IDLE
            }
            Err(error) => {
                let error = anyhow::Error::new(error);
                tracing::warn!(error = %format!("{error:#}"), "what to erase is not known now; again soon");
                task.health.degraded(format!("{error:#}"));
                IDLE.max(self.every)
            }
        }
    }

    async fn show(&self) {
        match self.erasures.erasure_backlog().await {
            Ok(backlog) => {
                #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
                metrics::gauge!("relay_erasures_waiting").set(backlog.waiting as f64);
                metrics::gauge!("relay_erasure_oldest_seconds").set(backlog.oldest_s);
            }
            Err(error) => tracing::debug!(reason = error.reason, "what waits to be erased is not known now"),
        }
    }
}

/// Shards that refused, until when each is passed over, and for how long that was.
#[derive(Default)]
struct Refusing(HashMap<ShardId, (Instant, Duration)>);

impl Refusing {
    /// Those to pass over.
    fn now(&self) -> Vec<ShardId> {
        let now = Instant::now();
        self.0.iter().filter(|(_, (until, _))| *until > now).map(|(shard, _)| *shard).collect()
    }

    fn refused(&mut self, shard: ShardId) {
        let pass = self.0.get(&shard).map_or(Duration::from_secs(1), |(_, pass)| (*pass * 2).min(LONGEST_PASS));
        self.0.insert(shard, (Instant::now() + pass, pass));
    }

    fn answered(&mut self, shard: ShardId) {
        self.0.remove(&shard);
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_shard_that_refuses_is_passed_over_longer_each_time() {
        let (away, there) = (ShardId(0), ShardId(1));
        let mut refusing = Refusing::default();
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            refusing.refused(away);
            tokio::time::advance(Duration::from_millis(1_000 * seconds - 1)).await;
            assert_eq!(refusing.now(), [away], "for {seconds} s");
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(refusing.now().is_empty(), "tried again after {seconds} s");
        }
        refusing.answered(there);
        assert!(!refusing.is_empty());
        refusing.answered(away);
        assert!(refusing.is_empty());
    }
}
