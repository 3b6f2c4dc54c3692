//! What the log stores. JSON, so that `nats stream view` shows an operator what happened.
//!
//! Events on a conversation's subject concern its members; events on a user's subject concern only them.
//! A type that a reader does not know keeps its place: it is stored, passed on and replayed as it came, by its subject. What a
//! known event holds in a place for names or bodies (a role, a kind, a body) may be unknown as well, and is kept in the same way.

use serde::de::Error as _;
use serde_json::value::RawValue;

use relay_types::{ClientId, ConversationId, ConversationTitle, EventId, MessageId, Seq, SessionId, ShardId, TimestampMs, UserId};

use crate::conversation::{ConversationKind, Role};
use crate::frame::Chain;
use crate::message::MessageBody;
use crate::unknown::{RawJson, without_fields};

/// Members that one event brings in or puts out at most: it stays well below the size of what the log takes.
pub const MOST_MEMBERS_AT_ONCE: usize = 500;

/// An event as published.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
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
    /// What no reader can read, and what counts for nobody. It is on no chain.
    #[serde(skip)]
    Unreadable,
    /// A type of a newer version's, on either subject.
    #[serde(untagged)]
    Unknown(Box<UnknownEvent>),
}

/// An event of a type that this version does not know. Its object is kept as it came, without the fields that belong to frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownEvent {
    /// The type: 1 to 64 of `A-Z`, `a-z`, `0-9` and `_`.
    pub name: Box<str>,
    /// Identifies the event.
    pub event_id: Option<EventId>,
    /// Who caused it.
    pub actor_id: Option<UserId>,
    /// The conversation it says it is about. On a conversation's subject it is that one.
    pub conversation_id: Option<ConversationId>,
    /// When, by the deciding server's clock.
    pub at_ms: Option<TimestampMs>,
    /// The whole event.
    pub raw: RawJson,
}

impl serde::Serialize for UnknownEvent {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

impl UnknownEvent {
    fn decode(name: &str, json: &str) -> Result<Self, serde_json::Error> {
        #[derive(serde::Deserialize)]
        struct Envelope {
            #[serde(default)]
            event_id: Option<EventId>,
            #[serde(default)]
            actor_id: Option<UserId>,
            #[serde(default)]
            conversation_id: Option<ConversationId>,
            #[serde(default)]
            at_ms: Option<TimestampMs>,
        }
        let is_name = (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_name {
            return Err(serde_json::Error::custom("the type is no name"));
        }
        let Envelope { event_id, actor_id, conversation_id, at_ms } = serde_json::from_str(json)?;
        // A frame's own fields: whoever publishes does not choose them.
        let raw = RawJson::parse(&without_fields(json, &["seq", "prev", "chain"])?)?;
        Ok(Self { name: name.into(), event_id, actor_id, conversation_id, at_ms, raw })
    }
}

impl<'de> serde::Deserialize<'de> for LogEvent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::decode(raw.get()).map_err(D::Error::custom)
    }
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
        let owner = Some(EventOwner::Conversation(self.conversation_id));
        StoredEvent { shard, seq: self.message_seq, owner, prev: self.message_prev, stored_at_ms: self.stored_at_ms, event }
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
    /// Reads an event as published.
    ///
    /// # Errors
    /// When the text is not an event: not JSON, without a type, or of a known type without its fields.
    pub fn decode(json: &str) -> Result<Self, serde_json::Error> {
        #[derive(serde::Deserialize)]
        struct Tag<'a> {
            #[serde(rename = "type", borrow)]
            kind: std::borrow::Cow<'a, str>,
        }
        let tag: Tag<'_> = serde_json::from_str(json)?;
        Ok(match tag.kind.as_ref() {
            "MESSAGE_SENT" => Self::MessageSent(serde_json::from_str(json)?),
            "CONVERSATION_CREATED" => Self::ConversationCreated(serde_json::from_str(json)?),
            "MEMBER_ADDED" => Self::MemberAdded(serde_json::from_str(json)?),
            "MEMBER_REMOVED" => Self::MemberRemoved(serde_json::from_str(json)?),
            "MEMBERS_ADDED" => Self::MembersAdded(serde_json::from_str(json)?),
            "MEMBERS_REMOVED" => Self::MembersRemoved(serde_json::from_str(json)?),
            "CONVERSATION_RENAMED" => Self::ConversationRenamed(serde_json::from_str(json)?),
            "ROLE_CHANGED" => Self::RoleChanged(serde_json::from_str(json)?),
            "MESSAGE_ERASED" => Self::MessageErased(serde_json::from_str(json)?),
            "USER_REGISTERED" => Self::UserRegistered(serde_json::from_str(json)?),
            "CONVERSATION_JOINED" => Self::ConversationJoined(serde_json::from_str(json)?),
            "CONVERSATION_LEFT" => Self::ConversationLeft(serde_json::from_str(json)?),
            "CONVERSATION_INVITED" => Self::ConversationInvited(serde_json::from_str(json)?),
            "INVITATION_ENDED" => Self::InvitationEnded(serde_json::from_str(json)?),
            "USER_SEEN" => Self::UserSeen(serde_json::from_str(json)?),
            "SESSION_REVOKED" => Self::SessionRevoked(serde_json::from_str(json)?),
            name => Self::Unknown(Box::new(UnknownEvent::decode(name, json)?)),
        })
    }

    /// Whether the event may stand on the subject of `owner`: a writer that may publish to one conversation, or to one user,
    /// cannot speak in another's name.
    pub fn belongs_to(&self, owner: EventOwner) -> bool {
        match (owner, self) {
            (EventOwner::Conversation(id), Self::Unknown(event)) => event.conversation_id.is_none_or(|named| named == id),
            (EventOwner::User(_), Self::Unknown(_)) => true,
            (EventOwner::Conversation(id), _) => self.conversation() == Some(id),
            (EventOwner::User(id), _) => self.user() == Some(id),
        }
    }

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
            | Self::Unreadable
            | Self::Unknown(_) => Vec::new(),
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
            | Self::Unreadable
            | Self::Unknown(_) => Vec::new(),
        }
    }

    /// The conversation whose subject the event is on, if its type says so; `None` for events on a user's subject. Readers of the
    /// log ask [`StoredEvent::conversation`], which knows it for every event.
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
            | Self::Unreadable
            | Self::Unknown(_) => None,
        }
    }

    /// The user on whose subject the event is, if its type says so.
    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::UserRegistered(e) | Self::UserSeen(e) => Some(e.user_id),
            Self::ConversationJoined(e) | Self::ConversationLeft(e) | Self::InvitationEnded(e) => Some(e.user_id),
            Self::ConversationInvited(e) => Some(e.user_id),
            Self::SessionRevoked(e) => Some(e.user_id),
            Self::MessageSent(_)
            | Self::ConversationCreated(_)
            | Self::MemberAdded(_)
            | Self::MemberRemoved(_)
            | Self::MembersAdded(_)
            | Self::MembersRemoved(_)
            | Self::ConversationRenamed(_)
            | Self::RoleChanged(_)
            | Self::MessageErased(_)
            | Self::Unreadable
            | Self::Unknown(_) => None,
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
            | Self::Unreadable
            | Self::Unknown(_) => false,
        }
    }

    /// The type's name, as stored.
    pub fn name(&self) -> &str {
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
            Self::Unreadable => "UNREADABLE",
            Self::Unknown(event) => &event.name,
        }
    }
}

/// Whose event it is, as its subject says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventOwner {
    /// A conversation's: all its members get it.
    Conversation(ConversationId),
    /// A user's, on one shard: all their devices get it.
    User(UserId),
}

/// An event with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Which stream.
    pub shard: ShardId,
    /// Its place there.
    pub seq: Seq,
    /// From its subject; `None` for what no reader can read.
    pub owner: Option<EventOwner>,
    /// The event before it of the same owner on the shard (`Seq::ZERO` for the first); `None` when the reader of the log
    /// does not know it, which only Postgres and a warm gateway do.
    pub prev: Option<Seq>,
    /// When the stream stored it, by the NATS server's clock.
    pub stored_at_ms: TimestampMs,
    /// What happened.
    pub event: LogEvent,
}

impl StoredEvent {
    /// A place of the log in which nothing can be read, or nothing counts.
    pub const fn unreadable(shard: ShardId, seq: Seq, stored_at_ms: TimestampMs) -> Self {
        Self { shard, seq, owner: None, prev: None, stored_at_ms, event: LogEvent::Unreadable }
    }

    /// The conversation on whose subject it is.
    pub const fn conversation(&self) -> Option<ConversationId> {
        match self.owner {
            Some(EventOwner::Conversation(id)) => Some(id),
            Some(EventOwner::User(_)) | None => None,
        }
    }

    /// The chain in which it is a link.
    pub fn chain(&self) -> Option<Chain> {
        self.owner.map(|owner| match owner {
            EventOwner::Conversation(id) => Chain::Conversation(id),
            EventOwner::User(_) => Chain::User(self.shard),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    const OTHER: &str = "01BX5ZZKBKACTAV9WEVGEMMVRZ";

    #[test]
    fn event_of_a_newer_version_is_carried_as_it_came() {
        let json = format!(
            r#"{{"v":2,"type":"MESSAGE_PINNED","event_id":"{ID}","actor_id":"{OTHER}","at_ms":7,"conversation_id":"{ID}","x":1.0}}"#
        );
        let event: LogEvent = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), json);
        assert_eq!(event.name(), "MESSAGE_PINNED");
        assert!(event.belongs_to(EventOwner::Conversation(ID.parse().unwrap())));
        assert!(!event.belongs_to(EventOwner::Conversation(OTHER.parse().unwrap())));
        assert!(event.belongs_to(EventOwner::User(OTHER.parse().unwrap())));
        let LogEvent::Unknown(unknown) = event else { panic!("a known type") };
        assert_eq!((unknown.event_id, unknown.actor_id, unknown.at_ms), (ID.parse().ok(), OTHER.parse().ok(), Some(7)));
    }

    #[test]
    fn event_of_a_newer_version_cannot_choose_its_place() {
        let event = LogEvent::decode(r#"{"type":"X","seq":9,"prev":1,"chain":"c:x","y":{"seq":2}}"#).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), r#"{"type":"X","y":{"seq":2}}"#);
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for json in
            [r#"{"x":1}"#, r#"{"type":"A B"}"#, r#"{"type":""}"#, r#"{"type":"X","event_id":7}"#, r#"{"type":"MESSAGE_SENT"}"#, "[]", "{"]
        {
            assert!(LogEvent::decode(json).is_err(), "{json}");
        }
    }

    #[test]
    fn known_event_with_an_unknown_role_kind_or_body_is_carried_as_it_came() {
        let added = format!(
            r#"{{"type":"MEMBER_ADDED","event_id":"{ID}","conversation_id":"{ID}","user_id":"{ID}","role":"moderator","added_by":"{ID}","kind":"channel","at_ms":1}}"#
        );
        let sent = format!(
            r#"{{"type":"MESSAGE_SENT","message_id":"{ID}","conversation_id":"{ID}","sender_id":"{ID}","client_id":"k","sent_at_ms":1,"body":{{"type":"poll","n":1.0}}}}"#
        );
        for json in [added, sent] {
            assert_eq!(serde_json::to_string(&LogEvent::decode(&json).unwrap()).unwrap(), json);
        }
    }

    #[test]
    fn user_event_belongs_to_its_user_alone() {
        let json = format!(r#"{{"type":"CONVERSATION_JOINED","event_id":"{ID}","user_id":"{ID}","conversation_id":"{OTHER}","at_ms":1}}"#);
        let event = LogEvent::decode(&json).unwrap();
        assert!(event.belongs_to(EventOwner::User(ID.parse().unwrap())));
        assert!(!event.belongs_to(EventOwner::User(OTHER.parse().unwrap())));
        assert!(!event.belongs_to(EventOwner::Conversation(OTHER.parse().unwrap())));
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
