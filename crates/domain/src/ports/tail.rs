//! Following the log live.

use std::time::Duration;

use async_trait::async_trait;
use relay_protocol::log::StoredEvent;
use relay_types::{ConversationId, MessageId, Seq, SessionId, ShardId, TimestampMs, UserId};

use super::{Causes, DriverError};

/// Where a tail begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TailStart {
    /// With the first event after this one.
    After(Seq),
    /// With the first event that is at most `age` older than the newest one and among the last `most`, but no later than right
    /// after `end`.
    Recent {
        /// How far back.
        age: Duration,
        /// How many at most.
        most: u64,
        /// The log's end as the caller knows it: nothing after it is passed over.
        end: Seq,
    },
}

/// The state of a shard's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogHead {
    /// Which epoch of the log this is.
    pub epoch: String,
    /// It continues an earlier log that was lost: sequences go on from there, and what that log knew of recent sends is gone.
    pub continues: bool,
    /// The oldest event still kept; one beyond `last` when there is none.
    pub first: Seq,
    /// The newest event.
    pub last: Seq,
    /// The NATS server's clock as it answered.
    pub now_ms: TimestampMs,
}

impl LogHead {
    /// When this epoch of the log began, as far as that matters to who sends: the first log of a shard has always been there.
    /// One that continues another began when its epoch was named, which a ULID tells; `None` with any other name.
    pub fn began_ms(&self) -> Option<TimestampMs> {
        if !self.continues {
            return Some(TimestampMs::MIN / 2);
        }
        self.epoch.parse::<MessageId>().ok().and_then(|id| i64::try_from(id.minted_at_ms()).ok())
    }
}

/// What ended a while ago and matters still.
#[derive(Debug, Clone, Default)]
pub struct Ended {
    /// Sessions.
    pub sessions: Vec<SessionId>,
    /// Who left (`false`) or came in (`true`), and where, in order.
    pub membership_changes: Vec<(Seq, ConversationId, UserId, bool)>,
}

/// The tail cannot go on from where it was.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// The log does not answer; open again.
    #[error("the log cannot be followed now: {reason}")]
    Unavailable {
        /// The adapter's words, for the operator.
        reason: String,
        /// What lies behind them.
        #[source]
        causes: Option<Causes>,
    },
    /// The log was rebuilt: sequences of its former epoch mean nothing.
    #[error("the log was rebuilt: epoch {found} instead of {expected}")]
    EpochChanged {
        /// The epoch followed so far.
        expected: String,
        /// The epoch found.
        found: String,
    },
}

impl TailError {
    /// The log does not answer: an adapter's error, or words.
    pub fn unavailable(error: impl Into<DriverError>) -> Self {
        let (reason, causes) = Causes::of(error.into());
        Self::Unavailable { reason, causes }
    }
}

/// An open tail: every event once, in order, without gaps other than deleted events.
#[async_trait]
pub trait LogTail: Send {
    /// Waits for the next events: at least one, ascending. Re-opens the underlying consumer by itself where it left off.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn next(&mut self) -> Result<Vec<StoredEvent>, TailError>;
}

/// Opens tails.
#[async_trait]
pub trait TailSource: Send + Sync {
    /// The shard's present state.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn head(&self, shard: ShardId) -> Result<LogHead, TailError>;

    /// What ended at most `age` before the shard's newest event, by what users' own subjects say.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn ended(&self, shard: ShardId, age: Duration) -> Result<Ended, TailError>;

    /// Follows a shard.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn open(&self, shard: ShardId, epoch: &str, start: TailStart) -> Result<Box<dyn LogTail>, TailError>;
}
