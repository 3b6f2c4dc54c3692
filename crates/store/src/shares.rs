//! Who may hold a connection while waiting for the log.
//!
//! A shard without a leader keeps its callers waiting for seconds. They must leave connections to the callers of the others.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use relay_domain::ports::StoreError;
use relay_types::ShardId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections for one kind of wait, of which a shard may have three quarters.
#[derive(Debug)]
pub(crate) struct Shares {
    all: Arc<Semaphore>,
    each: usize,
    shards: Mutex<HashMap<ShardId, Arc<Semaphore>>>,
}

/// One connection's worth; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    _of_shard: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Shares {
    pub(crate) fn new(all: usize) -> Self {
        let all = all.max(1);
        Self { all: Arc::new(Semaphore::new(all)), each: (all - all / 4).max(1), shards: Mutex::default() }
    }

    /// Waits for a share. First in, first out within a shard.
    pub(crate) async fn acquire(&self, shard: ShardId) -> Result<Share, StoreError> {
        let of_shard = Arc::clone(self.shards.lock().entry(shard).or_insert_with(|| Arc::new(Semaphore::new(self.each))));
        let closed = |_| StoreError::new("the store is closed".to_owned());
        // The shard's first: who waits for it must not have one of all.
        let of_shard = of_shard.acquire_owned().await.map_err(closed)?;
        let of_all = Arc::clone(&self.all).acquire_owned().await.map_err(closed)?;
        Ok(Share { _of_shard: of_shard, _of_all: of_all })
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_shard_whose_callers_wait_leaves_shares_to_the_others() {
        let shares = Shares::new(8);
        let take = |shard| shares.acquire(ShardId(shard)).now_or_never().map(Result::unwrap);
        let held: Vec<Share> = std::iter::from_fn(|| take(0)).take(20).collect();
        assert_eq!(held.len(), 6);
        let others: Vec<Share> = std::iter::from_fn(|| take(1)).take(20).collect();
        assert_eq!(others.len(), 2, "and all have no more than there are");
        drop(held);
        assert!(take(1).is_some());
        assert!(Shares::new(1).acquire(ShardId(0)).now_or_never().is_some());
    }
}
