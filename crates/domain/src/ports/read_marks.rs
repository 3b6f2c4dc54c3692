//! Telling a person's other devices what they have read.

use async_trait::async_trait;
use relay_protocol::receipts::ReadNotice;
use relay_types::Seq;

use super::{LogAddress, StoreError};

/// A read mark as it is after somebody moved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadMark {
    /// Where it is.
    pub seq: Seq,
    /// The address to flush, if the user's other devices are told of it now. Otherwise it was not moved, or they are told a little
    /// later: see [`ReadMarkNews`]. Nobody has to wait for that.
    pub touched: Option<LogAddress>,
    /// What others are told of it, if they are: not in large conversations, nor in one that waits for an answer, nor of somebody who
    /// has receipts off.
    pub receipt: Option<ReadNotice>,
}

/// Read marks that moved again so soon that the user's devices are told later.
#[async_trait]
pub trait ReadMarkNews: Send + Sync {
    /// Writes `READ_MARK_MOVED` for up to `limit` marks whose time has come into the outbox, and answers with the addresses to
    /// flush, and whether more may be due.
    ///
    /// # Cancel safety
    /// Cancel safe: all or nothing. The outbox relay publishes what was written.
    async fn tell_due(&self, limit: u32) -> Result<(Vec<LogAddress>, bool), StoreError>;
}
