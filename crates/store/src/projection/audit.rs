//! What the auditor reads, and repairing what the projection lacks.

mod walks;

use async_trait::async_trait;
use relay_domain::ports::{AuditedProjection, MarksPage, MemberKey, ProjectedEvent, SavedWalk, StoreError};
use relay_protocol::log::{EventOwner, StoredEvent};
use relay_types::{ConversationId, MessageId, Seq, ShardId, UserId};
use sqlx::types::Uuid;

use crate::Store;
use crate::convert::shard_column;
use crate::error::{unavailable, unreadable};
use crate::event_row::MESSAGE_SENT;

#[async_trait]
impl AuditedProjection for Store {
    /// Indexes: `conversation_events_by_seq`, `user_events_by_seq`.
    #[tracing::instrument(name = "db.audit.read", skip_all, fields(shard = %shard))]
    async fn projected_events(&self, shard: ShardId, after: Seq, upto: Seq, limit: usize) -> Result<Vec<ProjectedEvent>, StoreError> {
        self.limited(async {
            let rows = sqlx::query!(
                r#"SELECT seq AS "seq!", conversation_id, user_id, kind AS "kind!", event_id, erased AS "erased!"
                 FROM (
                     SELECT seq, conversation_id, NULL::uuid AS user_id, kind, event_id,
                            body = '{"type": "erased"}' OR kind = 'MESSAGE_EDITED' AND body -> 'body' = '{"type": "erased"}' AS erased
                     FROM conversation_events
                     WHERE shard = $1 AND seq > $2 AND seq <= $3 AND at >= (SELECT oldest FROM event_horizon)
                     UNION ALL
                     SELECT seq, NULL, user_id, kind, NULL, false FROM user_events WHERE shard = $1 AND seq > $2 AND seq <= $3) AS rows
                 ORDER BY seq LIMIT $4"#,
                shard_column(shard),
                after.to_i64(),
                upto.to_i64(),
                i64::try_from(limit).unwrap_or(i64::MAX)
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            let event = |seq, conversation: Option<Uuid>, user: Option<Uuid>, kind: &str, event: Option<Uuid>, erased| {
                let conversation = conversation.map(|id| EventOwner::Conversation(ConversationId::from_uuid(id)));
                let owner = conversation.or(user.map(|id| EventOwner::User(UserId::from_uuid(id)))).ok_or_else(|| unreadable("event"))?;
                let message = event.filter(|_| kind == MESSAGE_SENT).map(MessageId::from_uuid);
                Ok(ProjectedEvent { seq: Seq::from_i64(seq), owner, message, erased })
            };
            rows.into_iter().map(|row| event(row.seq, row.conversation_id, row.user_id, &row.kind, row.event_id, row.erased)).collect()
        })
        .await
    }

    /// Indexes: `conversation_events_by_seq` and `messages_by_place`; `messages_message_id_key`, one probe per event. While `messages`
    /// is being filled, what it lacks is no finding.
    #[tracing::instrument(name = "db.audit.read_messages", skip_all, fields(shard = %shard))]
    async fn projected_messages(&self, shard: ShardId, after: Seq, upto: Seq, limit: usize) -> Result<Vec<ProjectedEvent>, StoreError> {
        let filled = self.messages_are_filled().await?;
        self.limited(async {
            let rows = sqlx::query!(
                r#"SELECT seq AS "seq!", conversation_id AS "conversation_id!", kind AS "kind!", event_id AS "event_id!", erased AS "erased!"
                   FROM (
                       SELECT seq, conversation_id, kind, event_id,
                              body = '{"type": "erased"}' OR kind = 'MESSAGE_EDITED' AND body -> 'body' = '{"type": "erased"}' AS erased
                       FROM conversation_events e
                       WHERE shard = $1 AND seq > $2 AND seq <= $3 AND at >= (SELECT oldest FROM event_horizon)
                         AND (NOT $5 OR EXISTS (
                             SELECT FROM messages m WHERE m.conversation_id = e.conversation_id AND m.message_id = e.event_id))
                       UNION
                       SELECT seq, conversation_id, kind, message_id, deleted FROM messages WHERE shard = $1 AND seq > $2 AND seq <= $3) AS rows
                   ORDER BY seq LIMIT $4"#,
                shard_column(shard),
                after.to_i64(),
                upto.to_i64(),
                i64::try_from(limit).unwrap_or(i64::MAX),
                filled
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            let event = |seq, conversation, kind: &str, event, erased| ProjectedEvent {
                seq: Seq::from_i64(seq),
                owner: EventOwner::Conversation(ConversationId::from_uuid(conversation)),
                message: (kind == MESSAGE_SENT).then(|| MessageId::from_uuid(event)),
                erased,
            };
            Ok(rows.into_iter().map(|row| event(row.seq, row.conversation_id, &row.kind, row.event_id, row.erased)).collect())
        })
        .await
    }

    /// Index: `watermarks_pkey`.
    #[tracing::instrument(name = "db.audit.own_floor", skip_all, fields(shard = %shard))]
    async fn own_floor(&self, shard: ShardId) -> Result<Seq, StoreError> {
        self.limited(async {
            let floor = sqlx::query_scalar!(
                r#"SELECT CASE WHEN own_upto = seq THEN own_floor ELSE seq END AS "floor!" FROM watermarks WHERE shard = $1"#,
                shard_column(shard)
            );
            let floor = floor.fetch_optional(&self.pool).await.map_err(unavailable)?;
            Ok(floor.map(Seq::from_i64).unwrap_or_default())
        })
        .await
    }

    #[tracing::instrument(name = "db.audit.void", skip_all, fields(messages = messages.len()))]
    async fn void(&self, messages: &[(ConversationId, UserId, Seq)]) -> Result<Vec<Seq>, StoreError> {
        self.limited(async {
            let mut connection = self.pool.acquire().await.map_err(unavailable)?;
            super::void::void_of(&mut connection, messages).await.map_err(unavailable)
        })
        .await
    }

    #[tracing::instrument(name = "db.audit.marks", skip_all)]
    async fn marks_ahead(&self, after: Option<MemberKey>, limit: usize) -> Result<MarksPage, StoreError> {
        self.limited(walks::marks_ahead(self, after, limit)).await
    }

    #[tracing::instrument(name = "db.audit.walks", skip_all, fields(shard = %shard))]
    async fn walks(&self, shard: ShardId, epoch: &str) -> Result<Vec<SavedWalk>, StoreError> {
        self.limited(walks::load(self, shard, epoch)).await
    }

    #[tracing::instrument(name = "db.audit.save_walks", skip_all, fields(shard = %shard))]
    async fn save_walks(&self, shard: ShardId, epoch: &str, walks: &[SavedWalk]) -> Result<(), StoreError> {
        self.limited(walks::save(self, shard, epoch, walks)).await
    }

    #[tracing::instrument(name = "db.audit.repair", skip_all, fields(shard = %shard, events = events.len()))]
    async fn repair(&self, shard: ShardId, events: &[StoredEvent]) -> Result<u64, StoreError> {
        let mut repaired = 0;
        for event in events {
            repaired += u64::from(self.repair_one(shard, event).await?);
        }
        Ok(repaired)
    }
}
