//! Who has one message, and who read it, and when.

use relay_domain::ports::{HistoryError, StoreError};
use relay_protocol::Message;
use relay_protocol::receipts::RECEIPTS_MOST_MEMBERS;
use relay_protocol::rest::{MessageReceipt, MessageReceipts, ReceiptStep};
use relay_types::{ConversationId, MessageId, UserId};
use time::OffsetDateTime;

use super::most_members;
use super::steps::Steps;
use crate::Store;
use crate::accounts::profile_of;
use crate::convert::millis;
use crate::error::unavailable;

/// What the caller is told of a message.
struct Told {
    read: bool,
    delivered: bool,
}

impl Store {
    /// Besides those of one message: `users_pkey`, `conversations_pkey`, `members_requests`, `messages_pkey` of one partition.
    pub(super) async fn details(
        &self,
        reader: UserId,
        conversation: ConversationId,
        message: MessageId,
    ) -> Result<MessageReceipts, HistoryError> {
        let _turn = self.reading().await?;
        let message = self.one(reader, conversation, message).await?;
        let asked = sqlx::query!(
            r#"SELECT c.member_count <= $3 AS "named!",
                      EXISTS (SELECT FROM members r WHERE r.conversation_id = c.conversation_id AND r.state = 'request') AS "waits!",
                      (SELECT u.read_receipts FROM users u WHERE u.user_id = $2) AS "wants!",
                      EXISTS (SELECT FROM messages x WHERE x.conversation_id = $1 AND x.seq = $4 AND x.only_for IS NULL) AS "shared!"
               FROM conversations c WHERE c.conversation_id = $1"#,
            conversation.to_uuid(),
            reader.to_uuid(),
            most_members(),
            message.seq.to_i64()
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(unavailable)?
        .ok_or(HistoryError::NotMember)?;
        // What is shown to its author alone reaches nobody, and looks like that.
        let told = Told { read: asked.wants && asked.shared, delivered: asked.shared && message.sender_id == reader };
        if asked.waits {
            return Ok(MessageReceipts { named: false, read_count: 0, delivered_count: 0, people: Vec::new() });
        }
        if asked.named { Ok(self.named(&message, &told).await?) } else { Ok(self.counted(&message, &told).await?) }
    }

    /// Indexes: `members_pkey`, `users_pkey`, `conversations_pkey`, `memberships_open_key`, `read_receipts_pkey`, `receipt_steps_pkey`,
    /// `delivery_marks_pkey`.
    async fn named(&self, message: &Message, told: &Told) -> Result<MessageReceipts, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT u.user_id, u.handle, u.display_name,
                      coalesce(r.after_seq < $3 AND r.read_seq >= $3, false) AS "read!", r.read_at AS "read_at?",
                      rs.sinces AS "read_sinces?", rs.seqs AS "read_seqs?", rs.ats AS "read_ats?", rs.devices AS "read_devices?",
                      coalesce(d.seq >= $3, false) AS "delivered!",
                      ds.sinces AS "sinces?", ds.seqs AS "seqs?", ds.ats AS "ats?", ds.devices AS "devices?"
               FROM members m
               JOIN users u ON u.user_id = m.user_id
               JOIN conversations c ON c.conversation_id = m.conversation_id
               JOIN memberships v ON v.conversation_id = m.conversation_id AND v.user_id = m.user_id AND v.left_seq IS NULL
                    AND v.joined_seq < $3
               LEFT JOIN read_receipts r ON r.conversation_id = m.conversation_id AND r.user_id = m.user_id
               LEFT JOIN receipt_steps rs ON rs.conversation_id = m.conversation_id AND rs.user_id = m.user_id AND rs.step = 'read'
               LEFT JOIN delivery_marks d ON d.user_id = m.user_id AND d.shard = c.shard
               LEFT JOIN receipt_steps ds ON ds.conversation_id = m.conversation_id AND ds.user_id = m.user_id AND ds.step = 'delivered'
               WHERE m.conversation_id = $1 AND m.user_id <> $2 ORDER BY m.user_id LIMIT $4"#,
            message.conversation_id.to_uuid(),
            message.sender_id.to_uuid(),
            message.seq.to_i64(),
            i64::from(RECEIPTS_MOST_MEMBERS)
        )
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)?;
        let mut people = Vec::with_capacity(rows.len());
        for row in rows {
            let read = steps(row.read_sinces, row.read_seqs, row.read_ats, row.read_devices);
            // Where no time is known, the mark's own is the latest it can have been.
            let latest = |read_at: OffsetDateTime| ReceiptStep { at_ms: Some(millis(read_at)), before: true, device_kind: None };
            let read = (told.read && row.read)
                .then(|| read.and_then(|steps| steps.when(message.seq.to_i64())).or_else(|| row.read_at.map(latest)))
                .flatten();
            let delivered = steps(row.sinces, row.seqs, row.ats, row.devices).and_then(|steps| steps.when(message.seq.to_i64()));
            // The time of the mark itself tells of other conversations.
            let unknown = ReceiptStep { at_ms: None, before: true, device_kind: None };
            let delivered = (told.delivered && row.delivered).then(|| delivered.unwrap_or(unknown));
            people.push(MessageReceipt { user: profile_of(row.user_id, &row.handle, &row.display_name)?, delivered, read });
        }
        let count = |is: fn(&MessageReceipt) -> bool| u32::try_from(people.iter().filter(|one| is(one)).count()).unwrap_or(u32::MAX);
        // Who has read it has it.
        let delivered_count = if told.delivered { count(|one| one.delivered.is_some() || one.read.is_some()) } else { 0 };
        Ok(MessageReceipts { named: true, read_count: count(|one| one.read.is_some()), delivered_count, people })
    }

    /// As [`Self::named`], of all members.
    async fn counted(&self, message: &Message, told: &Told) -> Result<MessageReceipts, StoreError> {
        let row = sqlx::query!(
            r#"SELECT count(*) FILTER (WHERE found.read) AS "read!", count(*) FILTER (WHERE found.read OR found.delivered) AS "delivered!"
               FROM (SELECT $4 AND coalesce(r.after_seq < $3 AND r.read_seq >= $3, false) AS read,
                            coalesce(d.seq >= $3, false) AS delivered
                     FROM members m
                     JOIN conversations c ON c.conversation_id = m.conversation_id
                     JOIN memberships v ON v.conversation_id = m.conversation_id AND v.user_id = m.user_id AND v.left_seq IS NULL
                          AND v.joined_seq < $3
                     LEFT JOIN read_receipts r ON r.conversation_id = m.conversation_id AND r.user_id = m.user_id
                     LEFT JOIN delivery_marks d ON d.user_id = m.user_id AND d.shard = c.shard
                     WHERE m.conversation_id = $1 AND m.user_id <> $2) AS found"#,
            message.conversation_id.to_uuid(),
            message.sender_id.to_uuid(),
            message.seq.to_i64(),
            told.read
        )
        .fetch_one(&self.pool)
        .await
        .map_err(unavailable)?;
        let count = |counted: i64| u32::try_from(counted).unwrap_or(u32::MAX);
        let delivered_count = if told.delivered { count(row.delivered) } else { 0 };
        Ok(MessageReceipts { named: false, read_count: count(row.read), delivered_count, people: Vec::new() })
    }
}

fn steps(
    sinces: Option<Vec<i64>>,
    seqs: Option<Vec<i64>>,
    ats: Option<Vec<OffsetDateTime>>,
    devices: Option<Vec<String>>,
) -> Option<Steps> {
    Some(Steps { sinces: sinces?, seqs: seqs?, ats: ats?, devices: devices? })
}
