//! What the server says over a socket.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use relay_types::{ClientId, ConversationId, ConversationTitle, MessageId, Seq, SessionId, ShardId, TimestampMs, UserId};
use serde::de::Error as _;
use serde_json::value::RawValue;

use crate::conversation::{ConversationKind, Role};
use crate::ephemeral::UserTyping;
use crate::error::{AnyErrorCode, ErrorCode, millis};
use crate::log::{LogEvent, StoredEvent};
use crate::message::Message;
use crate::unknown::RawJson;

/// The run of events in which each names the one before it. A frame that is an event says in `chain` to which it belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Chain {
    /// `c:<conversation>`: what happened in a conversation.
    Conversation(ConversationId),
    /// `u:<shard>`: what concerns the user alone, on one shard.
    User(ShardId),
    /// A chain of a newer version's.
    Other(Box<str>),
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conversation(id) => write!(f, "c:{id}"),
            Self::User(shard) => write!(f, "u:{shard}"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

impl FromStr for Chain {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = match text.split_once(':') {
            Some(("c", id)) => id.parse().ok().map(Self::Conversation),
            Some(("u", shard)) => shard.parse().ok().map(|shard| Self::User(ShardId(shard))),
            Some(_) | None => None,
        };
        Ok(known.unwrap_or_else(|| Self::Other(text.into())))
    }
}

/// Where an event stands: in which chain, at which sequence, behind which other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The chain it belongs to.
    pub chain: Chain,
    /// Its place in the shard's order.
    pub seq: Seq,
    /// The event before it in the chain (`Seq::ZERO` for the first); `None` while the server cannot know it.
    pub prev: Option<Seq>,
}

/// A frame of a type, or of a shape, that this version does not know. With a place it is an event, and counts in its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownFrame {
    /// The type.
    pub name: Box<str>,
    /// Where it stands, if it is an event.
    pub place: Option<Place>,
    /// The whole frame.
    pub raw: RawJson,
}

impl serde::Serialize for UnknownFrame {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

/// What tells a frame's kind and place, whatever else it holds.
#[derive(serde::Deserialize)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(default, borrow)]
    chain: Option<Cow<'a, str>>,
    #[serde(default)]
    seq: Option<Seq>,
    #[serde(default)]
    prev: Option<Seq>,
}

/// A server frame. Events carry `chain`, the run of events that they belong to, `seq`, their place in the shard's order, and
/// `prev`, the `seq` of the event before them in the same chain (0 for the first), with which a client proves that it missed
/// nothing. `prev` is absent only while the server works without Postgres and cannot know it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// Answers hello. Catching up follows, and ends in `caught_up`.
    Welcome(Welcome),
    /// The message is in the log.
    MessageAck(MessageAck),
    /// Someone (perhaps another device of one's own) sent a message.
    NewMessage(Message),
    /// Someone joined, perhaps oneself.
    MemberAdded(MemberAddedFrame),
    /// Someone left or was removed. When it is oneself, nothing follows in that conversation.
    MemberRemoved(MemberRemovedFrame),
    /// Several people joined at once, perhaps oneself among them.
    MembersAdded(MembersAddedFrame),
    /// Several people were removed at once. When oneself is among them, nothing follows in that conversation.
    MembersRemoved(MembersRemovedFrame),
    /// A conversation began, was renamed, or a role in it changed.
    ConversationUpdated(ConversationUpdated),
    /// A message's content was erased: clients drop what they hold of it.
    MessageErased(MessageErasedFrame),
    /// Somebody began or stopped typing. Not an event: it has no `seq`, is not replayed, and may be lost.
    UserTyping(UserTyping),
    /// Everything up to the position was delivered, and more of what was missed follows.
    Progress {
        /// To be stored and handed back in the next hello, should the socket end before `caught_up`.
        position: String,
    },
    /// Everything up to the position was delivered; what follows is live.
    CaughtUp {
        /// To be stored and handed back in the next hello.
        position: String,
    },
    /// The gap cannot be filled event by event: reload over REST, then go on from `position`; `caught_up` follows.
    Reset {
        /// Why.
        reason: ResetReason,
        /// The place from which live events follow.
        position: String,
    },
    /// Answers ping.
    Pong {
        /// The server's clock.
        server_time_ms: TimestampMs,
        /// Everything up to here was sent on this socket before this frame; absent before `caught_up`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<String>,
    },
    /// A refusal, or an announcement of the close that follows.
    Error(ErrorFrame),
    /// Something of a newer server's.
    #[serde(untagged)]
    #[schema(value_type = Object)]
    Unknown(Box<UnknownFrame>),
}

impl<'de> serde::Deserialize<'de> for ServerFrame {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::decode(raw.get()).map_err(D::Error::custom)
    }
}

/// Answers hello.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Welcome {
    /// Who the token says this is.
    pub user_id: UserId,
    /// Which of their devices.
    pub session_id: SessionId,
    /// The server's clock: `client_id`s that are ULIDs are minted with it, whatever the device's clock says.
    pub server_time_ms: TimestampMs,
    /// Send something at least this often, or the socket closes as `idle_timeout`.
    pub idle_timeout_ms: u64,
    /// Sends without an ack that one socket may have.
    pub max_in_flight: u32,
}

/// A message is in the log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MessageAck {
    /// The client's key.
    pub client_id: ClientId,
    /// Where.
    pub conversation_id: ConversationId,
    /// Minted by the server; the original one when the key had been used before.
    pub message_id: MessageId,
    /// Its place in the order.
    pub seq: Seq,
    /// When it was accepted.
    pub sent_at_ms: TimestampMs,
}

/// Someone joined.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MemberAddedFrame {
    /// Where.
    pub conversation_id: ConversationId,
    /// Its place in the order.
    pub seq: Seq,
    /// The event before it in this conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Seq>,
    /// Who.
    pub user_id: UserId,
    /// As what.
    pub role: Role,
    /// By whom.
    pub added_by: UserId,
    /// What they joined.
    pub conversation: ConversationSummary,
    /// When.
    pub at_ms: TimestampMs,
}

/// Someone left or was removed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MemberRemovedFrame {
    /// Where.
    pub conversation_id: ConversationId,
    /// Its place in the order.
    pub seq: Seq,
    /// The event before it in this conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Seq>,
    /// Who.
    pub user_id: UserId,
    /// By whom; themselves when they left.
    pub removed_by: UserId,
    /// When.
    pub at_ms: TimestampMs,
}

/// Several people joined.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MembersAddedFrame {
    /// Where.
    pub conversation_id: ConversationId,
    /// Its place in the order.
    pub seq: Seq,
    /// The event before it in this conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Seq>,
    /// Who; at most 500.
    pub user_ids: Vec<UserId>,
    /// As what.
    pub role: Role,
    /// By whom.
    pub added_by: UserId,
    /// What they joined.
    pub conversation: ConversationSummary,
    /// When.
    pub at_ms: TimestampMs,
}

/// Several people were removed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MembersRemovedFrame {
    /// Where.
    pub conversation_id: ConversationId,
    /// Its place in the order.
    pub seq: Seq,
    /// The event before it in this conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Seq>,
    /// Who; at most 500.
    pub user_ids: Vec<UserId>,
    /// By whom.
    pub removed_by: UserId,
    /// When.
    pub at_ms: TimestampMs,
}

/// A conversation began or changed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ConversationUpdated {
    /// Where.
    pub conversation_id: ConversationId,
    /// Its place in the order.
    pub seq: Seq,
    /// The event before it in this conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Seq>,
    /// By whom.
    pub by: UserId,
    /// When.
    pub at_ms: TimestampMs,
    /// What changed.
    pub change: ConversationChange,
}

/// A message's content was erased.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MessageErasedFrame {
    /// The message's conversation.
    pub conversation_id: ConversationId,
    /// The sequence of this event.
    pub seq: Seq,
    /// The event before it in this conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Seq>,
    /// The erased message.
    pub message_id: MessageId,
    /// The sequence of the erased message.
    pub message_seq: Seq,
    /// When it was erased.
    pub at_ms: TimestampMs,
}

/// What changed about a conversation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ConversationChange {
    /// It began.
    Created {
        /// What it is.
        conversation: ConversationSummary,
    },
    /// It has another title.
    Renamed {
        /// The new one.
        title: ConversationTitle,
    },
    /// A member's role changed.
    RoleChanged {
        /// Whose.
        user_id: UserId,
        /// The new one.
        role: Role,
    },
}

/// What a list needs to show a conversation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ConversationSummary {
    /// Direct or group.
    pub kind: ConversationKind,
    /// A group's title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<ConversationTitle>,
}

/// Why events cannot be replayed one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResetReason {
    /// The log was rebuilt; positions of its former epoch mean nothing.
    EpochChanged,
    /// The position is older than the log is kept.
    TooOld,
    /// More was missed than is replayed one by one.
    TooMuch,
    /// The position lies ahead of the log.
    AheadOfLog,
    /// A reason of a newer server's.
    #[serde(other)]
    Other,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ErrorFrame {
    /// The registered code.
    pub code: AnyErrorCode,
    /// For people; may change.
    pub message: String,
    /// The send it refuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// Whether the same request may succeed later without any change.
    pub retryable: bool,
    /// When to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl ErrorFrame {
    /// A refusal with the registry's answer to "may I try again?".
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), client_id: None, retryable: code.retryable(), retry_after_ms: None }
    }

    /// The same refusal with the time to wait, if waiting helps.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        let retry_after_ms = self.retryable.then(|| millis(wait));
        Self { retry_after_ms, ..self }
    }
}

impl ServerFrame {
    /// The JSON text of the frame.
    pub fn encode(&self) -> String {
        // Every type here serialises: maps have string keys and no value is fallible.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a frame. A type that this version does not know is no error, nor is a known type that does not have the known shape.
    ///
    /// # Errors
    /// When the text is no frame at all: not a JSON object with a `type`.
    pub fn decode(json: &str) -> Result<Self, serde_json::Error> {
        #[derive(serde::Deserialize)]
        struct AtPosition {
            position: String,
        }
        #[derive(serde::Deserialize)]
        struct Reset {
            reason: ResetReason,
            position: String,
        }
        #[derive(serde::Deserialize)]
        struct Pong {
            server_time_ms: TimestampMs,
            #[serde(default)]
            position: Option<String>,
        }
        let head: Head<'_> = serde_json::from_str(json)?;
        let known = match head.kind.as_ref() {
            "welcome" => serde_json::from_str(json).map(Self::Welcome),
            "message_ack" => serde_json::from_str(json).map(Self::MessageAck),
            "new_message" => serde_json::from_str(json).map(Self::NewMessage),
            "member_added" => serde_json::from_str(json).map(Self::MemberAdded),
            "member_removed" => serde_json::from_str(json).map(Self::MemberRemoved),
            "members_added" => serde_json::from_str(json).map(Self::MembersAdded),
            "members_removed" => serde_json::from_str(json).map(Self::MembersRemoved),
            "conversation_updated" => serde_json::from_str(json).map(Self::ConversationUpdated),
            "message_erased" => serde_json::from_str(json).map(Self::MessageErased),
            "user_typing" => serde_json::from_str(json).map(Self::UserTyping),
            "progress" => serde_json::from_str(json).map(|AtPosition { position }| Self::Progress { position }),
            "caught_up" => serde_json::from_str(json).map(|AtPosition { position }| Self::CaughtUp { position }),
            "reset" => serde_json::from_str(json).map(|Reset { reason, position }| Self::Reset { reason, position }),
            "pong" => serde_json::from_str(json).map(|Pong { server_time_ms, position }| Self::Pong { server_time_ms, position }),
            "error" => serde_json::from_str(json).map(Self::Error),
            _ => Err(serde_json::Error::custom("another type")),
        };
        if let Ok(frame) = known {
            return Ok(frame);
        }
        let place =
            head.chain.as_deref().zip(head.seq).and_then(|(chain, seq)| Some(Place { chain: chain.parse().ok()?, seq, prev: head.prev }));
        Ok(Self::Unknown(Box::new(UnknownFrame { name: head.kind.into(), place, raw: RawJson::parse(json.trim())? })))
    }

    /// The JSON text of the frame that a stored event is; `None` for events that no client sees. An event of a type that this
    /// version does not know goes out as it came, with its place in front.
    pub fn encode_event(stored: &StoredEvent) -> Option<String> {
        let chain = stored.chain()?;
        let (seq, prev) = (stored.seq, stored.prev);
        let (known, place) = match &stored.event {
            LogEvent::Unknown(event) => {
                let prev = prev.map(|prev| format!(r#","prev":{prev}"#)).unwrap_or_default();
                (Cow::Borrowed(event.raw.get()), format!(r#""chain":"{chain}","seq":{seq}{prev}"#))
            }
            _ => (Cow::Owned(Self::from_log(stored)?.encode()), format!(r#""chain":"{chain}""#)),
        };
        let fields = known.strip_prefix('{')?;
        Some(format!("{{{place},{fields}"))
    }

    /// The client's view of a stored event of a known type; `None` for events that no client sees. Sockets get
    /// [`Self::encode_event`], which says the chain as well.
    pub fn from_log(stored: &StoredEvent) -> Option<Self> {
        let (seq, prev) = (stored.seq, stored.prev);
        Some(match &stored.event {
            LogEvent::MessageSent(e) => Self::NewMessage(Message {
                conversation_id: e.conversation_id,
                seq,
                prev,
                message_id: e.message_id,
                sender_id: e.sender_id,
                client_id: e.client_id.clone(),
                sent_at_ms: e.sent_at_ms,
                body: e.body.clone(),
            }),
            LogEvent::MemberAdded(e) => Self::MemberAdded(MemberAddedFrame {
                conversation_id: e.conversation_id,
                seq,
                prev,
                user_id: e.user_id,
                role: e.role,
                added_by: e.added_by,
                conversation: ConversationSummary { kind: e.kind, title: e.title.clone() },
                at_ms: e.at_ms,
            }),
            LogEvent::MemberRemoved(e) => Self::MemberRemoved(MemberRemovedFrame {
                conversation_id: e.conversation_id,
                seq,
                prev,
                user_id: e.user_id,
                removed_by: e.removed_by,
                at_ms: e.at_ms,
            }),
            LogEvent::MembersAdded(e) => Self::MembersAdded(MembersAddedFrame {
                conversation_id: e.conversation_id,
                seq,
                prev,
                user_ids: e.user_ids.clone(),
                role: e.role,
                added_by: e.added_by,
                conversation: ConversationSummary { kind: e.kind, title: e.title.clone() },
                at_ms: e.at_ms,
            }),
            LogEvent::MembersRemoved(e) => Self::MembersRemoved(MembersRemovedFrame {
                conversation_id: e.conversation_id,
                seq,
                prev,
                user_ids: e.user_ids.clone(),
                removed_by: e.removed_by,
                at_ms: e.at_ms,
            }),
            LogEvent::ConversationCreated(e) => Self::ConversationUpdated(ConversationUpdated {
                conversation_id: e.conversation_id,
                seq,
                prev,
                by: e.created_by,
                at_ms: e.at_ms,
                change: ConversationChange::Created { conversation: ConversationSummary { kind: e.kind, title: e.title.clone() } },
            }),
            LogEvent::ConversationRenamed(e) => Self::ConversationUpdated(ConversationUpdated {
                conversation_id: e.conversation_id,
                seq,
                prev,
                by: e.renamed_by,
                at_ms: e.at_ms,
                change: ConversationChange::Renamed { title: e.title.clone() },
            }),
            LogEvent::RoleChanged(e) => Self::ConversationUpdated(ConversationUpdated {
                conversation_id: e.conversation_id,
                seq,
                prev,
                by: e.changed_by,
                at_ms: e.at_ms,
                change: ConversationChange::RoleChanged { user_id: e.user_id, role: e.role },
            }),
            LogEvent::MessageErased(e) => Self::MessageErased(MessageErasedFrame {
                conversation_id: e.conversation_id,
                seq,
                prev,
                message_id: e.message_id,
                message_seq: e.message_seq,
                at_ms: e.at_ms,
            }),
            LogEvent::UserRegistered(_)
            | LogEvent::UserSeen(_)
            | LogEvent::ConversationJoined(_)
            | LogEvent::ConversationLeft(_)
            | LogEvent::ConversationInvited(_)
            | LogEvent::InvitationEnded(_)
            | LogEvent::SessionRevoked(_)
            | LogEvent::Unreadable
            | LogEvent::Unknown(_) => {
                return None;
            }
        })
    }

    /// Where the event stands that the frame is; `None` for frames that are none.
    pub fn place(&self) -> Option<Place> {
        let of = |id: ConversationId, seq, prev| Some(Place { chain: Chain::Conversation(id), seq, prev });
        match self {
            Self::NewMessage(f) => of(f.conversation_id, f.seq, f.prev),
            Self::MemberAdded(f) => of(f.conversation_id, f.seq, f.prev),
            Self::MemberRemoved(f) => of(f.conversation_id, f.seq, f.prev),
            Self::MembersAdded(f) => of(f.conversation_id, f.seq, f.prev),
            Self::MembersRemoved(f) => of(f.conversation_id, f.seq, f.prev),
            Self::ConversationUpdated(f) => of(f.conversation_id, f.seq, f.prev),
            Self::MessageErased(f) => of(f.conversation_id, f.seq, f.prev),
            Self::Unknown(f) => f.place.clone(),
            Self::Welcome(_)
            | Self::MessageAck(_)
            | Self::UserTyping(_)
            | Self::Progress { .. }
            | Self::CaughtUp { .. }
            | Self::Reset { .. }
            | Self::Pong { .. }
            | Self::Error(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::EventOwner;

    const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

    fn stored(owner: EventOwner, prev: Option<Seq>, json: &str) -> StoredEvent {
        let event = LogEvent::decode(json).unwrap();
        StoredEvent { shard: ShardId(3), seq: Seq(9), owner: Some(owner), prev, stored_at_ms: 0, event }
    }

    #[test]
    fn unknown_event_goes_out_as_it_came_with_its_place_in_front() {
        let room = EventOwner::Conversation(ID.parse().unwrap());
        let json = r#"{"type":"MESSAGE_PINNED","x":1.0}"#;
        let frame = ServerFrame::encode_event(&stored(room, Some(Seq(4)), json)).unwrap();
        assert_eq!(frame, format!(r#"{{"chain":"c:{ID}","seq":9,"prev":4,"type":"MESSAGE_PINNED","x":1.0}}"#));
        let user = EventOwner::User(ID.parse().unwrap());
        let frame = ServerFrame::encode_event(&stored(user, None, json)).unwrap();
        assert_eq!(frame, r#"{"chain":"u:3","seq":9,"type":"MESSAGE_PINNED","x":1.0}"#);
        let ServerFrame::Unknown(read) = ServerFrame::decode(&frame).unwrap() else { panic!("known") };
        assert_eq!(read.place, Some(Place { chain: Chain::User(ShardId(3)), seq: Seq(9), prev: None }));
    }

    #[test]
    fn known_event_says_its_chain_and_is_read_back() {
        let json = format!(
            r#"{{"type":"MESSAGE_SENT","message_id":"{ID}","conversation_id":"{ID}","sender_id":"{ID}","client_id":"k","sent_at_ms":1,"body":{{"type":"poll","n":1.0}}}}"#
        );
        let event = stored(EventOwner::Conversation(ID.parse().unwrap()), Some(Seq(4)), &json);
        let text = ServerFrame::encode_event(&event).unwrap();
        assert!(text.starts_with(&format!(r#"{{"chain":"c:{ID}","type":"new_message""#)), "{text}");
        assert!(text.contains(r#""body":{"type":"poll","n":1.0}"#), "{text}");
        assert_eq!(ServerFrame::decode(&text).unwrap(), ServerFrame::from_log(&event).unwrap());
    }

    #[test]
    fn frame_of_a_newer_server_keeps_its_place_and_needs_no_known_shape() {
        let place = |json: &str| ServerFrame::decode(json).unwrap().place();
        let at = |chain, seq| Some(Place { chain, seq: Seq(seq), prev: Some(Seq(1)) });
        let room = Chain::Conversation(ID.parse().unwrap());
        assert_eq!(place(&format!(r#"{{"type":"message_edited","chain":"c:{ID}","seq":2,"prev":1}}"#)), at(room.clone(), 2));
        assert_eq!(place(&format!(r#"{{"type":"new_message","chain":"c:{ID}","seq":2,"prev":1}}"#)), at(room, 2), "in another shape");
        assert_eq!(place(r#"{"type":"x","chain":"s:1.2","seq":2,"prev":1}"#), at(Chain::Other("s:1.2".into()), 2));
        assert_eq!(place(r#"{"type":"message_edited","seq":2}"#), None, "without a chain it counts nowhere");
        assert_eq!(place(r#"{"type":"user_typing"}"#), None);
        for text in ["", "[]", "{}", r#"{"type":7}"#] {
            assert!(ServerFrame::decode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_frame_reads_back_what_it_says() {
        let frames = [
            ServerFrame::UserTyping(UserTyping {
                conversation_id: ID.parse().unwrap(),
                user_id: ID.parse().unwrap(),
                state: crate::TypingState::Typing,
                until_ms: Some(1),
            }),
            ServerFrame::CaughtUp { position: "p".to_owned() },
            ServerFrame::Progress { position: "p".to_owned() },
            ServerFrame::Reset { reason: ResetReason::TooOld, position: "p".to_owned() },
            ServerFrame::Pong { server_time_ms: 1, position: None },
            ServerFrame::Error(ErrorFrame::new(ErrorCode::Busy, "x")),
        ];
        for frame in frames {
            assert_eq!(ServerFrame::decode(&frame.encode()).unwrap(), frame);
        }
    }

    #[test]
    fn error_code_and_reset_reason_of_a_newer_server_are_read() {
        let json = r#"{"type":"error","code":"out_of_tea","message":"m","retryable":true}"#;
        let ServerFrame::Error(error) = ServerFrame::decode(json).unwrap() else { panic!("another frame") };
        assert_eq!((error.code.as_str(), error.code.known(), error.retryable), ("out_of_tea", None, true));
        assert_eq!(ServerFrame::Error(error).encode(), json);
        let reset = ServerFrame::decode(r#"{"type":"reset","reason":"moved","position":"p"}"#).unwrap();
        assert_eq!(reset, ServerFrame::Reset { reason: ResetReason::Other, position: "p".to_owned() });
    }
}
