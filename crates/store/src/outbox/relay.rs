//! What waits in the outbox, and how much. How it gets into the log: `flush.rs`.

use std::time::Duration;

use async_trait::async_trait;
use relay_domain::ports::{Flushed, LogAddress, MessageLog, Outbox, OutboxBacklog, StoreError};
use relay_types::ShardId;

use super::{address_of, flush};
use crate::Store;
use crate::convert::shard_column;
use crate::error::unavailable;

#[async_trait]
impl Outbox for Store {
    #[tracing::instrument(name = "db.outbox.flush", skip_all, fields(subjects = addresses.len()))]
    async fn flush_all(&self, addresses: &[LogAddress], log: &dyn MessageLog) -> Flushed {
        flush::run(self, addresses, log, flush::Busy::Wait).await
    }

    #[tracing::instrument(name = "db.outbox.flush_free", skip_all, fields(subjects = addresses.len()))]
    async fn flush_free(&self, addresses: &[LogAddress], log: &dyn MessageLog) -> Flushed {
        flush::run(self, addresses, log, flush::Busy::Leave).await
    }

    /// Index: `outbox_pending`, which holds only what is unpublished.
    #[tracing::instrument(name = "db.outbox.due", skip_all, fields(shard = %shard))]
    async fn due(&self, shard: ShardId, older_than: Duration, limit: u32) -> Result<Vec<LogAddress>, StoreError> {
        self.limited(async {
            let rows = sqlx::query!(
                "SELECT subject_kind, target_id FROM outbox
                 WHERE published_seq IS NULL AND shard = $1 AND created_at < now() - make_interval(secs => $2)
                 GROUP BY subject_kind, target_id
                 HAVING count(parked_at) = 0 AND coalesce(max(retry_at) <= now(), true)
                 ORDER BY min(id) LIMIT $3",
                shard_column(shard),
                older_than.as_secs_f64(),
                i64::from(limit)
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            rows.into_iter().map(|row| address_of(&row.subject_kind, shard, row.target_id)).collect()
        })
        .await
    }

    /// Index: `outbox_pending`.
    #[tracing::instrument(name = "db.outbox.backlog", skip_all, fields(shard = %shard))]
    async fn backlog(&self, shard: ShardId) -> Result<OutboxBacklog, StoreError> {
        self.limited(async {
            let counts = sqlx::query!(
                r#"SELECT count(*) AS "waiting!", count(parked_at) AS "parked!" FROM outbox WHERE published_seq IS NULL AND shard = $1"#,
                shard_column(shard)
            )
            .fetch_one(&self.pool)
            .await
            .map_err(unavailable)?;
            Ok(OutboxBacklog { waiting: counts.waiting.unsigned_abs(), parked: counts.parked.unsigned_abs() })
        })
        .await
    }
}
