//! Filling the index of words, behind the projection: a search finds a message a moment after it was sent.
//!
//! Any number of workers may have the job; one at a time has a shard.

use std::sync::Arc;
use std::time::Duration;

use relay_domain::ports::SearchIndex;
use relay_runtime::Task;
use relay_types::ShardId;

/// Between looks while nothing waits.
const IDLE: Duration = Duration::from_millis(250);
/// Between runs while the projection catches up: both want the same disk.
const YIELD: Duration = Duration::from_secs(1);
/// After a failure.
const AGAIN: Duration = Duration::from_secs(1);

/// The job.
#[derive(Clone)]
pub struct Index {
    /// The index.
    pub index: Arc<dyn SearchIndex>,
}

impl Index {
    /// Indexes the shard's messages until told to stop.
    ///
    /// # Cancel safety
    /// Cancel safe: a run is all or nothing.
    pub async fn run(&self, task: Task, shard: ShardId) -> anyhow::Result<()> {
        task.health.up();
        let lag = metrics::gauge!("relay_search_lag_seconds", "shard" => shard.to_string());
        lag.set(0.0);
        loop {
            let indexed = tokio::select! {
                () = task.stop.cancelled() => return Ok(()),
                indexed = self.index.index_next(shard) => indexed,
            };
            let rest = match indexed {
                Ok(indexed) => {
                    task.health.up();
                    metrics::counter!("relay_search_indexed_messages_total").increment(indexed.messages);
                    lag.set(indexed.lag.as_secs_f64());
                    match (indexed.more, indexed.yields) {
                        (true, true) => YIELD,
                        (true, false) => Duration::ZERO,
                        (false, _) => IDLE,
                    }
                }
                Err(error) => {
                    let error = format!("{:#}", anyhow::Error::new(error));
                    tracing::warn!(shard = shard.0, error, "not indexed now; again soon");
                    task.health.degraded(error);
                    AGAIN
                }
            };
            tokio::select! {
                () = task.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(rest) => {}
            }
        }
    }
}
