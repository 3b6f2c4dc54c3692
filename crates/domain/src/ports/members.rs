//! Who is in which conversations, as decided.

use std::collections::BTreeMap;

use async_trait::async_trait;
use relay_types::{ConversationId, ShardId, UserId};

use super::StoreError;

/// Who is in which conversations, as decided.
#[async_trait]
pub trait MemberDirectory: Send + Sync {
    /// On each of `shards`, up to `most` of the user's present conversations, without requests that they have not answered.
    /// `None` before their first log-in: nobody waits for what a durable consumer would hold.
    async fn conversations_of(
        &self,
        user: UserId,
        shards: &[ShardId],
        most: u32,
    ) -> Result<Option<BTreeMap<ShardId, Vec<ConversationId>>>, StoreError>;

    /// Up to `limit` users after `after`, ascending, who have logged in.
    async fn users_page(&self, after: Option<UserId>, limit: u32) -> Result<Vec<UserId>, StoreError>;
}
