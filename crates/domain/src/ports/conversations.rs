//! Conversations as decided: who is in what, as what.

use async_trait::async_trait;
use relay_protocol::message::Role;
use relay_protocol::rest::{Conversation, ConversationListItem};
use relay_types::{ConversationId, ConversationTitle, Seq, ShardId, TimestampMs, UserId};

use super::{LogAddress, StoreError};
use crate::conversation::Refusal;

/// What a transaction decided, and where its events wait to be flushed.
#[derive(Debug, Clone)]
pub struct Decided<T> {
    /// The outcome.
    pub value: T,
    /// Subjects to flush before anybody is told of the outcome, without repeats, the conversation's first: those with new
    /// outbox rows and, when nothing changed, those on which an earlier decision still waits for the log.
    pub touched: Vec<LogAddress>,
}

/// A conversation to create. It lives on its creator's home shard.
#[derive(Debug, Clone)]
pub enum NewConversation {
    /// The one conversation of two people. The adapter finds the existing one, however many race to create it.
    Direct {
        /// The other person; never the creator.
        peer: UserId,
    },
    /// A group with the creator as owner.
    Group {
        /// Its title.
        title: ConversationTitle,
        /// The other first members, without repeats and without the creator.
        members: Vec<UserId>,
        /// Members it may have, the creator included.
        max_members: usize,
    },
}

/// The answer to creating.
#[derive(Debug, Clone)]
pub struct Created {
    /// As it stands.
    pub conversation: Conversation,
    /// `false` for a direct conversation that existed.
    pub fresh: bool,
}

/// A conversation that was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// A member does not exist.
    #[error("no such user")]
    UnknownUser,
    /// More first members than a group may have.
    #[error("the group would be too large")]
    GroupFull,
    /// The store did not answer; the conversation may exist.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A change that was not made, or a read that was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConversationError {
    /// There is no such conversation, or the actor is not in it.
    #[error("not a member")]
    NotMember,
    /// The user who is to be added does not exist; the one to be removed or promoted is not in the conversation.
    #[error("no such user")]
    UnknownUser,
    /// The rules say no ([`crate::conversation::decide`]).
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store did not answer; the change may have been made.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A place in a user's list: the row after which the next page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListCursor {
    /// The row's last activity, in microseconds since the Unix epoch (Postgres' own resolution, so that no row is
    /// skipped or repeated by rounding).
    pub active_at_us: i64,
    /// Breaks ties.
    pub conversation: ConversationId,
}

/// A page of a user's list.
#[derive(Debug, Clone)]
pub struct ListPage {
    /// Most recently active first.
    pub items: Vec<ConversationListItem>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<ListCursor>,
}

/// Where a conversation is, as seen by one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whereabouts {
    /// Its shard, for life.
    pub shard: ShardId,
    /// Whether the user is in it, as decided.
    pub member: bool,
}

/// Conversations as decided. Each changing method locks the conversation's row first, asks
/// [`crate::conversation::decide`] within the transaction, and writes the outbox rows in it.
///
/// # Cancel safety
/// Reads are cancel safe. Changes are not: one may have been made when the future is dropped, and the outbox relay
/// then publishes its events.
#[async_trait]
pub trait Conversations: Send + Sync {
    /// Creates a conversation under `id`, or finds the direct one that exists.
    async fn create(
        &self,
        id: ConversationId,
        creator: UserId,
        new: &NewConversation,
        at_ms: TimestampMs,
    ) -> Result<Decided<Created>, CreateError>;

    /// The conversation with its members, by joining order.
    async fn get(&self, actor: UserId, id: ConversationId) -> Result<Conversation, ConversationError>;

    /// Gives a group another title. The present title again changes nothing.
    async fn rename(
        &self,
        actor: UserId,
        id: ConversationId,
        title: &ConversationTitle,
        at_ms: TimestampMs,
    ) -> Result<Decided<Conversation>, ConversationError>;

    /// Brings `user` in as a member. Someone who is in it already stays as they are.
    async fn add_member(
        &self,
        actor: UserId,
        id: ConversationId,
        user: UserId,
        max_members: usize,
        at_ms: TimestampMs,
    ) -> Result<Decided<Conversation>, ConversationError>;

    /// Puts `user` out; leaving is removing oneself. Once more succeeds as long as the event is not in the log.
    async fn remove_member(
        &self,
        actor: UserId,
        id: ConversationId,
        user: UserId,
        at_ms: TimestampMs,
    ) -> Result<Decided<()>, ConversationError>;

    /// Gives `user` the role `role`. `Role::Owner` hands the group over: the actor becomes an admin, which is a second
    /// event. The present role again changes nothing.
    async fn set_role(
        &self,
        actor: UserId,
        id: ConversationId,
        user: UserId,
        role: Role,
        at_ms: TimestampMs,
    ) -> Result<Decided<Conversation>, ConversationError>;

    /// Moves the actor's read mark forward to `seq`, at most to the conversation's last event, never back. Answers with
    /// the mark as it now is.
    async fn mark_read(&self, actor: UserId, id: ConversationId, seq: Seq) -> Result<Seq, ConversationError>;

    /// Up to `limit` of the user's conversations after `after`.
    async fn list(&self, user: UserId, after: Option<ListCursor>, limit: u16) -> Result<ListPage, StoreError>;

    /// Where the conversation is, and whether `user` is in it; `None` when there is no such conversation.
    async fn whereabouts(&self, user: UserId, id: ConversationId) -> Result<Option<Whereabouts>, StoreError>;
}
