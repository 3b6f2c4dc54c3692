//! Conversations and who is in them.

use relay_protocol::message::Role;
use relay_protocol::rest::{
    AddMemberRequest, Conversation, ConversationList, ConversationListQuery, CreateConversationRequest, MarkReadRequest, RenameRequest,
    SetRoleRequest,
};
use relay_types::{ConversationId, ConversationTitle, Seq, UserId};
use reqwest::Method;

use super::ApiClient;
use crate::error::ClientError;

impl ApiClient {
    /// The conversation with one other person: the existing one, or a new one.
    pub async fn create_direct(&self, user: UserId) -> Result<Conversation, ClientError> {
        self.create(&CreateConversationRequest::Direct { user_id: user }).await
    }

    /// A new group with the caller as its owner.
    pub async fn create_group(&self, title: &ConversationTitle, members: &[UserId]) -> Result<Conversation, ClientError> {
        self.create(&CreateConversationRequest::Group { title: title.clone(), member_ids: members.to_vec() }).await
    }

    async fn create(&self, body: &CreateConversationRequest) -> Result<Conversation, ClientError> {
        self.call(|| self.request(Method::POST, "/v1/conversations").json(body)).await
    }

    /// A conversation the caller is in, with its members.
    pub async fn get_conversation(&self, conversation: ConversationId) -> Result<Conversation, ClientError> {
        self.call(|| self.request(Method::GET, &format!("/v1/conversations/{conversation}"))).await
    }

    /// Gives a group another title.
    pub async fn rename(&self, conversation: ConversationId, title: &ConversationTitle) -> Result<(), ClientError> {
        let body = RenameRequest { title: title.clone() };
        self.call_empty(|| self.request(Method::PATCH, &format!("/v1/conversations/{conversation}")).json(&body)).await
    }

    /// Adds someone to a group.
    pub async fn add_member(&self, conversation: ConversationId, user: UserId) -> Result<(), ClientError> {
        let body = AddMemberRequest { user_id: user };
        self.call_empty(|| self.request(Method::POST, &format!("/v1/conversations/{conversation}/members")).json(&body)).await
    }

    /// Removes someone from a group; oneself to leave.
    pub async fn remove_member(&self, conversation: ConversationId, user: UserId) -> Result<(), ClientError> {
        self.call_empty(|| self.request(Method::DELETE, &format!("/v1/conversations/{conversation}/members/{user}"))).await
    }

    /// Changes a member's role; `owner` hands the group over.
    pub async fn set_role(&self, conversation: ConversationId, user: UserId, role: Role) -> Result<(), ClientError> {
        let body = SetRoleRequest { role };
        self.call_empty(|| self.request(Method::PUT, &format!("/v1/conversations/{conversation}/members/{user}/role")).json(&body)).await
    }

    /// Moves the caller's read mark forward.
    pub async fn mark_read(&self, conversation: ConversationId, seq: Seq) -> Result<(), ClientError> {
        let body = MarkReadRequest { seq };
        self.call_empty(|| self.request(Method::POST, &format!("/v1/conversations/{conversation}/read")).json(&body)).await
    }

    /// One page of the caller's conversations, most recently active first.
    pub async fn list_conversations(&self, query: &ConversationListQuery) -> Result<ConversationList, ClientError> {
        self.call(|| self.request(Method::GET, "/v1/users/me/conversations").query(query)).await
    }
}
