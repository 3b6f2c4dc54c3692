//! A message's event in the parts in which a table holds it.

use std::fmt::Write as _;

use relay_types::{ConversationId, MessageId, TimestampMs, UserId};

use super::VERSION;
use crate::unknown::{RawJson, fields};

/// The fields of a message's event that have a place of their own, the former names included.
const OWN: &[&str] = &["type", "message_id", "actor_id", "at_ms", "conversation_id", "client_id", "body", "sender_id", "sent_at_ms"];

/// A message's event in parts.
#[derive(Debug, Clone, Copy)]
pub struct MessageParts<'a> {
    /// Which.
    pub message_id: MessageId,
    /// By whom.
    pub actor_id: UserId,
    /// When.
    pub at_ms: TimestampMs,
    /// Where.
    pub conversation_id: ConversationId,
    /// The sender's key.
    pub client_id: &'a str,
    /// The body, as JSON.
    pub body: &'a str,
    /// What [`MessageParts::further`] told.
    pub further: Option<&'a str>,
}

impl MessageParts<'_> {
    /// Of a message's event what it says beyond the parts, as a JSON object: fields of a newer version's. Mostly nothing.
    pub fn further(event: &RawJson) -> Option<String> {
        let is_further = |name: &str, value: &str| !OWN.contains(&name) && (name, value) != ("v", "1");
        // What was read once can be read again.
        fields(event.get(), is_further).ok().flatten()
    }

    /// The text of the body as it came, with what this version does not know of it.
    pub fn body(event: &RawJson) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Body<'a> {
            #[serde(borrow)]
            body: &'a serde_json::value::RawValue,
        }
        // What was read once can be read again.
        serde_json::from_str::<Body<'_>>(event.get()).ok().map(|event| event.body.get().to_owned())
    }

    /// The event's text, made from its parts: nothing is read of the body.
    pub fn text(&self) -> RawJson {
        let Self { message_id, actor_id, at_ms, conversation_id, client_id, body, further } = self;
        let further = further.and_then(|further| further.strip_prefix('{')?.strip_suffix('}')).filter(|further| !further.is_empty());
        let mut text = String::with_capacity(256 + client_id.len() + body.len() + further.map_or(0, str::len));
        text.push('{');
        if further.is_none_or(|further| !says_version(further)) {
            // Writing to a string never fails.
            let _ = write!(text, r#""v":{VERSION},"#);
        }
        let client_id = serde_json::Value::from(*client_id);
        let _ = write!(
            text,
            r#""type":"MESSAGE_SENT","message_id":"{message_id}","actor_id":"{actor_id}","at_ms":{at_ms},"conversation_id":"{conversation_id}","client_id":{client_id},"body":{body}"#
        );
        if let Some(further) = further {
            text.extend([",", further]);
        }
        text.push('}');
        RawJson::of_store(text)
    }
}

fn says_version(further: &str) -> bool {
    fields(&format!("{{{further}}}"), |name, _| name == "v").is_ok_and(|v| v.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LogEvent;

    const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

    #[test]
    fn message_comes_out_of_its_parts_as_it_went_in() {
        let fields = format!(
            r#""type":"MESSAGE_SENT","message_id":"{ID}","actor_id":"{ID}","at_ms":1,"conversation_id":"{ID}","client_id":"k","body":{{"type":"text","text":"x"}}"#
        );
        let reply = format!(r#","reply_to":{{"message_id":"{ID}","seq":3}}"#);
        for (v, further) in [("\"v\":1,", ""), ("\"v\":1,", &reply), ("\"v\":1,", ",\"whisper\":{\"v\":2}"), ("", ",\"v\":2,\"x\":[1.0]")] {
            let json = format!("{{{v}{fields}{further}}}");
            let (event, text) = LogEvent::decode_with_text(&json).unwrap();
            let sent = event.message().unwrap();
            let further = MessageParts::further(&text.unwrap());
            let parts = MessageParts {
                message_id: sent.message_id,
                actor_id: sent.actor_id,
                at_ms: sent.at_ms,
                conversation_id: sent.conversation_id,
                client_id: sent.client_id.as_str(),
                body: &serde_json::to_string(&sent.body).unwrap(),
                further: further.as_deref(),
            };
            assert_eq!(parts.text().get(), json);
        }
    }
}
