//! Decided events on their way into the log.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use relay_domain::ports::{AppendError, FlushError, LogAddress, MessageLog, Outbox, StoreError};
use relay_protocol::log::LogEvent;
use relay_types::{ConversationId, EventId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use crate::Store;
use crate::convert::{shard, shard_column};
use crate::error::{unavailable, unreadable};
use crate::store::within;

/// Rows published under one lock and marked by one statement.
const ROWS_AT_ONCE: i64 = 100;

/// Events to write beside the decision they tell of.
#[derive(Default)]
pub(crate) struct Pending {
    rows: Vec<(LogAddress, EventId, LogEvent)>,
}

impl Pending {
    /// An event, identified by `id`, for the subject at `address`. Order is kept.
    pub(crate) fn push(&mut self, address: LogAddress, id: EventId, event: LogEvent) {
        self.rows.push((address, id, event));
    }

    /// Writes the rows in the transaction that decides, and answers with their subjects, in order, without repeats.
    pub(crate) async fn write(self, connection: &mut PgConnection) -> Result<Vec<LogAddress>, StoreError> {
        let mut touched = Vec::new();
        let mut seen = std::collections::HashSet::new();
        let (mut kinds, mut shards, mut targets) = (Vec::new(), Vec::new(), Vec::new());
        let (mut dedup_ids, mut payloads) = (Vec::new(), Vec::new());
        for (address, id, event) in &self.rows {
            if seen.insert(*address) {
                touched.push(*address);
            }
            let (kind, target) = columns(address);
            kinds.push(kind.to_owned());
            shards.push(shard_column(address.shard()));
            targets.push(target);
            dedup_ids.push(id.to_string());
            payloads.push(serde_json::to_string(event).map_err(|error| StoreError { reason: error.to_string() })?);
        }
        // Ids are drawn in the order of the rows, which is the order they are published in.
        sqlx::query!(
            "INSERT INTO outbox (subject_kind, shard, target_id, dedup_id, payload)
             SELECT subject_kind, shard, target_id, dedup_id, payload
             FROM unnest($1::text[], $2::integer[], $3::uuid[], $4::text[], $5::text[])
                  WITH ORDINALITY AS t (subject_kind, shard, target_id, dedup_id, payload, place)
             ORDER BY place",
            &kinds,
            &shards,
            &targets,
            &dedup_ids,
            &payloads
        )
        .execute(connection)
        .await
        .map_err(unavailable)?;
        Ok(touched)
    }
}

/// For a few rows to be published, each of which the log is tried for within its own limit.
const FLUSH_LIMIT: Duration = Duration::from_mins(1);

#[async_trait]
impl Outbox for Store {
    #[tracing::instrument(name = "db.outbox.flush", skip_all, fields(shard = %address.shard()))]
    async fn flush(&self, address: LogAddress, log: &dyn MessageLog) -> Result<usize, FlushError> {
        let _permit = self.flushes.acquire().await.map_err(|_| StoreError { reason: "the store is closed".to_owned() })?;
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
    #[tracing::instrument(name = "db.outbox.pending", skip_all)]
    async fn pending(&self, older_than: Duration, limit: u32) -> Result<Vec<LogAddress>, StoreError> {
        self.limited(async {
            let rows = sqlx::query!(
                "SELECT subject_kind, shard, target_id FROM outbox
             WHERE published_seq IS NULL AND created_at < now() - make_interval(secs => $1)
             GROUP BY subject_kind, shard, target_id ORDER BY min(id) LIMIT $2",
                older_than.as_secs_f64(),
                i64::from(limit)
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            rows.into_iter().map(|row| address_of(&row.subject_kind, row.shard, row.target_id)).collect()
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
            "SELECT id, dedup_id, payload FROM outbox
             WHERE subject_kind = $1 AND shard = $2 AND target_id = $3 AND published_seq IS NULL ORDER BY id LIMIT $4",
            kind,
            shard_column(address.shard()),
            target,
            ROWS_AT_ONCE
        )
        .fetch_all(&mut *transaction)
        .await
        .map_err(unavailable)?;
        let (mut ids, mut places, mut failure) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()), None::<AppendError>);
        for row in rows {
            match log.append(address, &row.dedup_id, Bytes::from(row.payload), None).await {
                Ok(appended) => {
                    ids.push(row.id);
                    places.push(appended.seq.to_i64());
                }
                Err(error) => {
                    // Those after it wait: an order with a hole is no order.
                    failure = Some(error);
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
        failure.map_or(Ok(ids.len()), |error| Err(error.into()))
    }
}

fn columns(address: &LogAddress) -> (&'static str, Uuid) {
    match address {
        LogAddress::Conversation { id, .. } => ("c", id.to_uuid()),
        LogAddress::User { id, .. } => ("u", id.to_uuid()),
    }
}

fn address_of(kind: &str, in_shard: i32, target: Uuid) -> Result<LogAddress, StoreError> {
    let shard = shard(in_shard)?;
    match kind {
        "c" => Ok(LogAddress::Conversation { shard, id: ConversationId::from_uuid(target) }),
        "u" => Ok(LogAddress::User { shard, id: UserId::from_uuid(target) }),
        _ => Err(unreadable("outbox subject")),
    }
}
