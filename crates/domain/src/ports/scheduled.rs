//! Messages to be sent later.

use async_trait::async_trait;
use relay_protocol::ErrorCode;
use relay_protocol::scheduled::ScheduledMessage;
use relay_types::{ShardId, TimestampMs, UserId};

use super::{LogAddress, StoreError};

/// Why a message cannot be scheduled, or not any more.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// As many wait as one person may have, or as many bytes.
    #[error("too many scheduled messages")]
    TooMany,
    /// It is on its way.
    #[error("the message is being sent")]
    Sending,
    /// Nothing of the kind waits.
    #[error("no such scheduled message")]
    Unknown,
    /// There is no such user.
    #[error("no such user")]
    UnknownUser,
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A message whose time has come, taken up to be sent.
#[derive(Debug, Clone)]
pub struct DueMessage {
    /// Its author.
    pub author: UserId,
    /// Its conversation's.
    pub shard: ShardId,
    /// What, where, when.
    pub message: ScheduledMessage,
    /// The author may not do anything any more.
    pub disabled: bool,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduledOutcome {
    /// It is in the log.
    Sent,
    /// For good.
    Refused(ErrorCode),
    /// Not in the log, for a reason that passes: it waits until then, and may be changed or cancelled meanwhile.
    Again(TimestampMs),
    /// Whether it is in the log is not known: to be tried again then, with the same key.
    Unknown(TimestampMs),
    /// It is not in the log, and that is long ago: its author is asked.
    Overdue,
}

/// Messages to be sent later.
#[async_trait]
pub trait ScheduledMessages: Send + Sync {
    /// Schedules a message, or schedules it anew, and tells its author's devices: `SCHEDULED_MESSAGE_CHANGED` is in the outbox. Safe to
    /// repeat. Answers with the address to flush. Whether the author is in the conversation is asked when it is sent.
    ///
    /// # Cancel safety
    /// Not cancel safe: it may have happened.
    async fn schedule(&self, author: UserId, message: &ScheduledMessage, at_ms: TimestampMs) -> Result<LogAddress, ScheduleError>;

    /// Cancels a message that is not on its way, and tells its author's devices.
    ///
    /// # Cancel safety
    /// Not cancel safe: it may have happened.
    async fn cancel(
        &self,
        author: UserId,
        conversation: relay_types::ConversationId,
        client_id: &relay_types::ClientId,
        at_ms: TimestampMs,
    ) -> Result<LogAddress, ScheduleError>;

    /// All of the author's, by time.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn scheduled(&self, author: UserId) -> Result<Vec<ScheduledMessage>, StoreError>;

    /// Takes up to `limit` messages that are due on other shards than `busy`, the earliest of each author's in a conversation; no other
    /// process gets them before `until`.
    /// What waits and is more than a day late is put aside instead, up to 500 at once, and its author told. Answers with the addresses to
    /// flush, too.
    ///
    /// # Cancel safety
    /// Cancel safe: what was taken is due again at `until`.
    async fn take_due(
        &self,
        now_ms: TimestampMs,
        until_ms: TimestampMs,
        limit: u16,
        busy: &[ShardId],
    ) -> Result<(Vec<DueMessage>, Vec<LogAddress>), StoreError>;

    /// Says how it went, and tells the author's devices of what is final. Answers with the address to flush.
    ///
    /// # Cancel safety
    /// Not cancel safe: it may have happened. Repeating it does no harm.
    async fn settle(&self, due: &DueMessage, outcome: ScheduledOutcome, at_ms: TimestampMs) -> Result<Option<LogAddress>, StoreError>;
}
