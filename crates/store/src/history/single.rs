//! One message, and what it said over time.

use relay_domain::ports::{HistoryError, StoreError};
use relay_protocol::rest::{ReactionList, Reactor, Revision, RevisionList};
use relay_protocol::{Message, MessageBody};
use relay_types::{ConversationId, Emoji, MessageId, Seq, UserId};
use sqlx::types::Uuid;

use super::{PAGE_BYTES, message_of};
use crate::Store;
use crate::convert::text;
use crate::error::{unavailable, unreadable};
use crate::event_row::EventRow;

/// Versions in one answer.
const MOST_REVISIONS: i64 = 100;

impl Store {
    /// The message, if it stands in the reader's present stay. Indexes: `members_pkey`, `memberships_open_key`,
    /// `messages_message_id_key` and `hidden_messages_pkey` of one partition. What they hid is not there for them. While `messages` is
    /// being filled, what is not there yet cannot be told.
    pub(crate) async fn one(&self, reader: UserId, conversation: ConversationId, message: MessageId) -> Result<Message, HistoryError> {
        let filled = self.messages_are_filled().await?;
        let member = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM members WHERE conversation_id = $1 AND user_id = $2) AS "member!""#,
            conversation.to_uuid(),
            reader.to_uuid()
        );
        if !member.fetch_one(&self.pool).await.map_err(unavailable)? {
            return Err(HistoryError::NotMember);
        }
        let row = sqlx::query_as!(
            EventRow,
            r#"SELECT m.conversation_id, m.seq, m.prev_seq, m.shard, m.kind, m.message_id AS event_id, m.sender_id AS actor_id, m.client_id,
                      m.body::text AS "body!", m.further::text AS further, m.sent_at_ms AS decided_at_ms, m.stored_at AS at, m.edited_seq,
                      m.edited_at, nullif(m.reactions, '{}')::text AS reactions,
                      CASE WHEN m.reactions <> '{}' THEN ARRAY (
                          SELECT r.emoji FROM reactions r
                          WHERE r.conversation_id = $1 AND r.seq = m.seq AND r.user_id = $3 AND r.stays) END AS mine,
                      CASE WHEN m.thread_seq = 0 THEN thread_replies(m.conversation_id, m.seq) END AS replies
               FROM messages m
               JOIN memberships v ON v.conversation_id = m.conversation_id AND v.user_id = $3 AND v.left_seq IS NULL
                    AND v.joined_seq <= m.seq
               WHERE m.conversation_id = $1 AND m.message_id = $2 AND m.kind = 'MESSAGE_SENT'
                 AND (m.only_for IS NULL OR m.only_for = $3)
                 AND NOT EXISTS (SELECT FROM hidden_messages h WHERE h.user_id = $3 AND h.conversation_id = $1 AND h.seq = m.seq)"#,
            conversation.to_uuid(),
            message.to_uuid(),
            reader.to_uuid()
        );
        match row.fetch_optional(&self.pool).await.map_err(unavailable)? {
            Some(row) => Ok(message_of(row)?),
            None if filled => Err(HistoryError::UnknownMessage),
            None => Err(StoreError::new("messages are being filled").into()),
        }
    }

    /// Who reacted to the message, whole people at a time. Index: `reactions_pkey` of one partition, in order.
    pub(super) async fn reactions_to(
        &self,
        message: &Message,
        emoji: Option<&Emoji>,
        after: Option<UserId>,
        limit: u16,
    ) -> Result<ReactionList, StoreError> {
        let rows = sqlx::query!(
            "SELECT user_id, emoji, said_at_ms FROM reactions
             WHERE conversation_id = $1 AND seq = $2 AND user_id > $3 AND stays AND ($4::text IS NULL OR emoji = $4)
               AND user_id IN (
                   SELECT DISTINCT user_id FROM reactions
                   WHERE conversation_id = $1 AND seq = $2 AND user_id > $3 AND stays AND ($4::text IS NULL OR emoji = $4)
                   ORDER BY user_id LIMIT $5)
             ORDER BY user_id, said_seq",
            message.conversation_id.to_uuid(),
            message.seq.to_i64(),
            // The least uuid stands before every user: nobody mints it.
            after.map_or(Uuid::nil(), UserId::to_uuid),
            emoji.map(Emoji::as_str),
            i64::from(limit)
        );
        let rows = rows.fetch_all(&self.pool).await.map_err(unavailable)?;
        let mut reactions: Vec<Reactor> = Vec::with_capacity(rows.len());
        let mut people = 0_u16;
        for row in rows {
            let user_id = UserId::from_uuid(row.user_id);
            people += u16::from(reactions.last().is_none_or(|last| last.user_id != user_id));
            reactions.push(Reactor { user_id, emoji: text(&row.emoji, "emoji")?, at_ms: row.said_at_ms });
        }
        let next = (people >= limit).then(|| reactions.last().map(|last| last.user_id)).flatten();
        Ok(ReactionList { reactions, next })
    }

    /// The newest versions of the message, of those before `before`. Index: `message_revisions_pkey` of one partition, backwards.
    pub(super) async fn revisions_of(&self, message: Message, before: Option<Seq>) -> Result<RevisionList, StoreError> {
        // Of an erased one nothing is left, whatever a worker of before, which does not know of versions, left standing.
        if message.body == MessageBody::Erased {
            return Ok(RevisionList { revisions: Vec::new(), has_more: false });
        }
        let rows = sqlx::query!(
            r#"SELECT said_seq AS "said_seq!", said_at_ms AS "said_at_ms!", body AS "body!", found AS "found!"
               FROM (SELECT said_seq, said_at_ms, body, count(*) OVER () AS found,
                            sum(octet_length(body)) OVER (ORDER BY said_seq DESC) - octet_length(body) AS bytes_before
                     FROM (SELECT said_seq, said_at_ms, body::text AS body FROM message_revisions
                           WHERE conversation_id = $1 AND seq = $2 AND said_seq < $5 ORDER BY said_seq DESC LIMIT $3) AS newest) AS page
               WHERE bytes_before < $4
               ORDER BY said_seq DESC"#,
            message.conversation_id.to_uuid(),
            message.seq.to_i64(),
            MOST_REVISIONS + 1,
            i64::try_from(PAGE_BYTES).unwrap_or(i64::MAX),
            before.map_or(i64::MAX, Seq::to_i64)
        );
        let rows = rows.fetch_all(&self.pool).await.map_err(unavailable)?;
        let found = rows.first().map_or(0, |row| row.found);
        let mut revisions = Vec::with_capacity(rows.len());
        for row in rows.into_iter().take(usize::try_from(MOST_REVISIONS).unwrap_or(usize::MAX)) {
            let body = serde_json::from_str(&row.body).map_err(|_| unreadable("message body"))?;
            revisions.push(Revision { seq: Seq::from_i64(row.said_seq), at_ms: row.said_at_ms, body });
        }
        let has_more = i64::try_from(revisions.len()).is_ok_and(|shown| shown < found);
        revisions.reverse();
        // As it was sent. What was edited has a version of then, too.
        if found == 0 && message.edited_seq.is_none() && before.is_none_or(|before| message.seq < before) {
            revisions.push(Revision { seq: message.seq, at_ms: message.sent_at_ms, body: message.body });
        }
        Ok(RevisionList { revisions, has_more })
    }
}
