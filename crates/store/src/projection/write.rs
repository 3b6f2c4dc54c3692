//! One statement per table and run, whatever the run's length.

use relay_protocol::log::EventOwner;
use relay_types::{ConversationId, Seq, ShardId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::Heads;
use super::batch::{AmendedRows, Batch, Closings, EventRows, HeadRows, Openings, SendKeyRows, SentRows, UserEventRows, UserHeadRows};
use super::threads::{self, Reply};
use crate::convert::shard_column;

/// Memberships changed by one statement: a fraction of a second, on a slow machine, too.
const ROWS_AT_ONCE: i64 = 20_000;

/// Index: `conversation_heads_pkey`, one probe per conversation.
pub(super) async fn heads_of(connection: &mut PgConnection, conversations: &[Uuid]) -> sqlx::Result<Heads> {
    let rows =
        sqlx::query!("SELECT conversation_id, last_seq FROM conversation_heads WHERE conversation_id = ANY ($1::uuid[])", conversations)
            .fetch_all(connection)
            .await?;
    Ok(rows
        .into_iter()
        .map(|row| (EventOwner::Conversation(ConversationId::from_uuid(row.conversation_id)), Seq::from_i64(row.last_seq)))
        .collect())
}

/// What a worker of before left out makes older heads worthless. Indexes: `user_heads_pkey`, one probe per user; `watermarks_pkey`.
pub(super) async fn user_heads_of(connection: &mut PgConnection, shard: ShardId, users: &[Uuid]) -> sqlx::Result<Heads> {
    if users.is_empty() {
        return Ok(Heads::default());
    }
    let rows = sqlx::query!(
        "SELECT h.user_id, h.last_seq FROM user_heads h JOIN watermarks w USING (shard)
         WHERE h.shard = $1 AND h.user_id = ANY ($2::uuid[])
           AND h.last_seq > CASE WHEN w.own_upto = w.seq THEN w.own_floor ELSE w.seq END",
        shard_column(shard),
        users
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (EventOwner::User(UserId::from_uuid(row.user_id)), Seq::from_i64(row.last_seq))).collect())
}

pub(super) async fn batch(connection: &mut PgConnection, shard: ShardId, batch: &Batch) -> sqlx::Result<()> {
    if !batch.own.seq.is_empty() {
        own_events(connection, shard, &batch.own).await?;
        own_heads(connection, shard, &batch.own_heads).await?;
    }
    if batch.events.seq.is_empty() {
        return Ok(());
    }
    without_heads(connection, shard, batch).await?;
    heads(connection, shard, &batch.heads).await?;
    if batch.amended.until.is_empty() {
        return Ok(());
    }
    amended(connection, &batch.amended).await
}

/// Everything but what becomes of the conversations' newest event.
pub(super) async fn without_heads(connection: &mut PgConnection, shard: ShardId, batch: &Batch) -> sqlx::Result<()> {
    let replies = events(connection, shard, &batch.events).await?;
    if !batch.send_keys.seq.is_empty() {
        send_keys(connection, &batch.send_keys).await?;
    }
    if !batch.closings.left.is_empty() {
        closings(connection, &batch.closings).await?;
    }
    if !batch.openings.joined.is_empty() {
        openings(connection, shard, &batch.openings).await?;
    }
    // Who is in it now may follow.
    threads::take(connection, shard, replies).await?;
    if !batch.closings.left.is_empty() {
        threads::forget(connection, &batch.closings).await?;
    }
    if !batch.sent.seq.is_empty() {
        sent(connection, &batch.sent).await?;
    }
    activity(connection, &batch.heads).await
}

/// Both tables from one list of values: bodies cross the wire once. What was published twice is one row of `messages`. Answers with the
/// replies in threads whose rows were made.
async fn events(connection: &mut PgConnection, shard: ShardId, rows: &EventRows) -> sqlx::Result<Vec<Reply>> {
    let replies = sqlx::query!(
        r#"WITH run AS MATERIALIZED (
             SELECT conversation_id, seq, prev_seq, kind, event_id, actor_id, client_id, body::jsonb AS body, further::jsonb AS further,
                    decided_at_ms, at, in_history, thread_seq
             FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::bigint[],
                         $10::timestamptz[], $12::boolean[], $13::text[], $14::bigint[])
                  AS t (conversation_id, seq, prev_seq, kind, event_id, actor_id, client_id, body, decided_at_ms, at, in_history, further,
                        thread_seq)),
         current AS (
             INSERT INTO messages
                 (conversation_id, seq, prev_seq, shard, message_id, sender_id, client_id, kind, body, further, sent_at_ms, stored_at,
                  thread_seq)
             SELECT conversation_id, seq, prev_seq, $11, event_id, actor_id, client_id, kind, body, further, decided_at_ms, at, thread_seq
             FROM run WHERE in_history
             ON CONFLICT DO NOTHING
             RETURNING conversation_id, thread_seq, seq, sender_id, sent_at_ms, stored_at),
         happened AS (
             INSERT INTO conversation_events
                 (conversation_id, seq, prev_seq, shard, kind, event_id, actor_id, client_id, body, further, decided_at_ms, at)
             SELECT conversation_id, seq, prev_seq, $11, kind, event_id, actor_id, client_id, body, further, decided_at_ms, at FROM run
             ON CONFLICT DO NOTHING)
         SELECT conversation_id AS "conversation_id!", thread_seq AS "thread_seq!", seq AS "seq!", sender_id AS "sender_id!",
                sent_at_ms AS "sent_at_ms!", stored_at AS "stored_at!"
         FROM current WHERE thread_seq <> 0"#,
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
        &rows.in_history,
        &rows.further as &[Option<String>],
        &rows.thread_seq,
    )
    .fetch_all(connection)
    .await?;
    let reply = replies.into_iter().map(|row| Reply {
        conversation: row.conversation_id,
        root: row.thread_seq,
        seq: row.seq,
        sender: row.sender_id,
        sent_at_ms: row.sent_at_ms,
        stored_at: row.stored_at,
    });
    Ok(reply.collect())
}

/// What lies on users' own subjects.
pub(super) async fn own_events(connection: &mut PgConnection, shard: ShardId, rows: &UserEventRows) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO user_events (user_id, shard, seq, prev_seq, kind, body, stored_at)
         SELECT user_id, $7, seq, prev_seq, kind, body::jsonb, stored_at
         FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[])
              AS t (user_id, seq, prev_seq, kind, body, stored_at)
         ON CONFLICT DO NOTHING",
        &rows.user,
        &rows.seq,
        &rows.prev as &[Option<i64>],
        &rows.kind,
        &rows.body,
        &rows.at,
        shard_column(shard),
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Index: `user_heads_pkey`; rows change in place.
pub(super) async fn own_heads(connection: &mut PgConnection, shard: ShardId, rows: &UserHeadRows) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO user_heads AS h (user_id, shard, last_seq)
         SELECT user_id, $3, last_seq FROM unnest($1::uuid[], $2::bigint[]) AS t (user_id, last_seq)
         ON CONFLICT (user_id, shard) DO UPDATE SET last_seq = greatest(excluded.last_seq, h.last_seq)",
        &rows.user,
        &rows.last_seq,
        shard_column(shard),
    )
    .execute(connection)
    .await
    .map(drop)
}

/// A key that was used twice has two rows: the look-up takes the first.
pub(super) async fn send_keys(connection: &mut PgConnection, rows: &SendKeyRows) -> sqlx::Result<()> {
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

/// An event that was published twice opens nothing the second time (`memberships_open_key`). Whoever joins is told of the
/// conversation's present span: its head may be ahead of the joining, by the log's clock.
pub(super) async fn openings(connection: &mut PgConnection, shard: ShardId, rows: &Openings) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO memberships (conversation_id, user_id, joined_seq, left_seq, shard, active_until)
         SELECT t.conversation_id, t.user_id, t.joined_seq, t.left_seq, $5, greatest(t.active_until, h.active_until)
         FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $6::timestamptz[])
              AS t (conversation_id, user_id, joined_seq, left_seq, active_until)
         LEFT JOIN conversation_heads h USING (conversation_id)
         ON CONFLICT DO NOTHING",
        &rows.conversation,
        &rows.user,
        &rows.joined,
        &rows.left as &[Option<i64>],
        shard_column(shard),
        &rows.active_until,
    )
    .execute(connection)
    .await
    .map(drop)
}

/// What a member wrote behind, they have read. Index: `memberships_open_key`, one probe per member; the row changes in place.
async fn sent(connection: &mut PgConnection, rows: &SentRows) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE memberships AS m SET sent_seq = t.seq
         FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS t (conversation_id, user_id, seq)
         WHERE m.conversation_id = t.conversation_id AND m.user_id = t.user_id AND m.left_seq IS NULL
           AND m.joined_seq <= t.seq AND m.sent_seq < t.seq",
        &rows.conversation,
        &rows.user,
        &rows.seq,
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Tells the members of conversations that a new span began: once in six hours for each, whatever the traffic. Looks at
/// the heads as they were before the run. Hundreds of large groups may begin one in the same run, so the rows are changed
/// [`ROWS_AT_ONCE`] at a time: no statement takes longer because there are more. Indexes: `conversation_heads_pkey`, then
/// `memberships_open_key` for those alone.
async fn activity(connection: &mut PgConnection, rows: &HeadRows) -> sqlx::Result<()> {
    loop {
        let told = sqlx::query!(
            "WITH begun AS MATERIALIZED (
                 SELECT t.conversation_id, t.active_until
                 FROM unnest($1::uuid[], $2::timestamptz[]) AS t (conversation_id, active_until)
                 LEFT JOIN conversation_heads h USING (conversation_id)
                 WHERE h.active_until IS NULL OR h.active_until < t.active_until),
             chosen AS MATERIALIZED (
                 SELECT m.ctid AS place, begun.active_until FROM begun
                 JOIN memberships m ON m.conversation_id = begun.conversation_id AND m.left_seq IS NULL AND m.active_until < begun.active_until
                 LIMIT $3)
             UPDATE memberships AS m SET active_until = told.active_until FROM chosen AS told WHERE m.ctid = told.place",
            &rows.conversation,
            &rows.active_until,
            ROWS_AT_ONCE,
        )
        .execute(&mut *connection)
        .await?
        .rows_affected();
        // Until none is left, rather than not enough: one that another wrote meanwhile was passed over.
        if told == 0 {
            return Ok(());
        }
    }
}

/// Tells the members of quiet conversations that something was amended there: once in six hours for each. Looks at the heads as the run
/// has left them. Indexes: `conversation_heads_pkey`, then `memberships_open_key` for those alone.
async fn amended(connection: &mut PgConnection, rows: &AmendedRows) -> sqlx::Result<()> {
    loop {
        let told = sqlx::query!(
            "WITH quiet AS MATERIALIZED (
                 SELECT t.conversation_id, t.until
                 FROM unnest($1::uuid[], $2::timestamptz[]) AS t (conversation_id, until)
                 JOIN conversation_heads h USING (conversation_id)
                 WHERE h.active_until < t.until AND coalesce(h.amended_until < t.until, true)),
             chosen AS MATERIALIZED (
                 SELECT m.ctid AS place, quiet.until FROM quiet
                 JOIN memberships m ON m.conversation_id = quiet.conversation_id AND m.left_seq IS NULL
                     AND coalesce(m.amended_until < quiet.until, true)
                 LIMIT $3)
             UPDATE memberships AS m SET amended_until = told.until FROM chosen AS told WHERE m.ctid = told.place",
            &rows.conversation,
            &rows.until,
            ROWS_AT_ONCE,
        );
        if told.execute(&mut *connection).await?.rows_affected() == 0 {
            break;
        }
    }
    sqlx::query!(
        "UPDATE conversation_heads h SET amended_until = t.until
         FROM unnest($1::uuid[], $2::timestamptz[]) AS t (conversation_id, until)
         WHERE h.conversation_id = t.conversation_id AND h.active_until < t.until AND coalesce(h.amended_until < t.until, true)",
        &rows.conversation,
        &rows.until,
    )
    .execute(connection)
    .await
    .map(drop)
}

/// The newest event counts for the list even when an older one has a later time. Index: `conversation_heads_pkey`; rows
/// change in place.
pub(super) async fn heads(connection: &mut PgConnection, shard: ShardId, rows: &HeadRows) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO conversation_heads AS h (conversation_id, shard, last_seq, last_at, message_seq, message_at, active_until)
         SELECT conversation_id, $4, last_seq, last_at, message_seq, message_at, active_until
         FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $5::bigint[], $6::timestamptz[], $7::timestamptz[])
              AS t (conversation_id, last_seq, last_at, message_seq, message_at, active_until)
         ON CONFLICT (conversation_id) DO UPDATE SET
             last_seq = greatest(excluded.last_seq, h.last_seq),
             last_at = greatest(excluded.last_at, h.last_at),
             message_seq = greatest(excluded.message_seq, h.message_seq),
             message_at = CASE WHEN excluded.message_seq > coalesce(h.message_seq, 0) THEN excluded.message_at ELSE h.message_at END,
             active_until = greatest(excluded.active_until, h.active_until)",
        &rows.conversation,
        &rows.last_seq,
        &rows.last_at,
        shard_column(shard),
        &rows.message_seq as &[Option<i64>],
        &rows.message_at as &[Option<time::OffsetDateTime>],
        &rows.active_until,
    )
    .execute(connection)
    .await
    .map(drop)
}
