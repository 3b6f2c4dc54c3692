//! What a client shows first, and what changed since.

use async_trait::async_trait;
use relay_protocol::rest::ConversationListItem;
use relay_protocol::sync::{SyncToken, SyncedDraft, SyncedReceipt};
use relay_types::{ConversationId, UserId};

use super::{ListCursor, StoreError};

/// One answer, as the projection and the decisions have it.
#[derive(Debug, Clone)]
pub struct SyncPage {
    /// Everything that the projection had up to here is in it; what came since may be.
    pub token: SyncToken,
    /// What is shown first, or what changed.
    pub full: bool,
    /// The first page of the list, or those of which something is new.
    pub conversations: Vec<ConversationListItem>,
    /// Where the list goes on.
    pub next: Option<ListCursor>,
    /// What is pinned and not on the page.
    pub pinned: Vec<ConversationListItem>,
    /// The first page of what is archived, and where it goes on.
    pub archived: (Vec<ConversationListItem>, Option<ListCursor>),
    /// The first page of requests, and where it goes on.
    pub requests: (Vec<ConversationListItem>, Option<ListCursor>),
    /// What is in no list any more.
    pub gone: Vec<ConversationId>,
    /// Invitations that wait.
    pub invitations: u32,
    /// All drafts, or those that changed.
    pub drafts: Vec<SyncedDraft>,
    /// How far the others of direct conversations have read.
    pub receipts: Vec<SyncedReceipt>,
}

/// Reads both.
#[async_trait]
pub trait SyncReading: Send + Sync {
    /// What is shown first: up to `limit` conversations of the list.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn sync_full(&self, user: UserId, limit: u16) -> Result<SyncPage, StoreError>;

    /// What changed since the token. `None`: that cannot be told, or is too much; then everything is read anew.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn sync_changes(&self, user: UserId, since: &SyncToken) -> Result<Option<SyncPage>, StoreError>;
}
