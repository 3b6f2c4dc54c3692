//! The newest sends, which the projection may not have yet.

use async_trait::async_trait;
use relay_types::{ConversationId, Emoji, MessageId, Seq, ShardId, TimestampMs, UserId};

use super::{LogClock, OriginalSend, SendKey, Target};

/// What a process that follows the log says of a message at a sequence of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// It passed, and its sender was in the conversation there.
    Counts,
    /// It passed, and it is void: see [`crate::void`].
    Void,
    /// The process has not come so far in time.
    NotYet,
    /// The process does not follow the log, or has forgotten what was there.
    NotKnown,
}

/// What people said with emoji about a message: of each person and emoji the newest that is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecentReactions {
    /// With what people react.
    pub kinds: Vec<Emoji>,
    /// How many reactions those are.
    pub count: u32,
    /// What one person said, each with whether they react so.
    pub own: Vec<(Emoji, bool)>,
}

/// What a process that follows the log remembers of it.
#[async_trait]
pub trait RecentSends: Send + Sync {
    /// The send with this key, if it is among the remembered events and not void.
    fn find(&self, key: &SendKey) -> Option<OriginalSend>;

    /// The message, as it is for `reader`, if it, or its erasure, is among the remembered events and not void.
    fn target(&self, shard: ShardId, reader: UserId, conversation: ConversationId, message: MessageId) -> Option<Target>;

    /// How many edits of the message are among the remembered events.
    fn edits(&self, shard: ShardId, message: MessageId) -> u32;

    /// What people said with emoji about the message, of what is among the remembered events; `author`'s own by itself.
    fn reactions(&self, shard: ShardId, message: MessageId, author: UserId) -> RecentReactions;

    /// Every event of the shard after this one, up to the log's present end, is remembered; `None` when the process
    /// does not follow the log.
    fn remembered_after(&self, shard: ShardId) -> Option<Seq>;

    /// Waits, within a limit of the process' own, until it has passed the message at `seq`, and says what it is.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn passed(&self, shard: ShardId, seq: Seq) -> Passed;
}

/// For processes that do not follow the log.
#[derive(Debug, Clone, Copy, Default)]
pub struct NothingRecent;

#[async_trait]
impl RecentSends for NothingRecent {
    fn find(&self, _key: &SendKey) -> Option<OriginalSend> {
        None
    }

    fn target(&self, _shard: ShardId, _reader: UserId, _conversation: ConversationId, _message: MessageId) -> Option<Target> {
        None
    }

    fn edits(&self, _shard: ShardId, _message: MessageId) -> u32 {
        0
    }

    fn reactions(&self, _shard: ShardId, _message: MessageId, _author: UserId) -> RecentReactions {
        RecentReactions::default()
    }

    fn remembered_after(&self, _shard: ShardId) -> Option<Seq> {
        None
    }

    async fn passed(&self, _shard: ShardId, _seq: Seq) -> Passed {
        Passed::NotKnown
    }
}

impl LogClock for NothingRecent {
    fn log_began_ms(&self, _shard: ShardId) -> Option<TimestampMs> {
        None
    }

    fn log_now_ms(&self) -> Option<TimestampMs> {
        None
    }
}
