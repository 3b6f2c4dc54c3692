//! Who has durable consumers, where those stood, and the walk over all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use relay_types::{Seq, ShardId, UserId};

use super::StoreError;

/// Where a durable consumer stands: everything up to `seq` was delivered to one of the user's devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerFloor {
    /// The epoch of the log that `seq` belongs to.
    pub epoch: String,
    /// The sequence.
    pub seq: Seq,
}

/// Somebody met on the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalkedUser {
    /// Who.
    pub user: UserId,
    /// Nobody has seen them for long: they are to be retired.
    pub idle: bool,
}

/// How far the walk came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SavedRound {
    /// Whether the one who asks is to walk. One worker does at a time.
    pub held: bool,
    /// The user after whom it goes on; `None` between two rounds.
    pub after: Option<UserId>,
    /// The epochs of the logs that the round belongs to.
    pub epochs: BTreeMap<ShardId, String>,
    /// Since a round last came to an end; `None` when none ever did.
    pub ended_ago: Option<Duration>,
}

/// Retiring whoever is away for long, and what is known of their durable consumers meanwhile.
#[async_trait]
pub trait Retirement: Send + Sync {
    /// Where the user's consumer on `shard` stood at least; `None` when that was never noted.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn floor_of(&self, user: UserId, shard: ShardId) -> Result<Option<ConsumerFloor>, StoreError>;

    /// Notes where consumers stand. The greatest sequence wins.
    ///
    /// # Cancel safety
    /// Cancel safe: one statement.
    async fn note_floors(&self, floors: &[(UserId, ShardId, ConsumerFloor)]) -> Result<(), StoreError>;

    /// Up to `limit` users after `after`, ascending, who have durable consumers. Whose devices were in use lately counts as seen
    /// from then on. Idle is who was not seen for `idle_after`.
    ///
    /// # Cancel safety
    /// Cancel safe; who was seen may or may not have been noted.
    async fn walk(&self, after: Option<UserId>, limit: u32, idle_after: Duration) -> Result<Vec<WalkedUser>, StoreError>;

    /// Retires those of `users` who are still idle, and names them: their next log-in or refresh is told like the first. Their
    /// consumers have been removed before, and the floors noted before that.
    ///
    /// # Cancel safety
    /// Cancel safe: all of them or none.
    async fn retire(&self, users: &[UserId], idle_after: Duration) -> Result<Vec<UserId>, StoreError>;

    /// Takes up the walk for `hold`, or goes on with it, unless another worker is on it.
    ///
    /// # Cancel safety
    /// Cancel safe: it may be held until the time is over.
    async fn hold_walk(&self, walker: &str, hold: Duration) -> Result<SavedRound, StoreError>;

    /// Saves where the walk goes on; `None` is the end of a round. Nothing happens when another worker walks by now.
    ///
    /// # Cancel safety
    /// Cancel safe: one statement.
    async fn save_walk(&self, walker: &str, after: Option<UserId>, epochs: &BTreeMap<ShardId, String>) -> Result<(), StoreError>;

    /// Another worker may walk.
    ///
    /// # Cancel safety
    /// Cancel safe: one statement.
    async fn leave_walk(&self, walker: &str) -> Result<(), StoreError>;
}
