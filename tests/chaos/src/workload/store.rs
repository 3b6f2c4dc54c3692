//! A device's memory: what survives its crash.

use async_trait::async_trait;
use parking_lot::Mutex;
use relay_client::{ClientStore, QueuedSend, Saved, StoreError};
use relay_protocol::Position;
use relay_types::ClientId;

/// Keeps position and outbox like a phone's disk does.
#[derive(Default)]
pub struct Disk {
    position: Mutex<Option<Position>>,
    outbox: Mutex<Vec<QueuedSend>>,
}

impl Disk {
    /// Whether the device would resume.
    pub fn has_position(&self) -> bool {
        self.position.lock().is_some()
    }
}

#[async_trait]
impl ClientStore for Disk {
    async fn load(&self) -> Result<Saved, StoreError> {
        Ok(Saved { position: self.position.lock().clone(), outbox: self.outbox.lock().clone() })
    }

    async fn put_send(&self, send: &QueuedSend) -> Result<(), StoreError> {
        self.outbox.lock().push(send.clone());
        Ok(())
    }

    async fn forget_send(&self, client_id: &ClientId) -> Result<(), StoreError> {
        self.outbox.lock().retain(|send| send.client_id != *client_id);
        Ok(())
    }

    async fn save_position(&self, position: &Position) -> Result<(), StoreError> {
        *self.position.lock() = Some(position.clone());
        Ok(())
    }
}
