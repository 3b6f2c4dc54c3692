//! Decisions on their way into the log.

use std::time::Duration;

use async_trait::async_trait;
use relay_types::ShardId;

use super::{AppendError, LogAddress, MessageLog, StoreError};

/// Rows that remain in the outbox.
#[derive(Debug, thiserror::Error)]
pub enum FlushError {
    /// The store did not answer. Rows that reached the log keep their dedup id, so flushing again repeats nothing.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log did not take a row; those after it wait. A row that it refused is parked from now on.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// A row of the subject is parked: the log refused it, and nothing follows it before an operator redrives it.
    #[error("an event of this subject was refused by the log and waits for the operator")]
    Parked,
}

/// How much of a shard is not in the log yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboxBacklog {
    /// Rows not published, the parked ones included.
    pub waiting: u64,
    /// Rows that the log refused.
    pub parked: u64,
}

/// What became of some subjects.
#[derive(Debug, Default)]
pub struct Flushed {
    /// Rows that were brought into the log.
    pub rows: usize,
    /// Subjects of which nothing waits any more.
    pub subjects: usize,
    /// Subjects of which something waits, and why.
    pub failures: Vec<(LogAddress, FlushError)>,
    /// Subjects given up, because the log or the store answered for no other; at least one failure says so.
    pub left: usize,
}

impl Flushed {
    /// Adds what became of others.
    pub fn absorb(&mut self, others: Self) {
        self.rows += others.rows;
        self.subjects += others.subjects;
        self.failures.extend(others.failures);
        self.left += others.left;
    }
}

/// Outbox rows: written in the transaction that decides, published afterwards in the order of their ids per subject.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Appends every committed, unpublished row of these subjects to the log, in order in each subject, and answers once the
    /// log has acknowledged them. Many subjects are published at once, and marked together. When another process is at one of
    /// them, waits for it. A row that the log refuses is parked; one that it does not answer for is left alone by
    /// [`Self::due`] for a while. Either holds up its own subject only.
    ///
    /// # Cancel safety
    /// Cancel safe: rows that were appended but not marked are appended again with the same dedup id.
    async fn flush_all(&self, addresses: &[LogAddress], log: &dyn MessageLog) -> Flushed;

    /// [`Self::flush_all`] without waiting: a subject that another process is at is left to it, and counts as nothing. A process
    /// that hangs in the middle of publishing holds up its own subjects, and nobody else's.
    ///
    /// # Cancel safety
    /// Cancel safe, likewise.
    async fn flush_free(&self, addresses: &[LogAddress], log: &dyn MessageLog) -> Flushed;

    /// [`Self::flush_all`] for one subject; answers with the number of rows.
    ///
    /// # Cancel safety
    /// Cancel safe, likewise.
    async fn flush(&self, address: LogAddress, log: &dyn MessageLog) -> Result<usize, FlushError> {
        let flushed = self.flush_all(&[address], log).await;
        flushed.failures.into_iter().next().map_or(Ok(flushed.rows), |(_, error)| Err(error))
    }

    /// Up to `limit` subjects of `shard` that have had an unpublished row for longer than `older_than`, the oldest first.
    /// Subjects with a parked row are left out, and those that were tried in vain a short while ago.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn due(&self, shard: ShardId, older_than: Duration, limit: u32) -> Result<Vec<LogAddress>, StoreError>;

    /// How much of `shard` is not in the log yet.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn backlog(&self, shard: ShardId) -> Result<OutboxBacklog, StoreError>;
}
