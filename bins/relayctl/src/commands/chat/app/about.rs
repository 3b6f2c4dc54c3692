//! What is said of an earlier message: answers, edits, deletions, versions.

use relay_client::{ClientError, QueuedPin, QueuedReaction, QueuedSend};
use relay_protocol::log::{MessageEdited, MessageErased, MessagePinned, MessageReacted};
use relay_protocol::rest::HistoryQuery;
use relay_protocol::threads::ThreadQuery;
use relay_protocol::{Message, MessageBody, MessageRef, ThreadRef};
use relay_types::{ConversationId, Emoji, MessageId, MessageText, Seq};

use super::super::text::{body_text, short};
use super::App;

/// Messages among which the newest of somebody is sought.
const LOOKED_AT: u16 = 50;
/// Columns of an emoji.
const EMOJI: usize = 16;
/// Columns of a quote.
const QUOTED: usize = 60;

impl App {
    pub(super) async fn reply(
        &mut self,
        conversation: ConversationId,
        number: Option<usize>,
        text: MessageText,
    ) -> Result<(), ClientError> {
        let Some(to) = self.find(conversation, number, false).await? else { return Ok(()) };
        let body = MessageBody::Text { text };
        self.enqueue(conversation, |key| QueuedSend { reply_to: Some(to), ..QueuedSend::message(key, conversation, body) }).await;
        Ok(())
    }

    pub(super) async fn say_under(
        &mut self,
        conversation: ConversationId,
        number: Option<usize>,
        text: MessageText,
    ) -> Result<(), ClientError> {
        let Some(root) = self.find(conversation, number, false).await? else { return Ok(()) };
        let body = MessageBody::Text { text };
        self.enqueue(conversation, |key| QueuedSend { thread: Some(root), ..QueuedSend::message(key, conversation, body) }).await;
        Ok(())
    }

    /// The newest replies. Whoever is shown them has read them.
    pub(super) async fn thread(&mut self, conversation: ConversationId, number: usize) -> Result<(), ClientError> {
        let Some(root) = self.find(conversation, Some(number), false).await? else { return Ok(()) };
        let page = self.api.thread(conversation, root, &ThreadQuery::default()).await?;
        self.print_message(&page.root).await;
        if page.has_more {
            self.screen.say("… more before this");
        }
        for message in &page.messages {
            self.print_message(message).await;
        }
        if let Some(last) = page.messages.last().filter(|_| page.following) {
            self.api.mark_thread_read(conversation, root, last.seq).await?;
        }
        Ok(())
    }

    pub(super) async fn edit(&mut self, conversation: ConversationId, number: Option<usize>, text: MessageText) -> Result<(), ClientError> {
        let Some(message) = self.find(conversation, number, true).await? else { return Ok(()) };
        let body = MessageBody::Text { text };
        self.enqueue(conversation, |key| QueuedSend { edits: Some(message), ..QueuedSend::message(key, conversation, body) }).await;
        Ok(())
    }

    pub(super) async fn delete(&mut self, conversation: ConversationId, number: Option<usize>) -> Result<(), ClientError> {
        let Some(message) = self.find(conversation, number, true).await? else { return Ok(()) };
        self.enqueue(conversation, |key| QueuedSend::deletion(key, conversation, message)).await;
        Ok(())
    }

    pub(super) async fn delete_for_me(&mut self, conversation: ConversationId, number: usize) -> Result<(), ClientError> {
        let Some(message) = self.find(conversation, Some(number), false).await? else { return Ok(()) };
        self.api.hide_message(conversation, message).await?;
        self.screen.say("you will not see that message again");
        Ok(())
    }

    pub(super) async fn react(&mut self, conversation: ConversationId, number: usize, emoji: &str, on: bool) -> Result<(), ClientError> {
        let Ok(emoji) = Emoji::of(emoji) else {
            self.not_done("that is not one emoji");
            return Ok(());
        };
        let Some(message_id) = self.find(conversation, Some(number), false).await? else { return Ok(()) };
        self.enqueue(conversation, |key| QueuedSend::reaction(key, conversation, QueuedReaction { message_id, emoji, on })).await;
        Ok(())
    }

    pub(super) async fn show_reacted(&mut self, seq: Seq, reacted: MessageReacted) {
        let conversation = reacted.conversation_id;
        self.directory.ensure(conversation).await;
        if !self.shown.mark(conversation, seq) || reacted.actor_id == self.me.user_id && self.own.remove(&reacted.client_id) {
            return;
        }
        let who = self.directory.name(reacted.actor_id, conversation).await;
        let label = self.directory.label(conversation);
        let does = if reacted.on { "reacts" } else { "no longer reacts" };
        self.screen.say(format_args!("{who} {does} with {} to a message in {label}", short(reacted.emoji.as_str(), EMOJI)));
    }

    pub(super) async fn pin(&mut self, conversation: ConversationId, number: usize, on: bool) -> Result<(), ClientError> {
        let Some(message_id) = self.find(conversation, Some(number), false).await? else { return Ok(()) };
        self.enqueue(conversation, |key| QueuedSend::pin(key, conversation, QueuedPin { message_id, on })).await;
        Ok(())
    }

    pub(super) async fn pins(&mut self, conversation: ConversationId) -> Result<(), ClientError> {
        let list = self.api.pins(conversation).await?;
        if list.pins.is_empty() {
            self.screen.say("nothing is pinned here");
        }
        for pin in list.pins {
            let by = self.directory.name(pin.pinned_by, conversation).await;
            let author = self.directory.name(pin.message.sender_id, conversation).await;
            let header = format!("pinned by {by} {}, {author}", self.screen.clock(pin.pinned_at_ms));
            self.screen.message(&header, body_text(&pin.message.body));
        }
        Ok(())
    }

    pub(super) async fn show_pinned(&mut self, seq: Seq, pinned: MessagePinned) {
        let Some((label, by, at)) = self.update(pinned.conversation_id, seq, pinned.actor_id, pinned.at_ms).await else { return };
        if pinned.actor_id == self.me.user_id {
            self.own.remove(&pinned.client_id);
        }
        let does = if pinned.on { "pinned a message" } else { "unpinned a message" };
        self.screen.say(format_args!("{at} {label}: {by} {does}"));
    }

    pub(super) async fn versions(&mut self, conversation: ConversationId, number: usize) -> Result<(), ClientError> {
        let Some(message) = self.find(conversation, Some(number), false).await? else { return Ok(()) };
        let page = self.api.revisions(conversation, message).await?;
        if page.has_more {
            self.screen.say("… more before this");
        }
        if page.revisions.is_empty() {
            self.screen.say(body_text(&MessageBody::Erased));
        }
        for revision in &page.revisions {
            self.screen.message(&self.screen.clock(revision.at_ms), body_text(&revision.body));
        }
        Ok(())
    }

    /// The message with the number that the history showed, or the newest one of one's own or of another.
    pub(super) async fn find(
        &mut self,
        conversation: ConversationId,
        number: Option<usize>,
        own: bool,
    ) -> Result<Option<MessageId>, ClientError> {
        if let Some(number) = number {
            let shown = self.numbered.as_ref().filter(|(of, _)| *of == conversation);
            let found = shown.and_then(|(_, ids)| ids.get(number.checked_sub(1)?)).copied();
            if found.is_none() {
                self.not_done("no such number: /history shows them");
            }
            return Ok(found);
        }
        let query =
            HistoryQuery { conversation_id: conversation, before: None, after: None, unread: None, limit: Some(LOOKED_AT), changes: None };
        let page = self.api.history(&query).await?;
        let wanted = |message: &&Message| (message.sender_id == self.me.user_id) == own && message.body != MessageBody::Erased;
        let found = page.messages.iter().rev().find(wanted).map(|message| message.message_id);
        if found.is_none() {
            self.not_done(if own { "you have said nothing here lately" } else { "nobody else has said anything here lately" });
        }
        Ok(found)
    }

    /// Numbers messages from the newest on.
    pub(super) fn number(&mut self, conversation: ConversationId, messages: &[Message]) {
        self.numbered = Some((conversation, messages.iter().rev().map(|message| message.message_id).collect()));
    }

    /// What the answered message says now, in a line.
    pub(super) async fn quoted(&mut self, conversation: ConversationId, of: MessageRef) -> String {
        match self.api.message(conversation, of.message_id).await {
            Ok(message) => {
                let who = self.directory.name(message.sender_id, conversation).await;
                format!("{who}: {}", short(body_text(&message.body), QUOTED))
            }
            Err(_) => "a message that is not here".to_owned(),
        }
    }

    /// Under which message it stands.
    pub(super) async fn under(&mut self, conversation: ConversationId, root: ThreadRef) -> String {
        let ThreadRef { message_id, seq, .. } = root;
        format!(" ↳ {}", self.quoted(conversation, MessageRef { message_id, seq }).await)
    }

    pub(super) async fn show_deleted(&mut self, seq: Seq, erased: MessageErased) {
        let conversation = erased.conversation_id;
        self.directory.ensure(conversation).await;
        if !self.shown.mark(conversation, seq) {
            return;
        }
        let label = self.directory.label(conversation);
        match (erased.actor_id, erased.actor_client_id) {
            (Some(actor), Some(key)) if actor == self.me.user_id && self.own.remove(&key) => {}
            (Some(actor), _) if actor == self.me.user_id => self.screen.say(format_args!("you deleted a message in {label}")),
            (Some(actor), _) => {
                let who = self.directory.name(actor, conversation).await;
                self.screen.say(format_args!("{who} deleted a message in {label}"));
            }
            (None, _) => self.screen.say(format_args!("a message in {label} was erased")),
        }
    }

    pub(super) async fn show_edited(&mut self, seq: Seq, edited: MessageEdited) {
        let conversation = edited.conversation_id;
        self.directory.ensure(conversation).await;
        if !self.shown.mark(conversation, seq) || edited.body == MessageBody::Erased {
            return;
        }
        if edited.actor_id == self.me.user_id && self.own.remove(&edited.client_id) {
            return;
        }
        let who = self.directory.name(edited.actor_id, conversation).await;
        let (label, clock) = (self.directory.label(conversation), self.screen.clock(edited.at_ms));
        self.screen.message(&format!("{clock} {label} {who} changed a message"), body_text(&edited.body));
    }
}
