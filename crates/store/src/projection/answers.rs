//! Whoever writes in a direct conversation that another began has answered it.

use std::collections::BTreeSet;

use relay_domain::ports::LogAddress;
use relay_protocol::log::{ConversationMoved, LogEvent};
use relay_types::{ConversationId, ShardId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::batch::Batch;
use crate::Store;
use crate::outbox::Pending;

impl Store {
    /// Turns requests that were answered in the run into conversations like others. Rare; the statement looks for each sender in
    /// an index that holds nothing but unanswered requests. Word to the sender's own subject wakes the reconciler.
    /// Index: `members_requests`.
    pub(super) async fn note_answers(&self, connection: &mut PgConnection, shard: ShardId, batch: &Batch) -> sqlx::Result<()> {
        let keys = &batch.send_keys;
        let pairs: BTreeSet<(Uuid, Uuid)> = keys.conversation.iter().copied().zip(keys.sender.iter().copied()).collect();
        let (conversations, senders): (Vec<Uuid>, Vec<Uuid>) = pairs.into_iter().unzip();
        let answered = sqlx::query!(
            "UPDATE members AS m SET state = 'accepted', hidden_seq = NULL
             FROM unnest($1::uuid[], $2::uuid[]) AS t (conversation_id, user_id)
             WHERE m.conversation_id = t.conversation_id AND m.user_id = t.user_id AND m.state = 'request'
             RETURNING m.conversation_id, m.user_id",
            &conversations,
            &senders
        )
        .fetch_all(&mut *connection)
        .await?;
        if answered.is_empty() {
            return Ok(());
        }
        let at_ms = batch.newest_at().map_or(0, crate::convert::millis);
        let mut pending = Pending::default();
        for row in answered {
            let (event_id, user_id) = (self.event_id(), UserId::from_uuid(row.user_id));
            let joined = ConversationMoved { event_id, user_id, conversation_id: ConversationId::from_uuid(row.conversation_id), at_ms };
            pending.push(LogAddress::User { shard, id: user_id }, event_id, LogEvent::ConversationJoined(joined));
        }
        pending.write(connection).await.map(drop).map_err(|error| sqlx::Error::Protocol(error.to_string()))
    }
}
