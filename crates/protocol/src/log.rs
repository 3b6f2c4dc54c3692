//! What the log stores. JSON, so that `nats stream view` shows an operator what happened, and public: an event's frame is this
//! same object with its place in front (see [`crate::frame`]).
//!
//! Events on a conversation's subject concern its members; events on a user's subject concern only them.
//! A type that a reader does not know keeps its place: it is stored, passed on and replayed as it came, by its subject. What a
//! known event holds in a place for names or bodies (a role, a kind, a body) may be unknown as well, and so may its further
//! fields: they are kept in the same way.

mod envelope;
mod kinds;
mod parts;
mod stored;

use serde::de::Error as _;
use serde_json::value::RawValue;
use utoipa::openapi::{AllOfBuilder, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema, schema::Type};

use relay_types::{ClientId, ConversationId, EventId, MessageId, TimestampMs, UserId};

use crate::unknown::{RawJson, fields};
use envelope::Head;

pub use envelope::is_event_type;
pub use kinds::{
    ConversationCreated, ConversationInvited, ConversationMembershipChanged, ConversationRenamed, ConversationSettingsChanged,
    DraftChanged, InitialMember, MOST_MEMBERS_AT_ONCE, MemberAdded, MemberRemoved, MembersAdded, MembersRemoved, MessageEdited,
    MessageErased, MessageHidden, MessagePinned, MessageReacted, MessageSent, ProfileChanged, ReadMarkMoved, RoleChanged,
    ScheduledMessageChanged, SessionRevoked, SessionStarted, SettingsChanged, ThreadMarkMoved, UserRegistered,
};
pub use parts::MessageParts;
pub use stored::{EventOwner, EventText, StoredEvent};

/// The version that this build writes as `v`. Events without one are of before; they are read, and go out encoded anew.
pub const VERSION: u32 = 1;

/// An event as published.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// On the conversation's subject: a message's sender said it anew.
    MessageEdited(MessageEdited),
    /// On the conversation's subject: a message's content was erased. Its place stays, as a tombstone.
    MessageErased(MessageErased),
    /// On the conversation's subject: somebody reacted to a message, or no longer does.
    MessageReacted(MessageReacted),
    /// On the conversation's subject: somebody pinned a message, or took that back.
    MessagePinned(MessagePinned),
    /// On the user's subject: the account exists.
    UserRegistered(UserRegistered),
    /// On the user's subject: their first log-in, or the first sign of them after a long absence; their durable consumers are to be
    /// made.
    UserSeen(UserRegistered),
    /// On the user's subject, on the conversation's shard: they are now in it.
    ConversationJoined(ConversationMembershipChanged),
    /// On the user's subject, on the conversation's shard: they are no longer in it.
    ConversationLeft(ConversationMembershipChanged),
    /// On the user's subject, on the conversation's shard: they are invited into it.
    ConversationInvited(ConversationInvited),
    /// On the user's subject, on the conversation's shard: the invitation was accepted, declined or withdrawn.
    InvitationEnded(ConversationMembershipChanged),
    /// On the user's subject: one device's session ended; its sockets close.
    SessionRevoked(SessionRevoked),
    /// On the user's subject, on their home shard: a device logged in.
    SessionStarted(SessionStarted),
    /// On the user's subject, on their home shard: how others see them changed.
    ProfileChanged(ProfileChanged),
    /// On the user's subject, on the conversation's shard: they have read further.
    ReadMarkMoved(ReadMarkMoved),
    /// On the user's subject, on the conversation's shard: they follow a thread or no longer do, or have read further in it.
    ThreadMarkMoved(ThreadMarkMoved),
    /// On the user's subject, on their home shard: they set something for all their devices.
    SettingsChanged(SettingsChanged),
    /// On the user's subject, on the conversation's shard: they hid a message from themselves.
    MessageHidden(MessageHidden),
    /// On the user's subject, on the conversation's shard: they set something for that conversation.
    ConversationSettingsChanged(ConversationSettingsChanged),
    /// On the user's subject, on the conversation's shard: what they are writing there changed. Its text is not in the log.
    DraftChanged(DraftChanged),
    /// On the user's subject, on their home shard: what became of a message that they want sent later.
    ScheduledMessageChanged(ScheduledMessageChanged),
    /// What no reader can read, and what counts for nobody. It is on no chain.
    Unreadable,
    /// A type of a newer version's, on either subject.
    Unknown(Box<UnknownEvent>),
}

/// What an event is to those who read the log, whatever its type. A reader asks for this rather than listing types: a new type is
/// then a line in the table below.
#[derive(Debug, Clone, Copy)]
pub enum EventClass<'a> {
    /// Somebody said something, under a key of their own. It is in the history.
    Message(&'a MessageSent),
    /// Something about the conversation changed. It is in the history.
    Change,
    /// Something became of an earlier message. It is in no history: that shows where the message is.
    Amendment,
    /// It concerns one user alone, and is on their subject.
    Personal,
    /// Nothing can be read of it.
    Unreadable,
    /// A type of a newer version's.
    Unknown(&'a UnknownEvent),
}

/// What a person published by themselves under a key of their own, whatever its type. It counts if they were in the conversation
/// where the log put it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published<'a> {
    /// Where.
    pub conversation_id: ConversationId,
    /// By whom.
    pub actor_id: UserId,
    /// Their key.
    pub client_id: &'a ClientId,
    /// The event's id; a message's is the message's.
    pub id: MessageId,
    /// When it was accepted, by the accepting server's clock.
    pub at_ms: TimestampMs,
}

/// What each event says of itself, whatever its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// Identifies the event; a message's id is its event's.
    pub event_id: Option<EventId>,
    /// Who caused it.
    pub actor_id: Option<UserId>,
    /// When, by the deciding server's clock.
    pub at_ms: Option<TimestampMs>,
}

/// The table of types. One line each: the variant and its fields, the name, on whose subject it is, its class, and whether a person
/// publishes it by themselves, under a key of their own.
macro_rules! types {
    ($($variant:ident($fields:ident) $name:literal on $owner:ident, $class:ident, by $by:ident;)*) => {
        impl LogEvent {
            /// Each known type: its name, and its fields' schema.
            pub const TYPES: &'static [(&'static str, &'static str)] = &[$(($name, stringify!($fields))),*];

            /// Reads the fields of a known type; `None` for another one.
            fn read(name: &str, json: &str) -> Option<Result<Self, serde_json::Error>> {
                match name {
                    $($name => Some(serde_json::from_str(json).map(Self::$variant)),)*
                    _ => None,
                }
            }

            /// The type's name, as stored.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $name,)*
                    Self::Unreadable => "UNREADABLE",
                    Self::Unknown(event) => &event.name,
                }
            }

            /// What it is to a reader.
            pub const fn class(&self) -> EventClass<'_> {
                match self {
                    $(Self::$variant(_fields) => types!(@class $class _fields),)*
                    Self::Unreadable => EventClass::Unreadable,
                    Self::Unknown(event) => EventClass::Unknown(event),
                }
            }

            /// On whose subject the event is, if its type says so. Readers of the log ask [`StoredEvent::owner`], which is known for
            /// every event.
            pub const fn owner(&self) -> Option<EventOwner> {
                match self {
                    $(Self::$variant(fields) => Some(types!(@owner $owner fields)),)*
                    Self::Unreadable | Self::Unknown(_) => None,
                }
            }

            /// What it is as something that a person published, if it is.
            pub fn published(&self) -> Option<Published<'_>> {
                match self {
                    $(Self::$variant(_fields) => types!(@by $by _fields),)*
                    Self::Unreadable | Self::Unknown(_) => None,
                }
            }

            /// What it says of itself.
            pub fn envelope(&self) -> Envelope {
                match self {
                    $(Self::$variant(fields) => Envelope {
                        event_id: Some(fields.event_id()),
                        actor_id: fields.actor_id.into(),
                        at_ms: Some(fields.at_ms),
                    },)*
                    Self::Unreadable => Envelope { event_id: None, actor_id: None, at_ms: None },
                    Self::Unknown(event) => Envelope { event_id: event.event_id, actor_id: event.actor_id, at_ms: event.at_ms },
                }
            }
        }

        impl serde::Serialize for LogEvent {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                #[derive(serde::Serialize)]
                struct Published<'a, T> {
                    v: u32,
                    #[serde(rename = "type")]
                    name: &'a str,
                    #[serde(flatten)]
                    fields: &'a T,
                }
                match self {
                    $(Self::$variant(fields) => Published { v: VERSION, name: $name, fields }.serialize(serializer),)*
                    Self::Unreadable => Err(serde::ser::Error::custom("what cannot be read cannot be written")),
                    Self::Unknown(event) => event.raw.serialize(serializer),
                }
            }
        }

        impl utoipa::PartialSchema for LogEvent {
            fn schema() -> RefOr<Schema> {
                let one_of = Self::TYPES.iter().fold(OneOfBuilder::new(), |one_of, (name, fields)| {
                    let tag = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([*name]));
                    let tag = ObjectBuilder::new().property("type", tag).required("type");
                    one_of.item(AllOfBuilder::new().item(Ref::from_schema_name(*fields)).item(tag))
                });
                one_of.description(Some("An event, by its `type`. Newer servers say further types and fields.")).into()
            }
        }

        impl utoipa::ToSchema for LogEvent {
            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                $(
                    schemas.push((<$fields as utoipa::ToSchema>::name().into_owned(), <$fields as utoipa::PartialSchema>::schema()));
                    <$fields as utoipa::ToSchema>::schemas(schemas);
                )*
            }
        }
    };
    (@owner conversation $fields:ident) => { EventOwner::Conversation($fields.conversation_id) };
    (@owner user $fields:ident) => { EventOwner::User($fields.user_id) };
    (@class message $fields:ident) => { EventClass::Message($fields) };
    (@class change $fields:ident) => { EventClass::Change };
    (@class amendment $fields:ident) => { EventClass::Amendment };
    (@class personal $fields:ident) => { EventClass::Personal };
    (@by person $fields:ident) => {
        Some(Published {
            conversation_id: $fields.conversation_id,
            actor_id: $fields.actor_id,
            client_id: &$fields.client_id,
            id: MessageId::from_uuid($fields.event_id().to_uuid()),
            at_ms: $fields.at_ms,
        })
    };
    // A member's deletion; what operators erase counts whoever is where.
    (@by member $fields:ident) => {
        match ($fields.actor_id, &$fields.actor_client_id) {
            (Some(actor_id), Some(client_id)) => Some(Published {
                conversation_id: $fields.conversation_id,
                actor_id,
                client_id,
                id: MessageId::from_uuid($fields.event_id().to_uuid()),
                at_ms: $fields.at_ms,
            }),
            _ => None,
        }
    };
    (@by server $fields:ident) => { None };
}

types! {
    MessageSent(MessageSent) "MESSAGE_SENT" on conversation, message, by person;
    ConversationCreated(ConversationCreated) "CONVERSATION_CREATED" on conversation, change, by server;
    MemberAdded(MemberAdded) "MEMBER_ADDED" on conversation, change, by server;
    MemberRemoved(MemberRemoved) "MEMBER_REMOVED" on conversation, change, by server;
    MembersAdded(MembersAdded) "MEMBERS_ADDED" on conversation, change, by server;
    MembersRemoved(MembersRemoved) "MEMBERS_REMOVED" on conversation, change, by server;
    ConversationRenamed(ConversationRenamed) "CONVERSATION_RENAMED" on conversation, change, by server;
    RoleChanged(RoleChanged) "ROLE_CHANGED" on conversation, change, by server;
    MessageEdited(MessageEdited) "MESSAGE_EDITED" on conversation, amendment, by person;
    MessageErased(MessageErased) "MESSAGE_ERASED" on conversation, amendment, by member;
    MessageReacted(MessageReacted) "MESSAGE_REACTED" on conversation, amendment, by person;
    MessagePinned(MessagePinned) "MESSAGE_PINNED" on conversation, change, by person;
    UserRegistered(UserRegistered) "USER_REGISTERED" on user, personal, by server;
    UserSeen(UserRegistered) "USER_SEEN" on user, personal, by server;
    ConversationJoined(ConversationMembershipChanged) "CONVERSATION_JOINED" on user, personal, by server;
    ConversationLeft(ConversationMembershipChanged) "CONVERSATION_LEFT" on user, personal, by server;
    ConversationInvited(ConversationInvited) "CONVERSATION_INVITED" on user, personal, by server;
    InvitationEnded(ConversationMembershipChanged) "INVITATION_ENDED" on user, personal, by server;
    SessionRevoked(SessionRevoked) "SESSION_REVOKED" on user, personal, by server;
    SessionStarted(SessionStarted) "SESSION_STARTED" on user, personal, by server;
    ProfileChanged(ProfileChanged) "PROFILE_CHANGED" on user, personal, by server;
    ReadMarkMoved(ReadMarkMoved) "READ_MARK_MOVED" on user, personal, by server;
    ThreadMarkMoved(ThreadMarkMoved) "THREAD_MARK_MOVED" on user, personal, by server;
    SettingsChanged(SettingsChanged) "SETTINGS_CHANGED" on user, personal, by server;
    MessageHidden(MessageHidden) "MESSAGE_HIDDEN" on user, personal, by server;
    ConversationSettingsChanged(ConversationSettingsChanged) "CONVERSATION_SETTINGS_CHANGED" on user, personal, by server;
    DraftChanged(DraftChanged) "DRAFT_CHANGED" on user, personal, by server;
    ScheduledMessageChanged(ScheduledMessageChanged) "SCHEDULED_MESSAGE_CHANGED" on user, personal, by server;
}

/// An event of a type that this version does not know. Its object is kept as it came, without the fields that belong to frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownEvent {
    /// The type: see [`is_event_type`].
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

impl UnknownEvent {
    fn read(name: &str, text: RawJson) -> Result<Self, serde_json::Error> {
        #[derive(serde::Deserialize)]
        struct Known {
            #[serde(default)]
            event_id: Option<EventId>,
            #[serde(default)]
            actor_id: Option<UserId>,
            #[serde(default)]
            conversation_id: Option<ConversationId>,
            #[serde(default)]
            at_ms: Option<TimestampMs>,
        }
        let Known { event_id, actor_id, conversation_id, at_ms } = serde_json::from_str(text.get())?;
        Ok(Self { name: name.into(), event_id, actor_id, conversation_id, at_ms, raw: text })
    }
}

impl<'de> serde::Deserialize<'de> for LogEvent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::decode(raw.get()).map_err(D::Error::custom)
    }
}

impl LogEvent {
    /// Reads an event as published.
    ///
    /// # Errors
    /// When the text is not an event: not JSON that every store of ours can hold, without a type that is one, or of a known type
    /// without its fields.
    pub fn decode(json: &str) -> Result<Self, serde_json::Error> {
        Self::decode_with_text(json).map(|(event, _)| event)
    }

    /// Reads an event as published, with its text for frames and stores: what was published, without the fields that belong to
    /// frames (whoever publishes does not choose them). No text for an event without `v`, which has to be encoded anew, and for one
    /// of an unknown type, which holds its own.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn decode_with_text(json: &str) -> Result<(Self, Option<RawJson>), serde_json::Error> {
        let head = Head::read(json)?;
        let text = || {
            if head.has_place {
                let without = fields(json, |name, _| !envelope::is_of_frames(name))?.unwrap_or_default();
                return Ok(RawJson::checked(&without));
            }
            Ok(RawJson::checked(json.trim()))
        };
        match Self::read(&head.name, json) {
            Some(event) => Ok((event?, head.v.is_some().then(text).transpose()?)),
            None => Ok((Self::Unknown(Box::new(UnknownEvent::read(&head.name, text()?)?)), None)),
        }
    }

    /// The JSON text of the event; empty for what cannot be read.
    pub fn encode(&self) -> String {
        // Every type serialises: maps have string keys and no value is fallible.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether the event may stand on the subject of `owner`: a writer that may publish to one conversation, or to one user,
    /// cannot speak in another's name.
    pub fn belongs_to(&self, owner: EventOwner) -> bool {
        match (owner, self) {
            (EventOwner::Conversation(id), Self::Unknown(event)) => event.conversation_id.is_none_or(|named| named == id),
            (EventOwner::User(_), Self::Unknown(_)) => true,
            _ => self.owner() == Some(owner),
        }
    }

    /// Who comes in by the event. This and [`Self::leaving`] are the only places that know which types change memberships:
    /// the list is closed, because a reader that does not know a type could not obey it.
    pub fn joining(&self) -> Vec<UserId> {
        match self {
            Self::ConversationCreated(e) => e.members.iter().map(|member| member.user_id).collect(),
            Self::MemberAdded(e) => vec![e.user_id],
            Self::MembersAdded(e) => e.user_ids.clone(),
            _ => Vec::new(),
        }
    }

    /// Who goes out by the event; they see it as the last one.
    pub fn leaving(&self) -> Vec<UserId> {
        match self {
            Self::MemberRemoved(e) => vec![e.user_id],
            Self::MembersRemoved(e) => e.user_ids.clone(),
            _ => Vec::new(),
        }
    }

    /// What a user's own subject says of a membership: who, where, and whether they are in it now.
    pub const fn moved(&self) -> Option<(UserId, ConversationId, bool)> {
        match self {
            Self::ConversationJoined(e) => Some((e.user_id, e.conversation_id, true)),
            Self::ConversationLeft(e) => Some((e.user_id, e.conversation_id, false)),
            _ => None,
        }
    }

    /// The message, if it is one.
    pub const fn message(&self) -> Option<&MessageSent> {
        match self.class() {
            EventClass::Message(sent) => Some(sent),
            EventClass::Change | EventClass::Amendment | EventClass::Personal | EventClass::Unreadable | EventClass::Unknown(_) => None,
        }
    }

    /// The conversation whose subject the event is on, if its type says so; `None` for events on a user's subject. Readers of the
    /// log ask [`StoredEvent::conversation`], which knows it for every event.
    pub const fn conversation(&self) -> Option<ConversationId> {
        match self.owner() {
            Some(EventOwner::Conversation(id)) => Some(id),
            Some(EventOwner::User(_)) | None => None,
        }
    }

    /// The user on whose subject the event is, if its type says so.
    pub const fn user(&self) -> Option<UserId> {
        match self.owner() {
            Some(EventOwner::User(id)) => Some(id),
            Some(EventOwner::Conversation(_)) | None => None,
        }
    }

    /// Whether the event is a place of its own in the history that people read: a message, or a change of the conversation.
    /// What later events do to a message shows where the message is.
    pub const fn is_in_history(&self) -> bool {
        match self.class() {
            EventClass::Message(_) | EventClass::Change => true,
            EventClass::Amendment | EventClass::Personal | EventClass::Unreadable | EventClass::Unknown(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
