//! Marking a conversation as unread. It is the person's own affair: the read mark, which others may know of, stays where it is.

use relay_domain::ports::{ConversationError, LogAddress};
use relay_types::{ConversationId, Seq, TimestampMs, UserId};

use crate::Store;
use crate::convert::shard;
use crate::error::unavailable;
use crate::outbox::Pending;
use crate::store::commit;

impl Store {
    /// Marks what stands from `from` on as unread, and tells the user's other devices in the same transaction. Indexes: `members_pkey`,
    /// `conversations_pkey`, `conversation_heads_pkey`, `memberships_open_key`, `read_mark_news_pkey`.
    pub(crate) async fn unread_from(
        &self,
        user: UserId,
        id: ConversationId,
        from: Seq,
        at_ms: TimestampMs,
    ) -> Result<LogAddress, ConversationError> {
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        let row = sqlx::query!(
            r#"WITH before AS MATERIALIZED (
                   SELECT m.unread_from, m.unread_at, c.shard FROM members m JOIN conversations c USING (conversation_id)
                   WHERE m.conversation_id = $1 AND m.user_id = $2 FOR NO KEY UPDATE OF m),
               now AS MATERIALIZED (
                   SELECT greatest(least($3, h.last_seq), v.joined_seq + 1) AS unread_from, h.last_seq AS unread_at
                   FROM conversation_heads h JOIN memberships v USING (conversation_id)
                   WHERE h.conversation_id = $1 AND v.user_id = $2 AND v.left_seq IS NULL)
               UPDATE members AS m SET unread_from = now.unread_from, unread_at = now.unread_at FROM before, now
               WHERE m.conversation_id = $1 AND m.user_id = $2
               RETURNING m.read_seq, m.unread_from AS "unread_from!", before.shard,
                         before.unread_from IS NOT DISTINCT FROM m.unread_from AND before.unread_at IS NOT DISTINCT FROM m.unread_at AS "same!""#,
            id.to_uuid(),
            user.to_uuid(),
            from.to_i64()
        )
        .fetch_optional(&mut *transaction)
        .await
        .map_err(unavailable)?
        .ok_or(ConversationError::NotMember)?;
        let address = LogAddress::User { shard: shard(row.shard)?, id: user };
        if row.same {
            // Its event may not be in the log yet.
            return Ok(address);
        }
        // This tells of the read mark, too. Told later, what waits might not know yet what is marked here.
        sqlx::query!("UPDATE read_mark_news SET told_seq = seq WHERE user_id = $1 AND conversation_id = $2", user.to_uuid(), id.to_uuid())
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
        let mut pending = Pending::default();
        self.push_moved(&mut pending, address, (user, id), (Seq::from_i64(row.read_seq), Some(Seq::from_i64(row.unread_from))), at_ms);
        pending.write(&mut transaction).await?;
        commit(transaction).await?;
        Ok(address)
    }
}
