//! Who is there: what processes share of it, and who may know.

use async_trait::async_trait;
use relay_protocol::presence::{Availability, PresenceNotice};
use relay_types::{TimestampMs, UserId};

use super::StoreError;

/// How people are there, as each gateway says, for as long as it goes on saying so. May vanish at any time.
#[async_trait]
pub trait PresenceBoard: Send + Sync {
    /// Writes how people are there at this gateway: each for a minute, or not any more (`offline`).
    ///
    /// # Errors
    /// When that cannot be done now.
    ///
    /// # Cancel safety
    /// Cancel safe: some of it may be written.
    async fn put(&self, gateway: &str, people: &[PresenceNotice]) -> Result<(), StoreError>;

    /// What gateways say of these people: each with the gateway's name, and until when it holds.
    ///
    /// # Errors
    /// When that cannot be told now.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn get(&self, people: &[UserId]) -> Result<Vec<(String, PresenceNotice, TimestampMs)>, StoreError>;
}

/// What people let others know of whether they are there.
#[async_trait]
pub trait PresenceRules: Send + Sync {
    /// How these people want to be seen. Who is not known is not named.
    ///
    /// # Errors
    /// When that cannot be told now.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn availability(&self, people: &[UserId]) -> Result<Vec<(UserId, Availability)>, StoreError>;

    /// Those of `people` of whom `viewer` may know whether they are there; with when they were there last, if they ever were.
    ///
    /// # Errors
    /// When that cannot be told now.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn allowed(&self, viewer: UserId, people: &[UserId]) -> Result<Vec<(UserId, Option<TimestampMs>)>, StoreError>;

    /// Keeps when people were there last; the latest wins.
    ///
    /// # Errors
    /// When that cannot be done now.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn seen(&self, people: &[(UserId, TimestampMs)]) -> Result<(), StoreError>;
}
