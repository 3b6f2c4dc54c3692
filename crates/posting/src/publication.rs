//! What a person publishes to a conversation. A new kind is a variant of [`Content`] and its arm in [`Publication::into_event`]; in
//! the table of types of `LogEvent` its event is `by person`. Keys, order, limits, batches and acknowledgements know no kinds. What
//! refers to an earlier message says to which in [`Publication::target`].

use relay_domain::ports::{OriginalSend, SendKey, Target};
use relay_protocol::frame::MessageAck;
use relay_protocol::log::{LogEvent, MessageEdited, MessageErased, MessagePinned, MessageReacted, MessageSent};
use relay_protocol::message::MessageRef;
use relay_protocol::{DeleteMessage, EditMessage, MessageBody, PinMessage, React, SendMessage, ThreadRef};
use relay_types::{ClientId, ConversationId, Emoji, EventId, MessageId, UserId};

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
    Message {
        /// What it says.
        body: MessageBody,
        /// The message that it answers.
        reply_to: Option<MessageId>,
        /// The message under which it is said, in its thread.
        thread: Option<MessageId>,
    },
    /// What an earlier message of theirs says now.
    Edit {
        /// Which.
        message: MessageId,
        /// The new body.
        body: MessageBody,
    },
    /// They react to a message, or no longer do.
    React {
        /// Which.
        message: MessageId,
        /// With what.
        emoji: Emoji,
        /// Whether they do from now on.
        on: bool,
    },
    /// A message is pinned in its conversation, or no longer.
    Pin {
        /// Which.
        message: MessageId,
        /// Whether it is from now on.
        on: bool,
    },
    /// An earlier message is to be gone, for everyone.
    Delete {
        /// Which.
        message: MessageId,
    },
}

/// The message to which a publication refers, and the root of its thread.
pub(crate) type Found = (Option<Target>, Option<Target>);

impl Publication {
    /// How it is recognised over retries, when this person publishes it.
    pub fn key(&self, author: UserId) -> SendKey {
        SendKey { conversation: self.conversation, sender: author, client_id: self.client_id.clone() }
    }

    /// The bytes that its content takes in the log.
    pub fn content_len(&self) -> usize {
        match &self.content {
            Content::Message { body, .. } | Content::Edit { body, .. } => body.encoded_len(),
            Content::React { emoji, .. } => emoji.as_str().len(),
            Content::Pin { .. } | Content::Delete { .. } => 0,
        }
    }

    /// The earlier message to which it refers. It is looked at before anything is published.
    pub const fn target(&self) -> Option<MessageId> {
        match self.content {
            Content::Message { reply_to, .. } => reply_to,
            Content::Edit { message, .. } | Content::React { message, .. } | Content::Pin { message, .. } | Content::Delete { message } => {
                Some(message)
            }
        }
    }

    /// The message in whose thread it is to be. It is looked at in the same way.
    pub const fn root(&self) -> Option<MessageId> {
        match self.content {
            Content::Message { thread, .. } => thread,
            Content::Edit { .. } | Content::React { .. } | Content::Pin { .. } | Content::Delete { .. } => None,
        }
    }

    /// As a metric label.
    pub(crate) const fn kind(&self) -> &'static str {
        match self.content {
            Content::Message { thread: Some(_), .. } => "thread_reply",
            Content::Message { reply_to: None, .. } => "message",
            Content::Message { reply_to: Some(_), .. } => "reply",
            Content::Edit { .. } => "edit",
            Content::React { .. } => "reaction",
            Content::Pin { .. } => "pin",
            Content::Delete { .. } => "delete",
        }
    }

    /// The event that it becomes. `minted` is its identity, were it not there yet; `target` is the message to which it refers and `root`
    /// the one in whose thread it is, without which it becomes nothing.
    pub(crate) fn into_event(self, author: UserId, minted: &OriginalSend, (target, root): Found) -> Option<LogEvent> {
        let event_id = EventId::from_uuid(minted.message_id.to_uuid());
        Some(match self.content {
            Content::Message { body, reply_to, thread } => LogEvent::MessageSent(MessageSent {
                message_id: minted.message_id,
                conversation_id: self.conversation,
                actor_id: author,
                client_id: self.client_id,
                at_ms: minted.sent_at_ms,
                body,
                reply_to: match reply_to {
                    Some(message_id) => Some(MessageRef { message_id, seq: target?.seq }),
                    None => None,
                },
                thread: match thread {
                    Some(message_id) => {
                        let Target { seq, sender: sender_id, .. } = root?;
                        Some(ThreadRef { message_id, seq, sender_id })
                    }
                    None => None,
                },
            }),
            Content::Edit { message, body } => LogEvent::MessageEdited(MessageEdited {
                event_id,
                conversation_id: self.conversation,
                actor_id: author,
                client_id: self.client_id,
                at_ms: minted.sent_at_ms,
                message_id: message,
                message_seq: target?.seq,
                body,
            }),
            Content::React { message, emoji, on } => LogEvent::MessageReacted(MessageReacted {
                event_id,
                actor_id: author,
                at_ms: minted.sent_at_ms,
                conversation_id: self.conversation,
                client_id: self.client_id,
                message_id: message,
                message_seq: target?.seq,
                emoji,
                on,
            }),
            Content::Pin { message, on } => LogEvent::MessagePinned(MessagePinned {
                event_id,
                actor_id: author,
                at_ms: minted.sent_at_ms,
                conversation_id: self.conversation,
                client_id: self.client_id,
                message_id: message,
                message_seq: target?.seq,
                on,
            }),
            Content::Delete { message } => {
                let Target { seq, prev, sender, client_id, sent_at_ms, stored_at_ms, thread, .. } = target?;
                LogEvent::MessageErased(MessageErased {
                    event_id,
                    actor_id: Some(author),
                    actor_client_id: Some(self.client_id),
                    at_ms: minted.sent_at_ms,
                    conversation_id: self.conversation,
                    message_id: message,
                    message_seq: seq,
                    message_prev: prev,
                    sender_id: sender,
                    client_id,
                    sent_at_ms,
                    stored_at_ms,
                    thread,
                })
            }
        })
    }
}

impl From<SendMessage> for Publication {
    fn from(send: SendMessage) -> Self {
        let content = Content::Message { body: send.body, reply_to: send.reply_to, thread: send.thread };
        Self { conversation: send.conversation_id, client_id: send.client_id, content }
    }
}

impl From<EditMessage> for Publication {
    fn from(edit: EditMessage) -> Self {
        let content = Content::Edit { message: edit.message_id, body: edit.body };
        Self { conversation: edit.conversation_id, client_id: edit.client_id, content }
    }
}

impl From<React> for Publication {
    fn from(react: React) -> Self {
        let content = Content::React { message: react.message_id, emoji: react.emoji, on: react.on };
        Self { conversation: react.conversation_id, client_id: react.client_id, content }
    }
}

impl From<PinMessage> for Publication {
    fn from(pin: PinMessage) -> Self {
        let content = Content::Pin { message: pin.message_id, on: pin.on };
        Self { conversation: pin.conversation_id, client_id: pin.client_id, content }
    }
}

impl From<DeleteMessage> for Publication {
    fn from(delete: DeleteMessage) -> Self {
        let content = Content::Delete { message: delete.message_id };
        Self { conversation: delete.conversation_id, client_id: delete.client_id, content }
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
    use relay_domain::ports::Holds;
    use relay_types::Seq;

    /// Ring, projection and log recognise a retry by what the event says. Each kind has to say it.
    #[test]
    fn an_event_tells_whose_publication_it_is() {
        let author: UserId = "01ARZ3NDEKTSV4RRFFQ69G5FAW".parse().unwrap();
        let body = MessageBody::Text { text: "hi".parse().unwrap() };
        let message = MessageId::new(ulid::Ulid(3));
        let (sender, client_id) = (author, "older".parse().unwrap());
        let target = Target {
            seq: Seq(2),
            prev: None,
            sender,
            client_id,
            sent_at_ms: 0,
            stored_at_ms: 0,
            holds: Holds::Text,
            edits: 0,
            visible: true,
            thread: None,
        };
        for content in [
            Content::Message { body: body.clone(), reply_to: None, thread: None },
            Content::Message { body: body.clone(), reply_to: Some(message), thread: None },
            Content::Message { body: body.clone(), reply_to: None, thread: Some(message) },
            Content::Edit { message, body },
            Content::Delete { message },
            Content::React { message, emoji: "👍".parse().unwrap(), on: true },
            Content::Pin { message, on: true },
        ] {
            let publication =
                Publication { conversation: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(), client_id: "key".parse().unwrap(), content };
            let (key, minted) =
                (publication.key(author), OriginalSend { message_id: MessageId::new(ulid::Ulid(7)), seq: Seq::ZERO, sent_at_ms: 5 });
            let found = (publication.target().map(|_| target.clone()), publication.root().map(|_| target.clone()));
            assert!(found == (None, None) || publication.clone().into_event(author, &minted, (None, None)).is_none());
            let event = publication.into_event(author, &minted, found).unwrap();
            assert_eq!(SendKey::of(&event), Some(key));
            assert_eq!(OriginalSend::of(&event, Seq(9)), Some(OriginalSend { seq: Seq(9), ..minted }));
        }
    }
}
