//! Sending and reading without a socket.

use relay_protocol::Message;
use relay_protocol::frame::MessageAck;
use relay_protocol::message::MessageBody;
use relay_protocol::rest::{
    DeleteMessageRequest, EditMessageRequest, HistoryQuery, MessagePage, MessageReceipts, PinList, PinMessageRequest, PostMessageRequest,
    ReactRequest, ReactionList, ReactionsQuery, ReaderList, ReadersQuery, RevisionList, RevisionQuery,
};
use relay_protocol::scheduled::{ScheduleRequest, ScheduledList, ScheduledMessage};
use relay_protocol::search::{SearchPage, SearchQuery};
use relay_types::{ClientId, ConversationId, MessageId};
use reqwest::Method;

use super::ApiClient;
use crate::error::ClientError;

impl ApiClient {
    /// Sends a message. After a [`ClientError::Transport`] try again with the same `client_id`: it is one message.
    pub async fn post_message(
        &self,
        conversation: ConversationId,
        client_id: &ClientId,
        body: &MessageBody,
    ) -> Result<MessageAck, ClientError> {
        let (client_id, conversation_id, body) = (client_id.clone(), conversation, body.clone());
        self.post(&PostMessageRequest { client_id, conversation_id, body, reply_to: None, thread: None }).await
    }

    /// The same, with all that may be said of a message.
    pub async fn post(&self, message: &PostMessageRequest) -> Result<MessageAck, ClientError> {
        self.call(|| self.request(Method::POST, "/v1/messages").json(message)).await
    }

    /// Says a message of one's own anew. After a [`ClientError::Transport`] try again with the same `client_id`: it is one edit.
    pub async fn edit_message(
        &self,
        conversation: ConversationId,
        message: MessageId,
        client_id: &ClientId,
        body: &MessageBody,
    ) -> Result<MessageAck, ClientError> {
        let edit = EditMessageRequest { client_id: client_id.clone(), body: body.clone() };
        let path = format!("/v1/conversations/{conversation}/messages/{message}");
        self.call(|| self.request(Method::PATCH, &path).json(&edit)).await
    }

    /// Deletes a message for everyone. After a [`ClientError::Transport`] try again with the same `client_id`.
    pub async fn delete_message(
        &self,
        conversation: ConversationId,
        message: MessageId,
        client_id: &ClientId,
    ) -> Result<MessageAck, ClientError> {
        let delete = DeleteMessageRequest { client_id: client_id.clone() };
        let path = format!("/v1/conversations/{conversation}/messages/{message}/delete");
        self.call(|| self.request(Method::POST, &path).json(&delete)).await
    }

    /// Reacts to a message, or takes that back (`on` false). After a [`ClientError::Transport`] try again with the same `client_id`.
    pub async fn react(&self, conversation: ConversationId, message: MessageId, react: &ReactRequest) -> Result<MessageAck, ClientError> {
        let path = format!("/v1/conversations/{conversation}/messages/{message}/reactions");
        self.call(|| self.request(Method::POST, &path).json(react)).await
    }

    /// Pins a message, or takes that back (`on` false). After a [`ClientError::Transport`] try again with the same `client_id`.
    pub async fn pin_message(
        &self,
        conversation: ConversationId,
        message: MessageId,
        pin: &PinMessageRequest,
    ) -> Result<MessageAck, ClientError> {
        let path = format!("/v1/conversations/{conversation}/messages/{message}/pin");
        self.call(|| self.request(Method::POST, &path).json(pin)).await
    }

    /// What is pinned in a conversation, the newest pin first.
    pub async fn pins(&self, conversation: ConversationId) -> Result<PinList, ClientError> {
        let path = format!("/v1/conversations/{conversation}/pins");
        self.call(|| self.request(Method::GET, &path)).await
    }

    /// Who reacted to a message.
    pub async fn reactions(
        &self,
        conversation: ConversationId,
        message: MessageId,
        query: &ReactionsQuery,
    ) -> Result<ReactionList, ClientError> {
        let path = format!("/v1/conversations/{conversation}/messages/{message}/reactions");
        self.call(|| self.request(Method::GET, &path).query(query)).await
    }

    /// Hides a message from oneself, on all of one's devices.
    pub async fn hide_message(&self, conversation: ConversationId, message: MessageId) -> Result<(), ClientError> {
        let path = format!("/v1/conversations/{conversation}/messages/{message}/hidden");
        self.call_empty(|| self.request(Method::PUT, &path)).await
    }

    /// Schedules a message to be sent later, or says anew what it says and when. Safe to repeat; refused with `already_sent` once it is on
    /// its way.
    pub async fn schedule_message(
        &self,
        conversation: ConversationId,
        client_id: &ClientId,
        message: &ScheduleRequest,
    ) -> Result<ScheduledMessage, ClientError> {
        let path = format!("/v1/conversations/{conversation}/scheduled/{client_id}");
        self.call(|| self.request(Method::PUT, &path).json(message)).await
    }

    /// Cancels a message that was to be sent later.
    pub async fn cancel_scheduled(&self, conversation: ConversationId, client_id: &ClientId) -> Result<(), ClientError> {
        let path = format!("/v1/conversations/{conversation}/scheduled/{client_id}");
        self.call_empty(|| self.request(Method::DELETE, &path)).await
    }

    /// One's own messages that are to be sent later, the earliest first.
    pub async fn scheduled_messages(&self) -> Result<ScheduledList, ClientError> {
        self.call(|| self.request(Method::GET, "/v1/scheduled")).await
    }

    /// A message as it is now.
    pub async fn message(&self, conversation: ConversationId, message: MessageId) -> Result<Message, ClientError> {
        let path = format!("/v1/conversations/{conversation}/messages/{message}");
        self.call(|| self.request(Method::GET, &path)).await
    }

    /// What a message said over time: the newest versions.
    pub async fn revisions(&self, conversation: ConversationId, message: MessageId) -> Result<RevisionList, ClientError> {
        self.revisions_by(conversation, message, &RevisionQuery::default()).await
    }

    /// What a message said over time, as asked for.
    pub async fn revisions_by(
        &self,
        conversation: ConversationId,
        message: MessageId,
        query: &RevisionQuery,
    ) -> Result<RevisionList, ClientError> {
        let path = format!("/v1/conversations/{conversation}/messages/{message}/revisions");
        self.call(|| self.request(Method::GET, &path).query(query)).await
    }

    /// Who has a message, who has read it, and when.
    pub async fn message_receipts(&self, conversation: ConversationId, message: MessageId) -> Result<MessageReceipts, ClientError> {
        let path = format!("/v1/conversations/{conversation}/messages/{message}/receipts");
        self.call(|| self.request(Method::GET, &path)).await
    }

    /// One page of those who have read a message.
    pub async fn readers(&self, conversation: ConversationId, message: MessageId, query: ReadersQuery) -> Result<ReaderList, ClientError> {
        let path = format!("/v1/conversations/{conversation}/messages/{message}/readers");
        self.call(|| self.request(Method::GET, &path).query(&query)).await
    }

    /// Messages by what they say, the newest first. A page without hits may have a next one: see [`SearchPage::next_cursor`].
    pub async fn search(&self, query: &SearchQuery) -> Result<SearchPage, ClientError> {
        self.call(|| self.request(Method::GET, "/v1/search").query(query)).await
    }

    /// One page of a conversation's messages.
    pub async fn history(&self, query: &HistoryQuery) -> Result<MessagePage, ClientError> {
        self.call(|| self.request(Method::GET, "/v1/messages").query(query)).await
    }
}
