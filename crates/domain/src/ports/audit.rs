//! Comparing the log with its projection.

use async_trait::async_trait;
use relay_protocol::log::StoredEvent;
use relay_types::{ConversationId, MessageId, Seq, ShardId};

use super::{CursorError, StoreError};

/// A run of the log's conversation events.
#[derive(Debug, Clone)]
pub struct LogPage {
    /// Ascending.
    pub events: Vec<StoredEvent>,
    /// Everything up to here was read; the rest of the range comes with the next page.
    pub upto: Seq,
}

/// The log's side.
#[async_trait]
pub trait AuditedLog: Send + Sync {
    /// Conversation events after `after` up to `upto`, about `limit` of them at most.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn page(&self, shard: ShardId, after: Seq, upto: Seq, limit: usize) -> Result<LogPage, CursorError>;

    /// Events that were put aside because no worker could process them, each with its reason kept elsewhere.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn put_aside(&self, shard: ShardId) -> Result<Vec<Seq>, CursorError>;

    /// Users' durable consumers that claim to have delivered more than the log ever had, by name; at most `limit`.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn consumers_ahead(&self, shard: ShardId, end: Seq, limit: usize) -> Result<Vec<String>, CursorError>;
}

/// An event's row, as far as it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProjectedEvent {
    /// Its place.
    pub seq: Seq,
    /// Where.
    pub conversation: ConversationId,
    /// Which message, if it is one.
    pub message: Option<MessageId>,
}

/// The projection's side.
#[async_trait]
pub trait AuditedProjection: Send + Sync {
    /// The rows after `after` up to `upto`, ascending.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn projected_events(&self, shard: ShardId, after: Seq, upto: Seq) -> Result<Vec<ProjectedEvent>, StoreError>;

    /// Read marks beyond the newest event of their conversation.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn marks_ahead(&self, shard: ShardId) -> Result<u64, StoreError>;

    /// Writes the rows of events that the projection should have and lacks, with everything that follows from them, and
    /// leaves the watermark alone. Idempotent. Returns how many rows were missing.
    ///
    /// # Cancel safety
    /// Cancel safe: one transaction per event.
    async fn mend(&self, shard: ShardId, events: &[StoredEvent]) -> Result<u64, StoreError>;
}
