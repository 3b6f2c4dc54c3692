//! Who has read what was said here.

use relay_client::ClientError;
use relay_protocol::Receipts;
use relay_protocol::rest::{ChangeSettingsRequest, ReadersQuery};
use relay_types::{ConversationId, Seq, UserId};

use super::{App, count};

/// People who are named.
const MOST_NAMED: u16 = 20;

impl App {
    pub(super) async fn show_receipts(&mut self, receipts: &Receipts) {
        let conversation = receipts.conversation_id;
        for (user, number) in self.seen.arrived(receipts) {
            // In a group, that it was read says enough.
            if !self.directory.is_group(conversation) {
                let who = self.directory.name(user, conversation).await;
                self.screen.say(format_args!("#{number} delivered ✓✓ to {who}"));
            }
        }
        for (user, number) in self.seen.news(receipts) {
            self.say_read(receipts.conversation_id, number, user).await;
        }
    }

    /// A message of this run is in the log. Others may have read it before its ack came.
    pub(super) async fn on_acked(&mut self, conversation: ConversationId, number: u32, seq: Seq) {
        for user in self.seen.sent(conversation, number, seq) {
            self.say_read(conversation, number, user).await;
        }
    }

    async fn say_read(&mut self, conversation: ConversationId, number: u32, user: UserId) {
        if user != self.me.user_id {
            let who = self.directory.name(user, conversation).await;
            self.screen.say(format_args!("#{number} read ✓✓ by {who}"));
        }
    }

    /// News may have been missed.
    pub(super) async fn renew_receipts(&mut self) {
        for conversation_id in self.seen.conversations() {
            // Without an answer, the next news says it.
            if let Ok(state) = self.api.receipts(conversation_id).await {
                self.show_receipts(&Receipts { conversation_id, read: state.read, delivered: state.delivered }).await;
            }
        }
    }

    /// Who has read a message.
    pub(super) async fn readers(&mut self, conversation: ConversationId, number: usize) -> Result<(), ClientError> {
        let Some(message) = self.find(conversation, Some(number), false).await? else { return Ok(()) };
        let page = self.api.readers(conversation, message, ReadersQuery { cursor: None, limit: Some(MOST_NAMED) }).await?;
        let mut names: Vec<String> = page.readers.iter().map(|reader| format!("@{}", reader.handle)).collect();
        if page.next_cursor.is_some() {
            names.push("and more".to_owned());
        }
        match names.as_slice() {
            [] => self.screen.say("nobody else is known to have read it"),
            _ => self.screen.say(format_args!("read by {}: {}", count(page.readers.len(), "member"), names.join(", "))),
        }
        Ok(())
    }

    pub(super) async fn set_receipts(&mut self, on: bool) -> Result<(), ClientError> {
        self.api.change_settings(ChangeSettingsRequest { read_receipts: Some(on), ..ChangeSettingsRequest::default() }).await.map(drop)
    }
}
