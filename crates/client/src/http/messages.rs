//! Sending and reading without a socket.

use relay_protocol::frame::MessageAck;
use relay_protocol::message::MessageBody;
use relay_protocol::rest::{HistoryQuery, MessagePage, PostMessageRequest};
use relay_types::{ClientId, ConversationId};
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
        let body = PostMessageRequest { client_id: client_id.clone(), conversation_id: conversation, body: body.clone() };
        self.call(|| self.request(Method::POST, "/v1/messages").json(&body)).await
    }

    /// One page of a conversation's messages.
    pub async fn history(&self, query: &HistoryQuery) -> Result<MessagePage, ClientError> {
        self.call(|| self.request(Method::GET, "/v1/messages").query(query)).await
    }
}
