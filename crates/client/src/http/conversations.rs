//! Conversations and who is in them.

use relay_protocol::conversation::{ConversationSettings, Role};
use relay_protocol::rest::{
    AddMembersRequest, AddedMembers, ChangeConversationSettingsRequest, Conversation, ConversationList, ConversationListQuery,
    ConversationReceipts, CreateConversationRequest, Draft, DraftList, DraftVersion, Invitation, InvitationList, MarkReadRequest,
    MarkUnreadRequest, MemberList, MembersQuery, PutDraftRequest, RenameRequest, SetRoleRequest,
};
use relay_protocol::sync::{SyncAnswer, SyncQuery};
use relay_types::{ClientId, ConversationId, ConversationTitle, Seq, UserId};
use reqwest::Method;

use super::ApiClient;
use crate::error::ClientError;

impl ApiClient {
    /// The conversation with one other person: the existing one, or a new one.
    pub async fn create_direct(&self, user: UserId) -> Result<Conversation, ClientError> {
        self.create(&CreateConversationRequest::Direct { user_id: user }).await
    }

    /// A new group with the caller as its owner. Members with whom the caller shares no accepted conversation are invited.
    pub async fn create_group(&self, title: &ConversationTitle, members: &[UserId]) -> Result<Conversation, ClientError> {
        self.create(&CreateConversationRequest::Group { title: title.clone(), member_ids: members.to_vec(), client_key: None }).await
    }

    /// As [`Self::create_group`]; the same key again finds the same group, so that it may be repeated after a lost answer.
    pub async fn create_group_once(
        &self,
        key: &ClientId,
        title: &ConversationTitle,
        members: &[UserId],
    ) -> Result<Conversation, ClientError> {
        let (title, member_ids, client_key) = (title.clone(), members.to_vec(), Some(key.clone()));
        self.create(&CreateConversationRequest::Group { title, member_ids, client_key }).await
    }

    async fn create(&self, body: &CreateConversationRequest) -> Result<Conversation, ClientError> {
        self.call(|| self.request(Method::POST, "/v1/conversations").json(body)).await
    }

    /// A conversation the caller is in, with its first members.
    pub async fn get_conversation(&self, conversation: ConversationId) -> Result<Conversation, ClientError> {
        self.call(|| self.request(Method::GET, &format!("/v1/conversations/{conversation}"))).await
    }

    /// Gives a group another title.
    pub async fn rename(&self, conversation: ConversationId, title: &ConversationTitle) -> Result<(), ClientError> {
        let body = RenameRequest { title: title.clone() };
        self.call_empty(|| self.request(Method::PATCH, &format!("/v1/conversations/{conversation}")).json(&body)).await
    }

    /// Adds someone to a group, or invites them.
    pub async fn add_member(&self, conversation: ConversationId, user: UserId) -> Result<AddedMembers, ClientError> {
        self.add_members(conversation, &[user]).await
    }

    /// Adds people to a group; those with whom the caller shares no accepted conversation are invited.
    pub async fn add_members(&self, conversation: ConversationId, users: &[UserId]) -> Result<AddedMembers, ClientError> {
        let body = AddMembersRequest { user_ids: users.to_vec() };
        self.call(|| self.request(Method::POST, &format!("/v1/conversations/{conversation}/members")).json(&body)).await
    }

    /// One page of a conversation's members, by id.
    pub async fn members(&self, conversation: ConversationId, query: &MembersQuery) -> Result<MemberList, ClientError> {
        self.call(|| self.request(Method::GET, &format!("/v1/conversations/{conversation}/members")).query(query)).await
    }

    /// The groups that the caller is invited into.
    pub async fn invitations(&self) -> Result<Vec<Invitation>, ClientError> {
        let list: InvitationList = self.call(|| self.request(Method::GET, "/v1/invitations")).await?;
        Ok(list.invitations)
    }

    /// Accepts an invitation, or a direct conversation that another began.
    pub async fn accept(&self, conversation: ConversationId) -> Result<(), ClientError> {
        self.call_empty(|| self.request(Method::POST, &format!("/v1/invitations/{conversation}/accept"))).await
    }

    /// Declines an invitation, or a direct conversation that another began.
    pub async fn decline(&self, conversation: ConversationId) -> Result<(), ClientError> {
        self.call_empty(|| self.request(Method::POST, &format!("/v1/invitations/{conversation}/decline"))).await
    }

    /// Leaves a conversation out of the caller's list until there is a message in it that is newer.
    pub async fn hide(&self, conversation: ConversationId) -> Result<(), ClientError> {
        self.call_empty(|| self.request(Method::PUT, &format!("/v1/conversations/{conversation}/hidden"))).await
    }

    /// Lists a hidden conversation again.
    pub async fn unhide(&self, conversation: ConversationId) -> Result<(), ClientError> {
        self.call_empty(|| self.request(Method::DELETE, &format!("/v1/conversations/{conversation}/hidden"))).await
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

    /// Marks a conversation as unread from there on, for the caller alone.
    pub async fn mark_unread(&self, conversation: ConversationId, from: Seq) -> Result<(), ClientError> {
        let body = MarkUnreadRequest { seq: from };
        self.call_empty(|| self.request(Method::POST, &format!("/v1/conversations/{conversation}/unread")).json(&body)).await
    }

    /// Changes what is named of what the caller set for a conversation: mutes, pins or archives it. Once more changes nothing.
    pub async fn change_conversation_settings(
        &self,
        conversation: ConversationId,
        change: &ChangeConversationSettingsRequest,
    ) -> Result<ConversationSettings, ClientError> {
        self.call(|| self.request(Method::PATCH, &format!("/v1/conversations/{conversation}/settings")).json(change)).await
    }

    /// Keeps what the caller is writing in a conversation, for their other devices, in place of what was kept before.
    pub async fn put_draft(&self, conversation: ConversationId, draft: &PutDraftRequest) -> Result<DraftVersion, ClientError> {
        self.call(|| self.request(Method::PUT, &format!("/v1/conversations/{conversation}/draft")).json(draft)).await
    }

    /// What the caller is writing in a conversation, on whichever device.
    pub async fn draft(&self, conversation: ConversationId) -> Result<Draft, ClientError> {
        self.call(|| self.request(Method::GET, &format!("/v1/conversations/{conversation}/draft"))).await
    }

    /// Where the caller has drafts.
    pub async fn drafts(&self) -> Result<Vec<DraftVersion>, ClientError> {
        let list: DraftList = self.call(|| self.request(Method::GET, "/v1/users/me/drafts")).await?;
        Ok(list.drafts)
    }

    /// What is shown first, or what changed since the token of an earlier answer.
    pub async fn sync(&self, query: &SyncQuery) -> Result<SyncAnswer, ClientError> {
        self.call(|| self.request(Method::GET, "/v1/sync").query(query)).await
    }

    /// What the other members of a conversation have read. It is empty for a caller who has receipts off.
    pub async fn receipts(&self, conversation: ConversationId) -> Result<ConversationReceipts, ClientError> {
        self.call(|| self.request(Method::GET, &format!("/v1/conversations/{conversation}/receipts"))).await
    }

    /// One page of the caller's conversations, most recently active first.
    pub async fn list_conversations(&self, query: &ConversationListQuery) -> Result<ConversationList, ClientError> {
        self.call(|| self.request(Method::GET, "/v1/users/me/conversations").query(query)).await
    }
}
