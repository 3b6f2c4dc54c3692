//! What is pinned in a conversation.

use relay_domain::ports::HistoryError;
use relay_protocol::rest::{Pin, PinList};
use relay_types::{ConversationId, Seq, UserId};

use super::message_of;
use crate::Store;
use crate::error::unavailable;
use crate::event_row::EventRow;

/// More than a conversation may pin: some pass when they come at the same moment.
const MOST_SHOWN: i64 = 60;

impl Store {
    /// The pinned messages that stand in the reader's present stay and that they did not hide, as they are now. The watermark is read
    /// first: the list has everything up to there, perhaps more. Indexes: `members_pkey`, `pins_present`, `memberships_open_key`,
    /// `messages_pkey` and `hidden_messages_pkey` of one partition, one probe per pin.
    pub(super) async fn pins_for(&self, reader: UserId, conversation: ConversationId) -> Result<PinList, HistoryError> {
        let upto = sqlx::query_scalar!(
            r#"SELECT coalesce((SELECT w.seq FROM watermarks w WHERE w.shard = c.shard), 0) AS "upto!"
               FROM members m JOIN conversations c ON c.conversation_id = m.conversation_id
               WHERE m.conversation_id = $1 AND m.user_id = $2"#,
            conversation.to_uuid(),
            reader.to_uuid()
        );
        let upto = upto.fetch_optional(&self.pool).await.map_err(unavailable)?.ok_or(HistoryError::NotMember)?;
        let rows = sqlx::query!(
            r#"SELECT p.said_seq, p.said_at_ms, p.user_id,
                      m.conversation_id, m.seq, m.prev_seq, m.shard, m.kind, m.message_id AS event_id, m.sender_id AS actor_id, m.client_id,
                      m.body::text AS "body!", m.further::text AS further, m.sent_at_ms AS decided_at_ms, m.stored_at AS at, m.edited_seq,
                      m.edited_at
               FROM pins p
               JOIN memberships v ON v.conversation_id = p.conversation_id AND v.user_id = $2 AND v.left_seq IS NULL
                    AND v.joined_seq <= p.seq
               JOIN messages m ON m.conversation_id = p.conversation_id AND m.seq = p.seq
               WHERE p.conversation_id = $1 AND p.stays AND m.kind = 'MESSAGE_SENT' AND NOT m.deleted
                 AND (m.only_for IS NULL OR m.only_for = $2)
                 AND NOT EXISTS (SELECT FROM hidden_messages h WHERE h.user_id = $2 AND h.conversation_id = $1 AND h.seq = p.seq)
               ORDER BY p.said_seq DESC LIMIT $3"#,
            conversation.to_uuid(),
            reader.to_uuid(),
            MOST_SHOWN
        );
        let rows = rows.fetch_all(&self.pool).await.map_err(unavailable)?;
        let mut pins = Vec::with_capacity(rows.len());
        for row in rows {
            let (pinned_by, pinned_at_ms, pinned_seq) = (UserId::from_uuid(row.user_id), row.said_at_ms, Seq::from_i64(row.said_seq));
            let message = message_of(EventRow {
                conversation_id: row.conversation_id,
                seq: row.seq,
                prev_seq: row.prev_seq,
                shard: row.shard,
                kind: row.kind,
                event_id: row.event_id,
                actor_id: row.actor_id,
                client_id: row.client_id,
                body: row.body,
                further: row.further,
                decided_at_ms: row.decided_at_ms,
                at: row.at,
                edited_seq: row.edited_seq,
                edited_at: row.edited_at,
                reactions: None,
                mine: None,
                replies: None,
            })?;
            pins.push(Pin { message, pinned_by, pinned_at_ms, pinned_seq });
        }
        Ok(PinList { pins, upto: Seq::from_i64(upto) })
    }
}
