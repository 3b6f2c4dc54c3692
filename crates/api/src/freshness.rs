//! Reading one's own writes: what the log acknowledged before a request is in its answer.

use std::time::Duration;

use tokio::time::Instant;

use crate::deps::Deps;

/// How long an answer waits for the projection, which is usually some milliseconds behind the log. Beyond, it is given
/// with what is there; `relay_persist_lag_seconds` says why.
const LIMIT: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(5);

/// Waits until the projection has everything that was in the log when the request came.
///
/// # Cancel safety
/// Cancel safe.
pub(crate) async fn caught_up(deps: &Deps) {
    let deadline = Instant::now() + LIMIT;
    let wait = async {
        for shard in (0..deps.shards).map(relay_types::ShardId) {
            let Ok(head) = deps.tails.head(shard).await else { return };
            while let Ok(watermarks) = deps.projection.watermarks().await {
                if watermarks.get(&shard).copied().unwrap_or_default() >= head.last {
                    break;
                }
                tokio::time::sleep(STEP).await;
            }
        }
    };
    if tokio::time::timeout_at(deadline, wait).await.is_err() {
        metrics::counter!("relay_stale_reads_total").increment(1);
    }
}
