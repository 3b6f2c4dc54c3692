//! What people are writing, for their other devices.

use async_trait::async_trait;
use relay_protocol::rest::{Draft, DraftVersion, PutDraftRequest};
use relay_types::{ConversationId, TimestampMs, UserId};

use super::{LogAddress, StoreError};

/// Drafts that one person may have.
pub const MOST_DRAFTS: u32 = 200;

/// Why a draft is not kept or shown.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// There is no such conversation, or the user is not in it.
    #[error("not in the conversation")]
    NotMember,
    /// They have as many as a person may.
    #[error("too many drafts")]
    TooMany,
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Drafts, which only their author ever reads.
#[async_trait]
pub trait Drafts: Send + Sync {
    /// Keeps the draft in place of the one before. Answers with its version, and with the address to flush if the user's devices are told
    /// now; otherwise they are told a little later. The same once more changes nothing.
    ///
    /// # Cancel safety
    /// Cancel safe: all or nothing.
    async fn put_draft(
        &self,
        user: UserId,
        id: ConversationId,
        draft: &PutDraftRequest,
        at_ms: TimestampMs,
    ) -> Result<(u64, Option<LogAddress>), DraftError>;

    /// The draft as it is; an empty one where there is none.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn draft(&self, user: UserId, id: ConversationId) -> Result<Draft, DraftError>;

    /// The user's drafts that have a text, the last changed first.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn drafts(&self, user: UserId) -> Result<Vec<DraftVersion>, StoreError>;
}

/// Drafts that changed again so soon that the user's devices are told later.
#[async_trait]
pub trait DraftNews: Send + Sync {
    /// Writes `DRAFT_CHANGED` for up to `limit` drafts whose time has come into the outbox, and answers with the addresses to flush, and
    /// whether more may be due.
    ///
    /// # Cancel safety
    /// Cancel safe: all or nothing. The outbox relay publishes what was written.
    async fn tell_due_drafts(&self, limit: u32) -> Result<(Vec<LogAddress>, bool), StoreError>;
}
