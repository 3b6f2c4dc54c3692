//! What has to happen daily: partitions ahead, and an end to what is kept for a time only.
//!
//! What comes with every message is dropped by the partition. What is deleted row by row is found by a B-tree over its age,
//! each run of rows beginning where the last one ended, so that no run walks over what was deleted before it.

use std::time::Duration;

use async_trait::async_trait;
use relay_domain::ports::{Maintenance, MaintenanceOutcome, MaintenanceTask, StoreError};
use sqlx::PgPool;
use sqlx::types::Uuid;
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::Store;
use crate::error::unavailable;
use crate::store::within;

/// Rows looked at by one statement: far below what the statement timeout allows.
const ROWS_AT_ONCE: i64 = 10_000;

#[async_trait]
impl Maintenance for Store {
    #[tracing::instrument(name = "db.maintain", skip_all, fields(task = kind.name()))]
    async fn maintain(&self, kind: MaintenanceTask, budget: Duration) -> Result<MaintenanceOutcome, StoreError> {
        let until = Instant::now() + budget;
        // The budget is looked at between statements; the last one may take as long as any call.
        within(budget + self.call_limit, async {
            match kind {
                MaintenanceTask::Messages => return Ok(Box::pin(self.backfill_messages(budget, true)).await?.into()),
                MaintenanceTask::EventPartitions => event_partitions(&self.pool, until).await,
                MaintenanceTask::UserEvents => user_events(&self.pool, until).await,
                MaintenanceTask::SendKeys => send_keys(&self.pool, until).await,
                MaintenanceTask::Outbox => outbox(&self.pool, until).await,
                MaintenanceTask::RefreshTokens => refresh_tokens(&self.pool, until).await,
                MaintenanceTask::Sessions => sessions(&self.pool, until).await,
                MaintenanceTask::HiddenMessages => hidden_messages(&self.pool, until).await,
            }
            .map_err(unavailable)
        })
        .await
    }
}

/// What one statement removed, and where the next one goes on: nowhere when nothing is left.
struct Run<P> {
    removed: i64,
    next: Option<P>,
}

/// Statement after statement until nothing is left or the time is over.
async fn repeatedly<P, F>(until: Instant, mut at: P, mut step: impl FnMut(P) -> F) -> sqlx::Result<MaintenanceOutcome>
where
    F: Future<Output = sqlx::Result<Run<P>>>,
{
    let mut removed = 0;
    loop {
        let run = step(at).await?;
        removed += u64::try_from(run.removed).unwrap_or_default();
        match run.next {
            None => return Ok(MaintenanceOutcome { removed, done: true }),
            Some(_) if Instant::now() >= until => return Ok(MaintenanceOutcome { removed, done: false }),
            Some(next) => at = next,
        }
    }
}

/// Partition after partition, each in a transaction of its own, until none is old enough or the time is over. Says whether none
/// was left.
async fn dropped<F>(until: Instant, mut drop_one: impl FnMut() -> F) -> sqlx::Result<bool>
where
    F: Future<Output = sqlx::Result<i32>>,
{
    loop {
        if drop_one().await? == 0 {
            return Ok(true);
        }
        if Instant::now() >= until {
            return Ok(false);
        }
    }
}

/// Two months behind the log's 30 days: no position is older (`event_horizon`). What is older lies in `messages`.
async fn event_partitions(pool: &PgPool, until: Instant) -> sqlx::Result<MaintenanceOutcome> {
    sqlx::query_scalar!("SELECT ensure_event_partitions(now(), 4)").fetch_one(pool).await?;
    let done =
        dropped(until, || sqlx::query_scalar!(r#"SELECT drop_event_partitions(now() - interval '62 days') AS "dropped!""#).fetch_one(pool));
    Ok(MaintenanceOutcome { removed: 0, done: done.await? })
}

/// Two days behind the log's 30: no position is older. What lies in no day's partition came with a time from far away, and is
/// little.
async fn user_events(pool: &PgPool, until: Instant) -> sqlx::Result<MaintenanceOutcome> {
    sqlx::query_scalar!("SELECT ensure_user_event_partitions(now(), 5)").fetch_one(pool).await?;
    let done = dropped(until, || {
        sqlx::query_scalar!(r#"SELECT drop_user_event_partition(now() - interval '32 days') AS "dropped!""#).fetch_one(pool)
    });
    if !done.await? {
        return Ok(MaintenanceOutcome { removed: 0, done: false });
    }
    repeatedly(until, OffsetDateTime::UNIX_EPOCH, |after| async move {
        let row = sqlx::query!(
            r#"WITH gone AS (
                   DELETE FROM user_events_default WHERE ctid = ANY (ARRAY (
                       SELECT ctid FROM user_events_default WHERE stored_at >= $1 AND stored_at < now() - interval '32 days'
                       ORDER BY stored_at LIMIT $2))
                   RETURNING stored_at)
               SELECT count(*) AS "removed!", max(stored_at) AS last FROM gone"#,
            after,
            ROWS_AT_ONCE
        )
        .fetch_one(pool)
        .await?;
        Ok(Run { removed: row.removed, next: row.last })
    })
    .await
}

/// The promise is 30 days; a day more covers clocks. What lies in no week's partition came with a time from far away, and is
/// little. Index: `send_keys_default_by_age`.
async fn send_keys(pool: &PgPool, until: Instant) -> sqlx::Result<MaintenanceOutcome> {
    sqlx::query_scalar!("SELECT ensure_send_key_partitions(now() - interval '31 days', 9)").fetch_one(pool).await?;
    let done = dropped(until, || {
        sqlx::query_scalar!(r#"SELECT drop_send_key_partitions(now() - interval '31 days') AS "dropped!""#).fetch_one(pool)
    });
    if !done.await? {
        return Ok(MaintenanceOutcome { removed: 0, done: false });
    }
    repeatedly(until, OffsetDateTime::UNIX_EPOCH, |after| async move {
        let row = sqlx::query!(
            r#"WITH gone AS (
                   DELETE FROM send_keys_default WHERE ctid = ANY (ARRAY (
                       SELECT ctid FROM send_keys_default WHERE at >= $1 AND at < now() - interval '31 days' ORDER BY at LIMIT $2))
                   RETURNING at)
               SELECT count(*) AS "removed!", max(at) AS last FROM gone"#,
            after,
            ROWS_AT_ONCE
        )
        .fetch_one(pool)
        .await?;
        Ok(Run { removed: row.removed, next: row.last })
    })
    .await
}

/// Published rows are kept a week for the operator's questions. Index: `outbox_published_by_age`.
async fn outbox(pool: &PgPool, until: Instant) -> sqlx::Result<MaintenanceOutcome> {
    repeatedly(until, OffsetDateTime::UNIX_EPOCH, |after| async move {
        let row = sqlx::query!(
            r#"WITH gone AS (
                   DELETE FROM outbox WHERE ctid = ANY (ARRAY (
                       SELECT ctid FROM outbox
                       WHERE created_at >= $1 AND created_at < now() - interval '7 days' AND published_seq IS NOT NULL
                       ORDER BY created_at LIMIT $2))
                   RETURNING created_at)
               SELECT count(*) AS "removed!", max(created_at) AS last FROM gone"#,
            after,
            ROWS_AT_ONCE
        )
        .fetch_one(pool)
        .await?;
        Ok(Run { removed: row.removed, next: row.last })
    })
    .await
}

/// A token that has run out is refused whether we remember it or not. Index: `refresh_tokens_by_expiry`.
async fn refresh_tokens(pool: &PgPool, until: Instant) -> sqlx::Result<MaintenanceOutcome> {
    repeatedly(until, OffsetDateTime::UNIX_EPOCH, |after| async move {
        let row = sqlx::query!(
            r#"WITH gone AS (
                   DELETE FROM refresh_tokens WHERE ctid = ANY (ARRAY (
                       SELECT ctid FROM refresh_tokens WHERE expires_at >= $1 AND expires_at < now() - interval '1 day'
                       ORDER BY expires_at LIMIT $2))
                   RETURNING expires_at)
               SELECT count(*) AS "removed!", max(expires_at) AS last FROM gone"#,
            after,
            ROWS_AT_ONCE
        )
        .fetch_one(pool)
        .await?;
        Ok(Run { removed: row.removed, next: row.last })
    })
    .await
}

/// Sessions whose last token ran out. Every session is looked at, a page at a time: an index over their end would have to be
/// changed with each refresh of each device. Index: `sessions_pkey`.
async fn sessions(pool: &PgPool, until: Instant) -> sqlx::Result<MaintenanceOutcome> {
    repeatedly(until, Uuid::nil(), |after| async move {
        let row = sqlx::query!(
            r#"WITH page AS MATERIALIZED (
                   SELECT session_id, least(refresh_expires_at, ends_at) AS ended_at FROM sessions
                   WHERE session_id > $1 ORDER BY session_id LIMIT $2),
               gone AS (
                   DELETE FROM sessions WHERE session_id = ANY (ARRAY (
                       SELECT session_id FROM page WHERE ended_at < now() - interval '30 days'))
                   RETURNING 1)
               SELECT (SELECT count(*) FROM gone) AS "removed!", (SELECT count(*) FROM page) AS "looked_at!",
                      (SELECT session_id FROM page ORDER BY session_id DESC LIMIT 1) AS last"#,
            after,
            ROWS_AT_ONCE
        )
        .fetch_one(pool)
        .await?;
        Ok(Run { removed: row.removed, next: row.last.filter(|_| row.looked_at == ROWS_AT_ONCE) })
    })
    .await
}

/// What people hid in conversations of which they are no members. Whoever comes back sees none of the messages of before. Every row is
/// looked at, a page at a time. Indexes: `hidden_messages_pkey`, `members_pkey`.
async fn hidden_messages(pool: &PgPool, until: Instant) -> sqlx::Result<MaintenanceOutcome> {
    repeatedly(until, (Uuid::nil(), Uuid::nil(), 0), |(user, conversation, seq)| async move {
        let row = sqlx::query!(
            r#"WITH page AS MATERIALIZED (
                   SELECT user_id, conversation_id, seq FROM hidden_messages
                   WHERE (user_id, conversation_id, seq) > ($1, $2, $3) ORDER BY user_id, conversation_id, seq LIMIT $4),
               last AS (SELECT * FROM page ORDER BY user_id DESC, conversation_id DESC, seq DESC LIMIT 1),
               gone AS (
                   DELETE FROM hidden_messages h USING page
                   WHERE h.user_id = page.user_id AND h.conversation_id = page.conversation_id AND h.seq = page.seq
                     AND NOT EXISTS (SELECT FROM members m WHERE m.conversation_id = page.conversation_id AND m.user_id = page.user_id)
                   RETURNING 1)
               SELECT (SELECT count(*) FROM gone) AS "removed!", (SELECT count(*) FROM page) AS "looked_at!",
                      (SELECT user_id FROM last) AS user_id, (SELECT conversation_id FROM last) AS conversation_id,
                      (SELECT seq FROM last) AS seq"#,
            user,
            conversation,
            seq,
            ROWS_AT_ONCE
        )
        .fetch_one(pool)
        .await?;
        let last = match (row.user_id, row.conversation_id, row.seq) {
            (Some(user), Some(conversation), Some(seq)) if row.looked_at == ROWS_AT_ONCE => Some((user, conversation, seq)),
            _ => None,
        };
        Ok(Run { removed: row.removed, next: last })
    })
    .await
}
