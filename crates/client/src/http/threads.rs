//! Threads.

use relay_protocol::threads::{FollowThreadRequest, MarkThreadReadRequest, ThreadList, ThreadListQuery, ThreadPage, ThreadQuery};
use relay_types::{ConversationId, MessageId, Seq};
use reqwest::Method;

use super::ApiClient;
use crate::error::ClientError;

impl ApiClient {
    /// The thread under a message: its root, and a page of replies.
    pub async fn thread(&self, conversation: ConversationId, root: MessageId, query: &ThreadQuery) -> Result<ThreadPage, ClientError> {
        let path = format!("/v1/conversations/{conversation}/messages/{root}/thread");
        self.call(|| self.request(Method::GET, &path).query(query)).await
    }

    /// Follows a thread, or no longer.
    pub async fn follow_thread(&self, conversation: ConversationId, root: MessageId, following: bool) -> Result<(), ClientError> {
        let (path, body) = (format!("/v1/conversations/{conversation}/messages/{root}/thread"), FollowThreadRequest { following });
        self.call_empty(|| self.request(Method::PUT, &path).json(&body)).await
    }

    /// Moves the caller's mark in a thread that they follow forward.
    pub async fn mark_thread_read(&self, conversation: ConversationId, root: MessageId, seq: Seq) -> Result<(), ClientError> {
        let (path, body) = (format!("/v1/conversations/{conversation}/messages/{root}/thread/read"), MarkThreadReadRequest { seq });
        self.call_empty(|| self.request(Method::POST, &path).json(&body)).await
    }

    /// One page of the threads that the caller follows, the one with the newest reply first.
    pub async fn threads(&self, query: &ThreadListQuery) -> Result<ThreadList, ClientError> {
        self.call(|| self.request(Method::GET, "/v1/threads").query(query)).await
    }
}
