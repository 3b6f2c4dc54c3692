//! Taking the content of erased messages out of the log.

use async_trait::async_trait;
use relay_types::{MessageId, Seq, ShardId};

use super::{DriverError, StoreError};

/// A message whose content has to leave the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasure {
    /// Which stream.
    pub shard: ShardId,
    /// Its place there.
    pub seq: Seq,
    /// Which message: nothing else is ever erased at its place.
    pub message: MessageId,
}

/// One try to erase.
#[derive(Debug)]
pub struct Attempt {
    /// What was tried.
    pub erasure: Erasure,
    /// Whether the log did it. Else it waits longer each time.
    pub outcome: Result<(), EraseError>,
}

/// What still waits to be erased.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ErasureBacklog {
    /// How many messages.
    pub waiting: u64,
    /// Seconds since the oldest of them was hidden.
    pub oldest_s: f64,
}

/// An erasure that was not carried out. Again later.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The log does not answer, or refuses.
    #[error("the log did not erase")]
    Log(#[source] DriverError),
}

/// The log's side.
#[async_trait]
pub trait ErasableLog: Send + Sync {
    /// Overwrites the message's bytes in the log, and those of its copies among the dead letters. What is gone already, or
    /// was never at that place of this log, is erased. Dear: the log rewrites a block.
    ///
    /// # Cancel safety
    /// Cancel safe: repeated, it does the rest.
    async fn erase(&self, erasure: Erasure) -> Result<(), EraseError>;
}

/// The list of what is to be erased.
#[async_trait]
pub trait Erasures: Send + Sync {
    /// Tries the oldest that is due and lies on no shard of `besides`, unless another process is just doing so: one is in flight
    /// in all of them together. `None` when there is nothing to do. What the log refused is due again later, behind the others.
    ///
    /// # Cancel safety
    /// Cancel safe: it waits again.
    async fn erase_next(&self, log: &dyn ErasableLog, besides: &[ShardId]) -> Result<Option<Attempt>, StoreError>;

    /// What waits.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn erasure_backlog(&self) -> Result<ErasureBacklog, StoreError>;
}
