//! Threads: what stands under a message, who follows it, and how far they have read.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use relay_protocol::threads::{FollowedThread, ThreadPage};
use relay_types::{ConversationId, MessageId, Seq, TimestampMs, UserId};

use super::{HistoryAnchor, LogAddress, StoreError};

/// Why a thread is not shown, followed or marked.
#[derive(Debug, thiserror::Error)]
pub enum ThreadError {
    /// There is no such conversation, or the user is not in it.
    #[error("not a member")]
    NotMember,
    /// There is no such message, or the user may not see it.
    #[error("unknown message")]
    UnknownMessage,
    /// The message is in a thread itself.
    #[error("not the root of a thread")]
    NotARoot,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A place in a person's list of threads, as the token that clients hand back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadCursor {
    /// When the newest reply was accepted.
    pub last_at_ms: TimestampMs,
    /// Where the thread is.
    pub conversation: ConversationId,
    /// The root's place.
    pub root: Seq,
}

/// The text is not a cursor that this service gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cursor is not one that this service gave out")]
pub struct ThreadCursorError;

impl fmt::Display for ThreadCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.last_at_ms, self.conversation, self.root.0)
    }
}

impl FromStr for ThreadCursor {
    type Err = ThreadCursorError;

    fn from_str(text: &str) -> Result<Self, ThreadCursorError> {
        let mut parts = text.split('-');
        let (Some(at), Some(conversation), Some(root), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(ThreadCursorError);
        };
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<i64>().ok().filter(|_| is_number).ok_or(ThreadCursorError)
        };
        let conversation = conversation.parse().map_err(|_| ThreadCursorError)?;
        Ok(Self { last_at_ms: number(at)?, conversation, root: Seq::from_i64(number(root)?) })
    }
}

/// A page of somebody's threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadListPage {
    /// The threads, the one with the newest reply first.
    pub threads: Vec<FollowedThread>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<ThreadCursor>,
}

/// Threads.
#[async_trait]
pub trait Threads: Send + Sync {
    /// The root, and up to `limit` replies, in the log's order, for a reader who may see the root.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn thread(
        &self,
        reader: UserId,
        conversation: ConversationId,
        root: MessageId,
        anchor: HistoryAnchor,
        limit: u16,
    ) -> Result<ThreadPage, ThreadError>;

    /// Lets the user follow the thread, or no longer, and tells their devices in the same transaction. Answers with the address to flush:
    /// also when nothing changed, because the event of an earlier time may not be in the log yet.
    ///
    /// # Cancel safety
    /// Cancel safe: all or nothing.
    async fn follow_thread(
        &self,
        user: UserId,
        conversation: ConversationId,
        root: MessageId,
        following: bool,
        at_ms: TimestampMs,
    ) -> Result<LogAddress, ThreadError>;

    /// Moves the user's mark in a thread that they follow forward to `seq`, at most to its newest reply; of one that they do not follow
    /// there is none. Answers with the address to flush, if their other devices are told now.
    ///
    /// # Cancel safety
    /// Cancel safe: all or nothing.
    async fn mark_thread_read(
        &self,
        user: UserId,
        conversation: ConversationId,
        root: MessageId,
        seq: Seq,
        at_ms: TimestampMs,
    ) -> Result<Option<LogAddress>, ThreadError>;

    /// Up to `limit` threads that the user follows, after `after`.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn followed_threads(&self, user: UserId, after: Option<ThreadCursor>, limit: u16) -> Result<ThreadListPage, StoreError>;
}

/// Marks in threads that moved again so soon that the user's devices are told later.
#[async_trait]
pub trait ThreadNews: Send + Sync {
    /// Writes `THREAD_MARK_MOVED` for up to `limit` marks whose time has come into the outbox, and answers with the addresses to flush, and
    /// whether more may be due.
    ///
    /// # Cancel safety
    /// Cancel safe: all or nothing. The outbox relay publishes what was written.
    async fn tell_due_threads(&self, limit: u32) -> Result<(Vec<LogAddress>, bool), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip_and_others_are_refused() {
        let cursor =
            ThreadCursor { last_at_ms: 1_700_000_000_123, conversation: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(), root: Seq(7) };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for bad in ["", "-", "1-01ARZ3NDEKTSV4RRFFQ69G5FAV", "1-*-2", "-1-01ARZ3NDEKTSV4RRFFQ69G5FAV-2", "1-01ARZ3NDEKTSV4RRFFQ69G5FAV-x"] {
            assert_eq!(bad.parse::<ThreadCursor>(), Err(ThreadCursorError), "{bad}");
        }
    }
}
