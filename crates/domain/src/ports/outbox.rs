//! Decisions on their way into the log.

use std::time::Duration;

use async_trait::async_trait;

use super::{AppendError, LogAddress, MessageLog, StoreError};

/// Rows that remain in the outbox.
#[derive(Debug, thiserror::Error)]
pub enum FlushError {
    /// The store did not answer. Rows that reached the log keep their dedup id, so flushing again repeats nothing.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log did not take a row; those after it wait.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Outbox rows: written in the transaction that decides, published afterwards in the order of their ids per subject.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Appends every committed, unpublished row of `address` to the log, in order, under a lock on the subject, and
    /// answers with their number once the log has acknowledged all. When another process is at it, waits for it.
    ///
    /// # Cancel safety
    /// Cancel safe: rows that were appended but not marked are appended again with the same dedup id.
    async fn flush(&self, address: LogAddress, log: &dyn MessageLog) -> Result<usize, FlushError>;

    /// Up to `limit` subjects that have had an unpublished row for longer than `older_than`, the oldest first.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn pending(&self, older_than: Duration, limit: u32) -> Result<Vec<LogAddress>, StoreError>;
}
