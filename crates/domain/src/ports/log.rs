//! The log of record.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use relay_protocol::log::StoredEvent;
use relay_types::{ConversationId, Seq, ShardId, TimestampMs, UserId};

use super::{Causes, DriverError};

/// Where an event is appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogAddress {
    /// A conversation's subject.
    Conversation {
        /// The conversation's shard.
        shard: ShardId,
        /// Which.
        id: ConversationId,
    },
    /// A user's own subject, which exists on every shard.
    User {
        /// The shard of what it concerns.
        shard: ShardId,
        /// Whose.
        id: UserId,
    },
}

impl LogAddress {
    /// The shard appended to.
    pub const fn shard(&self) -> ShardId {
        match self {
            Self::Conversation { shard, .. } | Self::User { shard, .. } => *shard,
        }
    }
}

/// A W3C `traceparent` carried with an event.
pub type TraceParent = String;

/// An event on its way into the log.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Where it goes.
    pub address: LogAddress,
    /// By what the log recognises it.
    pub dedup_id: String,
    /// As it is stored.
    pub payload: Bytes,
    /// The trace that it belongs to.
    pub trace: Option<TraceParent>,
}

/// What became of events that were to be stored together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Together {
    /// All are stored, in this order, one next to the other; this is the first one's sequence.
    Stored(Seq),
    /// They are to be appended one by one, in this order.
    Apart(Apart),
}

/// Why events are not stored together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apart {
    /// It was not tried.
    NotTried,
    /// The log stored none of them.
    Refused,
    /// The log stored none of them, because it has the id of one, or of one that was in the same batch.
    Duplicate,
    /// Nobody answered: all of them may be in the log, or none.
    Unknown,
}

/// The log acknowledged an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its sequence; the first one's when the dedup id had been seen.
    pub seq: Seq,
    /// Whether the log had the dedup id already.
    pub duplicate: bool,
}

/// An append that was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Nobody acknowledged in time. The event may be in the log: retry with the SAME dedup id.
    #[error("no acknowledgement of the log on shard {shard} within {waited:?}")]
    OutcomeUnknown {
        /// Which shard.
        shard: ShardId,
        /// For how long it was tried.
        waited: Duration,
    },
    /// The log could not take it for all the time that it was tried, and said so each time: the event is not in it.
    #[error("the log on shard {shard} took nothing within {waited:?}")]
    NotStored {
        /// Which shard.
        shard: ShardId,
        /// For how long it was tried.
        waited: Duration,
    },
    /// The log refused; the event is not in it.
    #[error("the log refused the event on shard {shard}: {reason}")]
    Refused {
        /// Which shard.
        shard: ShardId,
        /// The log's own words.
        reason: String,
    },
}

/// The log cannot be read now.
#[derive(Debug, thiserror::Error)]
#[error("could not read the log: {reason}")]
pub struct LogReadError {
    /// The adapter's words, for the operator.
    pub reason: String,
    /// What lies behind them.
    #[source]
    pub causes: Option<Causes>,
}

impl LogReadError {
    /// An adapter's error, or words.
    pub fn new(error: impl Into<DriverError>) -> Self {
        let (reason, causes) = Causes::of(error.into());
        Self { reason, causes }
    }
}

/// Appends to and reads from the log of record.
#[async_trait]
pub trait MessageLog: Send + Sync {
    /// Appends an event and returns its sequence once the log has acknowledged it. Retries by itself, with the same
    /// `dedup_id`, while the log has no leader, for a configured time. Within the log's duplicate window the same id
    /// yields the first sequence again.
    ///
    /// # Cancel safety
    /// Not cancel safe: the event may be stored when the future is dropped.
    async fn append(&self, address: LogAddress, dedup_id: &str, payload: Bytes, trace: Option<&str>) -> Result<Appended, AppendError>;

    /// Whether so many more events of the shard would be stored together now. While few are on their way, each is appended by
    /// itself.
    fn gathers(&self, _shard: ShardId, _events: usize) -> bool {
        false
    }

    /// Stores these events of one shard together, perhaps with those of others: all of them or none, in this order. For first
    /// attempts only: one whose id the log has makes it refuse all. Never retries; whoever is told [`Together::Apart`] appends
    /// them one by one, under the same ids.
    ///
    /// # Cancel safety
    /// Not cancel safe: the events may be stored when the future is dropped.
    async fn append_together(&self, _events: Arc<[NewEvent]>) -> Together {
        Together::Apart(Apart::NotTried)
    }

    /// The event at `seq`, or `None` when the log no longer has it.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn read(&self, shard: ShardId, seq: Seq) -> Result<Option<StoredEvent>, LogReadError>;

    /// How long the log recognises a dedup id.
    fn duplicate_window(&self) -> Duration;
}

/// Reads runs of events from the log itself, past any projection.
#[async_trait]
pub trait LogReader: Send + Sync {
    /// Events of `user` and of the given conversations after `after` up to `upto`, ascending, at most `limit`, read from the log
    /// itself with `prev` unknown. For use while the projection is away: it costs the log a scan.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn read_since(
        &self,
        shard: ShardId,
        user: UserId,
        conversations: &[ConversationId],
        after: Seq,
        upto: Seq,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, LogReadError>;
}

/// The log's own time, by which the age of a `client_id` is judged, so that skewed process clocks do not matter.
pub trait LogClock: Send + Sync {
    /// The NATS servers' time now, estimated from the newest event seen; `None` before the first.
    fn log_now_ms(&self) -> Option<TimestampMs>;

    /// When this epoch of the shard's log began; `None` while that is not known. The log recognises no retry of what was
    /// sent before, however recent.
    fn log_began_ms(&self, shard: ShardId) -> Option<TimestampMs>;
}
