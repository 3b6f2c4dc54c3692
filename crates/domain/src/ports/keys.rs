//! Public signing keys on their way to those who verify.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Causes, DriverError};

/// The keys were not published.
#[derive(Debug, thiserror::Error)]
#[error("could not publish the signing keys: {reason}")]
pub struct KeyPublishError {
    /// The adapter's words, for the operator.
    pub reason: String,
    /// What lies behind them.
    #[source]
    pub causes: Option<Causes>,
}

impl KeyPublishError {
    /// An adapter's error, or words.
    pub fn new(error: impl Into<DriverError>) -> Self {
        let (reason, causes) = Causes::of(error.into());
        Self { reason, causes }
    }
}

/// Hands the current public keys to every verifier.
#[async_trait]
pub trait KeyPublisher: Send + Sync {
    /// Makes the published set hold exactly `keys`: key id to JSON Web Key, public halves only. New keys appear before
    /// old ones go.
    ///
    /// # Cancel safety
    /// Cancel safe; some keys may have been published. Publishing again completes it.
    async fn publish(&self, keys: &BTreeMap<String, String>) -> Result<(), KeyPublishError>;
}
