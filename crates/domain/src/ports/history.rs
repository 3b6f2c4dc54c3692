//! Messages of the past, from the projection.

use async_trait::async_trait;
use relay_protocol::Message;
use relay_protocol::rest::{MessagePage, PinList, ReactionList, RevisionList};
use relay_types::{ConversationId, Emoji, MessageId, Seq, UserId};

use super::StoreError;

/// Which end of a conversation a page hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryAnchor {
    /// The newest messages.
    Newest,
    /// The newest of those before this sequence.
    Before(Seq),
    /// The oldest of those after this sequence.
    After(Seq),
    /// The oldest of those after the reader's read mark.
    Unread,
}

/// A read that was refused.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// There is no such conversation, or the reader is not in it.
    #[error("not a member")]
    NotMember,
    /// There is no such message, or the reader may not see it.
    #[error("unknown message")]
    UnknownMessage,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One interval of somebody's membership, as the projection has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberInterval {
    /// Whose.
    pub user: UserId,
    /// The event that let them in.
    pub joined: Seq,
    /// The event that let them out; `None` while they are in.
    pub left: Option<Seq>,
}

/// Messages of the past.
#[async_trait]
pub trait History: Send + Sync {
    /// Up to `limit` messages, and changes of the conversation if they are wanted, in the log's order, oldest first. Only what follows the event that let the reader in
    /// (this time) is shown; a reader who is a member but whose joining has not reached the projection sees nothing yet.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn messages(
        &self,
        reader: UserId,
        conversation: ConversationId,
        anchor: HistoryAnchor,
        limit: u16,
        changes: bool,
    ) -> Result<MessagePage, HistoryError>;

    /// The message as it is now.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn message(&self, reader: UserId, conversation: ConversationId, message: MessageId) -> Result<Message, HistoryError>;

    /// What the message said over time: the newest versions, or the newest before `before`.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn revisions(
        &self,
        reader: UserId,
        conversation: ConversationId,
        message: MessageId,
        before: Option<Seq>,
    ) -> Result<RevisionList, HistoryError>;

    /// Up to `limit` of those who reacted to the message, with this emoji or any, by user and emoji, after `after`; for a reader who may
    /// see it.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn reactions(
        &self,
        reader: UserId,
        conversation: ConversationId,
        message: MessageId,
        emoji: Option<&Emoji>,
        after: Option<UserId>,
        limit: u16,
    ) -> Result<ReactionList, HistoryError>;

    /// What is pinned in the conversation and the reader may see, the newest pin first.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn pins(&self, reader: UserId, conversation: ConversationId) -> Result<PinList, HistoryError>;

    /// The membership intervals of `users` in the conversation, in no order.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn member_intervals(&self, conversation: ConversationId, users: &[UserId]) -> Result<Vec<MemberInterval>, StoreError>;
}
