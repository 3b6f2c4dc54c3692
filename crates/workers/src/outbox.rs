//! Publishing outbox rows whose API process died between its commit and the log's acknowledgement.

use std::sync::Arc;
use std::time::Duration;

use relay_domain::ports::{MessageLog, Outbox};
use relay_runtime::Task;

/// How often left-behind rows are looked for.
const EVERY: Duration = Duration::from_secs(1);
/// Subjects flushed in one round at most.
const ROUND: u32 = 100;

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

impl OutboxRelay {
    /// Relays until told to stop.
    ///
    /// # Cancel safety
    /// Cancel safe: rows are marked after the log has them, and published again with the same id otherwise.
    pub async fn run(&self, task: Task) -> anyhow::Result<()> {
        task.health.up();
        loop {
            match self.round().await {
                Ok(()) => task.health.up(),
                Err(reason) => task.health.degraded(reason),
            }
            tokio::select! {
                () = task.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    async fn round(&self) -> Result<(), String> {
        let pending = self.outbox.pending(self.age, ROUND).await.map_err(|error| error.to_string())?;
        for address in pending {
            self.outbox.flush(address, self.log.as_ref()).await.map_err(|error| error.to_string())?;
            metrics::counter!("relay_outbox_relayed_total").increment(1);
        }
        Ok(())
    }
}
