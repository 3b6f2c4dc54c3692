//! The projection of the log into the database.

use async_trait::async_trait;
use relay_protocol::log::StoredEvent;
use relay_types::{Seq, ShardId};

use super::StoreError;

/// What a projection did with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Projected {
    /// Events that were new to it.
    pub inserted: usize,
    /// Events it had already.
    pub skipped: usize,
    /// Up to where it now has the log.
    pub watermark: Seq,
}

/// Why a batch was not projected. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// Try again later.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
    /// The batch begins after a gap: the projection has the log only up to `watermark`.
    #[error("the batch begins after {after}, but the projection has the log only up to {watermark}")]
    Gap {
        /// What the batch claims to follow.
        after: Seq,
        /// Up to where the projection has the log.
        watermark: Seq,
    },
    /// The projection belongs to another epoch of the log.
    #[error("the projection is of epoch {found}, the log of epoch {expected}")]
    EpochMismatch {
        /// The log's.
        expected: String,
        /// The projection's.
        found: String,
    },
    /// One event cannot be stored, now or ever; the others could.
    #[error("the event at {seq} cannot be stored: {reason}")]
    Poison {
        /// Which.
        seq: Seq,
        /// Why.
        reason: String,
    },
}

/// The projection of the log into the database.
#[async_trait]
pub trait Projection: Send + Sync {
    /// Up to where the projection has the shard's log; zero before the first event. With its epoch, once it has one.
    async fn watermark(&self, shard: ShardId) -> Result<(Seq, Option<String>), StoreError>;

    /// Stores a contiguous run of the shard's log in one transaction: all events after `after` up to `upto`, ascending.
    /// (Events that concern nobody are left out of `events`, not out of the run.) What is already there is skipped.
    ///
    /// # Cancel safety
    /// Cancel safe: all or nothing.
    async fn project(&self, shard: ShardId, epoch: &str, after: Seq, upto: Seq, events: &[StoredEvent]) -> Result<Projected, ProjectError>;
}
