//! Messages of the past.

use async_trait::async_trait;
use relay_domain::ports::{History, HistoryAnchor, HistoryError, Stay, StoreError};
use relay_protocol::frame::NewMessage;
use relay_protocol::rest::MessagePage;
use relay_types::{ConversationId, Seq, UserId};

use crate::Store;
use crate::error::unavailable;
use crate::event_row::EventRow;

#[async_trait]
impl History for Store {
    #[tracing::instrument(name = "db.history.read", skip_all, fields(conversation.id = %conversation))]
    async fn messages(
        &self,
        reader: UserId,
        conversation: ConversationId,
        anchor: HistoryAnchor,
        limit: u16,
    ) -> Result<MessagePage, HistoryError> {
        self.limited(async {
            // Indexes: members_pkey, memberships_open_key.
            let membership = sqlx::query!(
                r#"SELECT greatest(m.read_seq, p.sent_seq) AS "read_seq!", p.joined_seq AS "joined_seq?"
               FROM members m
               LEFT JOIN memberships p ON p.conversation_id = m.conversation_id AND p.user_id = m.user_id AND p.left_seq IS NULL
               WHERE m.conversation_id = $1 AND m.user_id = $2"#,
                conversation.to_uuid(),
                reader.to_uuid()
            )
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?
            .ok_or(HistoryError::NotMember)?;
            let Some(joined) = membership.joined_seq else {
                return Ok(MessagePage { messages: Vec::new(), has_more: false });
            };
            let first = Seq::from_i64(joined);
            let page = match anchor {
                HistoryAnchor::Newest => self.older(conversation, first, Seq(u64::MAX), limit).await,
                HistoryAnchor::Before(before) => self.older(conversation, first, before, limit).await,
                HistoryAnchor::After(after) => self.newer(conversation, first.max(after.next()), limit).await,
                HistoryAnchor::Unread => self.newer(conversation, first.max(Seq::from_i64(membership.read_seq).next()), limit).await,
            };
            Ok(page?)
        })
        .await
    }

    /// Index: `memberships_pkey`.
    #[tracing::instrument(name = "db.history.stays", skip_all, fields(conversation.id = %conversation))]
    async fn stays(&self, conversation: ConversationId, users: &[UserId]) -> Result<Vec<Stay>, StoreError> {
        self.limited(async {
            let users: Vec<_> = users.iter().map(|user| user.to_uuid()).collect();
            let rows = sqlx::query!(
                "SELECT user_id, joined_seq, left_seq FROM memberships WHERE conversation_id = $1 AND user_id = ANY ($2)",
                conversation.to_uuid(),
                &users
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            let stay = |user, joined, left: Option<i64>| Stay {
                user: UserId::from_uuid(user),
                joined: Seq::from_i64(joined),
                left: left.map(Seq::from_i64),
            };
            Ok(rows.into_iter().map(|row| stay(row.user_id, row.joined_seq, row.left_seq)).collect())
        })
        .await
    }
}

impl Store {
    /// The newest messages at or after `first` and before `before`. Index: `conversation_events_pkey`, backwards.
    async fn older(&self, conversation: ConversationId, first: Seq, before: Seq, limit: u16) -> Result<MessagePage, StoreError> {
        let rows = sqlx::query_as!(
            EventRow,
            r#"SELECT conversation_id, seq, prev_seq, shard, kind, event_id, actor_id, client_id, body::text AS "body!", decided_at_ms, at
               FROM conversation_events
               WHERE conversation_id = $1 AND seq >= $2 AND seq < $3 AND kind = 'MESSAGE_SENT'
               ORDER BY seq DESC LIMIT $4"#,
            conversation.to_uuid(),
            first.to_i64(),
            before.to_i64(),
            i64::from(limit) + 1
        )
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)?;
        let mut page = page_of(rows, limit)?;
        page.messages.reverse();
        Ok(page)
    }

    /// The oldest messages from `first` on. Index: `conversation_events_pkey`.
    async fn newer(&self, conversation: ConversationId, first: Seq, limit: u16) -> Result<MessagePage, StoreError> {
        let rows = sqlx::query_as!(
            EventRow,
            r#"SELECT conversation_id, seq, prev_seq, shard, kind, event_id, actor_id, client_id, body::text AS "body!", decided_at_ms, at
               FROM conversation_events
               WHERE conversation_id = $1 AND seq >= $2 AND kind = 'MESSAGE_SENT'
               ORDER BY seq LIMIT $3"#,
            conversation.to_uuid(),
            first.to_i64(),
            i64::from(limit) + 1
        )
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)?;
        page_of(rows, limit)
    }
}

/// The query asked for one row more than the page holds, to know whether there is another page.
fn page_of(mut rows: Vec<EventRow>, limit: u16) -> Result<MessagePage, StoreError> {
    let has_more = rows.len() > usize::from(limit);
    rows.truncate(usize::from(limit));
    Ok(MessagePage { messages: rows.into_iter().map(message_of).collect::<Result<_, _>>()?, has_more })
}

/// A message as clients see it.
pub(crate) fn message_of(row: EventRow) -> Result<NewMessage, StoreError> {
    let (seq, prev) = (Seq::from_i64(row.seq), row.prev_seq.map(Seq::from_i64));
    let message = row.into_message()?;
    Ok(NewMessage {
        conversation_id: message.conversation_id,
        seq,
        prev,
        message_id: message.message_id,
        sender_id: message.sender_id,
        client_id: message.client_id,
        sent_at_ms: message.sent_at_ms,
        body: message.body,
    })
}
