//! From the outbox into the log.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use relay_domain::ports::{AppendError, FlushError, LogAddress, MessageLog, Outbox, OutboxBacklog, StoreError};
use relay_types::ShardId;
use sqlx::PgConnection;

use super::{address_of, columns};
use crate::Store;
use crate::convert::shard_column;
use crate::error::unavailable;
use crate::store::within;

/// Rows published under one lock and marked by one statement.
const ROWS_AT_ONCE: i64 = 100;
/// For a few rows to be published, each of which the log is tried for within its own limit.
const FLUSH_LIMIT: Duration = Duration::from_mins(1);
/// Of the log's words, so much is kept.
const WORDS: usize = 500;

#[async_trait]
impl Outbox for Store {
    #[tracing::instrument(name = "db.outbox.flush", skip_all, fields(shard = %address.shard()))]
    async fn flush(&self, address: LogAddress, log: &dyn MessageLog) -> Result<usize, FlushError> {
        let _share = self.flushes.acquire(address.shard()).await?;
        let mut published = 0;
        loop {
            let rows = within(FLUSH_LIMIT, self.flush_some(address, log)).await?;
            published += rows;
            if i64::try_from(rows).is_ok_and(|rows| rows < ROWS_AT_ONCE) {
                return Ok(published);
            }
        }
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

impl Store {
    /// Publishes up to [`ROWS_AT_ONCE`] rows of a subject. The lock is the transaction's, so it ends with the connection
    /// if this process dies; what was appended and not marked is appended again with its dedup id.
    async fn flush_some(&self, address: LogAddress, log: &dyn MessageLog) -> Result<usize, FlushError> {
        let (kind, target) = columns(&address);
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        sqlx::query!(
            "SELECT pg_advisory_xact_lock(hashtextextended('outbox.' || $1::text || '.' || $2::text || '.' || $3::text, 0))",
            kind,
            address.shard().to_string(),
            target.to_string()
        )
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
        let rows = sqlx::query!(
            r#"SELECT id, dedup_id, payload, parked_at IS NOT NULL AS "parked!" FROM outbox
             WHERE subject_kind = $1 AND shard = $2 AND target_id = $3 AND published_seq IS NULL ORDER BY id LIMIT $4"#,
            kind,
            shard_column(address.shard()),
            target,
            ROWS_AT_ONCE
        )
        .fetch_all(&mut *transaction)
        .await
        .map_err(unavailable)?;
        let (mut ids, mut places, mut failure) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()), None::<FlushError>);
        for row in rows {
            // Those after one that stays wait: an order with a hole is no order.
            if row.parked {
                failure = Some(FlushError::Parked);
                break;
            }
            match log.append(address, &row.dedup_id, Bytes::from(row.payload), None).await {
                Ok(appended) => {
                    ids.push(row.id);
                    places.push(appended.seq.to_i64());
                }
                Err(error) => {
                    put_off(&mut transaction, row.id, &error).await?;
                    failure = Some(error.into());
                    break;
                }
            }
        }
        if !ids.is_empty() {
            sqlx::query!(
                "UPDATE outbox AS o SET published_seq = t.seq, published_at = now()
                 FROM unnest($1::bigint[], $2::bigint[]) AS t (id, seq) WHERE o.id = t.id",
                &ids,
                &places
            )
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
        }
        transaction.commit().await.map_err(unavailable)?;
        failure.map_or(Ok(ids.len()), Err)
    }
}

/// Parks a row that the log refused; lets the relay leave one alone that the log did not answer for, from one second up to one
/// minute. Whoever waits for an answer tries at once all the same.
async fn put_off(connection: &mut PgConnection, id: i64, error: &AppendError) -> Result<(), StoreError> {
    let refused = matches!(error, AppendError::Refused { .. });
    let words: String = error.to_string().chars().take(WORDS).collect();
    sqlx::query!(
        "UPDATE outbox SET attempts = attempts + 1, failure = $2,
             parked_at = CASE WHEN $3 THEN now() END,
             retry_at = clock_timestamp() + make_interval(secs => least(60, 2 ^ least(attempts, 6)))
         WHERE id = $1",
        id,
        words,
        refused
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}
