//! What an operator asks of the outbox.

use relay_domain::ports::{LogAddress, StoreError};
use relay_types::TimestampMs;

use super::address_of;
use crate::Store;
use crate::convert::{millis, shard};
use crate::error::unavailable;

/// A row that did not reach the log when it was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TroubledRow {
    /// Names it for [`Store::redrive`].
    pub id: i64,
    /// Where it goes.
    pub address: LogAddress,
    /// When it was decided.
    pub created_at_ms: TimestampMs,
    /// How often it was tried in vain.
    pub attempts: i32,
    /// Refused by the log: nothing tries it before it is redriven.
    pub parked: bool,
    /// The log's last words.
    pub failure: String,
    /// Rows of the same subject that wait behind it.
    pub behind: i64,
}

impl Store {
    /// Up to `limit` rows that were tried in vain and are not in the log, the oldest first. Index: `outbox_pending`.
    ///
    /// # Errors
    /// When Postgres does not answer.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn troubled(&self, limit: u32) -> Result<Vec<TroubledRow>, StoreError> {
        self.limited(async {
            let rows = sqlx::query!(
                r#"SELECT o.id, o.subject_kind, o.shard, o.target_id, o.created_at, o.attempts, o.parked_at IS NOT NULL AS "parked!",
                          coalesce(o.failure, '') AS "failure!",
                          (SELECT count(*) FROM outbox b WHERE b.subject_kind = o.subject_kind AND b.shard = o.shard
                           AND b.target_id = o.target_id AND b.id > o.id AND b.published_seq IS NULL) AS "behind!"
                   FROM outbox o WHERE o.published_seq IS NULL AND o.attempts > 0 ORDER BY o.id LIMIT $1"#,
                i64::from(limit)
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            let row = |id, kind: &str, in_shard, target, created_at, attempts, parked, failure, behind| {
                let address = address_of(kind, shard(in_shard)?, target)?;
                Ok(TroubledRow { id, address, created_at_ms: millis(created_at), attempts, parked, failure, behind })
            };
            rows.into_iter()
                .map(|r| row(r.id, &r.subject_kind, r.shard, r.target_id, r.created_at, r.attempts, r.parked, r.failure, r.behind))
                .collect()
        })
        .await
    }

    /// Lets these rows go out again, or all that were tried in vain, and answers with their number. The relay takes them up.
    /// Locks them in the order in which a flush does.
    ///
    /// # Errors
    /// When Postgres does not answer.
    ///
    /// # Cancel safety
    /// Cancel safe: some may be let go.
    pub async fn redrive(&self, ids: Option<&[i64]>) -> Result<u64, StoreError> {
        self.limited(async {
            sqlx::query!(
                "UPDATE outbox SET attempts = 0, retry_at = NULL, parked_at = NULL
                 WHERE id IN (SELECT id FROM outbox
                     WHERE published_seq IS NULL AND attempts > 0 AND ($1::bigint[] IS NULL OR id = ANY ($1))
                     ORDER BY id FOR UPDATE)",
                ids
            )
            .execute(&self.pool)
            .await
            .map(|done| done.rows_affected())
            .map_err(unavailable)
        })
        .await
    }
}
