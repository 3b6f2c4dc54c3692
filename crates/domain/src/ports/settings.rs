//! What users set for all their devices.

use async_trait::async_trait;
use relay_protocol::rest::{ChangeSettingsRequest, Settings};
use relay_types::{TimestampMs, UserId};

use super::{LogAddress, StoreError};

/// What users set for all their devices.
#[async_trait]
pub trait UserSettings: Send + Sync {
    /// What the user has set; `None` when there is no such user.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn settings(&self, user: UserId) -> Result<Option<Settings>, StoreError>;

    /// Changes what is named, and tells the user's devices: `SETTINGS_CHANGED` is in the outbox. Safe to repeat. Answers with all
    /// settings, and the addresses to flush; `None` when there is no such user.
    ///
    /// # Cancel safety
    /// Not cancel safe: the change may have happened. The outbox relay publishes its event.
    async fn change_settings(
        &self,
        user: UserId,
        change: ChangeSettingsRequest,
        at_ms: TimestampMs,
    ) -> Result<Option<(Settings, Vec<LogAddress>)>, StoreError>;
}
