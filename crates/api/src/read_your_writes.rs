//! Reading one's own writes: what the log acknowledged before a request is in its answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use relay_types::{Seq, ShardId};
use tokio::time::Instant;

use crate::deps::Deps;
use crate::shared::Shared;

/// How long an answer waits for a shard's projection, which is usually some milliseconds behind the log.
const LIMIT: Duration = Duration::from_secs(1);
/// Between two looks, however many wait.
const STEP: Duration = Duration::from_millis(5);
/// For the projection to be asked once when the log took all the time.
const ONE_LOOK: Duration = Duration::from_millis(50);

/// A shard of which the projection does not have everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Behind {
    pub(crate) shard: ShardId,
    /// Up to here it has.
    pub(crate) watermark: Seq,
    /// Up to here the log went when the request came.
    pub(crate) head: Seq,
}

type Watermarks = Arc<BTreeMap<ShardId, Seq>>;

/// How far the log and the projection are, asked once for all who wait.
#[derive(Default)]
pub(crate) struct LogProgress {
    /// How far the log is known to have gone.
    known: Mutex<BTreeMap<ShardId, Seq>>,
    heads: Mutex<BTreeMap<ShardId, Arc<Shared<Seq>>>>,
    watermarks: Shared<Watermarks>,
}

impl LogProgress {
    /// The log has this.
    pub(crate) fn observe(&self, shard: ShardId, seq: Seq) {
        let mut heads = self.known.lock();
        let known = heads.entry(shard).or_default();
        *known = (*known).max(seq);
    }

    fn known(&self, shard: ShardId) -> Seq {
        self.known.lock().get(&shard).copied().unwrap_or_default()
    }

    fn heads_of(&self, shard: ShardId) -> Arc<Shared<Seq>> {
        Arc::clone(self.heads.lock().entry(shard).or_default())
    }
}

/// Waits until the projection has everything that was in the shard's log when the request came, and says how far it is if it has
/// not in time. A log that does not answer acknowledges nothing either: what counts then is how far this process knows it to
/// have gone.
///
/// # Cancel safety
/// Cancel safe.
pub(crate) async fn caught_up(deps: &Deps, progress: &LogProgress, shard: ShardId) -> Option<Behind> {
    let arrived = Instant::now();
    let deadline = arrived + LIMIT;
    let heads = progress.heads_of(shard);
    let ask = async || deps.tails.head(shard).await.ok().map(|head| head.last);
    if let Ok((_, Some(head))) = tokio::time::timeout_at(deadline, heads.answer_after(arrived, ask)).await {
        progress.observe(shard, head);
    }
    let head = progress.known(shard);
    let mut watermark = Seq::ZERO;
    let wait = async {
        let mut after = arrived;
        loop {
            let ask = async || deps.projection.watermarks().await.ok().map(Arc::new);
            let (asked, answer) = progress.watermarks.answer_after(after, ask).await;
            // A projection that does not answer fails the read itself.
            let Some(watermarks) = answer else { return };
            watermark = watermarks.get(&shard).copied().unwrap_or_default();
            if watermark >= head {
                return;
            }
            tokio::time::sleep_until(asked + STEP).await;
            after = asked;
        }
    };
    // It is asked at least once, however late it is.
    let _ = tokio::time::timeout_at(deadline.max(Instant::now() + ONE_LOOK), wait).await;
    if watermark >= head {
        return None;
    }
    metrics::counter!("relay_stale_reads_total").increment(1);
    Some(Behind { shard, watermark, head })
}

/// Waits until the projection has this place, if the log has it; at once if it is there already. What lies beyond the log's end is
/// not waited for.
///
/// # Cancel safety
/// Cancel safe.
pub(crate) async fn reached(deps: &Deps, progress: &LogProgress, shard: ShardId, seq: Seq) -> Result<(), Behind> {
    let ask = async || deps.projection.watermarks().await.ok().map(Arc::new);
    let (_, watermarks) = progress.watermarks.answer_after(Instant::now(), ask).await;
    if watermarks.is_some_and(|watermarks| watermarks.get(&shard).is_some_and(|watermark| *watermark >= seq)) {
        return Ok(());
    }
    caught_up(deps, progress, shard).await.filter(|behind| behind.watermark < seq).map_or(Ok(()), Err)
}

/// [`caught_up`] for every shard, each with its own time, and all at once.
///
/// # Cancel safety
/// Cancel safe.
pub(crate) async fn caught_up_everywhere(deps: &Deps, progress: &LogProgress) -> Vec<Behind> {
    let shards = (0..deps.shards).map(|shard| caught_up(deps, progress, ShardId(shard)));
    futures::future::join_all(shards).await.into_iter().flatten().collect()
}
