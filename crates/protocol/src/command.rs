//! What a client may say over a socket, and how it is refused.

use relay_types::{ClientId, ConversationId, Emoji, MessageId, Seq, TextError, UserId};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::ErrorCode;
use crate::message::MessageBody;
use crate::position::Position;
use crate::presence::{MOST_WATCHED, SayPresence};

/// A well-formed client frame.
#[derive(Debug, Clone)]
pub enum Command {
    /// Authenticates the socket and resumes.
    Hello(Hello),
    /// Sends a message.
    SendMessage(SendMessage),
    /// Says an earlier message of one's own anew.
    EditMessage(EditMessage),
    /// Deletes an earlier message for everyone.
    DeleteMessage(DeleteMessage),
    /// Reacts to a message, or takes that back.
    React(React),
    /// Pins a message, or takes that back.
    PinMessage(PinMessage),
    /// Asks for a pong; may report what the client has.
    Ping(Ping),
    /// What this device has now, at most [`MOST_RECEIVED`] conversations. No answer.
    Received(Vec<ReceivedUpto>),
    /// How the person before the device is there. Said again every 25 s. No answer.
    Presence(SayPresence),
    /// Whom the device shows, in place of those named before; at most [`MOST_WATCHED`]. Each is told at once.
    WatchPresence(Vec<UserId>),
    /// The person types in this conversation. Said again while they do. No answer.
    TypingStart(ConversationId),
    /// The person types there no more. No answer.
    TypingStop(ConversationId),
}

/// The first frame of every socket.
#[derive(Clone)]
pub struct Hello {
    /// An access token. Never in the URL.
    pub token: String,
    /// Where to resume; absent on a device's first connection, which then starts at the head.
    pub position: Option<Position>,
}

impl std::fmt::Debug for Hello {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hello").field("token", &"[redacted]").field("position", &self.position).finish()
    }
}

/// A message to send.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct SendMessage {
    /// The client's own key for this send; the same key gives the same message and the original ack for 30 days.
    pub client_id: ClientId,
    /// Where to.
    pub conversation_id: ConversationId,
    /// What.
    pub body: MessageBody,
    /// The message of the same conversation that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// The message of the same conversation under which it is said, in its thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<MessageId>,
}

/// What an earlier message of one's own says now.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct EditMessage {
    /// The client's own key for this edit, as for a message.
    pub client_id: ClientId,
    /// The message's conversation.
    pub conversation_id: ConversationId,
    /// Which message.
    pub message_id: MessageId,
    /// Its new text.
    pub body: MessageBody,
}

/// An earlier message that is to be gone, for everyone.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct DeleteMessage {
    /// The client's own key for this deletion, as for a message.
    pub client_id: ClientId,
    /// The message's conversation.
    pub conversation_id: ConversationId,
    /// Which message.
    pub message_id: MessageId,
}

/// A reaction to a message.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct React {
    /// The client's own key for this, as for a message.
    pub client_id: ClientId,
    /// The message's conversation.
    pub conversation_id: ConversationId,
    /// Which message.
    pub message_id: MessageId,
    /// With what: one emoji. The server writes it in full.
    pub emoji: Emoji,
    /// Whether to react so from now on; `false`: no longer.
    pub on: bool,
}

/// A message that is to be pinned in its conversation, or no longer.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct PinMessage {
    /// The client's own key for this, as for a message.
    pub client_id: ClientId,
    /// The message's conversation.
    pub conversation_id: ConversationId,
    /// Which message.
    pub message_id: MessageId,
    /// Whether it is pinned from now on; `false`: no longer.
    pub on: bool,
}

/// A sign of life.
#[derive(Debug, Clone, Default)]
pub struct Ping {
    /// The newest position the client has stored, which moves its delivery cursor.
    pub position: Option<Position>,
}

/// Conversations that one `received` names at most.
pub const MOST_RECEIVED: usize = 64;

/// Up to where a device has what was said in a conversation. Because events come in the shard's order, it has everything of the shard
/// up to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ReceivedUpto {
    /// Where.
    pub conversation_id: ConversationId,
    /// The newest message of another's that the device has.
    pub seq: Seq,
}

/// A frame that was refused before anything happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {reason}")]
pub struct DecodeError {
    /// The registered code.
    pub code: ErrorCode,
    /// For people.
    pub reason: String,
    /// Echoed when the frame held a valid one, so that the client can match the refusal.
    pub client_id: Option<ClientId>,
}

impl DecodeError {
    fn new(code: ErrorCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), client_id: None }
    }
}

/// Field presence and JSON types only; the values are checked one by one so that each refusal has its own code.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(default, borrow)]
    token: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, borrow)]
    position: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, borrow)]
    client_id: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, borrow)]
    conversation_id: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, borrow)]
    message_id: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, borrow)]
    reply_to: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, borrow)]
    thread: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, borrow)]
    body: Option<&'a RawValue>,
    #[serde(default, borrow)]
    conversations: Option<&'a RawValue>,
    #[serde(default, borrow)]
    state: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, borrow)]
    users: Option<&'a RawValue>,
    #[serde(default, borrow)]
    emoji: Option<std::borrow::Cow<'a, str>>,
    #[serde(default)]
    on: Option<bool>,
}

#[derive(Deserialize)]
struct BodyEnvelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(default, borrow)]
    text: Option<std::borrow::Cow<'a, str>>,
}

/// The fields of a text, and no others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WholeText {
    #[serde(rename = "type")]
    _kind: serde::de::IgnoredAny,
    #[serde(rename = "text")]
    _text: serde::de::IgnoredAny,
}

/// Decodes one text frame. Unknown fields are ignored, so that older servers accept newer clients.
pub fn decode(frame: &str) -> Result<Command, DecodeError> {
    let envelope: Envelope<'_> = object(frame, "the frame")?.map_err(|e| DecodeError {
        client_id: key_of(frame),
        ..DecodeError::new(ErrorCode::MalformedFrame, format!("line {} column {}: {}", e.line(), e.column(), category(&e)))
    })?;
    match envelope.kind.as_ref() {
        "hello" => {
            let token = envelope.token.ok_or_else(|| missing("token"))?.into_owned();
            Ok(Command::Hello(Hello { token, position: decode_position(envelope.position.as_deref())? }))
        }
        "ping" => Ok(Command::Ping(Ping { position: decode_position(envelope.position.as_deref())? })),
        "send_message" => decode_send(&envelope).map(Command::SendMessage),
        "edit_message" => decode_edit(&envelope).map(Command::EditMessage),
        "delete_message" => decode_delete(&envelope).map(Command::DeleteMessage),
        "react" => decode_react(&envelope).map(Command::React),
        "pin_message" => decode_pin(&envelope).map(Command::PinMessage),
        "received" => decode_received(&envelope).map(Command::Received),
        "presence" => decode_presence(&envelope).map(Command::Presence),
        "watch_presence" => decode_watch(&envelope).map(Command::WatchPresence),
        "typing_start" => decode_conversation(&envelope).map(Command::TypingStart),
        "typing_stop" => decode_conversation(&envelope).map(Command::TypingStop),
        _ => {
            let reason = "type has to be hello, send_message, edit_message, delete_message, react, pin_message, received, presence, watch_presence, ping, typing_start or typing_stop";
            // A newer client waits for an answer to its key, whatever it asked for.
            let client_id = envelope.client_id.and_then(|client_id| client_id.parse().ok());
            Err(DecodeError { client_id, ..DecodeError::new(ErrorCode::UnknownCommand, reason) })
        }
    }
}

/// Decodes an object. serde takes a list of its values for one, too.
fn object<'a, T: Deserialize<'a>>(json: &'a str, what: &str) -> Result<serde_json::Result<T>, DecodeError> {
    if json.trim_ascii_start().starts_with('[') {
        return Err(DecodeError::new(ErrorCode::MalformedFrame, format!("{what} has to be an object")));
    }
    Ok(serde_json::from_str(json))
}

/// The key of what has one, whatever is wrong with the rest: its sender waits for an answer that names it.
fn key_of(frame: &str) -> Option<ClientId> {
    #[derive(Deserialize)]
    struct Keyed<'a> {
        #[serde(rename = "type", borrow)]
        kind: std::borrow::Cow<'a, str>,
        #[serde(borrow)]
        client_id: std::borrow::Cow<'a, str>,
    }
    let keyed: Keyed<'_> = serde_json::from_str(frame).ok()?;
    matches!(keyed.kind.as_ref(), "send_message" | "edit_message" | "delete_message" | "react" | "pin_message")
        .then(|| keyed.client_id.parse().ok())?
}

fn decode_send(envelope: &Envelope<'_>) -> Result<SendMessage, DecodeError> {
    decode_keyed(envelope, |client_id, conversation_id| {
        let body = decode_body(envelope.body.ok_or_else(|| missing("body"))?.get())?;
        let reply_to = envelope.reply_to.as_deref().map(decode_message_id).transpose()?;
        let thread = envelope.thread.as_deref().map(decode_message_id).transpose()?;
        Ok(SendMessage { client_id, conversation_id, body, reply_to, thread })
    })
}

fn decode_edit(envelope: &Envelope<'_>) -> Result<EditMessage, DecodeError> {
    decode_keyed(envelope, |client_id, conversation_id| {
        let message_id = decode_message(envelope)?;
        let body = decode_body(envelope.body.ok_or_else(|| missing("body"))?.get())?;
        Ok(EditMessage { client_id, conversation_id, message_id, body })
    })
}

fn decode_delete(envelope: &Envelope<'_>) -> Result<DeleteMessage, DecodeError> {
    decode_keyed(envelope, |client_id, conversation_id| {
        Ok(DeleteMessage { client_id, conversation_id, message_id: decode_message(envelope)? })
    })
}

fn decode_react(envelope: &Envelope<'_>) -> Result<React, DecodeError> {
    decode_keyed(envelope, |client_id, conversation_id| {
        let message_id = decode_message(envelope)?;
        let emoji = decode_emoji(envelope.emoji.as_deref().ok_or_else(|| missing("emoji"))?)?;
        let on = envelope.on.ok_or_else(|| missing("on"))?;
        Ok(React { client_id, conversation_id, message_id, emoji, on })
    })
}

fn decode_pin(envelope: &Envelope<'_>) -> Result<PinMessage, DecodeError> {
    decode_keyed(envelope, |client_id, conversation_id| {
        let message_id = decode_message(envelope)?;
        Ok(PinMessage { client_id, conversation_id, message_id, on: envelope.on.ok_or_else(|| missing("on"))? })
    })
}

/// One emoji, as Unicode writes it in full.
pub fn decode_emoji(text: &str) -> Result<Emoji, DecodeError> {
    Emoji::of(text).map_err(|error| DecodeError::new(ErrorCode::BadEmoji, error.to_string()))
}

/// What has a key of the client's: it is named in each refusal of the rest.
fn decode_keyed<T>(
    envelope: &Envelope<'_>,
    rest: impl FnOnce(ClientId, ConversationId) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let client_id: ClientId = envelope
        .client_id
        .as_deref()
        .ok_or_else(|| missing("client_id"))?
        .parse()
        .map_err(|e: TextError| DecodeError::new(ErrorCode::BadClientId, e.to_string()))?;
    let decoded = decode_conversation(envelope).and_then(|conversation_id| rest(client_id.clone(), conversation_id));
    decoded.map_err(|error| DecodeError { client_id: Some(client_id), ..error })
}

fn decode_received(envelope: &Envelope<'_>) -> Result<Vec<ReceivedUpto>, DecodeError> {
    #[derive(Deserialize)]
    struct Upto<'a> {
        #[serde(borrow)]
        conversation_id: std::borrow::Cow<'a, str>,
        seq: Seq,
    }
    let json = envelope.conversations.ok_or_else(|| missing("conversations"))?.get();
    let wrong = |e: serde_json::Error| DecodeError::new(ErrorCode::MalformedFrame, format!("conversations: {}", category(&e)));
    let list: Vec<&RawValue> = serde_json::from_str(json).map_err(wrong)?;
    if !(1..=MOST_RECEIVED).contains(&list.len()) {
        return Err(DecodeError::new(ErrorCode::InvalidField, format!("conversations has to name 1 to {MOST_RECEIVED}")));
    }
    let upto = |json: &RawValue| {
        let upto: Upto<'_> = object(json.get(), "one of conversations")?.map_err(wrong)?;
        Ok(ReceivedUpto { conversation_id: decode_id(&upto.conversation_id)?, seq: upto.seq })
    };
    list.into_iter().map(upto).collect()
}

fn decode_presence(envelope: &Envelope<'_>) -> Result<SayPresence, DecodeError> {
    let state = envelope.state.as_deref().ok_or_else(|| missing("state"))?;
    let state = state.parse().map_err(|_| DecodeError::new(ErrorCode::InvalidField, "state has to be active or idle"))?;
    let conversation_id = envelope.conversation_id.as_deref().map(decode_id).transpose()?;
    Ok(SayPresence { state, conversation_id })
}

fn decode_watch(envelope: &Envelope<'_>) -> Result<Vec<UserId>, DecodeError> {
    let json = envelope.users.ok_or_else(|| missing("users"))?.get();
    let users: Vec<std::borrow::Cow<'_, str>> =
        serde_json::from_str(json).map_err(|e| DecodeError::new(ErrorCode::MalformedFrame, format!("users: {}", category(&e))))?;
    if users.len() > MOST_WATCHED {
        return Err(DecodeError::new(ErrorCode::InvalidField, format!("users has to name at most {MOST_WATCHED}")));
    }
    let user =
        |id: &std::borrow::Cow<'_, str>| id.parse().map_err(|e: relay_types::IdError| DecodeError::new(ErrorCode::BadId, e.to_string()));
    users.iter().map(user).collect()
}

fn decode_conversation(envelope: &Envelope<'_>) -> Result<ConversationId, DecodeError> {
    let id = envelope.conversation_id.as_deref().ok_or_else(|| missing("conversation_id"))?;
    decode_id(id)
}

fn decode_id(id: &str) -> Result<ConversationId, DecodeError> {
    id.parse().map_err(|e: relay_types::IdError| DecodeError::new(ErrorCode::BadId, e.to_string()))
}

fn decode_message(envelope: &Envelope<'_>) -> Result<MessageId, DecodeError> {
    decode_message_id(envelope.message_id.as_deref().ok_or_else(|| missing("message_id"))?)
}

fn decode_message_id(id: &str) -> Result<MessageId, DecodeError> {
    id.parse().map_err(|e: relay_types::IdError| DecodeError::new(ErrorCode::BadId, e.to_string()))
}

/// Decodes a message body; each way in which it can be wrong has its own code.
pub fn decode_body(json: &str) -> Result<MessageBody, DecodeError> {
    let body: BodyEnvelope<'_> =
        object(json, "body")?.map_err(|e| DecodeError::new(ErrorCode::MalformedFrame, format!("body: {}", category(&e))))?;
    match body.kind.as_ref() {
        "text" => {
            let text = body.text.ok_or_else(|| missing("body.text"))?;
            text.parse().map(|text| MessageBody::Text { text }).map_err(|error: TextError| {
                let code = match error {
                    TextError::Empty { .. } | TextError::TooShort { .. } => ErrorCode::EmptyMessage,
                    TextError::TooLong { .. } => ErrorCode::MessageTooLong,
                    TextError::Characters { .. } => ErrorCode::InvalidField,
                };
                DecodeError::new(code, error.to_string())
            })
        }
        _ => Err(DecodeError::new(ErrorCode::UnsupportedBody, "body.type has to be text")),
    }
}

/// As [`decode_body`], and refuses fields that the body does not have: for REST, where a typo is an answer and not a default.
pub fn decode_whole_body(json: &str) -> Result<MessageBody, DecodeError> {
    let body = decode_body(json)?;
    match &body {
        MessageBody::Text { .. } => serde_json::from_str::<WholeText>(json).map(drop),
        // Not decoded from a client's words.
        MessageBody::Erased | MessageBody::Unknown(_) => Ok(()),
    }
    .map_err(|_| DecodeError::new(ErrorCode::MalformedFrame, "body: a field is unknown"))?;
    Ok(body)
}

fn decode_position(token: Option<&str>) -> Result<Option<Position>, DecodeError> {
    token.map(str::parse).transpose().map_err(|e: crate::PositionError| DecodeError::new(ErrorCode::BadPosition, e.to_string()))
}

fn missing(field: &str) -> DecodeError {
    DecodeError::new(ErrorCode::MalformedFrame, format!("{field} is missing"))
}

/// serde's own text may quote the input; only its kind leaves the process.
fn category(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Syntax => "not valid JSON",
        serde_json::error::Category::Eof => "the JSON ends too early",
        serde_json::error::Category::Data => "a field is missing or has the wrong type",
        serde_json::error::Category::Io => "unreadable",
    }
}

/// Encodes commands, for clients.
pub mod encode {
    use super::{ConversationId, DeleteMessage, EditMessage, PinMessage, Position, React, ReceivedUpto, SayPresence, SendMessage, UserId};
    use crate::presence::WatchPresence;

    /// The hello frame.
    pub fn hello(token: &str, position: Option<&Position>) -> String {
        let mut frame = serde_json::json!({ "type": "hello", "token": token });
        if let (Some(position), Some(object)) = (position, frame.as_object_mut()) {
            object.insert("position".to_owned(), position.to_string().into());
        }
        frame.to_string()
    }

    /// The `send_message` frame.
    pub fn send_message(send: &SendMessage) -> String {
        command("send_message", send)
    }

    /// The `edit_message` frame.
    pub fn edit_message(edit: &EditMessage) -> String {
        command("edit_message", edit)
    }

    /// The `delete_message` frame.
    pub fn delete_message(delete: &DeleteMessage) -> String {
        command("delete_message", delete)
    }

    /// The `react` frame.
    pub fn react(react: &React) -> String {
        command("react", react)
    }

    /// The `pin_message` frame.
    pub fn pin_message(pin: &PinMessage) -> String {
        command("pin_message", pin)
    }

    fn command(kind: &'static str, fields: &impl serde::Serialize) -> String {
        #[derive(serde::Serialize)]
        struct Frame<'a, T> {
            #[serde(rename = "type")]
            kind: &'static str,
            #[serde(flatten)]
            fields: &'a T,
        }
        serde_json::to_string(&Frame { kind, fields }).unwrap_or_default()
    }

    /// The `typing_start` frame.
    pub fn typing_start(conversation: ConversationId) -> String {
        format!(r#"{{"type":"typing_start","conversation_id":"{conversation}"}}"#)
    }

    /// The `typing_stop` frame.
    pub fn typing_stop(conversation: ConversationId) -> String {
        format!(r#"{{"type":"typing_stop","conversation_id":"{conversation}"}}"#)
    }

    /// The `received` frame.
    pub fn received(conversations: &[ReceivedUpto]) -> String {
        #[derive(serde::Serialize)]
        struct Fields<'a> {
            conversations: &'a [ReceivedUpto],
        }
        command("received", &Fields { conversations })
    }

    /// The `presence` frame.
    pub fn presence(say: &SayPresence) -> String {
        command("presence", say)
    }

    /// The `watch_presence` frame.
    pub fn watch_presence(users: &[UserId]) -> String {
        command("watch_presence", &WatchPresence { users: users.to_vec() })
    }

    /// The ping frame.
    pub fn ping(position: Option<&Position>) -> String {
        match position {
            Some(position) => format!(r#"{{"type":"ping","position":"{position}"}}"#),
            None => r#"{"type":"ping"}"#.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::Activity;

    fn code_of(frame: &str) -> ErrorCode {
        decode(frame).unwrap_err().code
    }

    #[test]
    fn a_refused_send_is_named_whatever_is_wrong_with_it() {
        for wrong in
            [r#""reply_to":7"#, r#""reply_to":{}"#, r#""message_id":[]"#, r#""conversation_id":7"#, r#""body":[]"#, r#""type":"ping""#]
        {
            for kind in ["send_message", "edit_message", "delete_message", "react", "pin_message"] {
                let named = decode(&format!(r#"{{"client_id":"k","type":"{kind}",{wrong}}}"#)).unwrap_err();
                let expected = (!wrong.contains("ping")).then(|| "k".parse().unwrap());
                assert_eq!((named.code, named.client_id), (ErrorCode::MalformedFrame, expected), "{kind} {wrong}");
            }
        }
        let unknown = decode(r#"{"type":"from_the_future","client_id":"k"}"#).unwrap_err();
        assert_eq!((unknown.code, unknown.client_id), (ErrorCode::UnknownCommand, "k".parse().ok()));
        for unnamed in
            [r#"{"type":"ping","client_id":"k","position":7}"#, r#"{"type":"send_message","client_id":"*","body":7,"reply_to":7}"#]
        {
            assert_eq!(decode(unnamed).unwrap_err().client_id, None, "{unnamed}");
        }
    }

    #[test]
    fn each_refusal_has_its_code() {
        let conversation = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        let send = |client_id: &str, conversation: &str, body: &str| {
            format!(r#"{{"type":"send_message","client_id":{client_id},"conversation_id":{conversation},"body":{body}}}"#)
        };
        let good = format!("\"{conversation}\"");
        let edit = |message: &str, body: &str| {
            format!(r#"{{"type":"edit_message","client_id":"k","conversation_id":"{conversation}",{message}"body":{body}}}"#)
        };
        let delete = |message: &str| format!(r#"{{"type":"delete_message","client_id":"k","conversation_id":"{conversation}"{message}}}"#);
        let received = |conversation: &str, times: usize| {
            let upto = format!(r#"{{"conversation_id":{conversation},"seq":1}}"#);
            format!(r#"{{"type":"received","conversations":[{}]}}"#, vec![upto; times].join(","))
        };
        let text = r#"{"type":"text","text":"hi"}"#;
        let long = format!(r#"{{"type":"text","text":"{}"}}"#, "x".repeat(relay_types::text::MAX_MESSAGE_BYTES + 1));
        let cases = [
            ("{".to_owned(), ErrorCode::MalformedFrame),
            ("[]".to_owned(), ErrorCode::MalformedFrame),
            ("{}".to_owned(), ErrorCode::MalformedFrame),
            (r#" ["ping",null]"#.to_owned(), ErrorCode::MalformedFrame),
            (send("\"k\"", &good, r#"["text","hi"]"#), ErrorCode::MalformedFrame),
            (r#"{"type":"hello"}"#.to_owned(), ErrorCode::MalformedFrame),
            (r#"{"type":7}"#.to_owned(), ErrorCode::MalformedFrame),
            (r#"{"type":"shout"}"#.to_owned(), ErrorCode::UnknownCommand),
            (r#"{"type":"ping","position":"%%"}"#.to_owned(), ErrorCode::BadPosition),
            (r#"{"type":"typing_start"}"#.to_owned(), ErrorCode::MalformedFrame),
            (r#"{"type":"typing_stop","conversation_id":"*"}"#.to_owned(), ErrorCode::BadId),
            (r#"{"type":"received"}"#.to_owned(), ErrorCode::MalformedFrame),
            (r#"{"type":"received","conversations":[7]}"#.to_owned(), ErrorCode::MalformedFrame),
            (format!(r#"{{"type":"received","conversations":[[{good},1]]}}"#), ErrorCode::MalformedFrame),
            (r#"{"type":"received","conversations":[]}"#.to_owned(), ErrorCode::InvalidField),
            (received(&good, MOST_RECEIVED + 1), ErrorCode::InvalidField),
            (received("\">\"", 1), ErrorCode::BadId),
            (r#"{"type":"presence"}"#.to_owned(), ErrorCode::MalformedFrame),
            (r#"{"type":"presence","state":"On Fire"}"#.to_owned(), ErrorCode::InvalidField),
            (r#"{"type":"presence","state":"active","conversation_id":"*"}"#.to_owned(), ErrorCode::BadId),
            (r#"{"type":"watch_presence","users":[7]}"#.to_owned(), ErrorCode::MalformedFrame),
            (r#"{"type":"watch_presence","users":["*"]}"#.to_owned(), ErrorCode::BadId),
            (format!(r#"{{"type":"watch_presence","users":[{}]}}"#, vec![&*good; MOST_WATCHED + 1].join(",")), ErrorCode::InvalidField),
            (send("\"*\"", &good, text), ErrorCode::BadClientId),
            (send("\"k\"", "\">\"", text), ErrorCode::BadId),
            (send("\"k\"", "\"a.b\"", text), ErrorCode::BadId),
            (send("\"k\"", "\"A\\r\\nPUB x\"", text), ErrorCode::BadId),
            (send("\"k\"", &good, r#"{"type":"text","text":" "}"#), ErrorCode::EmptyMessage),
            (send("\"k\"", &good, r#"{"type":"text","text":"\u0000"}"#), ErrorCode::InvalidField),
            (send("\"k\"", &good, r#"{"type":"hologram"}"#), ErrorCode::UnsupportedBody),
            (send("\"k\"", &good, &long), ErrorCode::MessageTooLong),
            (send("\"k\"", &good, &format!(r#"{text},"reply_to":"x""#)), ErrorCode::BadId),
            (send("\"k\"", &good, &format!(r#"{text},"thread":"x""#)), ErrorCode::BadId),
            (edit("", text), ErrorCode::MalformedFrame),
            (edit(r#""message_id":">","#, text), ErrorCode::BadId),
            (edit(&format!(r#""message_id":{good},"#), r#"{"type":"text","text":""}"#), ErrorCode::EmptyMessage),
            (edit(&format!(r#""message_id":{good},"#), r#"{"type":"erased"}"#), ErrorCode::UnsupportedBody),
            (delete(""), ErrorCode::MalformedFrame),
            (delete(r#","message_id":">""#), ErrorCode::BadId),
            (delete(&format!(r#","message_id":{good}"#)).replace("\"k\"", "\"*\""), ErrorCode::BadClientId),
        ];
        for (frame, expected) in cases {
            assert_eq!(code_of(&frame), expected, "{}", frame.chars().take(120).collect::<String>());
        }
    }

    #[test]
    fn what_clients_encode_is_what_servers_decode() {
        let send = SendMessage {
            client_id: "k-1".parse().unwrap(),
            conversation_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            body: MessageBody::Text { text: "a \"quoted\"\nline 🙂".parse().unwrap() },
            reply_to: "01ARZ3NDEKTSV4RRFFQ69G5FAW".parse().ok(),
            thread: "01ARZ3NDEKTSV4RRFFQ69G5FAX".parse().ok(),
        };
        let Command::SendMessage(decoded) = decode(&encode::send_message(&send)).unwrap() else { panic!("another command") };
        assert_eq!((&decoded.body, decoded.reply_to, decoded.thread), (&send.body, send.reply_to, send.thread));
        let SendMessage { client_id, conversation_id, body, .. } = send.clone();
        let edit = EditMessage { client_id, conversation_id, message_id: "01ARZ3NDEKTSV4RRFFQ69G5FAX".parse().unwrap(), body };
        let Command::EditMessage(decoded) = decode(&encode::edit_message(&edit)).unwrap() else { panic!("another command") };
        assert_eq!((decoded.body, decoded.message_id), (edit.body, edit.message_id));
        let EditMessage { client_id, conversation_id, message_id, .. } = edit;
        let delete = DeleteMessage { client_id, conversation_id, message_id };
        let Command::DeleteMessage(decoded) = decode(&encode::delete_message(&delete)).unwrap() else { panic!("another command") };
        assert_eq!((decoded.client_id, decoded.message_id), (delete.client_id, delete.message_id));
        assert!(matches!(decode(&encode::hello("t", None)).unwrap(), Command::Hello(_)));
        assert!(matches!(decode(&encode::ping(None)).unwrap(), Command::Ping(_)));
        let room = send.conversation_id;
        let upto = vec![ReceivedUpto { conversation_id: room, seq: Seq(u64::MAX) }; MOST_RECEIVED];
        assert!(matches!(decode(&encode::received(&upto)).unwrap(), Command::Received(read) if read == upto));
        let say = SayPresence { state: Activity::Idle, conversation_id: Some(room) };
        assert!(matches!(decode(&encode::presence(&say)).unwrap(), Command::Presence(read) if read == say));
        let users = vec![UserId::from_uuid(room.to_uuid()); MOST_WATCHED];
        assert!(matches!(decode(&encode::watch_presence(&users)).unwrap(), Command::WatchPresence(read) if read == users));
        assert!(matches!(decode(&encode::typing_start(room)).unwrap(), Command::TypingStart(id) if id == room));
        assert!(matches!(decode(&encode::typing_stop(room)).unwrap(), Command::TypingStop(id) if id == room));
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_input_never_panics(text in ".{0,200}") {
            let _ = decode(&text);
        }
    }
}
