//! One statement per table and run, whatever the run's length.

use relay_types::{ConversationId, Seq, ShardId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::Heads;
use super::batch::{Batch, Closings, EventRows, HeadRows, Openings, SendKeyRows};
use crate::convert::shard_column;

/// Index: `conversation_heads_pkey`, one probe per conversation.
pub(super) async fn heads_of(connection: &mut PgConnection, conversations: &[Uuid]) -> sqlx::Result<Heads> {
    let rows =
        sqlx::query!("SELECT conversation_id, last_seq FROM conversation_heads WHERE conversation_id = ANY ($1::uuid[])", conversations)
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(|row| (ConversationId::from_uuid(row.conversation_id), Seq::from_i64(row.last_seq))).collect())
}

pub(super) async fn batch(connection: &mut PgConnection, shard: ShardId, batch: &Batch) -> sqlx::Result<()> {
    if batch.events.seq.is_empty() {
        return Ok(());
    }
    without_heads(connection, shard, batch).await?;
    heads(connection, shard, &batch.heads).await
}

/// Everything but what becomes of the conversations' newest event.
pub(super) async fn without_heads(connection: &mut PgConnection, shard: ShardId, batch: &Batch) -> sqlx::Result<()> {
    events(connection, shard, &batch.events).await?;
    if !batch.send_keys.seq.is_empty() {
        send_keys(connection, &batch.send_keys).await?;
    }
    if !batch.closings.left.is_empty() {
        closings(connection, &batch.closings).await?;
    }
    if !batch.openings.joined.is_empty() {
        openings(connection, shard, &batch.openings).await?;
    }
    Ok(())
}

async fn events(connection: &mut PgConnection, shard: ShardId, rows: &EventRows) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO conversation_events
             (conversation_id, seq, prev_seq, shard, kind, event_id, actor_id, client_id, body, decided_at_ms, at)
         SELECT conversation_id, seq, prev_seq, $11, kind, event_id, actor_id, client_id, body::jsonb, decided_at_ms, at
         FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::bigint[],
                     $10::timestamptz[])
              AS t (conversation_id, seq, prev_seq, kind, event_id, actor_id, client_id, body, decided_at_ms, at)
         ON CONFLICT DO NOTHING",
        &rows.conversation,
        &rows.seq,
        &rows.prev as &[Option<i64>],
        &rows.kind,
        &rows.event_id,
        &rows.actor,
        &rows.client_id as &[Option<String>],
        &rows.body,
        &rows.decided_at_ms,
        &rows.at,
        shard_column(shard),
    )
    .execute(connection)
    .await
    .map(drop)
}

/// The first send with a key keeps it, within the run (rows come in the log's order) and beyond.
async fn send_keys(connection: &mut PgConnection, rows: &SendKeyRows) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO send_keys (conversation_id, sender_id, client_id, message_id, seq, sent_at_ms, at)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::bigint[], $7::timestamptz[])
         ON CONFLICT DO NOTHING",
        &rows.conversation,
        &rows.sender,
        &rows.client_id,
        &rows.message,
        &rows.seq,
        &rows.sent_at_ms,
        &rows.at,
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Index: `memberships_open_key`.
pub(super) async fn closings(connection: &mut PgConnection, rows: &Closings) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE memberships AS m SET left_seq = t.left_seq
         FROM (SELECT conversation_id, user_id, min(left_seq) AS left_seq
               FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS u (conversation_id, user_id, left_seq)
               GROUP BY conversation_id, user_id) AS t
         WHERE m.conversation_id = t.conversation_id AND m.user_id = t.user_id AND m.left_seq IS NULL AND m.joined_seq <= t.left_seq",
        &rows.conversation,
        &rows.user,
        &rows.left,
    )
    .execute(connection)
    .await
    .map(drop)
}

/// An event that was published twice opens nothing the second time (`memberships_open_key`).
pub(super) async fn openings(connection: &mut PgConnection, shard: ShardId, rows: &Openings) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO memberships (conversation_id, user_id, joined_seq, left_seq, shard)
         SELECT conversation_id, user_id, joined_seq, left_seq, $5
         FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[]) AS t (conversation_id, user_id, joined_seq, left_seq)
         ON CONFLICT DO NOTHING",
        &rows.conversation,
        &rows.user,
        &rows.joined,
        &rows.left as &[Option<i64>],
        shard_column(shard),
    )
    .execute(connection)
    .await
    .map(drop)
}

async fn heads(connection: &mut PgConnection, shard: ShardId, rows: &HeadRows) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO conversation_heads (conversation_id, shard, last_seq, last_at)
         SELECT conversation_id, $4, last_seq, last_at
         FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) AS t (conversation_id, last_seq, last_at)
         ON CONFLICT (conversation_id) DO UPDATE SET last_seq = excluded.last_seq, last_at = excluded.last_at",
        &rows.conversation,
        &rows.last_seq,
        &rows.last_at,
        shard_column(shard),
    )
    .execute(connection)
    .await
    .map(drop)
}
