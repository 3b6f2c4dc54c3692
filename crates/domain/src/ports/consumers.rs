//! The durable consumers of users, as they should be.

use async_trait::async_trait;
use relay_types::{ConversationId, ShardId, UserId};

use super::CursorError;

/// Somebody whose durable consumers may have to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserChange {
    /// Who.
    pub user: UserId,
    /// On every shard, because they logged in for the first time. Otherwise on the shard that tells.
    pub everywhere: bool,
}

/// The durable consumers of users, as they should be.
#[async_trait]
pub trait UserConsumers: Send + Sync {
    /// Makes the user's consumer on `shard` exist and filter on their own subject and `conversations`. A new one
    /// begins at the log's head. Idempotent. Says whether anything changed.
    async fn ensure(&self, shard: ShardId, user: UserId, conversations: &[ConversationId]) -> Result<bool, CursorError>;

    /// Conversations that are of use to [`Self::ensure`]: one more than a consumer can name, which tells that it is full.
    fn most_conversations(&self) -> u32;

    /// Waits for word about users on `shard`, and names those whose consumers have to be looked at, without repeats; perhaps
    /// nobody, when the word was of something else. They are named again
    /// until [`Self::settled`] is called.
    async fn next_changed(&self, shard: ShardId) -> Result<Vec<UserChange>, CursorError>;

    /// Which epoch of the shard's log the consumers are on: with another one, all of them are gone.
    async fn epoch(&self, shard: ShardId) -> Result<String, CursorError>;

    /// Acknowledges what [`Self::next_changed`] named last on `shard`.
    async fn settled(&self, shard: ShardId) -> Result<(), CursorError>;
}
