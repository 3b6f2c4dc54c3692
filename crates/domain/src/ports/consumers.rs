//! The durable consumers of users, as they should be.

use async_trait::async_trait;
use relay_types::{ConversationId, Seq, ShardId, UserId};

use super::{ConsumerFloor, CursorError};

/// Somebody whose durable consumers may have to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserChange {
    /// Who.
    pub user: UserId,
    /// On every shard, because they logged in for the first time, or after a long absence. Otherwise on the shard that tells.
    pub everywhere: bool,
}

/// What became of a consumer that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ensured {
    /// It is as it should be.
    Present {
        /// Whether it had to be changed.
        changed: bool,
        /// Everything up to here was delivered.
        floor: Seq,
    },
    /// There is none: [`UserConsumers::make`] makes one.
    Absent {
        /// There was one, and its server is gone.
        stranded: bool,
    },
}

/// What became of a consumer that was to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It is there.
    Made,
    /// The log has no place for it: the last ones are kept for tails and workers.
    NoPlace,
}

/// Consumers of one shard's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// All that there are, of users, workers and tails.
    pub taken: u64,
    /// So many may be there before no user gets another; `None` without a limit.
    pub for_users: Option<u64>,
}

impl Places {
    /// Whether no user gets another.
    pub fn are_taken(self) -> bool {
        self.for_users.is_some_and(|for_users| self.taken >= for_users)
    }
}

/// The durable consumers of users, as they should be.
#[async_trait]
pub trait UserConsumers: Send + Sync {
    /// Makes the user's consumer on `shard` filter on their own subject and `conversations`, if there is one. Idempotent.
    async fn ensure(&self, shard: ShardId, user: UserId, conversations: &[ConversationId]) -> Result<Ensured, CursorError>;

    /// Makes the user's consumer on `shard`, which counts what lies behind `floor`. Where that is of another epoch, everything in
    /// the log lies behind it.
    async fn make(
        &self,
        shard: ShardId,
        user: UserId,
        conversations: &[ConversationId],
        floor: &ConsumerFloor,
    ) -> Result<Made, CursorError>;

    /// Up to where the user's consumer on `shard` has delivered; `None` when there is none.
    async fn floor(&self, shard: ShardId, user: UserId) -> Result<Option<Seq>, CursorError>;

    /// Takes the user's consumer on `shard` away. One that is not there is away.
    async fn remove(&self, shard: ShardId, user: UserId) -> Result<(), CursorError>;

    /// Conversations that are of use to [`Self::ensure`]: one more than a consumer can name, which tells that it is full.
    fn most_conversations(&self) -> u32;

    /// Waits for word about users on `shard`, and names those whose consumers have to be looked at, without repeats; perhaps
    /// nobody, when the word was of something else. They are named again
    /// until [`Self::settled`] is called.
    async fn next_changed(&self, shard: ShardId) -> Result<Vec<UserChange>, CursorError>;

    /// Where the shard's log ends. In another epoch all consumers are gone.
    async fn end(&self, shard: ShardId) -> Result<ConsumerFloor, CursorError>;

    /// How many consumers the shard's log has, and may have.
    async fn places(&self, shard: ShardId) -> Result<Places, CursorError>;

    /// Acknowledges what [`Self::next_changed`] named last on `shard`.
    async fn settled(&self, shard: ShardId) -> Result<(), CursorError>;
}
