//! The fields of each type of event. Fields are added, never taken away or given another meaning. Names that events had before
//! version 1 are still read; they are never used for something else.

use relay_types::{
    ClientId, ConversationId, ConversationTitle, DeviceName, DisplayName, Emoji, EventId, MessageId, Seq, SessionId, ShardId, TimestampMs,
    UserId,
};

use super::{EventOwner, LogEvent, StoredEvent};
use crate::conversation::{ConversationKind, ConversationSettings, Role};
use crate::message::{MessageBody, MessageRef};
use crate::threads::ThreadRef;

/// Members that one event brings in or puts out at most: it stays well below the size of what the log takes.
pub const MOST_MEMBERS_AT_ONCE: usize = 500;

/// A message was accepted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MessageSent {
    /// Minted by the server. It is the event's id, too.
    pub message_id: MessageId,
    /// By whom.
    #[serde(alias = "sender_id")]
    pub actor_id: UserId,
    /// When it was accepted, by the accepting server's clock.
    #[serde(alias = "sent_at_ms")]
    pub at_ms: TimestampMs,
    /// Where.
    pub conversation_id: ConversationId,
    /// The sender's own key, by which their devices match it to their outbox.
    pub client_id: ClientId,
    /// What.
    pub body: MessageBody,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageRef>,
    /// The root of the thread in which it is; absent for what is said to the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<ThreadRef>,
}

impl MessageSent {
    /// A message's id is its event's.
    pub(super) fn event_id(&self) -> EventId {
        EventId::from_uuid(self.message_id.to_uuid())
    }
}

/// A conversation began.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ConversationCreated {
    /// Identifies the event.
    pub event_id: EventId,
    /// By whom.
    #[serde(alias = "created_by")]
    pub actor_id: UserId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// Which.
    pub conversation_id: ConversationId,
    /// Direct or group.
    pub kind: ConversationKind,
    /// A group's title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<ConversationTitle>,
    /// Who is in it from the start, the creator included; at most [`MOST_MEMBERS_AT_ONCE`]. More follow in `MEMBERS_ADDED`.
    pub members: Vec<InitialMember>,
}

/// One of the first members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct InitialMember {
    /// Who.
    pub user_id: UserId,
    /// As what.
    pub role: Role,
}

/// Someone joined.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MemberAdded {
    /// Identifies the event.
    pub event_id: EventId,
    /// By whom.
    #[serde(alias = "added_by")]
    pub actor_id: UserId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// Where.
    pub conversation_id: ConversationId,
    /// Who.
    pub user_id: UserId,
    /// As what.
    pub role: Role,
    /// Direct or group; tells the new member what they joined.
    pub kind: ConversationKind,
    /// The title at that moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<ConversationTitle>,
}

/// Someone left or was removed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MemberRemoved {
    /// Identifies the event.
    pub event_id: EventId,
    /// By whom; themselves when they left.
    #[serde(alias = "removed_by")]
    pub actor_id: UserId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// Where.
    pub conversation_id: ConversationId,
    /// Who.
    pub user_id: UserId,
}

/// Several people joined.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MembersAdded {
    /// Identifies the event.
    pub event_id: EventId,
    /// By whom.
    #[serde(alias = "added_by")]
    pub actor_id: UserId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// Where.
    pub conversation_id: ConversationId,
    /// Who, without repeats; at most [`MOST_MEMBERS_AT_ONCE`].
    pub user_ids: Vec<UserId>,
    /// As what.
    pub role: Role,
    /// Direct or group; tells the new members what they joined.
    pub kind: ConversationKind,
    /// The title at that moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<ConversationTitle>,
}

/// Several people were removed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MembersRemoved {
    /// Identifies the event.
    pub event_id: EventId,
    /// By whom.
    #[serde(alias = "removed_by")]
    pub actor_id: UserId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// Where.
    pub conversation_id: ConversationId,
    /// Who, without repeats; at most [`MOST_MEMBERS_AT_ONCE`].
    pub user_ids: Vec<UserId>,
}

/// A new title.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ConversationRenamed {
    /// Identifies the event.
    pub event_id: EventId,
    /// By whom.
    #[serde(alias = "renamed_by")]
    pub actor_id: UserId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// Which.
    pub conversation_id: ConversationId,
    /// The new title.
    pub title: ConversationTitle,
}

/// A role changed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct RoleChanged {
    /// Identifies the event.
    pub event_id: EventId,
    /// By whom.
    #[serde(alias = "changed_by")]
    pub actor_id: UserId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// Where.
    pub conversation_id: ConversationId,
    /// Whose.
    pub user_id: UserId,
    /// The new role.
    pub role: Role,
}

/// A message's sender said it anew. The edit with the greatest `seq` counts; one of a message whose content is gone never does.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MessageEdited {
    /// Identifies the event.
    pub event_id: EventId,
    /// By whom: the message's sender.
    pub actor_id: UserId,
    /// When it was accepted, by the accepting server's clock.
    pub at_ms: TimestampMs,
    /// The message's conversation.
    pub conversation_id: ConversationId,
    /// The sender's own key for the edit.
    pub client_id: ClientId,
    /// The edited message.
    pub message_id: MessageId,
    /// The message's sequence in the shard.
    pub message_seq: Seq,
    /// What the message says now; `erased` when the message's content was erased later.
    pub body: MessageBody,
}

/// A message's content was erased: somebody deleted it for everyone, or an operator did. Says what a tombstone needs, because the
/// message is gone from the log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MessageErased {
    /// Identifies the event.
    pub event_id: EventId,
    /// Who deleted it, where that is said: not for what operators do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<UserId>,
    /// The key under which they deleted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_client_id: Option<ClientId>,
    /// When it was erased, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// The message's conversation.
    pub conversation_id: ConversationId,
    /// The erased message.
    pub message_id: MessageId,
    /// The message's sequence in the shard.
    pub message_seq: Seq,
    /// The event before the message in its conversation, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_prev: Option<Seq>,
    /// The message's sender.
    pub sender_id: UserId,
    /// The sender's key for the message.
    pub client_id: ClientId,
    /// When the message was accepted, by the accepting server's clock.
    pub sent_at_ms: TimestampMs,
    /// When the stream stored the message, by the NATS server's clock.
    pub stored_at_ms: TimestampMs,
    /// The root of the thread in which the message is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<ThreadRef>,
}

impl MessageErased {
    /// What is left of the message.
    pub fn tombstone(&self, shard: ShardId) -> StoredEvent {
        let event = LogEvent::MessageSent(MessageSent {
            message_id: self.message_id,
            actor_id: self.sender_id,
            at_ms: self.sent_at_ms,
            conversation_id: self.conversation_id,
            client_id: self.client_id.clone(),
            body: MessageBody::Erased,
            reply_to: None,
            thread: self.thread,
        });
        let owner = Some(EventOwner::Conversation(self.conversation_id));
        StoredEvent { shard, seq: self.message_seq, owner, prev: self.message_prev, stored_at_ms: self.stored_at_ms, event, text: None }
    }
}

/// Somebody reacted to a message, or takes that back. For each person and emoji the one with the greatest `seq` counts; those of a
/// message whose content is gone do not.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MessageReacted {
    /// Identifies the event.
    pub event_id: EventId,
    /// By whom.
    pub actor_id: UserId,
    /// When it was accepted, by the accepting server's clock.
    pub at_ms: TimestampMs,
    /// The message's conversation.
    pub conversation_id: ConversationId,
    /// Their own key for it.
    pub client_id: ClientId,
    /// The message.
    pub message_id: MessageId,
    /// The message's sequence in the shard.
    pub message_seq: Seq,
    /// With what.
    pub emoji: Emoji,
    /// Whether they react so from now on; `false`: no longer.
    pub on: bool,
}

/// Somebody pinned a message in its conversation, or took that back. For each message the one with the greatest `seq` counts; those of a
/// message whose content is gone do not.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MessagePinned {
    /// Identifies the event.
    pub event_id: EventId,
    /// By whom.
    pub actor_id: UserId,
    /// When it was accepted, by the accepting server's clock.
    pub at_ms: TimestampMs,
    /// The message's conversation.
    pub conversation_id: ConversationId,
    /// Their own key for it.
    pub client_id: ClientId,
    /// The message. Members who came after it do not see it.
    pub message_id: MessageId,
    /// The message's sequence in the shard.
    pub message_seq: Seq,
    /// Whether it is pinned from now on; `false`: no longer.
    pub on: bool,
}

/// An account exists.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct UserRegistered {
    /// Identifies the event.
    pub event_id: EventId,
    /// Who caused it, where that is said: not for what operators do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<UserId>,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// Who.
    pub user_id: UserId,
}

/// A user's conversations changed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ConversationMembershipChanged {
    /// Identifies the event.
    pub event_id: EventId,
    /// Who caused it, where that is said: not for what operators do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<UserId>,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// Who.
    pub user_id: UserId,
    /// Which conversation.
    pub conversation_id: ConversationId,
}

/// Someone is invited into a conversation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ConversationInvited {
    /// Identifies the event.
    pub event_id: EventId,
    /// By whom.
    #[serde(alias = "invited_by")]
    pub actor_id: UserId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// Who.
    pub user_id: UserId,
    /// Into which conversation.
    pub conversation_id: ConversationId,
}

/// A device's session ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct SessionRevoked {
    /// Identifies the event.
    pub event_id: EventId,
    /// Who caused it, where that is said: not for what operators do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<UserId>,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// Whose.
    pub user_id: UserId,
    /// Which.
    pub session_id: SessionId,
}

/// A device logged in.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct SessionStarted {
    /// Identifies the event.
    pub event_id: EventId,
    /// Who caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<UserId>,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// Whose.
    pub user_id: UserId,
    /// Which.
    pub session_id: SessionId,
    /// What the person calls the device.
    pub device_name: DeviceName,
}

/// How others see a user changed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ProfileChanged {
    /// Identifies the event.
    pub event_id: EventId,
    /// By whom.
    pub actor_id: UserId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// Whose.
    pub user_id: UserId,
    /// The name that others see now.
    pub display_name: DisplayName,
}

/// A user hid a message from themselves. Everybody else goes on seeing it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MessageHidden {
    /// Identifies the event.
    pub event_id: EventId,
    /// By whom.
    pub actor_id: UserId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// From whom.
    pub user_id: UserId,
    /// The message's conversation.
    pub conversation_id: ConversationId,
    /// The hidden message.
    pub message_id: MessageId,
    /// The message's sequence in the shard.
    pub message_seq: Seq,
}

/// What became of a message that a user wants sent later. What it says is not here: the log would keep it for 30 days.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ScheduledMessageChanged {
    /// Identifies the event.
    pub event_id: EventId,
    /// By whom.
    pub actor_id: UserId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// Whose.
    pub user_id: UserId,
    /// Where it is to be sent.
    pub conversation_id: ConversationId,
    /// The author's key for it.
    pub client_id: ClientId,
    /// How it is doing now.
    pub state: crate::scheduled::ScheduledState,
    /// When it is, or was, to be sent, in milliseconds since 1970.
    pub send_at_ms: TimestampMs,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<crate::error::AnyErrorCode>,
}

/// A user has read further. For each conversation the marks rise; one that moves often is told at most every 5 s.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ReadMarkMoved {
    /// Identifies the event.
    pub event_id: EventId,
    /// By whom.
    pub actor_id: UserId,
    /// When it was told, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// Whose.
    pub user_id: UserId,
    /// Where.
    pub conversation_id: ConversationId,
    /// The sequence up to which they have read.
    pub read_seq: Seq,
    /// They marked the conversation as unread from there on; absent when they did not, or have read it since. What they write behind
    /// it ends it, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread_from: Option<Seq>,
}

/// A user follows a thread or no longer does, or has read further in one. Of one thread the event with the greatest `seq` counts; a mark
/// that moves often is told at most every 5 s. One's own replies move it, too, and are not told apart.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ThreadMarkMoved {
    /// Identifies the event.
    pub event_id: EventId,
    /// By whom.
    pub actor_id: UserId,
    /// When it was told, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// Whose.
    pub user_id: UserId,
    /// Where.
    pub conversation_id: ConversationId,
    /// The thread's root.
    pub thread: MessageRef,
    /// Whether they follow it.
    pub following: bool,
    /// The sequence up to which they have read it.
    pub read_seq: Seq,
}

/// A user set something for all their devices. What it does not name is as it was.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct SettingsChanged {
    /// Identifies the event.
    pub event_id: EventId,
    /// By whom.
    pub actor_id: UserId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// Whose.
    pub user_id: UserId,
    /// Whether the user tells others what they have read, and is told of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_receipts: Option<bool>,
    /// Whom the user tells whether they are there, and when they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence_to: Option<crate::presence::PresenceAudience>,
    /// How they want to be seen while they are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability: Option<crate::presence::Availability>,
}

/// A user set something for one conversation, on all their devices.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ConversationSettingsChanged {
    /// Identifies the event.
    pub event_id: EventId,
    /// By whom.
    pub actor_id: UserId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// Whose.
    pub user_id: UserId,
    /// For which conversation.
    pub conversation_id: ConversationId,
    /// All that is set for it now.
    pub settings: ConversationSettings,
}

/// What a user is writing in a conversation changed: told at most every 5 s for each conversation, and never with its text.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct DraftChanged {
    /// Identifies the event.
    pub event_id: EventId,
    /// By whom.
    pub actor_id: UserId,
    /// When it was told, by the deciding server's clock.
    pub at_ms: TimestampMs,
    /// Whose.
    pub user_id: UserId,
    /// Where.
    pub conversation_id: ConversationId,
    /// The draft's version: whose device has a lesser one reads it anew.
    pub version: u64,
}

/// Events that have an id of their own.
macro_rules! event_ids {
    ($($fields:ident),*) => {
        $(impl $fields {
            pub(super) const fn event_id(&self) -> EventId {
                self.event_id
            }
        })*
    };
}

event_ids!(
    ConversationCreated,
    MemberAdded,
    MemberRemoved,
    MembersAdded,
    MembersRemoved,
    ConversationRenamed,
    RoleChanged,
    MessageEdited,
    MessageErased,
    MessageReacted,
    MessagePinned,
    UserRegistered,
    ConversationMembershipChanged,
    ConversationInvited,
    SessionRevoked,
    SessionStarted,
    ProfileChanged,
    ReadMarkMoved,
    ThreadMarkMoved,
    SettingsChanged,
    MessageHidden,
    ConversationSettingsChanged,
    DraftChanged,
    ScheduledMessageChanged
);
