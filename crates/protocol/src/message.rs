//! A message, and what it holds.

use relay_types::{ClientId, ConversationId, MessageId, MessageText, Seq, TimestampMs, UserId};

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
    /// What.
    pub body: MessageBody,
}

/// The content of a message. A new kind of message is a new variant; the envelope around it stays.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MessageBody {
    /// Plain text, 1 byte to 16 KiB of UTF-8.
    Text {
        /// The text.
        text: MessageText,
    },
    /// The content was erased; the message's place stays. Never sent by clients.
    Erased,
}

impl MessageBody {
    /// The bytes of its JSON. Control characters take six each, so a text can be far longer there than it is.
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::Text { text } => br#"{"type":"text","text":""}"#.len() + json_len(text.as_str()),
            Self::Erased => br#"{"type":"erased"}"#.len(),
        }
    }

    /// The text, if it is one.
    pub const fn text(&self) -> Option<&MessageText> {
        match self {
            Self::Text { text } => Some(text),
            Self::Erased => None,
        }
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
