//! What gateways tell each other that has no place in the log.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bytes::Bytes;
use relay_types::ConversationId;

use super::{Causes, DriverError, StoreError};

/// The link between gateways cannot be listened to.
#[derive(Debug, Clone, thiserror::Error)]
#[error("other gateways cannot be heard: {reason}")]
pub struct LinkError {
    /// The adapter's words, for the operator.
    pub reason: String,
    /// What lies behind them.
    #[source]
    pub causes: Option<Causes>,
}

impl LinkError {
    /// An adapter's error, or words.
    pub fn new(error: impl Into<DriverError>) -> Self {
        let (reason, causes) = Causes::of(error.into());
        Self { reason, causes }
    }
}

/// Batches of ephemeral notices between gateways: at most once, in no order, kept nowhere.
#[async_trait]
pub trait EphemeralLink: Send + Sync {
    /// Hands over a batch of this bucket for all other gateways, without waiting. `false`: the link is down or does not take it, and
    /// the batch is lost.
    fn publish(&self, bucket: u8, batch: Bytes) -> bool;

    /// Listens to every bucket. What this gateway publishes itself is not heard.
    ///
    /// # Errors
    /// When it cannot be listened to now.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn listen(&self) -> Result<Box<dyn EphemeralFeed>, LinkError>;
}

/// Other gateways' batches.
#[async_trait]
pub trait EphemeralFeed: Send {
    /// The next batch, as it came: perhaps malformed. A broken link heals by itself; `None` when nothing comes any more.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn next(&mut self) -> Option<Bytes>;
}

/// In which conversations ephemeral notices are told.
#[async_trait]
pub trait EphemeralAudience: Send + Sync {
    /// Of these conversations, those in which nothing ephemeral is told: they have more members than `most_members`, or are direct
    /// ones that a person has not answered, or are not known.
    ///
    /// # Errors
    /// When that cannot be told now.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn silent(&self, conversations: &[ConversationId], most_members: u32) -> Result<BTreeSet<ConversationId>, StoreError>;
}
