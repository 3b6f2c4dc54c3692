//! Posting over REST: nobody is put out of a conversation between the decision that they may post and the log's answer.

use async_trait::async_trait;
use relay_types::{ConversationId, ShardId, UserId};

use super::StoreError;

/// Keeps removals from a conversation waiting. Ends when it is dropped.
#[async_trait]
pub trait PostingHold: Send {
    /// Whether decisions about the conversation were not in the log when the hold began: what is posted before they are
    /// may come before the event that makes it visible.
    fn unflushed(&self) -> bool;

    /// Ends the hold. An error means that it may have ended earlier, and a removal may stand before what was posted.
    ///
    /// # Cancel safety
    /// Not cancel safe: whether it held to the end is unknown then.
    async fn release(self: Box<Self>) -> Result<(), StoreError>;
}

/// Admits posts.
#[async_trait]
pub trait Postings: Send + Sync {
    /// Holds removals from the conversation, which lives on `shard`, off while `user` posts; `None` when they are not in it.
    /// Waits in bounded time for removals that came before. A shard that does not answer leaves capacity for the others.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn hold(&self, user: UserId, conversation: ConversationId, shard: ShardId) -> Result<Option<Box<dyn PostingHold>>, StoreError>;
}
