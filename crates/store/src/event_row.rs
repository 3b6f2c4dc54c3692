//! `conversation_events`: one event as a row, both ways.

use relay_domain::ports::StoreError;
use relay_protocol::log::{EventClass, EventOwner, EventText, LogEvent, MessageParts, MessageSent, StoredEvent};
use relay_protocol::{MessageRef, RawJson, ThreadRef};
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
    pub(crate) further: Option<String>,
    pub(crate) decided_at_ms: i64,
    pub(crate) at: OffsetDateTime,
    pub(crate) edited_seq: Option<i64>,
    pub(crate) edited_at: Option<OffsetDateTime>,
    /// As `messages.reactions` has them, and the reader's own.
    pub(crate) reactions: Option<String>,
    pub(crate) mine: Option<Vec<String>>,
    /// What `threads` has of it, as an object.
    pub(crate) replies: Option<String>,
}

/// What stands beside a message's columns and this version reads.
#[derive(Default, serde::Deserialize)]
struct Further {
    #[serde(default)]
    reply_to: Option<MessageRef>,
    #[serde(default)]
    thread: Option<ThreadRef>,
}

/// A newer version may say it otherwise.
fn read_further(further: Option<&str>) -> Further {
    further.and_then(|further| serde_json::from_str::<Further>(further).ok()).unwrap_or_default()
}

/// The root of the thread, of what stands beside a message's columns.
pub(crate) fn thread_of(further: Option<&str>) -> Option<ThreadRef> {
    read_further(further).thread
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
        Ok(StoredEvent { shard, seq, owner, prev, stored_at_ms: millis(at), event, text: None })
    }

    /// The message, given that the row is one.
    pub(crate) fn into_message(self) -> Result<MessageSent, StoreError> {
        let client_id = self.client_id.as_deref().ok_or_else(|| unreadable("message without client_id"))?;
        let Further { reply_to, thread } = read_further(self.further.as_deref());
        Ok(MessageSent {
            message_id: MessageId::from_uuid(self.event_id),
            conversation_id: ConversationId::from_uuid(self.conversation_id),
            actor_id: UserId::from_uuid(self.actor_id),
            client_id: text(client_id, "client_id")?,
            at_ms: self.decided_at_ms,
            body: serde_json::from_str(&self.body).map_err(|_| unreadable("message body"))?,
            reply_to,
            thread,
        })
    }
}

/// A row of `user_events` as it is sent on.
pub(crate) struct UserTextRow {
    pub(crate) user_id: Uuid,
    pub(crate) shard: i32,
    pub(crate) seq: i64,
    pub(crate) prev_seq: Option<i64>,
    pub(crate) body: String,
}

impl UserTextRow {
    /// The event's text, which is in the row.
    pub(crate) fn into_text(self) -> Result<EventText, StoreError> {
        Ok(EventText {
            shard: shard(self.shard)?,
            seq: Seq::from_i64(self.seq),
            owner: EventOwner::User(UserId::from_uuid(self.user_id)),
            prev: self.prev_seq.map(Seq::from_i64),
            text: as_published(self.body)?,
        })
    }
}

/// An event that a table has whole. Of before version 1, it is encoded anew.
fn as_published(body: String) -> Result<RawJson, StoreError> {
    // Postgres puts the shortest names first.
    if body.starts_with(r#"{"v": "#) {
        return Ok(RawJson::of_store(body));
    }
    let (event, text) = LogEvent::decode_with_text(&body).map_err(|_| unreadable("event"))?;
    Ok(text.unwrap_or_else(|| RawJson::of_store(event.encode())))
}

/// A row as it is sent on: nothing is read of its texts.
pub(crate) struct TextRow {
    pub(crate) conversation_id: Uuid,
    pub(crate) seq: i64,
    pub(crate) prev_seq: Option<i64>,
    pub(crate) shard: i32,
    pub(crate) kind: String,
    pub(crate) event_id: Uuid,
    pub(crate) actor_id: Uuid,
    pub(crate) client_id: Option<String>,
    pub(crate) body: String,
    pub(crate) further: Option<String>,
    pub(crate) decided_at_ms: i64,
}

impl TextRow {
    /// The event's text: a message's is made from its columns, any other is in the row.
    pub(crate) fn into_text(self) -> Result<EventText, StoreError> {
        let conversation_id = ConversationId::from_uuid(self.conversation_id);
        let text = if self.kind == MESSAGE_SENT {
            let parts = MessageParts {
                message_id: MessageId::from_uuid(self.event_id),
                actor_id: UserId::from_uuid(self.actor_id),
                at_ms: self.decided_at_ms,
                conversation_id,
                client_id: self.client_id.as_deref().ok_or_else(|| unreadable("message without client_id"))?,
                body: &self.body,
                further: self.further.as_deref(),
            };
            parts.text()
        } else {
            as_published(self.body)?
        };
        let (seq, prev, shard) = (Seq::from_i64(self.seq), self.prev_seq.map(Seq::from_i64), shard(self.shard)?);
        Ok(EventText { shard, seq, owner: EventOwner::Conversation(conversation_id), prev, text })
    }
}

/// What an event's row holds beside its sequence.
pub(crate) struct EventColumns {
    pub(crate) event_id: Uuid,
    pub(crate) actor_id: Uuid,
    pub(crate) client_id: Option<String>,
    pub(crate) body: String,
    pub(crate) further: Option<String>,
    pub(crate) decided_at_ms: i64,
}

/// The columns of an event on a conversation's subject; `None` for events that concern only a user.
pub(crate) fn columns(stored: &StoredEvent) -> Result<Option<EventColumns>, serde_json::Error> {
    match stored.event.class() {
        EventClass::Message(sent) => {
            return Ok(Some(EventColumns {
                event_id: sent.message_id.to_uuid(),
                actor_id: sent.actor_id.to_uuid(),
                client_id: Some(sent.client_id.as_str().to_owned()),
                body: stored.text.as_ref().and_then(MessageParts::body).map_or_else(|| serde_json::to_string(&sent.body), Ok)?,
                further: match (&stored.text, sent.reply_to.is_some() || sent.thread.is_some()) {
                    (Some(text), _) => MessageParts::further(text),
                    (None, true) => MessageParts::further(&RawJson::of_store(stored.event.encode())),
                    (None, false) => None,
                },
                decided_at_ms: sent.at_ms,
            }));
        }
        EventClass::Change | EventClass::Amendment | EventClass::Unknown(_) => {}
        EventClass::Personal | EventClass::Unreadable => return Ok(None),
    }
    let Some(text) = stored.text() else { return Ok(None) };
    // Whatever it is, the row says what it can of it; the body has all.
    let envelope = stored.event.envelope();
    Ok(Some(EventColumns {
        event_id: envelope.event_id.unwrap_or(EventId::from_uuid(Uuid::nil())).to_uuid(),
        actor_id: envelope.actor_id.unwrap_or(UserId::from_uuid(Uuid::nil())).to_uuid(),
        client_id: None,
        body: text.into_owned(),
        further: None,
        decided_at_ms: envelope.at_ms.unwrap_or(stored.stored_at_ms),
    }))
}
