//! What the auditor reads, and mending what the projection lacks.

use async_trait::async_trait;
use relay_domain::ports::{AuditedProjection, ProjectedEvent, StoreError};
use relay_protocol::log::StoredEvent;
use relay_types::{ConversationId, MessageId, Seq, ShardId};

use super::batch::Batch;
use super::{Heads, write};
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

impl Store {
    /// Puts one event between those before and after it.
    async fn mend_one(&self, shard: ShardId, event: &StoredEvent) -> Result<bool, StoreError> {
        self.limited(async {
        let Some(conversation) = event.event.conversation() else { return Ok(false) };
        let (id, seq) = (conversation.to_uuid(), event.seq.to_i64());
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        let before = sqlx::query_scalar!("SELECT max(seq) FROM conversation_events WHERE conversation_id = $1 AND seq < $2", id, seq);
        let before = before.fetch_one(&mut *transaction).await.map_err(unavailable)?;
        let heads: Heads = before.map(|before| (conversation, Seq::from_i64(before))).into_iter().collect();
        let batch = Batch::of(std::slice::from_ref(event), heads).map_err(|error| StoreError { reason: error.to_string() })?;
        let known = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM conversation_events WHERE conversation_id = $1 AND seq = $2) AS "known!""#,
            id,
            seq
        );
        if known.fetch_one(&mut *transaction).await.map_err(unavailable)? {
            return Ok(false);
        }
        write::without_heads(&mut transaction, shard, &batch).await.map_err(unavailable)?;
        // The next one named the one before the gap.
        sqlx::query!(
            "UPDATE conversation_events SET prev_seq = $2
             WHERE conversation_id = $1 AND seq = (SELECT min(seq) FROM conversation_events WHERE conversation_id = $1 AND seq > $2)",
            id,
            seq
        )
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
        let (last_seq, last_at) = (&batch.heads.last_seq, &batch.heads.last_at);
        sqlx::query!(
            "INSERT INTO conversation_heads (conversation_id, shard, last_seq, last_at)
             SELECT $1, $2, t.last_seq, t.last_at FROM unnest($3::bigint[], $4::timestamptz[]) AS t (last_seq, last_at)
             ON CONFLICT (conversation_id) DO UPDATE SET
                 last_at = CASE WHEN excluded.last_seq > conversation_heads.last_seq THEN excluded.last_at ELSE conversation_heads.last_at END,
                 last_seq = greatest(excluded.last_seq, conversation_heads.last_seq)",
            id,
            shard_column(shard),
            last_seq,
            last_at
        )
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)?;
        Ok(true)
        }).await
    }
}
