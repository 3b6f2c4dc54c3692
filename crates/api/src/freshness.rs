//! Reading one's own writes: what the log acknowledged before a request is in its answer.

use std::time::Duration;

use relay_types::{Seq, ShardId};
use tokio::time::Instant;

use crate::deps::Deps;

/// How long an answer waits for the projection, which is usually some milliseconds behind the log.
const LIMIT: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(5);

/// A shard of which the projection does not have everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Behind {
    pub(crate) shard: ShardId,
    /// Up to here it has.
    pub(crate) watermark: Seq,
    /// Up to here the log went when the request came.
    pub(crate) head: Seq,
}

/// Waits until the projection has everything that was in the log when the request came, and names the shards of which it
/// has not in time. A log that does not answer acknowledges nothing either: nothing is said to be missing.
///
/// # Cancel safety
/// Cancel safe.
pub(crate) async fn caught_up(deps: &Deps) -> Vec<Behind> {
    let deadline = Instant::now() + LIMIT;
    let mut behind = Vec::new();
    for shard in (0..deps.shards).map(ShardId) {
        let Ok(Ok(head)) = tokio::time::timeout_at(deadline, deps.tails.head(shard)).await else { continue };
        let mut watermark = Seq::ZERO;
        let wait = async {
            while let Ok(watermarks) = deps.projection.watermarks().await {
                watermark = watermarks.get(&shard).copied().unwrap_or_default();
                if watermark >= head.last {
                    return;
                }
                tokio::time::sleep(STEP).await;
            }
        };
        // A projection that does not answer fails the read itself.
        let _ = tokio::time::timeout_at(deadline, wait).await;
        if watermark < head.last {
            metrics::counter!("relay_stale_reads_total").increment(1);
            behind.push(Behind { shard, watermark, head: head.last });
        }
    }
    behind
}
