//! A message, and what it holds.

use serde::de::Error as _;
use serde_json::value::RawValue;

use relay_types::{ClientId, ConversationId, Emoji, MessageId, MessageText, Seq, TimestampMs, UserId};

use crate::log::{MessageEdited, MessageReacted, MessageSent};
use crate::threads::{ThreadRef, ThreadReplies};
use crate::unknown::RawJson;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Message {
    /// Where.
    pub conversation_id: ConversationId,
    /// Its place in the order.
    pub seq: Seq,
    /// The event before it in this conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Seq>,
    /// Which.
    pub message_id: MessageId,
    /// By whom.
    pub sender_id: UserId,
    /// The sender's key, by which their devices match it to their outbox.
    pub client_id: ClientId,
    /// When it was accepted.
    pub sent_at_ms: TimestampMs,
    /// What it says now.
    pub body: MessageBody,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageRef>,
    /// The root of the thread in which it is; absent for what is said to the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<ThreadRef>,
    /// What was said in the thread under it; absent where nothing was, and in previews.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replies: Option<ThreadReplies>,
    /// The `seq` of the edit that said `body`, if it was edited: the greatest wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_seq: Option<Seq>,
    /// When it was edited last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at_ms: Option<TimestampMs>,
    /// How people react, in the order in which each emoji first came; not in previews.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
    /// The `seq` of the newest reaction that `reactions` counts: those up to it are in there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reacted_seq: Option<Seq>,
}

/// Those who react to a message with one emoji.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Reaction {
    /// Which.
    pub emoji: Emoji,
    /// How many people.
    pub count: u32,
    /// Whether the reader is one of them.
    pub mine: bool,
    /// The first of them, at most [`Self::MOST_NAMED`].
    pub by: Vec<UserId>,
}

impl Reaction {
    /// People who are named in [`Self::by`].
    pub const MOST_NAMED: usize = 8;

    /// Whether the person is counted. Of those who are not named that is taken from what they say: whoever reacts was not.
    fn counts(&self, user: UserId, reader: UserId, on: bool) -> bool {
        let all_are_named = u32::try_from(self.by.len()).is_ok_and(|named| named >= self.count);
        self.by.contains(&user) || if user == reader { self.mine } else { !all_are_named && !on }
    }
}

impl Message {
    /// The message of an event, with its place, as it was sent.
    pub fn of(sent: MessageSent, seq: Seq, prev: Option<Seq>) -> Self {
        let MessageSent { message_id, actor_id, at_ms, conversation_id, client_id, body, reply_to, thread } = sent;
        Self {
            conversation_id,
            seq,
            prev,
            message_id,
            sender_id: actor_id,
            client_id,
            sent_at_ms: at_ms,
            body,
            reply_to,
            thread,
            replies: None,
            edited_seq: None,
            edited_at_ms: None,
            reactions: Vec::new(),
            reacted_seq: None,
        }
    }

    /// Takes in an edit at `seq`. Whether it changed something: not an older one, one of another message, or of one whose content is
    /// gone.
    pub fn edit(&mut self, edit: &MessageEdited, seq: Seq) -> bool {
        let is_ours = edit.message_id == self.message_id && edit.actor_id == self.sender_id;
        if !is_ours
            || self.body == MessageBody::Erased
            || edit.body == MessageBody::Erased
            || self.edited_seq.is_some_and(|newest| newest >= seq)
        {
            return false;
        }
        self.body = edit.body.clone();
        (self.edited_seq, self.edited_at_ms) = (Some(seq), Some(edit.at_ms));
        true
    }

    /// Takes in a reaction at `seq`, as `reader` sees it. Whether it changed something: not one that is counted already, one to another
    /// message, or to one whose content is gone.
    pub fn react(&mut self, reacted: &MessageReacted, seq: Seq, reader: UserId) -> bool {
        if reacted.message_id != self.message_id || self.body == MessageBody::Erased || self.reacted_seq.is_some_and(|newest| newest >= seq)
        {
            return false;
        }
        self.reacted_seq = Some(seq);
        let (user, on) = (reacted.actor_id, reacted.on);
        let Some(kind) = self.reactions.iter_mut().find(|kind| kind.emoji == reacted.emoji) else {
            if on {
                self.reactions.push(Reaction { emoji: reacted.emoji.clone(), count: 1, mine: user == reader, by: vec![user] });
            }
            return on;
        };
        if kind.counts(user, reader, on) == on {
            return false;
        }
        if on {
            kind.count = kind.count.saturating_add(1);
            if kind.by.len() < Reaction::MOST_NAMED {
                kind.by.push(user);
            }
        } else {
            kind.count = kind.count.saturating_sub(1);
            kind.by.retain(|named| *named != user);
        }
        if user == reader {
            kind.mine = on;
        }
        self.reactions.retain(|kind| kind.count > 0);
        true
    }

    /// Takes the content out: place, key and chain stay, and the thread in which it is or which is under it.
    pub fn erase(&mut self) {
        self.body = MessageBody::Erased;
        (self.reply_to, self.edited_seq, self.edited_at_ms, self.reacted_seq) = (None, None, None, None);
        self.reactions.clear();
    }
}

/// A message that another one refers to. Whoever shows it shows what it says now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MessageRef {
    /// Which, in the same conversation.
    pub message_id: MessageId,
    /// Its place in the order.
    pub seq: Seq,
}

/// The content of a message. A new kind of message is a new variant; the envelope around it stays.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MessageBody {
    /// Plain text, 1 byte to 16 KiB of UTF-8.
    Text {
        /// The text.
        text: MessageText,
    },
    /// The content was erased; the message's place stays. Never sent by clients.
    Erased,
    /// A body of a newer version's, as it came.
    #[serde(untagged)]
    Unknown(RawJson),
}

impl MessageBody {
    /// The bytes of its JSON. Control characters take six each, so a text can be far longer there than it is.
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::Text { text } => br#"{"type":"text","text":""}"#.len() + json_len(text.as_str()),
            Self::Erased => br#"{"type":"erased"}"#.len(),
            Self::Unknown(raw) => raw.get().len(),
        }
    }

    /// The text, if it is one.
    pub const fn text(&self) -> Option<&MessageText> {
        match self {
            Self::Text { text } => Some(text),
            Self::Erased | Self::Unknown(_) => None,
        }
    }

    fn decode(json: &str) -> Result<Self, serde_json::Error> {
        #[derive(serde::Deserialize)]
        struct Tag<'a> {
            #[serde(rename = "type", borrow)]
            kind: std::borrow::Cow<'a, str>,
        }
        #[derive(serde::Deserialize)]
        struct Text {
            text: MessageText,
        }
        let tag: Tag<'_> = serde_json::from_str(json)?;
        if tag.kind == "text" {
            let Text { text } = serde_json::from_str(json)?;
            return Ok(Self::Text { text });
        }
        if tag.kind == "erased" {
            return Ok(Self::Erased);
        }
        RawJson::parse(json).map(Self::Unknown)
    }
}

impl<'de> serde::Deserialize<'de> for MessageBody {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::decode(raw.get()).map_err(D::Error::custom)
    }
}

/// How the documents describe a body: by the kinds that this version knows.
mod schema {
    /// The content of a message. A newer server may say another `type`; its fields are not known here, and are kept.
    #[derive(utoipa::ToSchema, serde::Serialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    #[expect(dead_code, reason = "describes the wire; never made")]
    pub(super) enum MessageBody {
        /// Plain text, 1 byte to 16 KiB of UTF-8.
        Text {
            /// The text.
            text: relay_types::MessageText,
        },
        /// The content was erased; the message's place stays. Never sent by clients.
        Erased,
    }
}

impl utoipa::PartialSchema for MessageBody {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        schema::MessageBody::schema()
    }
}

impl utoipa::ToSchema for MessageBody {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        schema::MessageBody::schemas(schemas);
    }
}

/// The bytes of a text within JSON, without its quotes.
fn json_len(text: &str) -> usize {
    let of = |byte: u8| match byte {
        b'"' | b'\\' | 0x08 | b'\t' | b'\n' | 0x0c | b'\r' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn body_of_a_newer_version_is_carried_as_it_came() {
        let json = r#"{"type":"poll","question":"1.0 or 1.00?","n":1.00}"#;
        let body: MessageBody = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&body).unwrap(), json);
        assert_eq!((body.text(), body.encoded_len()), (None, json.len()));
        for refused in [r#"{"type":"text"}"#, r#"{"type":"text","text":""}"#, r#"{"question":"x"}"#, r#"{"type":"poll","q":"\u0000"}"#, "7"]
        {
            assert!(serde_json::from_str::<MessageBody>(refused).is_err(), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn the_encoded_length_is_that_of_the_json(text in "[\u{0}-\u{ff}\u{1f600}]{1,200}") {
            if let Ok(text) = text.parse::<MessageText>() {
                let body = MessageBody::Text { text };
                prop_assert_eq!(body.encoded_len(), serde_json::to_string(&body).unwrap().len());
            }
        }
    }
}
