//! Cursors: the durable consumer that each user has on each shard, which says what their devices still have to receive.

use async_trait::async_trait;
use relay_types::{ConversationId, Seq, ShardId, UserId};

use super::{Causes, DriverError};

/// The consumers cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error("the user's durable consumer is unavailable: {reason}")]
pub struct CursorError {
    /// The adapter's words, for the operator.
    pub reason: String,
    /// What lies behind them.
    #[source]
    pub causes: Option<Causes>,
}

impl CursorError {
    /// An adapter's error, or words.
    pub fn new(error: impl Into<DriverError>) -> Self {
        let (reason, causes) = Causes::of(error.into());
        Self { reason, causes }
    }
}

/// What became of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checkpoint {
    /// The consumer is there, or was further.
    Reached,
    /// There is none (yet).
    NoConsumer,
}

/// Access to the durable consumer that each user has on each shard.
#[async_trait]
pub trait DeliveryCursors: Send + Sync {
    /// The conversations that the user's consumer on `shard` filters on; `None` when the user has none there, or one that may
    /// leave some out because it is full.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn conversations(&self, shard: ShardId, user: UserId) -> Result<Option<Vec<ConversationId>>, CursorError>;

    /// Moves the user's consumer on `shard` so that what follows `delivered` is pending. Never moves it back.
    ///
    /// # Cancel safety
    /// Cancel safe; the move may or may not have happened.
    async fn checkpoint(&self, shard: ShardId, user: UserId, delivered: Seq) -> Result<Checkpoint, CursorError>;
}
