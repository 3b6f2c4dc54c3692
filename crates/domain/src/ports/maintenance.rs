//! What the database needs from time to time.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;

/// One task of database maintenance. Each is done by itself: what one of them cannot do holds up no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MaintenanceTask {
    /// The coming months' partitions of events, and an end to those that no device can ask for any more.
    EventPartitions,
    /// The coming days' partitions of users' own events, and an end to those that no device can ask for any more.
    UserEvents,
    /// Filling the current state of messages from the events of before there was one.
    Messages,
    /// The coming weeks' partitions of keys of sends, and an end to those that ran out.
    SendKeys,
    /// An end to what was published from the outbox long ago.
    Outbox,
    /// An end to refresh tokens that ran out.
    RefreshTokens,
    /// An end to sessions that ran out.
    Sessions,
    /// An end to what people hid from themselves in conversations that they are in no more.
    HiddenMessages,
}

impl MaintenanceTask {
    /// Every task.
    pub const ALL: [Self; 8] = [
        Self::EventPartitions,
        Self::UserEvents,
        Self::Messages,
        Self::SendKeys,
        Self::Outbox,
        Self::RefreshTokens,
        Self::Sessions,
        Self::HiddenMessages,
    ];

    /// As a metric label and for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EventPartitions => "event_partitions",
            Self::UserEvents => "user_events",
            Self::Messages => "messages",
            Self::SendKeys => "send_keys",
            Self::Outbox => "outbox",
            Self::RefreshTokens => "refresh_tokens",
            Self::Sessions => "sessions",
            Self::HiddenMessages => "hidden_messages",
        }
    }
}

/// How far a task came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaintenanceOutcome {
    /// Rows that were removed one by one. Partitions that were dropped as a whole are not counted.
    pub removed: u64,
    /// `false` when the time was over before the work was.
    pub done: bool,
}

/// Runs maintenance tasks.
#[async_trait]
pub trait Maintenance: Send + Sync {
    /// Does `task` for about `budget`, and says whether something is left to do. Idempotent.
    ///
    /// # Cancel safety
    /// Cancel safe: what was done stays done.
    async fn maintain(&self, kind: MaintenanceTask, budget: Duration) -> Result<MaintenanceOutcome, StoreError>;
}
