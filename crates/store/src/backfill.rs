//! Filling `messages` from `conversation_events` in a database that is older than it, while everything goes on.
//!
//! Rows that are projected meanwhile lie in both tables. Until the last old row is copied, readers use `conversation_events`,
//! which is complete; from then on `messages`. See ADR 0015.

use std::sync::atomic::Ordering;
use std::time::Duration;

use relay_domain::ports::{MaintenanceOutcome, StoreError};
use tokio::time::Instant;

use crate::Store;
use crate::error::unavailable;

/// Rows copied by one statement.
const ROWS_AT_ONCE: i64 = 2_000;

/// How far the filling of `messages` came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backfilled {
    /// Rows copied since its beginning.
    pub rows: u64,
    /// Whether nothing is left.
    pub done: bool,
}

impl Store {
    /// Whether `messages` has everything. Asked until it has; that does not change any more.
    pub(crate) async fn messages_are_filled(&self) -> Result<bool, StoreError> {
        if self.messages_filled.load(Ordering::Relaxed) {
            return Ok(true);
        }
        self.limited(async {
            let filled = sqlx::query_scalar!(
                r#"SELECT NOT EXISTS (SELECT FROM backfills WHERE name = 'messages' AND done_at IS NULL) AS "filled!""#
            );
            let filled = filled.fetch_one(&self.pool).await.map_err(unavailable)?;
            self.messages_filled.fetch_or(filled, Ordering::Relaxed);
            Ok(filled)
        })
        .await
    }

    /// Copies for about `budget`, resting as long as it works when `paced`, and goes on there the next time.
    ///
    /// # Errors
    /// When Postgres does not answer.
    ///
    /// # Cancel safety
    /// Cancel safe: what was copied stays copied.
    pub async fn backfill_messages(&self, budget: Duration, paced: bool) -> Result<Backfilled, StoreError> {
        let until = Instant::now() + budget;
        loop {
            let began = Instant::now();
            let backfilled = self.limited(self.backfill_some()).await?;
            if backfilled.done || Instant::now() >= until {
                return Ok(backfilled);
            }
            if paced {
                tokio::time::sleep(began.elapsed()).await;
            }
        }
    }

    /// The next rows in key order, in one transaction with the place where it goes on. A row that is there was projected, or
    /// changed since: it stays. Indexes: `conversation_events_pkey`, in order.
    async fn backfill_some(&self) -> Result<Backfilled, StoreError> {
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        let place = sqlx::query!("SELECT conversation_id, seq, rows, done_at FROM backfills WHERE name = 'messages' FOR UPDATE");
        let place = place.fetch_one(&mut *transaction).await.map_err(unavailable)?;
        let rows = |rows| u64::try_from(rows).unwrap_or_default();
        if place.done_at.is_some() {
            return Ok(Backfilled { rows: rows(place.rows), done: true });
        }
        let copied = sqlx::query!(
            r#"WITH page AS MATERIALIZED (
                   SELECT * FROM conversation_events WHERE (conversation_id, seq) > ($1, $2) ORDER BY conversation_id, seq LIMIT $3),
               copied AS (
                   INSERT INTO messages
                       (conversation_id, seq, prev_seq, shard, message_id, sender_id, client_id, kind, body, further, sent_at_ms, stored_at)
                   SELECT conversation_id, seq, prev_seq, shard, event_id, actor_id, client_id, kind, body, further, decided_at_ms, at FROM page
                   WHERE kind IN ('MESSAGE_SENT', 'CONVERSATION_CREATED', 'MEMBER_ADDED', 'MEMBER_REMOVED', 'MEMBERS_ADDED',
                                  'MEMBERS_REMOVED', 'CONVERSATION_RENAMED', 'ROLE_CHANGED')
                   ON CONFLICT DO NOTHING RETURNING 1)
               SELECT (SELECT count(*) FROM copied) AS "copied!", (SELECT count(*) FROM page) AS "looked_at!",
                      (SELECT conversation_id FROM page ORDER BY conversation_id DESC, seq DESC LIMIT 1) AS last_conversation,
                      (SELECT seq FROM page ORDER BY conversation_id DESC, seq DESC LIMIT 1) AS last_seq"#,
            place.conversation_id,
            place.seq,
            ROWS_AT_ONCE
        )
        .fetch_one(&mut *transaction)
        .await
        .map_err(unavailable)?;
        let done = copied.looked_at < ROWS_AT_ONCE;
        sqlx::query!(
            "UPDATE backfills SET conversation_id = coalesce($1, conversation_id), seq = coalesce($2, seq), rows = rows + $3,
                 done_at = CASE WHEN $4 THEN now() END
             WHERE name = 'messages'",
            copied.last_conversation,
            copied.last_seq,
            copied.copied,
            done
        )
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)?;
        Ok(Backfilled { rows: rows(place.rows + copied.copied), done })
    }
}

impl From<Backfilled> for MaintenanceOutcome {
    fn from(backfilled: Backfilled) -> Self {
        Self { removed: 0, done: backfilled.done }
    }
}
