//! What a device makes of messages: edits and deletions of what it sent, reactions to what it saw.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::Ordering;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use relay_checkers::history::Said;
use relay_client::{QueuedReaction, QueuedSend, RealtimeClient, SendError};
use relay_protocol::frame::MessageAck;
use relay_protocol::{LogEvent, Message, MessageBody};
use relay_types::{ClientId, ConversationId, MessageId};

use super::Life;
use crate::finals;
use crate::workload::EMOJI;
use crate::workload::directory::{checksum, key_number, text_of};

/// Messages of one's own that are remembered.
const REMEMBERED: usize = 32;

/// What is on its way, and what may be amended.
#[derive(Default)]
pub(super) struct Amending {
    mine: VecDeque<Mine>,
    /// What it saw lately, of whomever.
    seen: VecDeque<(ConversationId, MessageId)>,
    /// Reactions that it gave, and did not take back.
    given: VecDeque<(ConversationId, QueuedReaction)>,
    pending: FuturesUnordered<BoxFuture<'static, (ClientId, Result<MessageAck, SendError>)>>,
    /// Of earlier lives, without an answer.
    carried: HashSet<ClientId>,
    said: u64,
}

struct Mine {
    conversation: ConversationId,
    message: MessageId,
    key: u64,
}

impl Amending {
    /// A message of one's own is in the log.
    pub(super) fn sent(&mut self, ack: &MessageAck) {
        self.mine.push_back(Mine { conversation: ack.conversation_id, message: ack.message_id, key: key_number(&ack.client_id) });
        while self.mine.len() > REMEMBERED {
            self.mine.pop_front();
        }
    }

    /// A message was seen, to which one may react.
    pub(super) fn saw(&mut self, message: &Message) {
        self.seen.push_back((message.conversation_id, message.message_id));
        while self.seen.len() > REMEMBERED {
            self.seen.pop_front();
        }
    }

    /// The next answer; pending while nothing is on its way, but over once the client has ended.
    pub(super) async fn next(&mut self) -> Option<(ClientId, Result<MessageAck, SendError>)> {
        self.pending.next().await
    }
}

impl Life {
    /// Edits the oldest remembered message, or deletes it: its key decides which.
    pub(super) async fn amend(&mut self, client: &RealtimeClient) {
        let queued = match (self.amending.mine.pop_front(), client.mint()) {
            (Some(Mine { conversation, message, key }), Ok(own)) if key % 3 == 0 => Some(QueuedSend::deletion(own, conversation, message)),
            (Some(mine), Ok(own)) => {
                self.amending.said += 1;
                let text = text_of(mine.key, &format!("said anew, {} and {}", self.index, self.amending.said)).parse();
                let (conversation, message) = (mine.conversation, mine.message);
                // Again later: an edit of an edit.
                self.amending.mine.push_back(mine);
                text.ok()
                    .map(|text| QueuedSend { edits: Some(message), ..QueuedSend::message(own, conversation, MessageBody::Text { text }) })
            }
            _ => None,
        };
        self.publish(client, queued).await;
    }

    /// Reacts to a message that was seen lately, or takes that back.
    pub(super) async fn react(&mut self, client: &RealtimeClient) {
        self.amending.said += 1;
        let said = usize::try_from(self.amending.said).unwrap_or_default();
        let taken_back = if said.is_multiple_of(3) { self.amending.given.pop_front() } else { None };
        let reaction = if let Some((conversation, given)) = taken_back {
            Some((conversation, QueuedReaction { on: false, ..given }))
        } else {
            let message = self.amending.seen.get(said % self.amending.seen.len().max(1)).copied();
            let emoji = EMOJI.get(said % EMOJI.len()).and_then(|emoji| emoji.parse().ok());
            message.zip(emoji).map(|((conversation, message_id), emoji)| (conversation, QueuedReaction { message_id, emoji, on: true }))
        };
        let queued = match (reaction, client.mint()) {
            (Some((conversation, reaction)), Ok(own)) => {
                if reaction.on {
                    self.amending.given.push_back((conversation, reaction.clone()));
                    self.amending.given.truncate(REMEMBERED);
                }
                Some(QueuedSend::reaction(own, conversation, reaction))
            }
            _ => None,
        };
        self.publish(client, queued).await;
    }

    async fn publish(&mut self, client: &RealtimeClient, queued: Option<QueuedSend>) {
        let Some(queued) = queued else { return self.amendment_is_over() };
        let key = queued.client_id.clone();
        match client.enqueue(queued).await {
            Ok(handle) => self.amending.pending.push(handle.map(move |result| (key, result)).boxed()),
            Err(_) => self.amendment_is_over(),
        }
    }

    pub(super) fn on_amended(&mut self, key: &ClientId, result: &Result<MessageAck, SendError>) {
        match result {
            Err(SendError::Closed) => drop(self.amending.carried.insert(key.clone())),
            Ok(_) | Err(_) => self.amendment_is_over(),
        }
    }

    /// What an earlier life began was answered.
    pub(super) fn carried_amendment_is_over(&mut self, key: &ClientId) {
        if self.amending.carried.remove(key) {
            self.amendment_is_over();
        }
    }

    fn amendment_is_over(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Somebody said something of an earlier message.
    pub(super) fn saw_amendment(&mut self, event: &LogEvent, seq: u64) {
        let (conversation, message, text) = match event {
            LogEvent::MessageEdited(edited) => (edited.conversation_id, edited.message_seq, checksum(&edited.body)),
            LogEvent::MessageErased(erased) => (erased.conversation_id, erased.message_seq, None),
            LogEvent::MessageReacted(reacted) => {
                self.carried_amendment_is_over(&reacted.client_id);
                self.record.heard(self.index, finals::reacted(seq, reacted, &self.directory));
                return;
            }
            _ => return,
        };
        if let Some(published) = event.published() {
            self.carried_amendment_is_over(&published.client_id.clone());
        }
        let by = if text.is_none() { 0 } else { seq };
        self.record.learned(self.index, Said { room: self.directory.room(conversation), message: message.0, by, text });
    }
}
