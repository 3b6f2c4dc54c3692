//! What the persist and reconcile workers need.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use relay_protocol::log::StoredEvent;
use relay_types::{ConversationId, Seq, ShardId, UserId};

use super::StoreError;

/// The log's work queue cannot be read in order from here; open it again from the watermark.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The log does not answer.
    #[error("the work queue is unavailable: {reason}")]
    Unavailable {
        /// The adapter's words, for the operator.
        reason: String,
    },
    /// Deliveries are not in one unbroken order (another worker had the queue in between).
    #[error("deliveries are out of order")]
    Disorder,
}

/// One delivery of a worker's durable consumer.
#[derive(Debug)]
pub struct Delivery {
    /// Its sequence in the shard.
    pub seq: Seq,
    /// The event, or what is wrong with it.
    pub content: Result<StoredEvent, Poison>,
}

/// Something in the log that no worker can read.
#[derive(Debug, Clone)]
pub struct Poison {
    /// The subject it was on.
    pub subject: String,
    /// The stored bytes.
    pub payload: Bytes,
    /// What is wrong with it.
    pub reason: String,
}

/// An open work queue of one shard.
#[async_trait]
pub trait WorkQueue: Send {
    /// Waits for deliveries: at least one, at most `max`, ascending. A hole between them, or after those before, may be
    /// deleted events, or events that were given to somebody who is gone: [`WorkSource::first_from`] tells.
    ///
    /// # Cancel safety
    /// Not cancel safe: deliveries may be lost from this queue, and come again after a reset.
    async fn next(&mut self, max: usize) -> Result<Vec<Delivery>, QueueError>;

    /// Acknowledges everything up to the last delivery that was handed out.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn ack(&mut self) -> Result<(), QueueError>;

    /// Says that work on what was handed out goes on, so that it is not redelivered.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn keep(&mut self) -> Result<(), QueueError>;
}

/// Opens and repairs work queues.
#[async_trait]
pub trait WorkSource: Send + Sync {
    /// The epoch of the shard's log.
    async fn epoch(&self, shard: ShardId) -> Result<String, QueueError>;

    /// Joins the shard's persist queue; waits on standby while another worker holds it.
    async fn open_persist(&self, shard: ShardId) -> Result<Box<dyn WorkQueue>, QueueError>;

    /// Makes the persist queue begin again after `after`.
    async fn reset_persist(&self, shard: ShardId, after: Seq) -> Result<(), QueueError>;

    /// The sequence of the first event that the log has from `from` on, or none; as the log's leader knows it.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn first_from(&self, shard: ShardId, from: Seq) -> Result<Option<Seq>, QueueError>;

    /// Moves an unreadable event to the dead letters, with its reason.
    async fn dead_letter(&self, worker: &str, shard: ShardId, seq: Seq, poison: &Poison) -> Result<(), QueueError>;
}

/// What a projection did with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Projected {
    /// Events that were new to it.
    pub inserted: usize,
    /// Events it had already.
    pub skipped: usize,
    /// Up to where it now has the log.
    pub watermark: Seq,
}

/// Why a batch was not projected. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// Try again later.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
    /// The batch begins after a gap: the projection has the log only up to `watermark`.
    #[error("the batch begins after {after}, but the projection has the log only up to {watermark}")]
    Gap {
        /// What the batch claims to follow.
        after: Seq,
        /// Up to where the projection has the log.
        watermark: Seq,
    },
    /// The projection belongs to another epoch of the log.
    #[error("the projection is of epoch {found}, the log of epoch {expected}")]
    EpochMismatch {
        /// The log's.
        expected: String,
        /// The projection's.
        found: String,
    },
    /// One event cannot be stored, now or ever; the others could.
    #[error("the event at {seq} cannot be stored: {reason}")]
    Poison {
        /// Which.
        seq: Seq,
        /// Why.
        reason: String,
    },
}

/// The projection of the log into the database.
#[async_trait]
pub trait Projection: Send + Sync {
    /// Up to where the projection has the shard's log; zero before the first event. With its epoch, once it has one.
    async fn watermark(&self, shard: ShardId) -> Result<(Seq, Option<String>), StoreError>;

    /// Stores a contiguous run of the shard's log in one transaction: all events after `after` up to `upto`, ascending.
    /// (Events that concern nobody are left out of `events`, not out of the run.) What is already there is skipped.
    ///
    /// # Cancel safety
    /// Cancel safe: all or nothing.
    async fn project(&self, shard: ShardId, epoch: &str, after: Seq, upto: Seq, events: &[StoredEvent]) -> Result<Projected, ProjectError>;
}

/// Who is in which conversations, as decided.
#[async_trait]
pub trait MemberDirectory: Send + Sync {
    /// On each of `shards`, up to `most` of the user's present conversations, without requests that they have not answered.
    /// `None` before their first log-in: nobody waits for what a durable consumer would hold.
    async fn conversations_of(
        &self,
        user: UserId,
        shards: &[ShardId],
        most: u32,
    ) -> Result<Option<BTreeMap<ShardId, Vec<ConversationId>>>, StoreError>;

    /// Up to `limit` users after `after`, ascending, who have logged in.
    async fn users_page(&self, after: Option<UserId>, limit: u32) -> Result<Vec<UserId>, StoreError>;
}

/// Somebody whose durable consumers may have to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserChange {
    /// Who.
    pub user: UserId,
    /// On every shard, because they logged in for the first time. Otherwise on the shard that tells.
    pub everywhere: bool,
}

/// The durable consumers of users, as they should be.
#[async_trait]
pub trait UserConsumers: Send + Sync {
    /// Makes the user's consumer on `shard` exist and filter on their own subject and `conversations`. A new one
    /// begins at the log's head. Idempotent. Says whether anything changed.
    async fn ensure(&self, shard: ShardId, user: UserId, conversations: &[ConversationId]) -> Result<bool, super::CursorError>;

    /// Conversations that are of use to [`Self::ensure`]: one more than a consumer can name, which tells that it is full.
    fn most_conversations(&self) -> u32;

    /// Waits for word about users on `shard`, and names those whose consumers have to be looked at, without repeats; perhaps
    /// nobody, when the word was of something else. They are named again
    /// until [`Self::settled`] is called.
    async fn next_changed(&self, shard: ShardId) -> Result<Vec<UserChange>, super::CursorError>;

    /// Which epoch of the shard's log the consumers are on: with another one, all of them are gone.
    async fn epoch(&self, shard: ShardId) -> Result<String, super::CursorError>;

    /// Acknowledges what [`Self::next_changed`] named last on `shard`.
    async fn settled(&self, shard: ShardId) -> Result<(), super::CursorError>;
}
