//! What a device keeps over restarts: its position and its outbox.

mod file;
mod memory;

use async_trait::async_trait;
use relay_protocol::message::MessageBody;
use relay_protocol::{Position, SendMessage};
use relay_types::{ClientId, ConversationId};

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
    /// What.
    pub body: MessageBody,
}

impl QueuedSend {
    /// As it goes over the wire.
    pub fn to_wire(&self) -> SendMessage {
        SendMessage { client_id: self.client_id.clone(), conversation_id: self.conversation_id, body: self.body.clone() }
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
