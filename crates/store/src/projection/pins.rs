//! What is pinned. For each message the event with the greatest sequence counts, in whatever order they are applied; applied twice, they
//! change nothing.

use relay_domain::ports::ProjectError;
use relay_protocol::log::{LogEvent, MessagePinned};
use relay_types::{ConversationId, MessageId, Seq, ShardId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;
use time::OffsetDateTime;

use super::batch::SendKeyRows;
use super::{lock_watermark, refused, void, write};
use crate::Store;
use crate::convert::shard_column;

/// Pins that are made up for in one transaction.
const MISSED_AT_ONCE: i64 = 500;

/// The pins of a run, as columns for `UNNEST`.
#[derive(Default)]
pub(super) struct Pins {
    pub(super) conversation: Vec<Uuid>,
    message: Vec<Uuid>,
    pub(super) message_seq: Vec<i64>,
    user: Vec<Uuid>,
    seq: Vec<i64>,
    at_ms: Vec<i64>,
    on: Vec<bool>,
}

impl Pins {
    /// Adds the pin at `seq`.
    pub(super) fn push(&mut self, seq: Seq, pinned: &MessagePinned) {
        self.conversation.push(pinned.conversation_id.to_uuid());
        self.message.push(pinned.message_id.to_uuid());
        self.message_seq.push(pinned.message_seq.to_i64());
        self.user.push(pinned.actor_id.to_uuid());
        self.seq.push(seq.to_i64());
        self.at_ms.push(pinned.at_ms);
        self.on.push(pinned.on);
    }
}

/// After the run's own rows. Indexes: `messages_message_id_key` and `pins_pkey`, one probe per pin.
pub(super) async fn apply(connection: &mut PgConnection, run: &Pins) -> sqlx::Result<()> {
    if run.seq.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "WITH run AS MATERIALIZED (
             SELECT DISTINCT ON (conversation_id, message_id) *
             FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::boolean[])
                  AS t (conversation_id, message_id, user_id, said_seq, said_at_ms, stays)
             ORDER BY conversation_id, message_id, said_seq DESC)
         INSERT INTO pins AS p (conversation_id, seq, said_seq, said_at_ms, user_id, stays)
         SELECT m.conversation_id, m.seq, run.said_seq, run.said_at_ms, run.user_id, run.stays
         FROM run JOIN messages m ON m.conversation_id = run.conversation_id AND m.message_id = run.message_id
         WHERE m.kind = 'MESSAGE_SENT' AND NOT m.deleted
         ON CONFLICT (conversation_id, seq) DO UPDATE
         SET said_seq = excluded.said_seq, said_at_ms = excluded.said_at_ms, user_id = excluded.user_id, stays = excluded.stays
         WHERE p.said_seq < excluded.said_seq",
        &run.conversation,
        &run.message,
        &run.user,
        &run.seq,
        &run.at_ms,
        &run.on,
    )
    .execute(connection)
    .await
    .map(drop)
}

/// The pins of a message at `seq` that was found missing, from the events behind it.
pub(super) async fn of_message(
    connection: &mut PgConnection,
    conversation: ConversationId,
    (message, seq): (MessageId, Seq),
) -> sqlx::Result<Pins> {
    let rows = sqlx::query!(
        r#"SELECT seq, at, body::text AS "body!" FROM conversation_events
           WHERE conversation_id = $1 AND seq > $3 AND kind = 'MESSAGE_PINNED' AND body ->> 'message_id' = $2"#,
        conversation.to_uuid(),
        message.to_string(),
        seq.to_i64()
    );
    let rows = rows.fetch_all(connection).await?;
    Ok(Missed::of(rows.iter().map(|row| (Seq::from_i64(row.seq), row.body.as_str(), row.at))).pins)
}

/// What events say of pins.
#[derive(Default)]
struct Missed {
    pins: Pins,
    keys: SendKeyRows,
    /// Where messages stand that may be deleted.
    erased: (Vec<Uuid>, Vec<i64>),
}

impl Missed {
    fn of<'a>(events: impl Iterator<Item = (Seq, &'a str, OffsetDateTime)>) -> Self {
        let mut missed = Self::default();
        for (seq, body, at) in events {
            match LogEvent::decode(body) {
                Ok(event) => match &event {
                    LogEvent::MessagePinned(pinned) => {
                        missed.pins.push(seq, pinned);
                        missed.keys.push(seq, &event, at);
                    }
                    LogEvent::MessageErased(erased) => {
                        missed.erased.0.push(erased.conversation_id.to_uuid());
                        missed.erased.1.push(erased.message_seq.to_i64());
                    }
                    _ => {}
                },
                Err(error) => tracing::warn!(stream.seq = seq.0, %error, "a pin that cannot be read is passed over"),
            }
        }
        missed
    }
}

/// The pins' own rows in the history, and none for messages that are deleted. Indexes: `conversation_events_pkey`, `messages_pkey`,
/// `pins_pkey`.
async fn complete(connection: &mut PgConnection, missed: &Missed) -> sqlx::Result<()> {
    let (conversations, seqs) = &missed.erased;
    sqlx::query!(
        "WITH gone AS (
             DELETE FROM pins p USING unnest($1::uuid[], $2::bigint[]) AS t (conversation_id, seq), messages m
             WHERE p.conversation_id = t.conversation_id AND p.seq = t.seq
               AND m.conversation_id = p.conversation_id AND m.seq = p.seq AND m.deleted)
         INSERT INTO messages
             (conversation_id, seq, prev_seq, shard, message_id, sender_id, client_id, kind, body, further, sent_at_ms, stored_at)
         SELECT e.conversation_id, e.seq, e.prev_seq, e.shard, e.event_id, e.actor_id, e.client_id, e.kind, e.body, e.further,
                e.decided_at_ms, e.at
         FROM unnest($3::uuid[], $4::bigint[]) AS t (conversation_id, seq)
         JOIN conversation_events e ON e.conversation_id = t.conversation_id AND e.seq = t.seq AND e.kind = 'MESSAGE_PINNED'
         ON CONFLICT DO NOTHING",
        conversations,
        seqs,
        &missed.pins.conversation,
        &missed.pins.seq
    )
    .execute(connection)
    .await
    .map(drop)
}

impl Store {
    /// Applies what a worker of before stored and did not apply; it did not note the keys either, and what it deleted stayed pinned.
    /// Index: `conversation_events_by_seq`.
    pub(super) async fn make_up_for_missed_pins(&self, shard: ShardId, epoch: &str) -> Result<(), ProjectError> {
        loop {
            let mut transaction = self.pool.begin().await.map_err(refused)?;
            let at = lock_watermark(&mut transaction, shard, epoch).await?;
            if at.pinned_upto >= at.seq {
                return Ok(());
            }
            let rows = sqlx::query!(
                r#"SELECT conversation_id, actor_id, seq, at, body::text AS "body!" FROM conversation_events
                   WHERE shard = $1 AND seq > $2 AND seq <= $3 AND kind IN ('MESSAGE_PINNED', 'MESSAGE_ERASED')
                     AND at >= (SELECT oldest FROM event_horizon)
                   ORDER BY seq LIMIT $4"#,
                shard_column(shard),
                at.pinned_upto.to_i64(),
                at.seq.to_i64(),
                MISSED_AT_ONCE
            );
            let rows = rows.fetch_all(&mut *transaction).await.map_err(refused)?;
            let all = i64::try_from(rows.len()).unwrap_or(i64::MAX) < MISSED_AT_ONCE;
            let upto = rows.last().filter(|_| !all).map_or(at.seq, |row| Seq::from_i64(row.seq));
            let said: Vec<_> = rows
                .iter()
                .map(|row| (ConversationId::from_uuid(row.conversation_id), UserId::from_uuid(row.actor_id), Seq::from_i64(row.seq)))
                .collect();
            let void = void::void_of(&mut transaction, &said).await.map_err(refused)?;
            let counting = rows.iter().map(|row| (Seq::from_i64(row.seq), row.body.as_str(), row.at));
            let missed = Missed::of(counting.filter(|(seq, ..)| !void.contains(seq)));
            write::send_keys(&mut transaction, &missed.keys).await.map_err(refused)?;
            apply(&mut transaction, &missed.pins).await.map_err(refused)?;
            complete(&mut transaction, &missed).await.map_err(refused)?;
            sqlx::query!("UPDATE watermarks SET pinned_upto = $2 WHERE shard = $1", shard_column(shard), upto.to_i64())
                .execute(&mut *transaction)
                .await
                .map_err(refused)?;
            transaction.commit().await.map_err(refused)?;
        }
    }
}
