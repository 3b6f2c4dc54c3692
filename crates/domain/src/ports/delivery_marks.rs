//! Up to where people's devices have everything.

use async_trait::async_trait;
use relay_types::{ConversationId, Seq, SessionId, ShardId, TimestampMs, UserId};

use super::StoreError;

/// A device came to have what was said in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryStep {
    /// Where.
    pub conversation: ConversationId,
    /// Whose device.
    pub user: UserId,
    /// Which device.
    pub session: SessionId,
    /// What stands up to there the person's devices had before.
    pub since: Seq,
    /// Up to where it has it now.
    pub seq: Seq,
    /// When.
    pub at_ms: TimestampMs,
}

/// Up to where people's devices have everything of a shard.
#[async_trait]
pub trait DeliveryMarks: Send + Sync {
    /// Keeps these marks. What is kept already and lies further stays.
    ///
    /// # Errors
    /// When that cannot be done now; some of them may be kept.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn keep(&self, marks: &[(UserId, ShardId, Seq)]) -> Result<(), StoreError>;

    /// Keeps when devices came to have what was said, each person's conversation once; the last few times of each stay. What is kept
    /// already and lies further stays.
    ///
    /// # Errors
    /// When that cannot be done now; nothing is kept then.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn keep_steps(&self, steps: &[DeliveryStep]) -> Result<(), StoreError>;
}
