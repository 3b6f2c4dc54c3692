//! In which conversations ephemeral notices are told.

use std::collections::BTreeSet;

use async_trait::async_trait;
use relay_domain::ports::{EphemeralAudience, StoreError};
use relay_types::ConversationId;
use sqlx::types::Uuid;

use crate::Store;
use crate::error::unavailable;

#[async_trait]
impl EphemeralAudience for Store {
    /// Indexes: `conversations_pkey` and `members_requests`, one probe each per conversation.
    #[tracing::instrument(name = "db.ephemeral.silent", skip_all, fields(conversations = conversations.len()))]
    async fn silent(&self, conversations: &[ConversationId], most_members: u32) -> Result<BTreeSet<ConversationId>, StoreError> {
        self.limited(async {
            let ids: Vec<Uuid> = conversations.iter().map(|id| id.to_uuid()).collect();
            let silent = sqlx::query_scalar!(
                r#"SELECT asked.id AS "id!"
                   FROM unnest($1::uuid[]) AS asked (id)
                   LEFT JOIN conversations c ON c.conversation_id = asked.id
                   WHERE c.member_count IS NULL OR c.member_count > $2
                      OR EXISTS (SELECT FROM members m WHERE m.conversation_id = asked.id AND m.state = 'request')"#,
                &ids,
                i32::try_from(most_members).unwrap_or(i32::MAX),
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            Ok(silent.into_iter().map(ConversationId::from_uuid).collect())
        })
        .await
    }
}
