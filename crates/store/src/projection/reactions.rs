//! What reactions make of messages. For each person, message and emoji the event with the greatest sequence counts, in whatever order
//! they are applied; applied twice, they change nothing.

use std::collections::BTreeSet;

use relay_domain::ports::ProjectError;
use relay_protocol::Reaction;
use relay_protocol::log::{LogEvent, MessageReacted};
use relay_types::{ConversationId, MessageId, Seq, ShardId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;
use time::OffsetDateTime;

use super::batch::SendKeyRows;
use super::{lock_watermark, refused, void, write};
use crate::Store;
use crate::convert::shard_column;

/// Reactions that are made up for in one transaction.
const MISSED_AT_ONCE: i64 = 500;

/// The reactions of a run, as columns for `UNNEST`.
#[derive(Default)]
pub(super) struct Reactions {
    pub(super) conversation: Vec<Uuid>,
    message: Vec<Uuid>,
    pub(super) message_seq: Vec<i64>,
    user: Vec<Uuid>,
    emoji: Vec<String>,
    seq: Vec<i64>,
    at_ms: Vec<i64>,
    on: Vec<bool>,
}

impl Reactions {
    /// Adds the reaction at `seq`.
    pub(super) fn push(&mut self, seq: Seq, reacted: &MessageReacted) {
        self.conversation.push(reacted.conversation_id.to_uuid());
        self.message.push(reacted.message_id.to_uuid());
        self.message_seq.push(reacted.message_seq.to_i64());
        self.user.push(reacted.actor_id.to_uuid());
        self.emoji.push(reacted.emoji.as_str().to_owned());
        self.seq.push(seq.to_i64());
        self.at_ms.push(reacted.at_ms);
        self.on.push(reacted.on);
    }
}

/// What a run makes of one emoji at one message.
struct Touched {
    conversation: Uuid,
    seq: i64,
    emoji: String,
    /// So many more people react with it, or fewer.
    more: i64,
    upto: i64,
    /// The message does not count what there was before.
    anew: bool,
}

/// After the run's own rows. Indexes: `messages_message_id_key`, one probe per reaction; `reactions_pkey`; then of each message the
/// counts go on from those that it has, however many reactions it has. A message is counted anew, by `reactions_pkey`, where it counts
/// nothing yet, or not what is there: its own row may have been missing.
pub(super) async fn apply(connection: &mut PgConnection, run: &Reactions) -> sqlx::Result<()> {
    if run.seq.is_empty() {
        return Ok(());
    }
    let touched = sqlx::query_as!(
        Touched,
        r#"WITH run AS MATERIALIZED (
               SELECT DISTINCT ON (conversation_id, message_id, user_id, emoji) *
               FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::bigint[], $7::boolean[])
                    AS t (conversation_id, message_id, user_id, emoji, said_seq, said_at_ms, stays)
               ORDER BY conversation_id, message_id, user_id, emoji, said_seq DESC),
           said AS MATERIALIZED (
               SELECT m.conversation_id, m.seq, run.user_id, run.emoji, run.said_seq, run.said_at_ms, run.stays,
                      coalesce((m.reactions ->> 'upto')::bigint, 0) AS upto, coalesce(before.stays, false) AS stood
               FROM run JOIN messages m ON m.conversation_id = run.conversation_id AND m.message_id = run.message_id
               LEFT JOIN reactions before ON before.conversation_id = m.conversation_id AND before.seq = m.seq
                    AND before.user_id = run.user_id AND before.emoji = run.emoji
               WHERE m.kind = 'MESSAGE_SENT' AND NOT m.deleted),
           written AS (
               INSERT INTO reactions AS r (conversation_id, seq, user_id, emoji, said_seq, said_at_ms, stays)
               SELECT conversation_id, seq, user_id, emoji, said_seq, said_at_ms, stays FROM said
               ON CONFLICT (conversation_id, seq, user_id, emoji) DO UPDATE
               SET said_seq = excluded.said_seq, said_at_ms = excluded.said_at_ms, stays = excluded.stays
               WHERE r.said_seq < excluded.said_seq
               RETURNING r.conversation_id, r.seq, r.user_id, r.emoji)
           SELECT said.conversation_id AS "conversation!", said.seq AS "seq!", said.emoji AS "emoji!",
                  coalesce(sum(said.stays::integer - said.stood::integer) FILTER (WHERE w.seq IS NOT NULL), 0) AS "more!",
                  max(said.said_seq) AS "upto!",
                  said.upto = 0 OR bool_or(w.seq IS NULL) AS "anew!"
           FROM said LEFT JOIN written w USING (conversation_id, seq, user_id, emoji)
           WHERE w.seq IS NOT NULL OR said.upto < said.said_seq
           GROUP BY said.conversation_id, said.seq, said.emoji, said.upto"#,
        &run.conversation,
        &run.message,
        &run.user,
        &run.emoji,
        &run.seq,
        &run.at_ms,
        &run.on,
    );
    let touched = touched.fetch_all(&mut *connection).await?;
    let anew: BTreeSet<(Uuid, i64)> = touched.iter().filter(|kind| kind.anew).map(|kind| (kind.conversation, kind.seq)).collect();
    count_on(connection, touched.iter().filter(|kind| !anew.contains(&(kind.conversation, kind.seq)))).await?;
    count_anew(connection, anew).await
}

/// Adds to what the messages count. Of an emoji that the run names, who comes first is looked up. Indexes: `messages_pkey`,
/// `reactions_by_kind`, of which a few entries are read for each kind.
async fn count_on(connection: &mut PgConnection, touched: impl Iterator<Item = &Touched>) -> sqlx::Result<()> {
    let (mut conversations, mut seqs, mut emoji, mut more, mut upto) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for kind in touched {
        conversations.push(kind.conversation);
        seqs.push(kind.seq);
        emoji.push(kind.emoji.clone());
        more.push(kind.more);
        upto.push(kind.upto);
    }
    if seqs.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE messages m SET reactions = (
             SELECT jsonb_build_object(
                        'upto', greatest((m.reactions ->> 'upto')::bigint, t.upto),
                        'kinds', coalesce(jsonb_agg(jsonb_build_object('emoji', kind.emoji, 'count', kind.count, 'by', coalesce(kind.by, '[]'))
                                                    ORDER BY kind.first), '[]'))
             FROM (SELECT emoji, counted.count + coalesce(said.more, 0) AS count,
                          (SELECT r.said_seq FROM reactions r
                           WHERE r.conversation_id = m.conversation_id AND r.seq = m.seq AND r.emoji = counts.emoji AND r.stays
                           ORDER BY r.said_seq LIMIT 1) AS first,
                          CASE WHEN said.more IS NULL THEN counted.by ELSE (
                              SELECT jsonb_agg(few.user_id ORDER BY few.said_seq)
                              FROM (SELECT r.user_id, r.said_seq FROM reactions r
                                    WHERE r.conversation_id = m.conversation_id AND r.seq = m.seq AND r.emoji = counts.emoji AND r.stays
                                    ORDER BY r.said_seq LIMIT $6) AS few) END AS by
                   FROM (SELECT emoji FROM jsonb_to_recordset(m.reactions -> 'kinds') AS k (emoji text)
                         UNION SELECT jsonb_object_keys(t.more)) AS counts
                   CROSS JOIN LATERAL (
                       SELECT coalesce(max(k.count), 0) AS count, (array_agg(k.by))[1] AS by
                       FROM jsonb_to_recordset(m.reactions -> 'kinds') AS k (emoji text, count bigint, by jsonb)
                       WHERE k.emoji = counts.emoji) AS counted
                   CROSS JOIN LATERAL (SELECT (t.more ->> counts.emoji)::bigint AS more) AS said) AS kind
             WHERE kind.count > 0)
         FROM (SELECT conversation_id, seq, max(upto) AS upto, jsonb_object_agg(emoji, more) AS more
               FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[]) AS u (conversation_id, seq, emoji, more, upto)
               GROUP BY conversation_id, seq) AS t
         WHERE m.conversation_id = t.conversation_id AND m.seq = t.seq",
        &conversations,
        &seqs,
        &emoji,
        &more,
        &upto,
        i64::try_from(Reaction::MOST_NAMED).unwrap_or(i64::MAX)
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Counts all that there is. Indexes: `reactions_pkey`, `messages_pkey`.
async fn count_anew(connection: &mut PgConnection, messages: BTreeSet<(Uuid, i64)>) -> sqlx::Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let (conversations, seqs): (Vec<Uuid>, Vec<i64>) = messages.into_iter().unzip();
    sqlx::query!(
        "UPDATE messages m SET reactions = (
             SELECT jsonb_build_object(
                        'upto', (SELECT max(said_seq) FROM reactions r WHERE r.conversation_id = t.conversation_id AND r.seq = t.seq),
                        'kinds', coalesce(jsonb_agg(jsonb_build_object('emoji', kind.emoji, 'count', kind.count, 'by', kind.by)
                                                    ORDER BY kind.first), '[]'))
             FROM (SELECT emoji, count(*) AS count, min(said_seq) AS first, (array_agg(user_id ORDER BY said_seq))[1:$3] AS by
                   FROM reactions r WHERE r.conversation_id = t.conversation_id AND r.seq = t.seq AND r.stays
                   GROUP BY emoji) AS kind)
         FROM unnest($1::uuid[], $2::bigint[]) AS t (conversation_id, seq)
         WHERE m.conversation_id = t.conversation_id AND m.seq = t.seq",
        &conversations,
        &seqs,
        i32::try_from(Reaction::MOST_NAMED).unwrap_or(i32::MAX)
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Takes the reactions of those messages that are deleted. Indexes: `messages_pkey`, `reactions_pkey`.
async fn clear(connection: &mut PgConnection, (conversations, seqs): &(Vec<Uuid>, Vec<i64>)) -> sqlx::Result<()> {
    if seqs.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "WITH gone AS MATERIALIZED (
             SELECT m.conversation_id, m.seq FROM unnest($1::uuid[], $2::bigint[]) AS t (conversation_id, seq)
             JOIN messages m ON m.conversation_id = t.conversation_id AND m.seq = t.seq WHERE m.deleted),
         reactions AS (
             DELETE FROM reactions r USING gone WHERE r.conversation_id = gone.conversation_id AND r.seq = gone.seq)
         UPDATE messages m SET reactions = '{}' FROM gone
         WHERE m.conversation_id = gone.conversation_id AND m.seq = gone.seq AND m.reactions <> '{}'",
        conversations,
        seqs
    )
    .execute(connection)
    .await
    .map(drop)
}

/// The reactions to a message at `seq` that was found missing, from the events behind it.
pub(super) async fn of_message(
    connection: &mut PgConnection,
    conversation: ConversationId,
    (message, seq): (MessageId, Seq),
) -> sqlx::Result<Reactions> {
    let rows = sqlx::query!(
        r#"SELECT seq, at, body::text AS "body!" FROM conversation_events
           WHERE conversation_id = $1 AND seq > $3 AND kind = 'MESSAGE_REACTED' AND body ->> 'message_id' = $2"#,
        conversation.to_uuid(),
        message.to_string(),
        seq.to_i64()
    );
    let rows = rows.fetch_all(connection).await?;
    Ok(Missed::of(rows.iter().map(|row| (Seq::from_i64(row.seq), row.body.as_str(), row.at))).reactions)
}

/// What events say of reactions.
#[derive(Default)]
struct Missed {
    reactions: Reactions,
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
                    LogEvent::MessageReacted(reacted) => {
                        missed.reactions.push(seq, reacted);
                        missed.keys.push(seq, &event, at);
                    }
                    LogEvent::MessageErased(erased) => {
                        missed.erased.0.push(erased.conversation_id.to_uuid());
                        missed.erased.1.push(erased.message_seq.to_i64());
                    }
                    _ => {}
                },
                Err(error) => tracing::warn!(stream.seq = seq.0, %error, "a reaction that cannot be read is passed over"),
            }
        }
        missed
    }
}

impl Store {
    /// Applies what a worker of before stored and did not apply; it did not note the keys either, and what it deleted kept its
    /// reactions. Index: `conversation_events_by_seq`.
    pub(super) async fn make_up_for_missed_reactions(&self, shard: ShardId, epoch: &str) -> Result<(), ProjectError> {
        loop {
            let mut transaction = self.pool.begin().await.map_err(refused)?;
            let at = lock_watermark(&mut transaction, shard, epoch).await?;
            if at.reacted_upto >= at.seq {
                return Ok(());
            }
            let rows = sqlx::query!(
                r#"SELECT conversation_id, actor_id, seq, at, body::text AS "body!" FROM conversation_events
                   WHERE shard = $1 AND seq > $2 AND seq <= $3 AND kind IN ('MESSAGE_REACTED', 'MESSAGE_ERASED')
                     AND at >= (SELECT oldest FROM event_horizon)
                   ORDER BY seq LIMIT $4"#,
                shard_column(shard),
                at.reacted_upto.to_i64(),
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
            apply(&mut transaction, &missed.reactions).await.map_err(refused)?;
            clear(&mut transaction, &missed.erased).await.map_err(refused)?;
            sqlx::query!("UPDATE watermarks SET reacted_upto = $2 WHERE shard = $1", shard_column(shard), upto.to_i64())
                .execute(&mut *transaction)
                .await
                .map_err(refused)?;
            transaction.commit().await.map_err(refused)?;
        }
    }
}
