//! Who is in what as decided, for the reconciler of per-user consumers.

use async_trait::async_trait;
use relay_domain::ports::{Memberships, StoreError};
use relay_types::{ConversationId, ShardId, UserId};
use sqlx::types::Uuid;

use crate::Store;
use crate::convert::shard;
use crate::error::unavailable;

#[async_trait]
impl Memberships for Store {
    /// Without requests: strangers must not fill somebody's durable consumer. Index: `members_by_user`, then `conversations_pkey`.
    #[tracing::instrument(name = "db.members.of_user", skip_all, fields(user.id = %user))]
    async fn conversations_of(&self, user: UserId) -> Result<Vec<(ShardId, ConversationId)>, StoreError> {
        self.limited(async {
            let rows = sqlx::query!(
                "SELECT c.shard, c.conversation_id FROM members m JOIN conversations c USING (conversation_id)
             WHERE m.user_id = $1 AND m.state = 'accepted' ORDER BY m.conversation_id",
                user.to_uuid()
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            rows.into_iter().map(|row| Ok((shard(row.shard)?, ConversationId::from_uuid(row.conversation_id)))).collect()
        })
        .await
    }

    /// Index: `users_pkey`.
    #[tracing::instrument(name = "db.users.page", skip_all)]
    async fn users_page(&self, after: Option<UserId>, limit: u32) -> Result<Vec<UserId>, StoreError> {
        self.limited(async {
            let rows = sqlx::query_scalar!(
                "SELECT user_id FROM users WHERE user_id > $1 ORDER BY user_id LIMIT $2",
                // The least uuid stands before every user: nobody mints it.
                after.map_or(Uuid::nil(), UserId::to_uuid),
                i64::from(limit)
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            Ok(rows.into_iter().map(UserId::from_uuid).collect())
        })
        .await
    }
}
