//! What the projection makes of an erased message: its place stays, its content goes, and the log's worker is told.

use relay_protocol::log::MessageErased;
use relay_types::{Seq, ShardId};
use sqlx::PgConnection;
use sqlx::types::Uuid;
use time::OffsetDateTime;

use super::repair::chain_to_next;
use super::threads;
use crate::convert::shard_column;

/// An erasure in a run: where it stands, when the stream stored it, what it says, and when the stream had stored the message.
pub(super) struct Erased {
    pub(super) seq: Seq,
    pub(super) at: OffsetDateTime,
    pub(super) event: MessageErased,
    pub(super) message_at: OffsetDateTime,
}

/// Where the erased messages stand.
pub(super) fn targets(run: &[Erased]) -> (Vec<Uuid>, Vec<i64>) {
    run.iter().map(|erased| (erased.event.conversation_id.to_uuid(), erased.event.message_seq.to_i64())).unzip()
}

/// After the run's own rows. Each by itself: they are few, and the worker behind them takes far longer. The message's edits leave the
/// log as it does. Indexes: `conversation_events_pkey` in each month, `messages_message_id_key`, `message_revisions_pkey`.
pub(super) async fn apply(connection: &mut PgConnection, shard: ShardId, run: &[Erased]) -> sqlx::Result<()> {
    let going = threads::going(connection, run).await?;
    for erased in run {
        let (event, conversation) = (&erased.event, erased.event.conversation_id);
        let (id, place) = (conversation.to_uuid(), event.message_seq);
        let known = sqlx::query!(
            r#"WITH event AS (
                   UPDATE conversation_events SET body = '{"type": "erased"}', further = only_thread(further)
                   WHERE conversation_id = $1 AND seq = $2 AND event_id = $3 RETURNING 1),
               message AS (
                   UPDATE messages
                   SET body = '{"type": "erased"}', further = only_thread(further), deleted = true, revision = 0, edited_seq = NULL,
                       edited_at = NULL, reactions = '{}'
                   WHERE conversation_id = $1 AND message_id = $3 RETURNING 1),
               edits AS (
                   UPDATE conversation_events SET body = erased_edit(body)
                   WHERE conversation_id = $1 AND kind = 'MESSAGE_EDITED'
                     AND seq IN (SELECT said_seq FROM message_revisions WHERE conversation_id = $1 AND seq = $2 AND said_seq <> $2)
                   RETURNING seq, event_id),
               waiting AS (
                   INSERT INTO erasures (shard, seq, conversation_id, message_id, erased_seq, erased_at)
                   SELECT $5, seq, $1, event_id, $6, $7 FROM edits
                   ON CONFLICT DO NOTHING),
               revisions AS (DELETE FROM message_revisions WHERE conversation_id = $1 AND seq = $2),
               reactions AS (DELETE FROM reactions WHERE conversation_id = $1 AND seq = $2),
               pins AS (DELETE FROM pins WHERE conversation_id = $1 AND seq = $2)
               SELECT EXISTS (SELECT FROM event) OR $4 < (SELECT oldest FROM event_horizon) AS "event!",
                      EXISTS (SELECT FROM message) AS "message!""#,
            id,
            place.to_i64(),
            event.message_id.to_uuid(),
            erased.message_at,
            shard_column(shard),
            erased.seq.to_i64(),
            erased.at
        );
        let known = known.fetch_one(&mut *connection).await?;
        // A log that is read from its beginning has the message no more: what the erasure says of it is its row.
        if !known.event {
            event_row(connection, shard, erased).await?;
        }
        if !known.message {
            message_row(connection, shard, erased).await?;
        }
        if !known.event {
            chain_to_next(connection, conversation, place).await?;
        }
        sqlx::query!(
            "INSERT INTO erasures (shard, seq, conversation_id, message_id, erased_seq, erased_at) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT DO NOTHING",
            shard_column(shard),
            place.to_i64(),
            id,
            event.message_id.to_uuid(),
            erased.seq.to_i64(),
            erased.at
        )
        .execute(&mut *connection)
        .await?;
    }
    threads::gone(connection, &going).await
}

async fn event_row(connection: &mut PgConnection, shard: ShardId, erased: &Erased) -> sqlx::Result<()> {
    let event = &erased.event;
    sqlx::query!(
        r#"INSERT INTO conversation_events
               (conversation_id, seq, prev_seq, shard, kind, event_id, actor_id, client_id, body, decided_at_ms, at, further)
           VALUES ($1, $2, $3, $4, 'MESSAGE_SENT', $5, $6, $7, '{"type": "erased"}', $8, $9, $10::text::jsonb)
           ON CONFLICT DO NOTHING"#,
        event.conversation_id.to_uuid(),
        event.message_seq.to_i64(),
        event.message_prev.map(Seq::to_i64),
        shard_column(shard),
        event.message_id.to_uuid(),
        event.sender_id.to_uuid(),
        event.client_id.as_str(),
        event.sent_at_ms,
        erased.message_at,
        further_of(event)
    )
    .execute(connection)
    .await
    .map(drop)
}

/// What is left beside a tombstone: the thread in which it is.
fn further_of(event: &MessageErased) -> Option<String> {
    event.thread.and_then(|root| serde_json::to_string(&serde_json::json!({ "thread": root })).ok())
}

/// Also the message's key: a retry of it still gets the original ack. A row that a backfill writes at this moment is overwritten.
async fn message_row(connection: &mut PgConnection, shard: ShardId, erased: &Erased) -> sqlx::Result<()> {
    let event = &erased.event;
    sqlx::query!(
        r#"WITH key AS (
               INSERT INTO send_keys (conversation_id, sender_id, client_id, message_id, seq, sent_at_ms, at)
               VALUES ($1, $6, $7, $5, $2, $8, $9) ON CONFLICT DO NOTHING)
           INSERT INTO messages
               (conversation_id, seq, prev_seq, shard, message_id, sender_id, client_id, kind, body, deleted, sent_at_ms, stored_at, further,
                thread_seq)
           VALUES ($1, $2, $3, $4, $5, $6, $7, 'MESSAGE_SENT', '{"type": "erased"}', true, $8, $9, $10::text::jsonb, $11)
           ON CONFLICT (conversation_id, seq) DO UPDATE
           SET body = excluded.body, further = excluded.further, thread_seq = excluded.thread_seq, deleted = true, revision = 0, edited_seq = NULL, edited_at = NULL,
                       reactions = '{}'"#,
        event.conversation_id.to_uuid(),
        event.message_seq.to_i64(),
        event.message_prev.map(Seq::to_i64),
        shard_column(shard),
        event.message_id.to_uuid(),
        event.sender_id.to_uuid(),
        event.client_id.as_str(),
        event.sent_at_ms,
        erased.message_at,
        further_of(event),
        event.thread.map_or(0, |root| root.seq.to_i64())
    )
    .execute(connection)
    .await
    .map(drop)
}

/// A message that was projected anew from a log that still has it is hidden again. Index: `erasures_pkey`.
pub(super) async fn again(connection: &mut PgConnection, shard: ShardId, seq: Seq) -> sqlx::Result<()> {
    sqlx::query!(
        r#"WITH erased AS (SELECT conversation_id, seq, message_id FROM erasures WHERE shard = $1 AND seq = $2),
           event AS (
               UPDATE conversation_events e SET body = '{"type": "erased"}', further = only_thread(e.further) FROM erased
               WHERE e.conversation_id = erased.conversation_id AND e.seq = erased.seq AND e.event_id = erased.message_id
                 AND e.kind = 'MESSAGE_SENT'),
           reactions AS (
               DELETE FROM reactions r USING erased WHERE r.conversation_id = erased.conversation_id AND r.seq = erased.seq),
           pins AS (
               DELETE FROM pins p USING erased WHERE p.conversation_id = erased.conversation_id AND p.seq = erased.seq)
           UPDATE messages m SET body = '{"type": "erased"}', further = only_thread(m.further), deleted = true, reactions = '{}' FROM erased
           WHERE m.conversation_id = erased.conversation_id AND m.message_id = erased.message_id"#,
        shard_column(shard),
        seq.to_i64()
    )
    .execute(connection)
    .await
    .map(drop)
}
