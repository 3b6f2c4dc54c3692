//! What people have read, as others may know it.
//!
//! A mark is an interval: what its reader read while they had receipts off, or before their present stay, lies before it and is told
//! to nobody. Both ends only rise.

mod details;
pub(crate) mod steps;

use async_trait::async_trait;
use relay_domain::ports::{HistoryError, ReaderPage, Receipts, StoreError};
use relay_protocol::receipts::{DeliveredTo, RECEIPTS_MOST_MEMBERS, ReadBy, ReadNotice};
use relay_protocol::rest::{ConversationReceipts, MessageReceipts};
use relay_types::{ConversationId, MessageId, Seq, SessionId, ShardId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use crate::Store;
use crate::accounts::profile_of;
use crate::error::unavailable;

/// A read mark that moved.
pub(crate) struct Moved {
    pub(crate) user: UserId,
    /// Whose device moved it, if that is known.
    pub(crate) session: Option<SessionId>,
    pub(crate) conversation: ConversationId,
    pub(crate) shard: ShardId,
    /// Where it was, as the reader knows it.
    pub(crate) before: i64,
    /// Where it is.
    pub(crate) now: i64,
}

/// Keeps the mark for others, in the transaction that moved it, and says what gateways are told: the caller holds the member's row.
///
/// The first mark behind a time with receipts off begins at what stood there when they were switched on again, among the newest
/// [`LOOKED_AT`]. It does not depend on what was read meanwhile, nor on whether something was. Indexes: `users_pkey`,
/// `conversations_pkey`, `conversation_heads_pkey`, `memberships_open_key`, `members_requests`, `members_pkey`.
pub(crate) async fn keep(connection: &mut PgConnection, moved: &Moved) -> sqlx::Result<Option<ReadNotice>> {
    let row = sqlx::query!(
        r#"WITH off AS MATERIALIZED (
               SELECT u.user_id, u.receipts_since > coalesce(r.read_at, m.added_at) AS was
               FROM users u JOIN members m ON m.user_id = u.user_id AND m.conversation_id = $1
               LEFT JOIN read_receipts r ON r.conversation_id = $1 AND r.user_id = u.user_id
               WHERE u.user_id = $2),
           known AS MATERIALIZED (
               SELECT CASE WHEN count(*) FILTER (WHERE n.stored_at <= n.since) > 0 THEN max(n.seq) FILTER (WHERE n.stored_at <= n.since)
                           WHEN count(*) >= $6 THEN min(n.seq) ELSE 0 END AS seq
               FROM (SELECT e.seq, e.stored_at, u.receipts_since AS since FROM messages e CROSS JOIN users u
                     WHERE e.conversation_id = $1 AND u.user_id = $2 AND (SELECT was FROM off)
                     ORDER BY e.seq DESC LIMIT $6) AS n)
           INSERT INTO read_receipts AS r (conversation_id, user_id, after_seq, read_seq, read_at)
           SELECT v.conversation_id, v.user_id,
                  CASE WHEN off.was THEN greatest(v.joined_seq, (SELECT seq FROM known)) ELSE greatest($3, v.joined_seq) END, $4, now()
           FROM memberships v JOIN users u USING (user_id) JOIN off USING (user_id)
           WHERE v.conversation_id = $1 AND v.user_id = $2 AND v.left_seq IS NULL AND v.joined_seq <= $4 AND u.read_receipts
           ON CONFLICT (conversation_id, user_id) DO UPDATE SET
               after_seq = greatest(r.after_seq,
                   CASE WHEN r.read_seq < $3 OR (SELECT was FROM off) THEN excluded.after_seq
                        ELSE (SELECT v.joined_seq FROM memberships v
                              WHERE v.conversation_id = r.conversation_id AND v.user_id = r.user_id AND v.left_seq IS NULL) END),
               read_seq = greatest(r.read_seq, excluded.read_seq),
               read_at = excluded.read_at
           RETURNING r.after_seq, r.read_seq,
               (SELECT h.last_seq FROM conversation_heads h WHERE h.conversation_id = r.conversation_id) AS as_of,
               coalesce((SELECT c.member_count <= $5
                    AND NOT EXISTS (SELECT FROM members m WHERE m.conversation_id = c.conversation_id AND m.state = 'request')
                FROM conversations c WHERE c.conversation_id = r.conversation_id), false) AS "named!""#,
        moved.conversation.to_uuid(),
        moved.user.to_uuid(),
        moved.before,
        moved.now,
        most_members(),
        LOOKED_AT
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some((row, as_of)) = row.filter(|row| row.named).and_then(|row| row.as_of.map(|as_of| (row, as_of))) else { return Ok(None) };
    steps::note_read(connection, moved).await?;
    let not_to = sqlx::query_scalar!(
        "SELECT m.user_id FROM members m JOIN users u USING (user_id) WHERE m.conversation_id = $1 AND NOT u.read_receipts LIMIT $2",
        moved.conversation.to_uuid(),
        i64::from(RECEIPTS_MOST_MEMBERS)
    )
    .fetch_all(connection)
    .await?;
    let by = ReadBy { user_id: moved.user, after_seq: Seq::from_i64(row.after_seq), read_seq: Seq::from_i64(row.read_seq) };
    let not_to = not_to.into_iter().map(UserId::from_uuid).collect();
    Ok(Some(ReadNotice { conversation_id: moved.conversation, by, not_to, shard: moved.shard, as_of: Seq::from_i64(as_of) }))
}

fn most_members() -> i32 {
    i32::try_from(RECEIPTS_MOST_MEMBERS).unwrap_or(i32::MAX)
}

/// Among so many of a conversation's newest messages, those that others' devices have are looked for.
const LOOKED_AT: i64 = 500;

/// What somebody may be told of a conversation that they are in.
struct MayBeTold {
    conversation: Uuid,
    /// They have receipts on.
    wants: bool,
    /// It is small enough, and waits for no answer.
    named: bool,
}

impl Store {
    /// Of those of these conversations in which the reader is.
    async fn may_be_told(&self, reader: UserId, conversations: &[Uuid]) -> Result<Vec<MayBeTold>, StoreError> {
        sqlx::query_as!(
            MayBeTold,
            r#"SELECT t.conversation_id AS "conversation!", u.read_receipts AS wants, c.member_count <= $3
                   AND NOT EXISTS (SELECT FROM members r WHERE r.conversation_id = c.conversation_id AND r.state = 'request') AS "named!"
               FROM unnest($1::uuid[]) AS t (conversation_id)
               JOIN members m ON m.conversation_id = t.conversation_id AND m.user_id = $2
               JOIN users u ON u.user_id = m.user_id JOIN conversations c ON c.conversation_id = t.conversation_id"#,
            conversations,
            reader.to_uuid(),
            most_members()
        )
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)
    }

    /// How far each of the others has read in these conversations. Whether the reader may be told is asked before.
    async fn read_by(&self, reader: UserId, conversations: &[Uuid]) -> Result<Vec<(ConversationId, ReadBy)>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT others.conversation_id AS "conversation_id!", others.user_id AS "user_id!", others.after_seq AS "after_seq!",
                      others.read_seq AS "read_seq!"
               FROM unnest($1::uuid[]) AS t (conversation_id)
               CROSS JOIN LATERAL (
                   SELECT m.conversation_id, m.user_id, greatest(v.joined_seq, own.joined_seq, r.after_seq) AS after_seq,
                          greatest(v.joined_seq, own.joined_seq, r.after_seq, r.read_seq) AS read_seq
                   FROM members m
                   JOIN memberships v ON v.conversation_id = m.conversation_id AND v.user_id = m.user_id AND v.left_seq IS NULL
                   JOIN memberships own ON own.conversation_id = m.conversation_id AND own.user_id = $2 AND own.left_seq IS NULL
                   LEFT JOIN read_receipts r ON r.conversation_id = m.conversation_id AND r.user_id = m.user_id
                   WHERE m.conversation_id = t.conversation_id AND m.user_id <> $2 ORDER BY m.user_id LIMIT $3) AS others"#,
            conversations,
            reader.to_uuid(),
            i64::from(RECEIPTS_MOST_MEMBERS)
        )
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)?;
        let read = rows.into_iter().map(|row| {
            let (user_id, after_seq) = (UserId::from_uuid(row.user_id), Seq::from_i64(row.after_seq));
            (ConversationId::from_uuid(row.conversation_id), ReadBy { user_id, after_seq, read_seq: Seq::from_i64(row.read_seq) })
        });
        Ok(read.collect())
    }

    /// How far the others have read, as [`Receipts::receipts`] says it of each of these conversations.
    pub(crate) async fn read_in(&self, reader: UserId, conversations: &[Uuid]) -> Result<Vec<(ConversationId, ReadBy)>, StoreError> {
        let asked = self.may_be_told(reader, conversations).await?;
        let told: Vec<Uuid> = asked.into_iter().filter(|asked| asked.wants && asked.named).map(|asked| asked.conversation).collect();
        if told.is_empty() { Ok(Vec::new()) } else { self.read_by(reader, &told).await }
    }

    /// The newest message of the sender's that each other member's devices have. Indexes: `messages_pkey` of one partition, backwards;
    /// `members_pkey`, `memberships_open_key`, `conversations_pkey`, `delivery_marks_pkey`.
    async fn delivered(&self, sender: UserId, conversation: ConversationId) -> Result<Vec<DeliveredTo>, StoreError> {
        let rows = sqlx::query!(
            r#"WITH own AS MATERIALIZED (
                   SELECT n.seq FROM (SELECT seq, sender_id, kind, only_for FROM messages WHERE conversation_id = $1 ORDER BY seq DESC LIMIT $3) AS n
                   WHERE n.sender_id = $2 AND n.kind = 'MESSAGE_SENT' AND n.only_for IS NULL)
               SELECT m.user_id, max(own.seq) AS "seq!"
               FROM members m
               JOIN conversations c ON c.conversation_id = m.conversation_id
               JOIN memberships v ON v.conversation_id = m.conversation_id AND v.user_id = m.user_id AND v.left_seq IS NULL
               JOIN delivery_marks d ON d.user_id = m.user_id AND d.shard = c.shard
               JOIN own ON own.seq <= d.seq AND own.seq > v.joined_seq
               WHERE m.conversation_id = $1 AND m.user_id <> $2
               GROUP BY m.user_id ORDER BY m.user_id LIMIT $4"#,
            conversation.to_uuid(),
            sender.to_uuid(),
            LOOKED_AT,
            i64::from(RECEIPTS_MOST_MEMBERS)
        );
        let rows = rows.fetch_all(&self.pool).await.map_err(unavailable)?;
        Ok(rows.into_iter().map(|row| DeliveredTo { user_id: UserId::from_uuid(row.user_id), seq: Seq::from_i64(row.seq) }).collect())
    }
}

#[async_trait]
impl Receipts for Store {
    /// Each of the others, also who has read nothing yet: their mark begins where they came in. What was read before the caller came is
    /// none of theirs. Indexes: `members_pkey`, `users_pkey`, `conversations_pkey`, `members_requests`, `memberships_open_key`,
    /// `read_receipts_pkey`.
    #[tracing::instrument(name = "db.receipts.of_conversation", skip_all, fields(conversation.id = %conversation))]
    async fn receipts(&self, reader: UserId, conversation: ConversationId) -> Result<ConversationReceipts, HistoryError> {
        self.limited(async {
            let asked = self.may_be_told(reader, &[conversation.to_uuid()]).await?;
            let asked = asked.first().ok_or(HistoryError::NotMember)?;
            if !asked.named {
                return Ok(ConversationReceipts { named: false, read: Vec::new(), delivered: Vec::new() });
            }
            let delivered = self.delivered(reader, conversation).await?;
            if !asked.wants {
                return Ok(ConversationReceipts { named: true, read: Vec::new(), delivered });
            }
            let read = self.read_by(reader, &[conversation.to_uuid()]).await?;
            Ok(ConversationReceipts { named: true, read: read.into_iter().map(|(_, read)| read).collect(), delivered })
        })
        .await
    }

    #[tracing::instrument(name = "db.receipts.details", skip_all, fields(conversation.id = %conversation, message.id = %message))]
    async fn message_receipts(
        &self,
        reader: UserId,
        conversation: ConversationId,
        message: MessageId,
    ) -> Result<MessageReceipts, HistoryError> {
        self.limited(self.details(reader, conversation, message)).await
    }

    /// Besides those of one message: `users_pkey`, `members_requests`, `members_pkey` from `after` on, `read_receipts_pkey`.
    #[tracing::instrument(name = "db.receipts.of_message", skip_all, fields(conversation.id = %conversation, message.id = %message))]
    async fn readers(
        &self,
        reader: UserId,
        conversation: ConversationId,
        message: MessageId,
        after: Option<UserId>,
        limit: u16,
    ) -> Result<ReaderPage, HistoryError> {
        self.limited(async {
            let _turn = self.reading().await?;
            let message = self.one(reader, conversation, message).await?;
            let rows = sqlx::query!(
                r#"SELECT u.user_id, u.handle, u.display_name
                   FROM members m JOIN read_receipts r USING (conversation_id, user_id) JOIN users u USING (user_id)
                   JOIN memberships v ON v.conversation_id = m.conversation_id AND v.user_id = m.user_id AND v.left_seq IS NULL
                   WHERE m.conversation_id = $1 AND m.user_id > $2 AND r.after_seq < $3 AND r.read_seq >= $3 AND m.user_id <> $4
                     AND v.joined_seq < $3
                     AND (SELECT own.read_receipts FROM users own WHERE own.user_id = $5)
                     AND NOT EXISTS (SELECT FROM members w WHERE w.conversation_id = $1 AND w.state = 'request')
                   ORDER BY m.user_id LIMIT $6"#,
                conversation.to_uuid(),
                after.map_or(sqlx::types::Uuid::nil(), UserId::to_uuid),
                message.seq.to_i64(),
                message.sender_id.to_uuid(),
                reader.to_uuid(),
                i64::from(limit) + 1
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            let more = rows.len() > usize::from(limit);
            let readers = rows.into_iter().take(usize::from(limit)).map(|row| profile_of(row.user_id, &row.handle, &row.display_name));
            let readers = readers.collect::<Result<Vec<_>, StoreError>>()?;
            let next = if more { readers.last().map(|reader| reader.user_id) } else { None };
            Ok(ReaderPage { readers, next })
        })
        .await
    }
}
