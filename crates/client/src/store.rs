//! What a device keeps over restarts: its position and its outbox.

mod file;
mod memory;

use async_trait::async_trait;
use relay_protocol::command::encode;
use relay_protocol::message::MessageBody;
use relay_protocol::{DeleteMessage, EditMessage, PinMessage, Position, React, SendMessage};
use relay_types::{ClientId, ConversationId, Emoji, MessageId};

pub use file::FileStore;
pub use memory::MemoryStore;

use crate::error::StoreError;

/// A message in the outbox.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct QueuedSend {
    /// Its key, the same over all retries.
    pub client_id: ClientId,
    /// Where to.
    pub conversation_id: ConversationId,
    /// What. Nothing (`erased`) where nothing is said.
    pub body: MessageBody,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// The message under which it is said, in its thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<MessageId>,
    /// The message that says this from now on: it is no message of its own, but an edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edits: Option<MessageId>,
    /// The message that is to be gone for everyone: it is no message of its own either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletes: Option<MessageId>,
    /// A reaction to a message: it is no message of its own either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reacts: Option<Box<QueuedReaction>>,
    /// A message that is to be pinned or no longer: it is no message of its own either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pins: Option<QueuedPin>,
}

/// A pin on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct QueuedPin {
    /// Of which message.
    pub message_id: MessageId,
    /// Whether from now on; `false`: no longer.
    pub on: bool,
}

/// A reaction on its way.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct QueuedReaction {
    /// To which message.
    pub message_id: MessageId,
    /// With what.
    pub emoji: Emoji,
    /// Whether from now on; `false`: no longer.
    pub on: bool,
}

impl QueuedSend {
    /// A new message.
    pub const fn message(client_id: ClientId, conversation_id: ConversationId, body: MessageBody) -> Self {
        Self { client_id, conversation_id, body, reply_to: None, thread: None, edits: None, deletes: None, reacts: None, pins: None }
    }

    /// The deletion of a message for everyone.
    pub fn deletion(client_id: ClientId, conversation_id: ConversationId, message: MessageId) -> Self {
        Self { deletes: Some(message), ..Self::message(client_id, conversation_id, MessageBody::Erased) }
    }

    /// A reaction to a message.
    pub fn reaction(client_id: ClientId, conversation_id: ConversationId, reaction: QueuedReaction) -> Self {
        Self { reacts: Some(Box::new(reaction)), ..Self::message(client_id, conversation_id, MessageBody::Erased) }
    }

    /// A message that is pinned, or no longer.
    pub const fn pin(client_id: ClientId, conversation_id: ConversationId, pin: QueuedPin) -> Self {
        let mut queued = Self::message(client_id, conversation_id, MessageBody::Erased);
        queued.pins = Some(pin);
        queued
    }

    /// The frame's text, as it goes over the wire.
    pub fn frame(&self) -> String {
        let Self { client_id, conversation_id, body, reply_to, thread, edits, deletes, reacts, pins } = self.clone();
        if let Some(QueuedPin { message_id, on }) = pins {
            return encode::pin_message(&PinMessage { client_id, conversation_id, message_id, on });
        }
        if let Some(QueuedReaction { message_id, emoji, on }) = reacts.map(|reaction| *reaction) {
            return encode::react(&React { client_id, conversation_id, message_id, emoji, on });
        }
        match (deletes, edits) {
            (Some(message_id), _) => encode::delete_message(&DeleteMessage { client_id, conversation_id, message_id }),
            (None, Some(message_id)) => encode::edit_message(&EditMessage { client_id, conversation_id, message_id, body }),
            (None, None) => encode::send_message(&SendMessage { client_id, conversation_id, body, reply_to, thread }),
        }
    }
}

/// What an earlier run left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Saved {
    /// Up to where that run had handed events to its program.
    pub position: Option<Position>,
    /// What it had not seen acknowledged, in order.
    pub outbox: Vec<QueuedSend>,
}

/// Keeps a device's state. A method that returned has done what it says, also if the process is killed next.
#[async_trait]
pub trait ClientStore: Send + Sync {
    /// What is there.
    async fn load(&self) -> Result<Saved, StoreError>;

    /// Adds a message at the end of the outbox.
    ///
    /// # Cancel safety
    /// The message may or may not be there afterwards.
    async fn put_send(&self, send: &QueuedSend) -> Result<(), StoreError>;

    /// Removes a message. If this is lost, the message is sent again later and its first ack comes back.
    async fn forget_send(&self, client_id: &ClientId) -> Result<(), StoreError>;

    /// Replaces the position.
    async fn save_position(&self, position: &Position) -> Result<(), StoreError>;
}
