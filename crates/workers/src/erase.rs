//! Taking the content of erased messages out of the log, one after another.
//!
//! It is hidden from people by then. Each costs the log about 16 ms, in which nobody publishes: one is in flight in all
//! processes together, at most so many in a second.

use std::sync::Arc;
use std::time::Duration;

use relay_domain::ports::{ErasableLog, Erasures};
use relay_runtime::Task;
use tokio::time::Instant;

/// Between looks while nothing waits, and after a failure.
const IDLE: Duration = Duration::from_secs(1);
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
        task.health.up();
        loop {
            let began = Instant::now();
            let rest = tokio::select! {
                () = task.stop.cancelled() => return Ok(()),
                rest = self.one(&task) => rest,
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
    async fn one(&self, task: &Task) -> Duration {
        let outcome = self.erasures.erase_next(self.log.as_ref()).await;
        match outcome {
            Ok(Some(erasure)) => {
                tracing::info!(shard = erasure.shard.0, stream.seq = erasure.seq.0, message.id = %erasure.message, "erased from the log");
                metrics::counter!("relay_erasures_total").increment(1);
                task.health.up();
                self.every
            }
            Ok(None) => {
                task.health.up();
                IDLE
            }
            Err(error) => {
                let error = anyhow::Error::new(error);
                tracing::warn!(error = %format!("{error:#}"), "not erased now; again soon");
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
