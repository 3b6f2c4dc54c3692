//! Comparing the log with its projection.

use async_trait::async_trait;
use relay_protocol::log::{EventOwner, StoredEvent};
use relay_types::{ConversationId, MessageId, Seq, ShardId, UserId};

use super::{CursorError, StoreError};

/// A run of the log's events.
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
    /// Events after `after` up to `upto`, about `limit` of them at most.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn page(&self, shard: ShardId, after: Seq, upto: Seq, limit: usize) -> Result<LogPage, CursorError>;

    /// Events that were dead-lettered because no worker could process them, each with its reason kept elsewhere.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn dead_lettered(&self, shard: ShardId) -> Result<Vec<Seq>, CursorError>;

    /// How far the durable consumer of each of `users` claims to have delivered; `None` for who has none.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn consumers(&self, shard: ShardId, users: &[UserId]) -> Result<Vec<(UserId, Option<Seq>)>, CursorError>;
}

/// An event's row, as far as it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProjectedEvent {
    /// Its sequence.
    pub seq: Seq,
    /// Whose.
    pub owner: EventOwner,
    /// Which message, if it is one.
    pub message: Option<MessageId>,
    /// Whether it is a tombstone: the log may have it no more.
    pub erased: bool,
}

/// A member of a conversation.
pub type MemberKey = (ConversationId, UserId);

/// What a page of read marks showed.
#[derive(Debug, Clone, Default)]
pub struct MarksPage {
    /// Marks beyond the newest event of their conversation: whose, on which shard, and where that event is.
    pub ahead: Vec<(MemberKey, ShardId, Seq)>,
    /// Where to go on; `None` at the end.
    pub next: Option<MemberKey>,
}

/// How far a walk of the auditor came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedWalk {
    /// Which walk.
    pub name: String,
    /// Where it goes on, in the walk's own words; `None` between two rounds.
    pub cursor: Option<String>,
    /// Seconds since it last came to an end; `None` when it never did.
    pub ended_s_ago: Option<u64>,
}

/// The projection's side.
#[async_trait]
pub trait AuditedProjection: Send + Sync {
    /// The rows after `after` up to `upto`, ascending, the first `limit` of them.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn projected_events(&self, shard: ShardId, after: Seq, upto: Seq, limit: usize) -> Result<Vec<ProjectedEvent>, StoreError>;

    /// The same of the rows of what people read now: those of events that are in history, once it is complete. An event that
    /// was published twice is there when either of its sequences is.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn projected_messages(&self, shard: ShardId, after: Seq, upto: Seq, limit: usize) -> Result<Vec<ProjectedEvent>, StoreError>;

    /// Users' own events at or before this place are not all there: they were not kept before.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn own_floor(&self, shard: ShardId) -> Result<Seq, StoreError>;

    /// Of messages of the log that the projection has no rows of, by conversation, sender and sequence: which are void, as far as
    /// it knows who was in. See [`crate::void`].
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn void(&self, messages: &[(ConversationId, UserId, Seq)]) -> Result<Vec<Seq>, StoreError>;

    /// Looks at the read marks of up to `limit` members after `after`, in the order of their keys.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn marks_ahead(&self, after: Option<MemberKey>, limit: usize) -> Result<MarksPage, StoreError>;

    /// How far the auditor came with the shard's log of this epoch.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn walks(&self, shard: ShardId, epoch: &str) -> Result<Vec<SavedWalk>, StoreError>;

    /// Keeps how far the auditor came.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn save_walks(&self, shard: ShardId, epoch: &str, walks: &[SavedWalk]) -> Result<(), StoreError>;

    /// Writes the rows of events that the projection should have and lacks, with everything that follows from them, and
    /// leaves the watermark alone. Idempotent. Returns how many rows were missing.
    ///
    /// # Cancel safety
    /// Cancel safe: one transaction per event.
    async fn repair(&self, shard: ShardId, events: &[StoredEvent]) -> Result<u64, StoreError>;
}
