//! A store that ends with the process: for bots that start at the head, tests and benches.

use async_trait::async_trait;
use parking_lot::Mutex;
use relay_protocol::Position;
use relay_types::ClientId;

use super::{ClientStore, QueuedSend, Saved};
use crate::error::StoreError;

/// Keeps the position. The outbox lives in the client itself, so nothing is kept twice.
#[derive(Debug, Default)]
pub struct MemoryStore {
    position: Mutex<Option<Position>>,
}

impl MemoryStore {
    /// Begins where another client stopped.
    pub fn at(position: Position) -> Self {
        Self { position: Mutex::new(Some(position)) }
    }

    /// The newest stored position.
    pub fn position(&self) -> Option<Position> {
        self.position.lock().clone()
    }
}

#[async_trait]
impl ClientStore for MemoryStore {
    async fn load(&self) -> Result<Saved, StoreError> {
        Ok(Saved { position: self.position(), outbox: Vec::new() })
    }

    async fn put_send(&self, _send: &QueuedSend) -> Result<(), StoreError> {
        Ok(())
    }

    async fn forget_send(&self, _client_id: &ClientId) -> Result<(), StoreError> {
        Ok(())
    }

    async fn save_position(&self, position: &Position) -> Result<(), StoreError> {
        *self.position.lock() = Some(position.clone());
        Ok(())
    }
}
