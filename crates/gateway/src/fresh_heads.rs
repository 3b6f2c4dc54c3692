//! Where the log ends, asked by many at once: whoever comes while a question is under way shares the next one, and questions keep a
//! distance. So sends to conversations that are not their senders' cost the log a few questions a second, however many they are.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use relay_domain::ports::{TailError, TailSource};
use relay_types::{Seq, ShardId};
use tokio::time::Instant;

/// Between two questions of one shard at least. The first after a silence is asked at once.
const DISTANCE: Duration = Duration::from_millis(25);

/// One shard's questions.
#[derive(Default)]
struct HeadRequests {
    /// How many have come.
    came: AtomicU64,
    newest: tokio::sync::Mutex<Newest>,
}

#[derive(Default)]
struct Newest {
    asked_at: Option<Instant>,
    /// How many of those who came the answer is for: it was asked after they came.
    answered: u64,
    last: Seq,
}

/// See the module.
pub(crate) struct FreshHeads {
    tails: Arc<dyn TailSource>,
    requests: parking_lot::Mutex<HashMap<ShardId, Arc<HeadRequests>>>,
}

impl FreshHeads {
    pub(crate) fn new(tails: Arc<dyn TailSource>) -> Self {
        Self { tails, requests: parking_lot::Mutex::default() }
    }

    /// The last event of the shard's log, at a moment after this was called.
    ///
    /// # Cancel safety
    /// Cancel safe: the next in line asks.
    pub(crate) async fn last(&self, shard: ShardId) -> Result<Seq, TailError> {
        let requests = Arc::clone(self.requests.lock().entry(shard).or_default());
        let mine = requests.came.fetch_add(1, Ordering::AcqRel) + 1;
        let mut newest = requests.newest.lock().await;
        if newest.answered >= mine {
            return Ok(newest.last);
        }
        if let Some(asked_at) = newest.asked_at {
            tokio::time::sleep_until(asked_at + DISTANCE).await;
        }
        newest.asked_at = Some(Instant::now());
        let everybody = requests.came.load(Ordering::Acquire);
        metrics::counter!("relay_log_head_requests_total").increment(1);
        let last = self.tails.head(shard).await?.last;
        (newest.answered, newest.last) = (everybody, last);
        Ok(last)
    }
}
