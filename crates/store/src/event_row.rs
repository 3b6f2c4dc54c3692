//! `conversation_events`: one event as a row, both ways.

use relay_domain::ports::StoreError;
use relay_protocol::log::{EventOwner, LogEvent, MessageSent, StoredEvent};
use relay_types::{ConversationId, EventId, MessageId, Seq, UserId};
use sqlx::types::Uuid;
use time::OffsetDateTime;

use crate::convert::{millis, shard, text};
use crate::error::unreadable;

/// `conversation_events.kind` of a message. The queries spell it too.
pub(crate) const MESSAGE_SENT: &str = "MESSAGE_SENT";

/// A row as read.
pub(crate) struct EventRow {
    pub(crate) conversation_id: Uuid,
    pub(crate) seq: i64,
    pub(crate) prev_seq: Option<i64>,
    pub(crate) shard: i32,
    pub(crate) kind: String,
    pub(crate) event_id: Uuid,
    pub(crate) actor_id: Uuid,
    pub(crate) client_id: Option<String>,
    pub(crate) body: String,
    pub(crate) decided_at_ms: i64,
    pub(crate) at: OffsetDateTime,
}

impl EventRow {
    /// The event as it was in the log.
    pub(crate) fn into_stored(self) -> Result<StoredEvent, StoreError> {
        let (seq, prev, shard, at) = (Seq::from_i64(self.seq), self.prev_seq.map(Seq::from_i64), shard(self.shard)?, self.at);
        let owner = Some(EventOwner::Conversation(ConversationId::from_uuid(self.conversation_id)));
        let event = if self.kind == MESSAGE_SENT {
            LogEvent::MessageSent(self.into_message()?)
        } else {
            serde_json::from_str(&self.body).map_err(|_| unreadable("event"))?
        };
        Ok(StoredEvent { shard, seq, owner, prev, stored_at_ms: millis(at), event })
    }

    /// The message, given that the row is one.
    pub(crate) fn into_message(self) -> Result<MessageSent, StoreError> {
        let client_id = self.client_id.as_deref().ok_or_else(|| unreadable("message without client_id"))?;
        Ok(MessageSent {
            message_id: MessageId::from_uuid(self.event_id),
            conversation_id: ConversationId::from_uuid(self.conversation_id),
            sender_id: UserId::from_uuid(self.actor_id),
            client_id: text(client_id, "client_id")?,
            sent_at_ms: self.decided_at_ms,
            body: serde_json::from_str(&self.body).map_err(|_| unreadable("message body"))?,
        })
    }
}

/// A row of `user_events` as read.
pub(crate) struct UserEventRow {
    pub(crate) user_id: Uuid,
    pub(crate) shard: i32,
    pub(crate) seq: i64,
    pub(crate) prev_seq: Option<i64>,
    pub(crate) body: String,
    pub(crate) stored_at: OffsetDateTime,
}

impl UserEventRow {
    /// The event as it was in the log.
    pub(crate) fn into_stored(self) -> Result<StoredEvent, StoreError> {
        Ok(StoredEvent {
            shard: shard(self.shard)?,
            seq: Seq::from_i64(self.seq),
            owner: Some(EventOwner::User(UserId::from_uuid(self.user_id))),
            prev: self.prev_seq.map(Seq::from_i64),
            stored_at_ms: millis(self.stored_at),
            event: serde_json::from_str(&self.body).map_err(|_| unreadable("user event"))?,
        })
    }
}

/// What an event's row holds beside its sequence.
pub(crate) struct EventColumns {
    pub(crate) event_id: Uuid,
    pub(crate) actor_id: Uuid,
    pub(crate) client_id: Option<String>,
    pub(crate) body: String,
    pub(crate) decided_at_ms: i64,
}

/// The columns of an event on a conversation's subject; `None` for events that concern only a user.
pub(crate) fn columns(stored: &StoredEvent) -> Result<Option<EventColumns>, serde_json::Error> {
    let event = &stored.event;
    let (event_id, actor, decided_at_ms): (EventId, UserId, i64) = match event {
        LogEvent::MessageSent(e) => {
            return Ok(Some(EventColumns {
                event_id: e.message_id.to_uuid(),
                actor_id: e.sender_id.to_uuid(),
                client_id: Some(e.client_id.as_str().to_owned()),
                body: serde_json::to_string(&e.body)?,
                decided_at_ms: e.sent_at_ms,
            }));
        }
        LogEvent::ConversationCreated(e) => (e.event_id, e.created_by, e.at_ms),
        LogEvent::MemberAdded(e) => (e.event_id, e.added_by, e.at_ms),
        LogEvent::MemberRemoved(e) => (e.event_id, e.removed_by, e.at_ms),
        LogEvent::MembersAdded(e) => (e.event_id, e.added_by, e.at_ms),
        LogEvent::MembersRemoved(e) => (e.event_id, e.removed_by, e.at_ms),
        LogEvent::ConversationRenamed(e) => (e.event_id, e.renamed_by, e.at_ms),
        LogEvent::RoleChanged(e) => (e.event_id, e.changed_by, e.at_ms),
        LogEvent::MessageErased(e) => (e.event_id, e.sender_id, e.at_ms),
        // Whatever it is, the row says what it can of it; the body has all.
        LogEvent::Unknown(e) => (
            e.event_id.unwrap_or(EventId::from_uuid(Uuid::nil())),
            e.actor_id.unwrap_or(UserId::from_uuid(Uuid::nil())),
            e.at_ms.unwrap_or(stored.stored_at_ms),
        ),
        LogEvent::UserRegistered(_)
        | LogEvent::UserSeen(_)
        | LogEvent::ConversationJoined(_)
        | LogEvent::ConversationLeft(_)
        | LogEvent::ConversationInvited(_)
        | LogEvent::InvitationEnded(_)
        | LogEvent::SessionRevoked(_)
        | LogEvent::Unreadable => return Ok(None),
    };
    Ok(Some(EventColumns {
        event_id: event_id.to_uuid(),
        actor_id: actor.to_uuid(),
        client_id: None,
        body: serde_json::to_string(event)?,
        decided_at_ms,
    }))
}
