//! Who is in what as decided, for the reconciler of per-user consumers.

use std::collections::BTreeMap;

use async_trait::async_trait;
use relay_domain::ports::{MemberDirectory, StoreError};
use relay_types::{ConversationId, ShardId, UserId};
use sqlx::types::Uuid;

use crate::Store;
use crate::convert::{shard, shard_column};
use crate::error::unavailable;

#[async_trait]
impl MemberDirectory for Store {
    /// One row for each shard without any. Without requests: strangers must not fill somebody's durable consumer.
    /// Indexes: `users_seen`, then per shard `members_by_user` and `conversations_pkey`, until as many as asked for are found. No
    /// join: of two indexes in one order, Postgres may merge all conversations that there are.
    #[tracing::instrument(name = "db.members.of_user", skip_all, fields(user.id = %user))]
    async fn conversations_of(
        &self,
        user: UserId,
        shards: &[ShardId],
        most: u32,
    ) -> Result<Option<BTreeMap<ShardId, Vec<ConversationId>>>, StoreError> {
        self.limited(async {
            let asked: Vec<i32> = shards.iter().copied().map(shard_column).collect();
            let rows = sqlx::query!(
                r#"SELECT asked.shard AS "shard!", there.conversation_id AS "conversation_id?"
               FROM users u CROSS JOIN unnest($2::integer[]) AS asked (shard)
               LEFT JOIN LATERAL (
                   SELECT m.conversation_id FROM members m
                   WHERE m.user_id = u.user_id AND m.state = 'accepted'
                   AND (SELECT c.shard FROM conversations c WHERE c.conversation_id = m.conversation_id) = asked.shard
                   ORDER BY m.conversation_id LIMIT $3) AS there ON true
               WHERE u.user_id = $1 AND u.seen_at IS NOT NULL
               ORDER BY 1, 2"#,
                user.to_uuid(),
                &asked,
                i64::from(most)
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            let mut conversations: BTreeMap<ShardId, Vec<ConversationId>> = BTreeMap::new();
            for row in rows {
                let of_shard = conversations.entry(shard(row.shard)?).or_default();
                of_shard.extend(row.conversation_id.map(ConversationId::from_uuid));
            }
            Ok(Some(conversations).filter(|conversations| !conversations.is_empty()))
        })
        .await
    }

    /// Index: `users_seen`.
    #[tracing::instrument(name = "db.users.page", skip_all)]
    async fn users_page(&self, after: Option<UserId>, limit: u32) -> Result<Vec<UserId>, StoreError> {
        self.limited(async {
            let rows = sqlx::query_scalar!(
                "SELECT user_id FROM users WHERE user_id > $1 AND seen_at IS NOT NULL ORDER BY user_id LIMIT $2",
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
