//! Conversations as decided: who is in what, as what.

use async_trait::async_trait;
use relay_protocol::conversation::{ConversationSettings, Role};
use relay_protocol::rest::{ChangeConversationSettingsRequest, Conversation, ConversationListItem, Invitation, Member};
use relay_types::{ClientId, ConversationId, ConversationTitle, MessageId, Seq, SessionId, ShardId, TimestampMs, UserId};

use super::{ListCursor, LogAddress, ReadMark, StoreError};
use crate::conversation::ChangeDenied;

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
        /// The creator's own key: the same key again finds the same group.
        client_key: Option<ClientId>,
    },
}

/// How large things may become.
#[derive(Debug, Clone, Copy)]
pub struct PeopleLimits {
    /// Members of a group.
    pub max_members: usize,
    /// Conversations of a person. Many who add somebody at the same moment may go over it by their number.
    pub max_conversations: i64,
    /// Invitations that wait for a person's answer, and as many direct conversations.
    pub max_invitations: i64,
}

/// What became of people who were to join.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Added {
    /// In it now.
    pub added: Vec<UserId>,
    /// Asked, because nothing connects them with whoever brings them.
    pub invited: Vec<UserId>,
}

/// A page of a conversation's members.
#[derive(Debug, Clone)]
pub struct MemberPage {
    /// By id.
    pub members: Vec<Member>,
    /// After whom the next page begins; `None` on the last.
    pub next: Option<UserId>,
}

/// The answer to creating.
#[derive(Debug, Clone)]
pub struct Created {
    /// As it stands.
    pub conversation: Conversation,
    /// `false` for a conversation that existed: a direct one, or one of the same key.
    pub fresh: bool,
}

/// A conversation that was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// A member does not exist.
    #[error("there is no user {0}")]
    UnknownUser(UserId),
    /// The group of this key is one that its creator has left.
    #[error("not a member")]
    NotMember,
    /// A person is in as many conversations as they may be.
    #[error("the user {0} is in as many conversations as one may be")]
    TooManyConversations(UserId),
    /// A person has as many invitations as may wait.
    #[error("the user {0} has as many unanswered invitations as may wait")]
    TooManyInvitations(UserId),
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
    #[error("there is no user {0} here")]
    UnknownUser(UserId),
    /// Nothing of the kind waits for the user's answer.
    #[error("no such invitation")]
    UnknownInvitation,
    /// A person is in as many conversations as they may be.
    #[error("the user {0} is in as many conversations as one may be")]
    TooManyConversations(UserId),
    /// A person has as many invitations as may wait.
    #[error("the user {0} has as many unanswered invitations as may wait")]
    TooManyInvitations(UserId),
    /// The rules say no ([`crate::conversation::decide`]).
    #[error(transparent)]
    Denied(#[from] ChangeDenied),
    /// The store did not answer; the change may have been made.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is listed of a user's conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListPart {
    /// What they accepted and have not archived.
    Accepted,
    /// What they archived.
    Archived,
    /// What they pinned, which is also among the accepted ones: the last pinned first, all in one page.
    Pinned,
    /// What others began and they have not answered.
    Requests,
}

/// A page of a user's list.
#[derive(Debug, Clone)]
pub struct ListPage {
    /// Most recently active first.
    pub items: Vec<ConversationListItem>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<ListCursor>,
}

/// Why a message is not hidden.
#[derive(Debug, thiserror::Error)]
pub enum HideError {
    /// There is no such conversation, or the actor is not in it.
    #[error("not in the conversation")]
    NotMember,
    /// There is no such message in it, or the actor may not see it.
    #[error("no such message")]
    UnknownMessage,
    /// The actor has hidden as many as a person may.
    #[error("too many messages are hidden")]
    TooMany,
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why settings of a conversation are not changed.
#[derive(Debug, thiserror::Error)]
pub enum ConversationSettingsError {
    /// There is no such conversation, or the actor is not in it.
    #[error("not in the conversation")]
    NotMember,
    /// The actor has pinned as many as a person may.
    #[error("too many conversations are pinned")]
    TooManyPinned,
    /// The actor has archived as many as a person may.
    #[error("too many conversations are archived")]
    TooManyArchived,
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where a conversation is, as seen by one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MembershipState {
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
        limits: PeopleLimits,
        at_ms: TimestampMs,
    ) -> Result<Decided<Created>, CreateError>;

    /// The direct conversation of two people, if there is one.
    async fn direct_of(&self, one: UserId, other: UserId) -> Result<Option<ConversationId>, StoreError>;

    /// Those of `people` with whom `actor` shares no conversation that both have accepted: they are asked, not added.
    async fn strangers(&self, actor: UserId, people: &[UserId]) -> Result<Vec<UserId>, StoreError>;

    /// Up to `limit` members after `after`, by id.
    async fn members(&self, actor: UserId, id: ConversationId, after: Option<UserId>, limit: u16) -> Result<MemberPage, ConversationError>;

    /// The conversation with its first members.
    async fn get(&self, actor: UserId, id: ConversationId) -> Result<Conversation, ConversationError>;

    /// Gives a group another title. The present title again changes nothing.
    async fn rename(
        &self,
        actor: UserId,
        id: ConversationId,
        title: &ConversationTitle,
        at_ms: TimestampMs,
    ) -> Result<Decided<()>, ConversationError>;

    /// Brings people in as members, or asks them when the actor shares no accepted conversation with them. Someone who is in
    /// it already, or asked already, stays as they are.
    async fn add_members(
        &self,
        actor: UserId,
        id: ConversationId,
        people: &[UserId],
        limits: PeopleLimits,
        at_ms: TimestampMs,
    ) -> Result<Decided<Added>, ConversationError>;

    /// The invitations that wait for the user's answer, the newest conversations first.
    async fn invitations(&self, user: UserId) -> Result<Vec<Invitation>, StoreError>;

    /// Accepts an invitation, or a direct conversation that another began. Again changes nothing.
    async fn accept(
        &self,
        user: UserId,
        id: ConversationId,
        limits: PeopleLimits,
        at_ms: TimestampMs,
    ) -> Result<Decided<()>, ConversationError>;

    /// Declines an invitation, or a direct conversation that another began, which is then hidden for good.
    async fn decline(&self, user: UserId, id: ConversationId, at_ms: TimestampMs) -> Result<Decided<()>, ConversationError>;

    /// Leaves the conversation out of the user's lists until there is a message in it that is newer; or no longer.
    /// The user's other devices are told that something is new of it.
    async fn set_hidden(
        &self,
        user: UserId,
        id: ConversationId,
        hidden: bool,
        at_ms: TimestampMs,
    ) -> Result<Decided<()>, ConversationError>;

    /// Puts `user` out, or withdraws their invitation; leaving is removing oneself. Once more succeeds
    /// as long as the event is not in the log.
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
    ) -> Result<Decided<()>, ConversationError>;

    /// Moves the actor's read mark forward to `seq`, at most to the conversation's last event, never back, and tells their other
    /// devices in the same transaction, now or a little later. `session` is the device that says so. Answers with the mark as it now is.
    async fn mark_read(
        &self,
        actor: UserId,
        id: ConversationId,
        seq: Seq,
        at_ms: TimestampMs,
        session: Option<SessionId>,
    ) -> Result<ReadMark, ConversationError>;

    /// Marks the conversation as unread from `from` on, for the actor's own devices alone, which are told in the same transaction. Their
    /// read mark stays; moving it to `from` or beyond, and writing, ends it. Answers with the address to flush.
    async fn mark_unread(&self, actor: UserId, id: ConversationId, from: Seq, at_ms: TimestampMs) -> Result<LogAddress, ConversationError>;

    /// Hides a message from the actor, for good, and tells their other devices in the same transaction. Everybody else goes on seeing
    /// it. Answers with the address to flush, unless it was hidden before.
    async fn hide_message(
        &self,
        actor: UserId,
        id: ConversationId,
        message: MessageId,
        at_ms: TimestampMs,
    ) -> Result<Option<LogAddress>, HideError>;

    /// Changes what is named of the actor's settings of a conversation, and tells their devices in the same transaction. Answers with all
    /// of them, and with the address to flush: also when nothing changed, because the event of an earlier time may not be in the log yet.
    async fn change_conversation_settings(
        &self,
        actor: UserId,
        id: ConversationId,
        change: ChangeConversationSettingsRequest,
        at_ms: TimestampMs,
    ) -> Result<(ConversationSettings, LogAddress), ConversationSettingsError>;

    /// Up to `limit` of this part of the user's conversations after `after`, without those hidden.
    async fn list(&self, user: UserId, part: ListPart, after: Option<ListCursor>, limit: u16) -> Result<ListPage, StoreError>;

    /// Where the conversation is, and whether `user` is in it; `None` when there is no such conversation.
    async fn membership_state(&self, user: UserId, id: ConversationId) -> Result<Option<MembershipState>, StoreError>;
}
