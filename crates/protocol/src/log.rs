//! What the log stores. JSON, so that `nats stream view` shows an operator what happened.
//!
//! Events on a conversation's subject concern its members; events on a user's subject concern only them.
//! A reader ignores types it does not know: an older worker passes over a newer event.

use relay_types::{ClientId, ConversationId, ConversationTitle, EventId, MessageId, Seq, SessionId, ShardId, TimestampMs, UserId};

use crate::conversation::{ConversationKind, Role};
use crate::message::MessageBody;

/// Members that one event brings in or puts out at most: it stays well below the size of what the log takes.
pub const MOST_MEMBERS_AT_ONCE: usize = 500;

/// An event as published.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LogEvent {
    /// On the conversation's subject: a message was accepted.
    MessageSent(MessageSent),
    /// On the conversation's subject, always its first event.
    ConversationCreated(ConversationCreated),
    /// On the conversation's subject: someone joined.
    MemberAdded(MemberAdded),
    /// On the conversation's subject: someone left or was removed. They see nothing after it.
    MemberRemoved(MemberRemoved),
    /// On the conversation's subject: several people joined at once.
    MembersAdded(MembersAdded),
    /// On the conversation's subject: several people were removed at once. They see nothing after it.
    MembersRemoved(MembersRemoved),
    /// On the conversation's subject: a new title.
    ConversationRenamed(ConversationRenamed),
    /// On the conversation's subject: a member's role changed.
    RoleChanged(RoleChanged),
    /// On the conversation's subject: a message's content was erased. Its place stays, as a tombstone.
    MessageErased(MessageErased),
    /// On the user's subject: the account exists.
    UserRegistered(UserRegistered),
    /// On the user's subject, on the conversation's shard: they are now in it.
    ConversationJoined(ConversationMembershipChanged),
    /// On the user's subject, on the conversation's shard: they are no longer in it.
    ConversationLeft(ConversationMembershipChanged),
    /// On the user's subject, on the conversation's shard: they are invited into it.
    ConversationInvited(ConversationInvited),
    /// On the user's subject, on the conversation's shard: the invitation was accepted, declined or withdrawn.
    InvitationEnded(ConversationMembershipChanged),
    /// On the user's subject: their first log-in; their durable consumers are to be created.
    UserSeen(UserRegistered),
    /// On the user's subject: one device's session ended; its sockets close.
    SessionRevoked(SessionRevoked),
    /// A type this reader does not know.
    #[serde(other, skip_serializing)]
    Unknown,
}

/// A message was accepted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MessageSent {
    /// Minted by the server.
    pub message_id: MessageId,
    /// Where.
    pub conversation_id: ConversationId,
    /// By whom.
    pub sender_id: UserId,
    /// The sender's own key.
    pub client_id: ClientId,
    /// When it was accepted, by the accepting server's clock.
    pub sent_at_ms: TimestampMs,
    /// What.
    pub body: MessageBody,
}

/// A conversation began.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ConversationCreated {
    /// Identifies the event.
    pub event_id: EventId,
    /// Which.
    pub conversation_id: ConversationId,
    /// Direct or group.
    pub kind: ConversationKind,
    /// A group's title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<ConversationTitle>,
    /// By whom.
    pub created_by: UserId,
    /// Who is in it from the start, the creator included; at most [`MOST_MEMBERS_AT_ONCE`]. More follow in `MEMBERS_ADDED`.
    pub members: Vec<InitialMember>,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
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
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MemberAdded {
    /// Identifies the event.
    pub event_id: EventId,
    /// Where.
    pub conversation_id: ConversationId,
    /// Who.
    pub user_id: UserId,
    /// As what.
    pub role: Role,
    /// By whom.
    pub added_by: UserId,
    /// Direct or group; tells the new member what they joined.
    pub kind: ConversationKind,
    /// The title at that moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<ConversationTitle>,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
}

/// Someone left or was removed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MemberRemoved {
    /// Identifies the event.
    pub event_id: EventId,
    /// Where.
    pub conversation_id: ConversationId,
    /// Who.
    pub user_id: UserId,
    /// By whom; themselves when they left.
    pub removed_by: UserId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
}

/// Several people joined.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MembersAdded {
    /// Identifies the event.
    pub event_id: EventId,
    /// Where.
    pub conversation_id: ConversationId,
    /// Who, without repeats; at most [`MOST_MEMBERS_AT_ONCE`].
    pub user_ids: Vec<UserId>,
    /// As what.
    pub role: Role,
    /// By whom.
    pub added_by: UserId,
    /// Direct or group; tells the new members what they joined.
    pub kind: ConversationKind,
    /// The title at that moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<ConversationTitle>,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
}

/// Several people were removed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MembersRemoved {
    /// Identifies the event.
    pub event_id: EventId,
    /// Where.
    pub conversation_id: ConversationId,
    /// Who, without repeats; at most [`MOST_MEMBERS_AT_ONCE`].
    pub user_ids: Vec<UserId>,
    /// By whom.
    pub removed_by: UserId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
}

/// A new title.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ConversationRenamed {
    /// Identifies the event.
    pub event_id: EventId,
    /// Which.
    pub conversation_id: ConversationId,
    /// The new title.
    pub title: ConversationTitle,
    /// By whom.
    pub renamed_by: UserId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
}

/// A role changed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RoleChanged {
    /// Identifies the event.
    pub event_id: EventId,
    /// Where.
    pub conversation_id: ConversationId,
    /// Whose.
    pub user_id: UserId,
    /// The new role.
    pub role: Role,
    /// By whom.
    pub changed_by: UserId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
}

/// A message's content was erased. Says what a tombstone needs, because the message is gone from the log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MessageErased {
    /// Identifies the event.
    pub event_id: EventId,
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
    /// When it was erased, by the deciding server's clock.
    pub at_ms: TimestampMs,
}

impl MessageErased {
    /// What is left of the message.
    pub fn tombstone(&self, shard: ShardId) -> StoredEvent {
        let event = LogEvent::MessageSent(MessageSent {
            message_id: self.message_id,
            conversation_id: self.conversation_id,
            sender_id: self.sender_id,
            client_id: self.client_id.clone(),
            sent_at_ms: self.sent_at_ms,
            body: MessageBody::Erased,
        });
        StoredEvent { shard, seq: self.message_seq, prev: self.message_prev, stored_at_ms: self.stored_at_ms, event }
    }
}

/// An account exists.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct UserRegistered {
    /// Identifies the event.
    pub event_id: EventId,
    /// Who.
    pub user_id: UserId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
}

/// A user's conversations changed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ConversationMembershipChanged {
    /// Identifies the event.
    pub event_id: EventId,
    /// Who.
    pub user_id: UserId,
    /// Which conversation.
    pub conversation_id: ConversationId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
}

/// Someone is invited into a conversation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ConversationInvited {
    /// Identifies the event.
    pub event_id: EventId,
    /// Who.
    pub user_id: UserId,
    /// Into which conversation.
    pub conversation_id: ConversationId,
    /// By whom.
    pub invited_by: UserId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
}

/// A device's session ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SessionRevoked {
    /// Identifies the event.
    pub event_id: EventId,
    /// Whose.
    pub user_id: UserId,
    /// Which.
    pub session_id: SessionId,
    /// When, by the deciding server's clock.
    pub at_ms: TimestampMs,
}

impl LogEvent {
    /// Who comes in by the event. This and [`Self::leaving`] are the only places that know which types change memberships:
    /// the list is closed, because a reader that does not know a type could not obey it.
    pub fn joining(&self) -> Vec<UserId> {
        match self {
            Self::ConversationCreated(e) => e.members.iter().map(|member| member.user_id).collect(),
            Self::MemberAdded(e) => vec![e.user_id],
            Self::MembersAdded(e) => e.user_ids.clone(),
            Self::MessageSent(_)
            | Self::MemberRemoved(_)
            | Self::MembersRemoved(_)
            | Self::ConversationRenamed(_)
            | Self::RoleChanged(_)
            | Self::MessageErased(_)
            | Self::UserRegistered(_)
            | Self::ConversationJoined(_)
            | Self::ConversationLeft(_)
            | Self::ConversationInvited(_)
            | Self::InvitationEnded(_)
            | Self::UserSeen(_)
            | Self::SessionRevoked(_)
            | Self::Unknown => Vec::new(),
        }
    }

    /// Who goes out by the event; they see it as the last one.
    pub fn leaving(&self) -> Vec<UserId> {
        match self {
            Self::MemberRemoved(e) => vec![e.user_id],
            Self::MembersRemoved(e) => e.user_ids.clone(),
            Self::MessageSent(_)
            | Self::ConversationCreated(_)
            | Self::MemberAdded(_)
            | Self::MembersAdded(_)
            | Self::ConversationRenamed(_)
            | Self::RoleChanged(_)
            | Self::MessageErased(_)
            | Self::UserRegistered(_)
            | Self::ConversationJoined(_)
            | Self::ConversationLeft(_)
            | Self::ConversationInvited(_)
            | Self::InvitationEnded(_)
            | Self::UserSeen(_)
            | Self::SessionRevoked(_)
            | Self::Unknown => Vec::new(),
        }
    }

    /// The conversation whose subject the event is on; `None` for events on a user's subject.
    pub const fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::MessageSent(e) => Some(e.conversation_id),
            Self::ConversationCreated(e) => Some(e.conversation_id),
            Self::MemberAdded(e) => Some(e.conversation_id),
            Self::MemberRemoved(e) => Some(e.conversation_id),
            Self::MembersAdded(e) => Some(e.conversation_id),
            Self::MembersRemoved(e) => Some(e.conversation_id),
            Self::ConversationRenamed(e) => Some(e.conversation_id),
            Self::RoleChanged(e) => Some(e.conversation_id),
            Self::MessageErased(e) => Some(e.conversation_id),
            Self::UserRegistered(_)
            | Self::UserSeen(_)
            | Self::ConversationJoined(_)
            | Self::ConversationLeft(_)
            | Self::ConversationInvited(_)
            | Self::InvitationEnded(_)
            | Self::SessionRevoked(_)
            | Self::Unknown => None,
        }
    }

    /// Whether the event is a place of its own in the history that people read: a message, or a change of the conversation.
    /// What later events do to a message shows where the message is.
    pub const fn is_in_history(&self) -> bool {
        match self {
            Self::MessageSent(_)
            | Self::ConversationCreated(_)
            | Self::MemberAdded(_)
            | Self::MemberRemoved(_)
            | Self::MembersAdded(_)
            | Self::MembersRemoved(_)
            | Self::ConversationRenamed(_)
            | Self::RoleChanged(_) => true,
            Self::MessageErased(_)
            | Self::UserRegistered(_)
            | Self::UserSeen(_)
            | Self::ConversationJoined(_)
            | Self::ConversationLeft(_)
            | Self::ConversationInvited(_)
            | Self::InvitationEnded(_)
            | Self::SessionRevoked(_)
            | Self::Unknown => false,
        }
    }

    /// The type's name, as stored and as a metric label.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::MessageSent(_) => "MESSAGE_SENT",
            Self::ConversationCreated(_) => "CONVERSATION_CREATED",
            Self::MemberAdded(_) => "MEMBER_ADDED",
            Self::MemberRemoved(_) => "MEMBER_REMOVED",
            Self::MembersAdded(_) => "MEMBERS_ADDED",
            Self::MembersRemoved(_) => "MEMBERS_REMOVED",
            Self::ConversationRenamed(_) => "CONVERSATION_RENAMED",
            Self::RoleChanged(_) => "ROLE_CHANGED",
            Self::MessageErased(_) => "MESSAGE_ERASED",
            Self::UserRegistered(_) => "USER_REGISTERED",
            Self::ConversationJoined(_) => "CONVERSATION_JOINED",
            Self::ConversationLeft(_) => "CONVERSATION_LEFT",
            Self::ConversationInvited(_) => "CONVERSATION_INVITED",
            Self::InvitationEnded(_) => "INVITATION_ENDED",
            Self::UserSeen(_) => "USER_SEEN",
            Self::SessionRevoked(_) => "SESSION_REVOKED",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// An event with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Which stream.
    pub shard: ShardId,
    /// Its place there.
    pub seq: Seq,
    /// The event before it in the same conversation (`Seq::ZERO` for the first); `None` when the reader of the log
    /// does not know it, which only Postgres and a warm gateway do.
    pub prev: Option<Seq>,
    /// When the stream stored it, by the NATS server's clock.
    pub stored_at_ms: TimestampMs,
    /// What happened.
    pub event: LogEvent,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_types_are_passed_over() {
        let event: LogEvent = serde_json::from_str(r#"{"type":"FROM_THE_FUTURE","x":1}"#).unwrap();
        assert_eq!(event, LogEvent::Unknown);
    }

    #[test]
    fn the_largest_events_of_members_fit_into_the_log() {
        let user: UserId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        let conversation_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        let (event_id, title) = ("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(), "x".parse().unwrap());
        let members = vec![InitialMember { user_id: user, role: Role::Member }; MOST_MEMBERS_AT_ONCE];
        let created = ConversationCreated {
            event_id,
            conversation_id,
            kind: ConversationKind::Group,
            title: Some(title),
            created_by: user,
            members,
            at_ms: 0,
        };
        let event = LogEvent::ConversationCreated(created);
        assert_eq!(event.joining().len(), MOST_MEMBERS_AT_ONCE);
        let bytes = serde_json::to_string(&event).unwrap().len();
        assert!(bytes < 64 * 1024, "{bytes}");
    }
}
