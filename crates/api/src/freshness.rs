//! Reading one's own writes: what the log acknowledged before a request is in its answer.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use relay_types::{Seq, ShardId};
use tokio::time::Instant;

use crate::deps::AppState;

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

/// How far the log is known to have gone.
#[derive(Debug, Default)]
pub(crate) struct KnownHeads(Mutex<BTreeMap<ShardId, Seq>>);

impl KnownHeads {
    /// The log has this.
    pub(crate) fn observe(&self, shard: ShardId, seq: Seq) {
        let mut heads = self.0.lock();
        let known = heads.entry(shard).or_default();
        *known = (*known).max(seq);
    }

    fn of(&self, shard: ShardId) -> Seq {
        self.0.lock().get(&shard).copied().unwrap_or_default()
    }
}

/// Waits until the projection has everything that was in the log when the request came, and names the shards of which it
/// has not in time. A log that does not answer acknowledges nothing either: what counts then is how far this process knows
/// it to have gone.
///
/// # Cancel safety
/// Cancel safe.
pub(crate) async fn caught_up(app: &AppState) -> Vec<Behind> {
    let deps = &app.deps;
    let deadline = Instant::now() + LIMIT;
    let mut behind = Vec::new();
    for shard in (0..deps.shards).map(ShardId) {
        if let Ok(Ok(head)) = tokio::time::timeout_at(deadline, deps.tails.head(shard)).await {
            app.heads.observe(shard, head.last);
        }
        let head = app.heads.of(shard);
        let mut watermark = Seq::ZERO;
        let wait = async {
            while let Ok(watermarks) = deps.projection.watermarks().await {
                watermark = watermarks.get(&shard).copied().unwrap_or_default();
                if watermark >= head {
                    return;
                }
                tokio::time::sleep(STEP).await;
            }
        };
        // A projection that does not answer fails the read itself. It is asked at least once, however late it is.
        let deadline = deadline.max(Instant::now() + STEP * 10);
        let _ = tokio::time::timeout_at(deadline, wait).await;
        if watermark < head {
            metrics::counter!("relay_stale_reads_total").increment(1);
            behind.push(Behind { shard, watermark, head });
        }
    }
    behind
}
