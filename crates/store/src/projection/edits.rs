//! What edits make of messages. The edit with the greatest sequence counts, in whatever order they are applied; applied twice, they
//! change nothing.

use relay_domain::ports::ProjectError;
use relay_protocol::log::{LogEvent, MessageEdited};
use relay_types::{ConversationId, MessageId, Seq, ShardId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;
use time::OffsetDateTime;

use super::batch::SendKeyRows;
use super::erase::{self, Erased};
use super::{lock_watermark, refused, void, write};
use crate::Store;
use crate::convert::{shard_column, timestamp};
use crate::search;

/// Edits that are made up for in one transaction.
const MISSED_AT_ONCE: i64 = 500;

/// The edits of a run, as columns for `UNNEST`.
#[derive(Default)]
pub(super) struct Edits {
    conversation: Vec<Uuid>,
    message: Vec<Uuid>,
    message_seq: Vec<i64>,
    editor: Vec<Uuid>,
    seq: Vec<i64>,
    body: Vec<String>,
    at_ms: Vec<i64>,
}

impl Edits {
    /// Adds the edit at `seq`.
    pub(super) fn push(&mut self, seq: Seq, edited: &MessageEdited) -> Result<(), String> {
        // A time that no calendar has is found before anything is written.
        timestamp(edited.at_ms).map_err(|error| error.reason)?;
        let body = serde_json::to_string(&edited.body).map_err(|error| error.to_string())?;
        self.conversation.push(edited.conversation_id.to_uuid());
        self.message.push(edited.message_id.to_uuid());
        self.message_seq.push(edited.message_seq.to_i64());
        self.editor.push(edited.actor_id.to_uuid());
        self.seq.push(seq.to_i64());
        self.body.push(body);
        self.at_ms.push(edited.at_ms);
        Ok(())
    }
}

impl Edits {
    /// Where the edited messages stand.
    pub(super) fn targets(&self) -> (&[Uuid], &[i64]) {
        (&self.conversation, &self.message_seq)
    }
}

/// After the run's own rows. Indexes: `messages_message_id_key`, one probe per edit; `messages_pkey`; `message_revisions_pkey`.
pub(super) async fn apply(connection: &mut PgConnection, shard: ShardId, edits: &Edits) -> sqlx::Result<()> {
    if edits.seq.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"WITH run AS MATERIALIZED (
               SELECT conversation_id, message_id, editor_id, said_seq, body::jsonb AS body, said_at_ms
               FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::bigint[])
                    AS t (conversation_id, message_id, editor_id, said_seq, body, said_at_ms)
               WHERE body::jsonb <> '{"type": "erased"}'),
           target AS MATERIALIZED (
               SELECT DISTINCT ON (m.conversation_id, m.seq)
                      m.conversation_id, m.seq, m.message_id, m.sender_id, m.body, m.revision, m.sent_at_ms
               FROM run JOIN messages m ON m.conversation_id = run.conversation_id AND m.message_id = run.message_id
               WHERE m.kind = 'MESSAGE_SENT' AND NOT m.deleted),
           edit AS MATERIALIZED (
               SELECT target.conversation_id, target.seq, run.said_seq, run.body, run.said_at_ms
               FROM run JOIN target ON target.conversation_id = run.conversation_id AND target.message_id = run.message_id
                    AND target.sender_id = run.editor_id),
           said AS (
               INSERT INTO message_revisions (conversation_id, seq, said_seq, body, said_at_ms)
               SELECT conversation_id, seq, seq, body, sent_at_ms FROM target WHERE revision = 0
               UNION ALL SELECT conversation_id, seq, said_seq, body, said_at_ms FROM edit
               ON CONFLICT DO NOTHING RETURNING conversation_id, seq, said_seq),
           newest AS (
               SELECT DISTINCT ON (conversation_id, seq) conversation_id, seq, said_seq, body, said_at_ms
               FROM edit ORDER BY conversation_id, seq, said_seq DESC)
           UPDATE messages m SET
               revision = m.revision + (
                   SELECT count(*) FROM said
                   WHERE said.conversation_id = m.conversation_id AND said.seq = m.seq AND said.said_seq <> m.seq)::integer,
               body = CASE WHEN newest.said_seq > coalesce(m.edited_seq, 0) THEN newest.body ELSE m.body END,
               edited_at = CASE WHEN newest.said_seq > coalesce(m.edited_seq, 0)
                                THEN to_timestamp(newest.said_at_ms / 1000.0) ELSE m.edited_at END,
               edited_seq = greatest(newest.said_seq, m.edited_seq)
           FROM newest WHERE m.conversation_id = newest.conversation_id AND m.seq = newest.seq"#,
        &edits.conversation,
        &edits.message,
        &edits.editor,
        &edits.seq,
        &edits.body,
        &edits.at_ms,
    )
    .execute(&mut *connection)
    .await?;
    hide_behind_erasures(connection, shard, edits).await
}

/// An edit that the log put behind its message's erasure shows nothing, and leaves the log as the message does. Indexes:
/// `messages_message_id_key`; `conversation_events_pkey` in each month for those alone.
async fn hide_behind_erasures(connection: &mut PgConnection, shard: ShardId, edits: &Edits) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH gone AS MATERIALIZED (
             SELECT run.conversation_id, run.said_seq
             FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS run (conversation_id, message_id, said_seq)
             JOIN messages m ON m.conversation_id = run.conversation_id AND m.message_id = run.message_id
             WHERE m.deleted),
         hidden AS (
             UPDATE conversation_events e SET body = erased_edit(e.body) FROM gone
             WHERE e.conversation_id = gone.conversation_id AND e.seq = gone.said_seq AND e.kind = 'MESSAGE_EDITED'
             RETURNING e.conversation_id, e.seq, e.event_id, e.at)
         INSERT INTO erasures (shard, seq, conversation_id, message_id, erased_seq, erased_at)
         SELECT $4, seq, conversation_id, event_id, seq, at FROM hidden
         ON CONFLICT DO NOTHING",
        &edits.conversation,
        &edits.message,
        &edits.seq,
        shard_column(shard),
    )
    .execute(connection)
    .await
    .map(drop)
}

/// While `messages` is being filled, an edited one may not be there yet. Indexes: `conversation_events_pkey` in each month.
pub(super) async fn fetch_targets(connection: &mut PgConnection, edits: &Edits) -> sqlx::Result<()> {
    fetch_messages(connection, &edits.conversation, &edits.message_seq).await
}

/// The same of messages to which something else refers.
pub(super) async fn fetch_messages(connection: &mut PgConnection, conversations: &[Uuid], seqs: &[i64]) -> sqlx::Result<()> {
    if seqs.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO messages
             (conversation_id, seq, prev_seq, shard, message_id, sender_id, client_id, kind, body, further, sent_at_ms, stored_at)
         SELECT e.conversation_id, e.seq, e.prev_seq, e.shard, e.event_id, e.actor_id, e.client_id, e.kind, e.body, e.further,
                e.decided_at_ms, e.at
         FROM unnest($1::uuid[], $2::bigint[]) AS run (conversation_id, seq)
         JOIN conversation_events e ON e.conversation_id = run.conversation_id AND e.seq = run.seq AND e.kind = 'MESSAGE_SENT'
         ON CONFLICT DO NOTHING",
        conversations,
        seqs,
    )
    .execute(connection)
    .await
    .map(drop)
}

/// The edits of a message at `seq` that was found missing, from the events behind it.
pub(super) async fn of_message(
    connection: &mut PgConnection,
    conversation: ConversationId,
    (message, seq): (MessageId, Seq),
) -> sqlx::Result<Edits> {
    let rows = sqlx::query!(
        r#"SELECT seq, at, body::text AS "body!" FROM conversation_events
           WHERE conversation_id = $1 AND seq > $3 AND kind = 'MESSAGE_EDITED' AND body ->> 'message_id' = $2"#,
        conversation.to_uuid(),
        message.to_string(),
        seq.to_i64()
    );
    let rows = rows.fetch_all(connection).await?;
    Ok(Missed::of(rows.iter().map(|row| (Seq::from_i64(row.seq), row.body.as_str(), row.at))).edits)
}

/// What events say of earlier messages.
#[derive(Default)]
struct Missed {
    edits: Edits,
    keys: SendKeyRows,
    erased: Vec<Erased>,
}

impl Missed {
    fn of<'a>(events: impl Iterator<Item = (Seq, &'a str, OffsetDateTime)>) -> Self {
        let mut missed = Self::default();
        for (seq, body, at) in events {
            if let Err(reason) = missed.take(seq, body, at) {
                tracing::warn!(stream.seq = seq.0, reason, "an event that cannot be read is passed over");
            }
        }
        missed
    }

    fn take(&mut self, seq: Seq, body: &str, at: OffsetDateTime) -> Result<(), String> {
        let event = LogEvent::decode(body).map_err(|error| error.to_string())?;
        match &event {
            LogEvent::MessageEdited(edited) => {
                self.edits.push(seq, edited)?;
                self.keys.push(seq, &event, at);
            }
            LogEvent::MessageErased(erased) => {
                let message_at = timestamp(erased.stored_at_ms).map_err(|error| error.reason)?;
                self.erased.push(Erased { seq, at, event: erased.clone(), message_at });
            }
            _ => {}
        }
        Ok(())
    }
}

impl Store {
    /// Applies what a worker of before stored and did not apply: edits, and what erasures take out of them. An edit's key was not
    /// noted either. Index: `conversation_events_by_seq`.
    pub(super) async fn make_up_for_missed_edits(&self, shard: ShardId, epoch: &str) -> Result<(), ProjectError> {
        loop {
            let mut transaction = self.pool.begin().await.map_err(refused)?;
            let at = lock_watermark(&mut transaction, shard, epoch).await?;
            if at.amended_upto >= at.seq {
                return Ok(());
            }
            let rows = sqlx::query!(
                r#"SELECT conversation_id, actor_id, seq, at, body::text AS "body!" FROM conversation_events
                   WHERE shard = $1 AND seq > $2 AND seq <= $3 AND kind IN ('MESSAGE_EDITED', 'MESSAGE_ERASED')
                     AND at >= (SELECT oldest FROM event_horizon)
                   ORDER BY seq LIMIT $4"#,
                shard_column(shard),
                at.amended_upto.to_i64(),
                at.seq.to_i64(),
                MISSED_AT_ONCE
            );
            let rows = rows.fetch_all(&mut *transaction).await.map_err(refused)?;
            let all = i64::try_from(rows.len()).unwrap_or(i64::MAX) < MISSED_AT_ONCE;
            let upto = rows.last().filter(|_| !all).map_or(at.seq, |row| Seq::from_i64(row.seq));
            // It did not know that they may be void either.
            let said: Vec<_> = rows
                .iter()
                .map(|row| (ConversationId::from_uuid(row.conversation_id), UserId::from_uuid(row.actor_id), Seq::from_i64(row.seq)))
                .collect();
            let void = void::void_of(&mut transaction, &said).await.map_err(refused)?;
            let counting = rows.iter().map(|row| (Seq::from_i64(row.seq), row.body.as_str(), row.at));
            let missed = Missed::of(counting.filter(|(seq, ..)| !void.contains(seq)));
            write::send_keys(&mut transaction, &missed.keys).await.map_err(refused)?;
            apply(&mut transaction, shard, &missed.edits).await.map_err(refused)?;
            erase::apply(&mut transaction, shard, &missed.erased).await.map_err(refused)?;
            let (conversations, seqs) = missed.edits.targets();
            search::again(&mut transaction, conversations, seqs).await.map_err(refused)?;
            let (conversations, seqs) = erase::targets(&missed.erased);
            search::again(&mut transaction, &conversations, &seqs).await.map_err(refused)?;
            sqlx::query!("UPDATE watermarks SET amended_upto = $2 WHERE shard = $1", shard_column(shard), upto.to_i64())
                .execute(&mut *transaction)
                .await
                .map_err(refused)?;
            transaction.commit().await.map_err(refused)?;
        }
    }
}
