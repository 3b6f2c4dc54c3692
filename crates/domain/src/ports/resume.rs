//! What catching up reads from the projection.

use std::collections::BTreeMap;

use async_trait::async_trait;
use relay_protocol::log::{EventOwner, EventText, LogEvent, StoredEvent};
use relay_types::{ClientId, ConversationId, MessageId, Seq, SessionId, ShardId, TimestampMs, UserId};

use super::{Causes, DriverError, Pinned, Reacted, Standing, Target};

/// The projection does not answer, or answered nonsense.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the projection is unavailable: {reason}")]
pub struct StoreError {
    /// The adapter's words, for the operator.
    pub reason: String,
    /// What lies behind them.
    #[source]
    pub causes: Option<Causes>,
    /// Whether a change may stand all the same: it was committed, or not, and the answer was lost.
    pub may_stand: bool,
}

impl StoreError {
    /// An adapter's error, or words. Nothing was changed.
    pub fn new(error: impl Into<DriverError>) -> Self {
        let (reason, causes) = Causes::of(error.into());
        Self { reason, causes, may_stand: false }
    }
}

/// One interval of a user's membership in a conversation, as the log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MembershipInterval {
    /// Where.
    pub conversation: ConversationId,
    /// The conversation's shard.
    pub shard: ShardId,
    /// The event that let them in; they see it and what follows.
    pub joined: Seq,
    /// The event that let them out, which is the last they see; `None` while they are in.
    pub left: Option<Seq>,
}

/// A membership interval with what the projection knows of its conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotMembership {
    /// When the user was in the conversation.
    pub interval: MembershipInterval,
    /// The conversation's last event in the projection.
    pub last: Seq,
}

/// The end of a user's own subject on one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnHead {
    /// The newest event that is known.
    pub last: Seq,
    /// Whether there is none behind it: a worker of before kept none of them.
    pub certain: bool,
}

/// What somebody who connects asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinQuestion {
    /// Who.
    pub user: UserId,
    /// By which session.
    pub session: SessionId,
    /// Per shard, after which event memberships that have ended are of interest; with an absent shard only those that hold are.
    pub cursors: BTreeMap<ShardId, Seq>,
}

/// What one consistent read of the projection says about a user who connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinSnapshot {
    /// Whether the device's session is still live.
    pub session_live: bool,
    /// Per shard, up to where the projection has the log. Everything below is as of these.
    pub watermarks: BTreeMap<ShardId, Seq>,
    /// Memberships that hold, and those that ended after the cursor that was asked for.
    pub memberships: Vec<SnapshotMembership>,
    /// Per shard, the end of the user's own subject; a shard without a known event there is absent.
    pub own: BTreeMap<ShardId, OwnHead>,
}

/// Events of one conversation, or on one user's own subject, after `after`, up to and including `upto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRange {
    /// Whose.
    pub owner: EventOwner,
    /// Exclusive.
    pub after: Seq,
    /// Inclusive.
    pub upto: Seq,
}

impl EventRange {
    /// Takes what lies up to `reached` off the ranges; those that end there go.
    pub fn advance(ranges: &mut Vec<Self>, reached: Seq) {
        for range in &mut *ranges {
            range.after = range.after.max(reached);
        }
        ranges.retain(|range| range.after < range.upto);
    }
}

/// Where an event lies within what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundEvent {
    /// Its sequence in the shard.
    pub seq: Seq,
    /// Which of the ranges it is in.
    pub range: u32,
}

/// Events that were read at once.
#[derive(Debug, Clone, Default)]
pub struct EventPage {
    /// Ascending by sequence.
    pub events: Vec<EventText>,
    /// Whether these are all that were asked for.
    pub complete: bool,
}

/// Identifies a send over retries.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SendKey {
    /// Where to.
    pub conversation: ConversationId,
    /// By whom.
    pub sender: UserId,
    /// The sender's key.
    pub client_id: ClientId,
}

/// What became of an earlier send with the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginalSend {
    /// The id of the event it became; a message's is the message's.
    pub message_id: MessageId,
    /// Its sequence.
    pub seq: Seq,
    /// When it was accepted.
    pub sent_at_ms: TimestampMs,
}

impl SendKey {
    /// The key under which a person published the event, if a person did.
    pub fn of(event: &LogEvent) -> Option<Self> {
        let published = event.published()?;
        Some(Self { conversation: published.conversation_id, sender: published.actor_id, client_id: published.client_id.clone() })
    }

    /// The id by which the log recognises it.
    pub fn dedup_id(&self) -> String {
        format!("{}.{}.{}", self.conversation, self.sender, self.client_id)
    }
}

impl OriginalSend {
    /// What the send became, as the event at `seq` tells, if a person published it.
    pub fn of(event: &LogEvent, seq: Seq) -> Option<Self> {
        let published = event.published()?;
        Some(Self { message_id: published.id, seq, sent_at_ms: published.at_ms })
    }
}

/// Reads the projection for sockets that catch up, for sends that may be retries, and for those that refer to others.
#[async_trait]
pub trait ResumeStore: Send + Sync {
    /// One snapshot for each of these, in their order, all of one moment: watermarks, the session's state, and the user's
    /// memberships, those included that ended after the cursors.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn join_snapshots(&self, questions: &[JoinQuestion]) -> Result<Vec<JoinSnapshot>, StoreError>;

    /// Where the events of the given ranges of one shard lie, ascending; `None` when there are more than `most`. Costs what it
    /// finds, and no event is read.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn find_events(&self, shard: ShardId, ranges: &[EventRange], most: u32) -> Result<Option<Vec<FoundEvent>>, StoreError>;

    /// The first events of the given ranges of one shard, ascending by sequence, `prev` filled in: up to `limit`, and no more once
    /// their bodies have `bytes`. At least one, if there is one. As texts: who catches up is sent them, and none is read.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn events(&self, shard: ShardId, ranges: &[EventRange], limit: u32, bytes: u32) -> Result<EventPage, StoreError>;

    /// What is left of the shard's events after `after` that were erased from the log, or are about to be: ascending by sequence,
    /// `prev` filled in, the first `limit`. Whoever finds a place empty in the log finds here what stood there.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn erased(&self, shard: ShardId, after: Seq, limit: u32) -> Result<Vec<StoredEvent>, StoreError>;

    /// For each key, in order, the earlier send with that key, if the projection has one.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn find_sends(&self, keys: &[SendKey]) -> Result<Vec<Option<OriginalSend>>, StoreError>;

    /// The message, as it is for `reader`, if the projection has it.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn target(&self, reader: UserId, conversation: ConversationId, message: MessageId) -> Result<Option<Target>, StoreError>;

    /// As what `actor` stands in the conversation, beside `sender`; `None` when they are not in it as decided.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn standing(&self, actor: UserId, sender: UserId, conversation: ConversationId) -> Result<Option<Standing>, StoreError>;

    /// What the projection knows of the pins in the conversation, of this message, and of `actor`; `None` when they are not in it.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn pinned(&self, actor: UserId, conversation: ConversationId, message: Seq) -> Result<Option<Pinned>, StoreError>;

    /// What the projection knows of the reactions to the message at this place, and of those of `author`.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn reacted(&self, author: UserId, conversation: ConversationId, message: Seq) -> Result<Reacted, StoreError>;

    /// Per shard, up to where the projection has the log.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn watermarks(&self) -> Result<BTreeMap<ShardId, Seq>, StoreError>;

    /// Whether a connection can be made, by making one beside those that are in use. Has no limit of its own.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn reach(&self) -> Result<(), StoreError>;
}
