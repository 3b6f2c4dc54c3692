//! Up to where people's devices have everything.

use async_trait::async_trait;
use relay_types::{Seq, ShardId, UserId};

use super::StoreError;

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
}
