//! What a person publishes to a conversation. A new kind is a variant of [`Content`] and its arm in [`Publication::into_event`];
//! how it is recognised in the log stands in `SendKey::of` and `OriginalSend::of`. Keys, order, limits, batches and
//! acknowledgements know no kinds.

use relay_domain::ports::{OriginalSend, SendKey};
use relay_protocol::frame::MessageAck;
use relay_protocol::log::{LogEvent, MessageSent};
use relay_protocol::{MessageBody, SendMessage};
use relay_types::{ClientId, ConversationId, UserId};

/// Something that a person wants in a conversation's log, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Where.
    pub conversation: ConversationId,
    /// The person's own key for it.
    pub client_id: ClientId,
    /// What.
    pub content: Content,
}

/// What is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A new message.
    Message(MessageBody),
}

impl Publication {
    /// How it is recognised over retries, when this person publishes it.
    pub fn key(&self, author: UserId) -> SendKey {
        SendKey { conversation: self.conversation, sender: author, client_id: self.client_id.clone() }
    }

    /// The bytes that its content takes in the log.
    pub fn content_len(&self) -> usize {
        match &self.content {
            Content::Message(body) => body.encoded_len(),
        }
    }

    /// The event that it becomes. `minted` is its identity, were it not there yet.
    pub(crate) fn into_event(self, author: UserId, minted: &OriginalSend) -> LogEvent {
        match self.content {
            Content::Message(body) => LogEvent::MessageSent(MessageSent {
                message_id: minted.message_id,
                conversation_id: self.conversation,
                actor_id: author,
                client_id: self.client_id,
                at_ms: minted.sent_at_ms,
                body,
            }),
        }
    }
}

impl From<SendMessage> for Publication {
    fn from(send: SendMessage) -> Self {
        Self { conversation: send.conversation_id, client_id: send.client_id, content: Content::Message(send.body) }
    }
}

/// What is in the log: the original, however often it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Whose, where, under which key.
    pub key: SendKey,
    /// What it became.
    pub original: OriginalSend,
}

impl From<Accepted> for MessageAck {
    fn from(Accepted { key, original }: Accepted) -> Self {
        Self {
            client_id: key.client_id,
            conversation_id: key.conversation,
            message_id: original.message_id,
            seq: original.seq,
            sent_at_ms: original.sent_at_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_types::{MessageId, Seq};

    /// Ring, projection and log recognise a retry by what the event says. Each kind has to say it.
    #[test]
    fn an_event_tells_whose_publication_it_is() {
        let author: UserId = "01ARZ3NDEKTSV4RRFFQ69G5FAW".parse().unwrap();
        let publication = Publication {
            conversation: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            client_id: "key".parse().unwrap(),
            content: Content::Message(MessageBody::Text { text: "hi".parse().unwrap() }),
        };
        let (key, minted) =
            (publication.key(author), OriginalSend { message_id: MessageId::new(ulid::Ulid(7)), seq: Seq::ZERO, sent_at_ms: 5 });
        let event = publication.into_event(author, &minted);
        assert_eq!(SendKey::of(&event), Some(key));
        assert_eq!(OriginalSend::of(&event, Seq(9)), Some(OriginalSend { seq: Seq(9), ..minted }));
    }
}
