//! What has to happen daily: partitions ahead, and an end to what is kept for a time only.

use sqlx::PgPool;

/// Rows deleted by one statement: far below what the statement timeout allows.
const ROWS_AT_ONCE: i64 = 10_000;

pub(super) async fn run(pool: &PgPool) -> sqlx::Result<()> {
    sqlx::query_scalar!("SELECT ensure_event_partitions(now(), 4)").fetch_one(pool).await?;
    while prune_send_keys(pool).await? || prune_outbox(pool).await? || prune_tokens(pool).await? || prune_sessions(pool).await? {}
    Ok(())
}

/// The promise is 30 days; a day more covers clocks. Index: `send_keys_by_age`.
async fn prune_send_keys(pool: &PgPool) -> sqlx::Result<bool> {
    sqlx::query!(
        "DELETE FROM send_keys WHERE ctid = ANY (ARRAY (
             SELECT ctid FROM send_keys WHERE at < now() - interval '31 days' LIMIT $1))",
        ROWS_AT_ONCE
    )
    .execute(pool)
    .await
    .map(|done| done.rows_affected() > 0)
}

/// Published rows are kept a week for the operator's questions. Index: `outbox_by_age`.
async fn prune_outbox(pool: &PgPool) -> sqlx::Result<bool> {
    sqlx::query!(
        "DELETE FROM outbox WHERE ctid = ANY (ARRAY (
             SELECT ctid FROM outbox WHERE created_at < now() - interval '7 days' AND published_seq IS NOT NULL LIMIT $1))",
        ROWS_AT_ONCE
    )
    .execute(pool)
    .await
    .map(|done| done.rows_affected() > 0)
}

/// A token that has run out is refused whether we remember it or not. Index: `refresh_tokens_by_age`.
async fn prune_tokens(pool: &PgPool) -> sqlx::Result<bool> {
    sqlx::query!(
        "DELETE FROM refresh_tokens WHERE ctid = ANY (ARRAY (
             SELECT ctid FROM refresh_tokens WHERE expires_at < now() - interval '1 day' LIMIT $1))",
        ROWS_AT_ONCE
    )
    .execute(pool)
    .await
    .map(|done| done.rows_affected() > 0)
}

/// Sessions whose last token ran out; a scan, but once a day and of a table with one row per device.
async fn prune_sessions(pool: &PgPool) -> sqlx::Result<bool> {
    sqlx::query!(
        "DELETE FROM sessions WHERE session_id = ANY (ARRAY (
             SELECT session_id FROM sessions WHERE least(refresh_expires_at, ends_at) < now() - interval '30 days' LIMIT $1))",
        ROWS_AT_ONCE
    )
    .execute(pool)
    .await
    .map(|done| done.rows_affected() > 0)
}
