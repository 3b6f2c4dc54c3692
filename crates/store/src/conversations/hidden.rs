//! Messages that people hid from themselves.

use relay_domain::ports::{HideError, LogAddress};
use relay_protocol::log::{LogEvent, MessageHidden};
use relay_types::{ConversationId, MessageId, Seq, TimestampMs, UserId};

use crate::Store;
use crate::convert::shard;
use crate::error::unavailable;
use crate::outbox::Pending;
use crate::store::commit;

/// Messages that one person may hide.
const MOST_HIDDEN: i64 = 20_000;

impl Store {
    /// Hides the message, in the transaction that tells of it. Indexes: `members_pkey`, `messages_message_id_key` of one partition,
    /// `memberships_open_key`; `hidden_messages_pkey` of one partition, of which up to [`MOST_HIDDEN`] entries are counted.
    pub(super) async fn hide(
        &self,
        actor: UserId,
        id: ConversationId,
        message: MessageId,
        at_ms: TimestampMs,
    ) -> Result<Option<LogAddress>, HideError> {
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        // The member's row is what a removal waits for, and what a second device of theirs waits for here.
        let member = sqlx::query_scalar!(
            "SELECT c.shard FROM members m JOIN conversations c USING (conversation_id)
             WHERE m.conversation_id = $1 AND m.user_id = $2 FOR NO KEY UPDATE OF m",
            id.to_uuid(),
            actor.to_uuid()
        );
        let member = member.fetch_optional(&mut *transaction).await.map_err(unavailable)?.ok_or(HideError::NotMember)?;
        let seq = sqlx::query_scalar!(
            "SELECT e.seq FROM messages e
             JOIN memberships v ON v.conversation_id = e.conversation_id AND v.user_id = $3 AND v.left_seq IS NULL
                  AND v.joined_seq <= e.seq
             WHERE e.conversation_id = $1 AND e.message_id = $2 AND e.kind = 'MESSAGE_SENT' AND (e.only_for IS NULL OR e.only_for = $3)",
            id.to_uuid(),
            message.to_uuid(),
            actor.to_uuid()
        );
        let Some(seq) = seq.fetch_optional(&mut *transaction).await.map_err(unavailable)? else {
            return Err(if self.messages_are_filled().await? {
                HideError::UnknownMessage
            } else {
                relay_domain::ports::StoreError::new("messages are being filled").into()
            });
        };
        let hidden = sqlx::query_scalar!(
            r#"SELECT count(*) AS "hidden!" FROM (SELECT FROM hidden_messages WHERE user_id = $1 LIMIT $2) AS theirs"#,
            actor.to_uuid(),
            MOST_HIDDEN
        );
        let hidden = hidden.fetch_one(&mut *transaction).await.map_err(unavailable)?;
        let row = sqlx::query!(
            "INSERT INTO hidden_messages (user_id, conversation_id, seq) SELECT $1, $2, $3 WHERE $4
             ON CONFLICT DO NOTHING",
            actor.to_uuid(),
            id.to_uuid(),
            seq,
            hidden < MOST_HIDDEN
        );
        let is_new = row.execute(&mut *transaction).await.map_err(unavailable)?.rows_affected() == 1;
        if !is_new {
            let there = sqlx::query_scalar!(
                r#"SELECT EXISTS (SELECT FROM hidden_messages WHERE user_id = $1 AND conversation_id = $2 AND seq = $3) AS "there!""#,
                actor.to_uuid(),
                id.to_uuid(),
                seq
            );
            let there = there.fetch_one(&mut *transaction).await.map_err(unavailable)?;
            return if there { Ok(None) } else { Err(HideError::TooMany) };
        }
        let (address, event_id) = (LogAddress::User { shard: shard(member)?, id: actor }, self.event_id());
        let mut pending = Pending::default();
        let hidden = MessageHidden {
            event_id,
            actor_id: actor,
            at_ms,
            user_id: actor,
            conversation_id: id,
            message_id: message,
            message_seq: Seq::from_i64(seq),
        };
        pending.push(address, event_id, LogEvent::MessageHidden(hidden));
        pending.write(&mut transaction).await?;
        commit(transaction).await?;
        Ok(Some(address))
    }
}
