//! What the auditor reads, and mending what the projection lacks.

use async_trait::async_trait;
use relay_domain::ports::{AuditedProjection, ProjectedEvent, StoreError};
use relay_protocol::log::StoredEvent;
use relay_types::{ConversationId, MessageId, Seq, ShardId};

use crate::Store;
use crate::convert::shard_column;
use crate::error::unavailable;
use crate::event_row::MESSAGE_SENT;

#[async_trait]
impl AuditedProjection for Store {
    #[tracing::instrument(name = "db.audit.read", skip_all, fields(shard = %shard))]
    async fn projected_events(&self, shard: ShardId, after: Seq, upto: Seq) -> Result<Vec<ProjectedEvent>, StoreError> {
        self.limited(async {
            // Index: conversation_events_by_seq.
            let rows = sqlx::query!(
            "SELECT seq, conversation_id, kind, event_id FROM conversation_events WHERE shard = $1 AND seq > $2 AND seq <= $3 ORDER BY seq",
            shard_column(shard),
            after.to_i64(),
            upto.to_i64()
        )
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)?;
            let event = |seq, conversation, kind: &str, event| ProjectedEvent {
                seq: Seq::from_i64(seq),
                conversation: ConversationId::from_uuid(conversation),
                message: (kind == MESSAGE_SENT).then(|| MessageId::from_uuid(event)),
            };
            Ok(rows.into_iter().map(|row| event(row.seq, row.conversation_id, &row.kind, row.event_id)).collect())
        })
        .await
    }

    #[tracing::instrument(name = "db.audit.marks", skip_all, fields(shard = %shard))]
    async fn marks_ahead(&self, shard: ShardId) -> Result<u64, StoreError> {
        self.limited(async {
            let count = sqlx::query_scalar!(
                r#"SELECT count(*) AS "count!" FROM members m JOIN conversation_heads h USING (conversation_id)
               WHERE h.shard = $1 AND m.read_seq > h.last_seq"#,
                shard_column(shard)
            )
            .fetch_one(&self.pool)
            .await
            .map_err(unavailable)?;
            Ok(u64::try_from(count).unwrap_or_default())
        })
        .await
    }

    #[tracing::instrument(name = "db.audit.mend", skip_all, fields(shard = %shard, events = events.len()))]
    async fn mend(&self, shard: ShardId, events: &[StoredEvent]) -> Result<u64, StoreError> {
        let mut mended = 0;
        for event in events {
            mended += u64::from(self.mend_one(shard, event).await?);
        }
        Ok(mended)
    }
}
