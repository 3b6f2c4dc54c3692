//! What the server says over a socket.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::time::Duration;

use relay_types::{ClientId, ConversationId, MessageId, Seq, SessionId, ShardId, TimestampMs, UserId};
use serde::de::Error as _;
use serde_json::value::RawValue;

use crate::ephemeral::UserTyping;
use crate::error::{AnyErrorCode, ErrorCode, millis};
use crate::log::{LogEvent, MessageSent, StoredEvent, is_event_type};
use crate::message::Message;
use crate::presence::Presence;
use crate::receipts::Receipts;
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

/// The event `text`, a JSON object with fields, with its place in front: its frame.
pub(crate) fn with_place(chain: &Chain, seq: Seq, prev: Option<Seq>, text: &str) -> String {
    let rest = text.strip_prefix('{').unwrap_or(text);
    let mut frame = String::with_capacity(r#"{"chain":"","seq":,"prev":,"#.len() + 28 + 2 * 20 + rest.len());
    // Writing to a string never fails.
    let _ = match chain {
        Chain::Conversation(_) | Chain::User(_) => write!(frame, r#"{{"chain":"{chain}","seq":{seq},"#),
        Chain::Other(name) => write!(frame, r#"{{"chain":{},"seq":{seq},"#, serde_json::Value::from(&**name)),
    };
    if let Some(prev) = prev {
        let _ = write!(frame, r#""prev":{prev},"#);
    }
    frame.push_str(rest);
    frame
}

/// The frame of an event with the event before it, which was not known when the frame was made; `None` for another text.
pub fn with_prev(frame: &str, prev: Seq) -> Option<String> {
    let seq = frame.find(r#""seq":"#)?;
    let at = seq + frame.get(seq..)?.find(',')? + 1;
    let (place, rest) = frame.split_at_checked(at)?;
    Some(format!(r#"{place}"prev":{prev},{rest}"#))
}

/// An event of the log with its place: its own object, with `chain`, `seq` and `prev` in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFrame {
    /// The run of events that it belongs to.
    pub chain: Chain,
    /// Its place in the shard's order.
    pub seq: Seq,
    /// The event before it in the chain (`Seq::ZERO` for the first); `None` while the server cannot know it.
    pub prev: Option<Seq>,
    /// What happened.
    pub event: LogEvent,
}

impl EventFrame {
    /// The frame of a stored event; `None` for what cannot be read.
    pub fn of(stored: StoredEvent) -> Option<Self> {
        Some(Self { chain: stored.chain()?, seq: stored.seq, prev: stored.prev, event: stored.event })
    }

    /// The JSON text of the frame.
    pub fn encode(&self) -> String {
        let text = match &self.event {
            LogEvent::Unknown(event) => Cow::Borrowed(event.raw.get()),
            event => Cow::Owned(event.encode()),
        };
        with_place(&self.chain, self.seq, self.prev, &text)
    }
}

impl From<Message> for EventFrame {
    /// The frame of which it is the message, given that nobody edited it.
    fn from(message: Message) -> Self {
        let Message { conversation_id, seq, prev, message_id, sender_id, client_id, sent_at_ms, body, reply_to, thread, .. } = message;
        let sent = MessageSent { message_id, actor_id: sender_id, at_ms: sent_at_ms, conversation_id, client_id, body, reply_to, thread };
        Self { chain: Chain::Conversation(conversation_id), seq, prev, event: LogEvent::MessageSent(sent) }
    }
}

impl serde::Serialize for EventFrame {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.encode()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for EventFrame {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct At {
            chain: String,
            seq: Seq,
            #[serde(default)]
            prev: Option<Seq>,
        }
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let At { chain, seq, prev } = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
        let Ok(chain) = chain.parse();
        Ok(Self { chain, seq, prev, event: LogEvent::decode(raw.get()).map_err(D::Error::custom)? })
    }
}

/// What stands in front of an event in its frame.
mod schema {
    /// Where an event stands: what its frame says in front of it.
    #[derive(utoipa::ToSchema, serde::Serialize)]
    pub struct EventPlace {
        /// The run of events in which each names the one before it: `c:<conversation>` or `u:<shard>`.
        pub chain: String,
        /// The event's place in the shard's order.
        pub seq: relay_types::Seq,
        /// The `seq` of the event before it in the chain, 0 for the first: with it a client proves that it missed nothing. Absent
        /// only while the server works without Postgres and cannot know it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub prev: Option<relay_types::Seq>,
        /// The version of the event's shape, from 1.
        pub v: u32,
    }
}

pub use schema::EventPlace;

impl utoipa::PartialSchema for EventFrame {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::{AllOfBuilder, Ref};
        AllOfBuilder::new()
            .item(Ref::from_schema_name("EventPlace"))
            .item(Ref::from_schema_name("LogEvent"))
            .description(Some("An event of the log with its place in front."))
            .into()
    }
}

impl utoipa::ToSchema for EventFrame {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        schemas.push(("EventPlace".to_owned(), <EventPlace as utoipa::PartialSchema>::schema()));
        schemas.push(("LogEvent".to_owned(), <LogEvent as utoipa::PartialSchema>::schema()));
        <EventPlace as utoipa::ToSchema>::schemas(schemas);
        <LogEvent as utoipa::ToSchema>::schemas(schemas);
    }
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

/// A server frame. Types of control frames are in lower case. Types of events are in upper case, and their frames are the events as
/// the log has them, with their place in front.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// Answers hello. Catching up follows, and ends in `caught_up`.
    Welcome(Welcome),
    /// The message, the edit or the deletion is in the log.
    MessageAck(MessageAck),
    /// Somebody began or stopped typing. Not an event: it has no `seq`, is not replayed, and may be lost.
    UserTyping(UserTyping),
    /// What others have read, and have, in a conversation. Not an event: it has no `seq`, is not replayed, and may be lost.
    Receipts(Receipts),
    /// How people are there whom one watches. Not an event: it has no `seq`, is not replayed, and may be lost.
    UserPresence(Presence),
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
    /// Something happened: an event of the log.
    #[serde(untagged)]
    #[schema(value_type = Object)]
    Event(Box<EventFrame>),
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

/// A message, or what was said of one, is in the log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MessageAck {
    /// The client's key.
    pub client_id: ClientId,
    /// Where.
    pub conversation_id: ConversationId,
    /// Minted by the server; the original one when the key had been used before. Of an edit or a deletion, the id of its event.
    pub message_id: MessageId,
    /// Its place in the order.
    pub seq: Seq,
    /// When it was accepted.
    pub sent_at_ms: TimestampMs,
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
            "user_typing" => serde_json::from_str(json).map(Self::UserTyping),
            "receipts" => serde_json::from_str(json).map(Self::Receipts),
            "user_presence" => serde_json::from_str(json).map(Self::UserPresence),
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
        // Of a known type, but not of its shape: it counts in its chain all the same.
        if let Some(Place { chain, seq, prev }) = &place
            && is_event_type(&head.kind)
            && let Ok(event) = LogEvent::decode(json)
            && !matches!(event, LogEvent::Unknown(_))
        {
            return Ok(Self::Event(Box::new(EventFrame { chain: chain.clone(), seq: *seq, prev: *prev, event })));
        }
        Ok(Self::Unknown(Box::new(UnknownFrame { name: head.kind.into(), place, raw: RawJson::parse(json.trim())? })))
    }

    /// What happened, if it is an event of a known type.
    pub fn event(&self) -> Option<&LogEvent> {
        if let Self::Event(frame) = self { Some(&frame.event) } else { None }
    }

    /// The message, if it is one.
    pub fn message(&self) -> Option<Message> {
        let Self::Event(frame) = self else { return None };
        frame.event.message().map(|sent| Message::of(sent.clone(), frame.seq, frame.prev))
    }

    /// Where the event stands that the frame is; `None` for frames that are none.
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Event(frame) => Some(Place { chain: frame.chain.clone(), seq: frame.seq, prev: frame.prev }),
            Self::Unknown(frame) => frame.place.clone(),
            Self::Welcome(_)
            | Self::MessageAck(_)
            | Self::UserTyping(_)
            | Self::Receipts(_)
            | Self::UserPresence(_)
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
        let (event, text) = LogEvent::decode_with_text(json).unwrap();
        StoredEvent { shard: ShardId(3), seq: Seq(9), owner: Some(owner), prev, stored_at_ms: 0, event, text }
    }

    #[test]
    fn event_goes_out_as_it_came_with_its_place_in_front() {
        let room = EventOwner::Conversation(ID.parse().unwrap());
        let json = r#"{"type":"MESSAGE_STARRED","x":1.0}"#;
        let frame = stored(room, Some(Seq(4)), json).frame().unwrap();
        assert_eq!(frame, format!(r#"{{"chain":"c:{ID}","seq":9,"prev":4,"type":"MESSAGE_STARRED","x":1.0}}"#));
        let user = EventOwner::User(ID.parse().unwrap());
        let frame = stored(user, None, json).frame().unwrap();
        assert_eq!(frame, r#"{"chain":"u:3","seq":9,"type":"MESSAGE_STARRED","x":1.0}"#);
        let ServerFrame::Unknown(read) = ServerFrame::decode(&frame).unwrap() else { panic!("known") };
        assert_eq!(read.place, Some(Place { chain: Chain::User(ShardId(3)), seq: Seq(9), prev: None }));
        let renamed = format!(
            r#" {{ "v":1, "type":"CONVERSATION_RENAMED","event_id":"{ID}","actor_id":"{ID}","at_ms":1,"conversation_id":"{ID}","title":"t","x":1.0}} "#
        );
        let frame = stored(room, Some(Seq(4)), &renamed).frame().unwrap();
        assert_eq!(frame, format!(r#"{{"chain":"c:{ID}","seq":9,"prev":4,{}"#, renamed.trim().strip_prefix('{').unwrap()));
    }

    #[test]
    fn known_event_says_its_chain_and_is_read_back() {
        let json = format!(
            r#"{{"v":1,"type":"MESSAGE_SENT","message_id":"{ID}","actor_id":"{ID}","at_ms":1,"conversation_id":"{ID}","client_id":"k","body":{{"type":"poll","n":1.0}}}}"#
        );
        let event = stored(EventOwner::Conversation(ID.parse().unwrap()), Some(Seq(4)), &json);
        let text = event.frame().unwrap();
        assert_eq!(text, json.replacen('{', &format!(r#"{{"chain":"c:{ID}","seq":9,"prev":4,"#), 1));
        let ServerFrame::Event(read) = ServerFrame::decode(&text).unwrap() else { panic!("not an event") };
        assert_eq!((read.encode(), Some(*read)), (text.clone(), EventFrame::of(event.clone())));
        // Of before version 1: encoded anew, and no field of the old shape is left.
        let old = format!(
            r#"{{"type":"MESSAGE_SENT","message_id":"{ID}","conversation_id":"{ID}","sender_id":"{ID}","client_id":"k","sent_at_ms":1,"body":{{"type":"poll","n":1.0}}}}"#
        );
        assert_eq!(stored(EventOwner::Conversation(ID.parse().unwrap()), Some(Seq(4)), &old).frame(), Some(text));
    }

    #[test]
    fn event_cannot_choose_its_place_or_pass_for_a_control_frame() {
        let room = EventOwner::Conversation(ID.parse().unwrap());
        let json = format!(
            r#"{{"seq":1,"v":1,"type":"CONVERSATION_RENAMED","event_id":"{ID}","actor_id":"{ID}","at_ms":1,"conversation_id":"{ID}","title":"t","\u0070rev":1}}"#
        );
        let frame = stored(room, None, &json).frame().unwrap();
        assert_eq!((frame.matches("seq").count(), frame.matches("rev").count()), (1, 0), "{frame}");
        assert!(frame.starts_with(&format!(r#"{{"chain":"c:{ID}","seq":9,"v":1,"type":"CONVERSATION_RENAMED""#)), "{frame}");
        for name in ["reset", "error", "caught_up", "pong", "Reset", "_RESET", "1", "RESET ", ""] {
            assert!(LogEvent::decode(&format!(r#"{{"type":"{name}"}}"#)).is_err(), "{name}");
        }
        assert!(LogEvent::decode(r#"{"type":"X","type":"reset"}"#).is_err(), "said twice");
    }

    #[test]
    fn frame_of_a_newer_server_keeps_its_place_and_needs_no_known_shape() {
        let place = |json: &str| ServerFrame::decode(json).unwrap().place();
        let at = |chain, seq| Some(Place { chain, seq: Seq(seq), prev: Some(Seq(1)) });
        let room = Chain::Conversation(ID.parse().unwrap());
        assert_eq!(place(&format!(r#"{{"type":"message_edited","chain":"c:{ID}","seq":2,"prev":1}}"#)), at(room.clone(), 2));
        assert_eq!(place(&format!(r#"{{"type":"MESSAGE_SENT","chain":"c:{ID}","seq":2,"prev":1}}"#)), at(room, 2), "in another shape");
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
            ServerFrame::Receipts(Receipts {
                conversation_id: ID.parse().unwrap(),
                read: vec![crate::ReadBy { user_id: ID.parse().unwrap(), after_seq: Seq(1), read_seq: Seq(2) }],
                delivered: vec![crate::DeliveredTo { user_id: ID.parse().unwrap(), seq: Seq(2) }],
            }),
            ServerFrame::UserPresence(Presence {
                people: vec![crate::PersonPresence {
                    user_id: ID.parse().unwrap(),
                    state: crate::PresenceState::Idle,
                    conversation_id: None,
                    last_seen_ms: Some(1),
                }],
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
