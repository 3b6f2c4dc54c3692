//! Finding messages by what they say.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use relay_protocol::Message;
use relay_types::{ConversationId, Seq, ShardId, TimestampMs, UserId};

use super::{ListCursor, StoreError};
use crate::search::Query;

/// A place in the results, newest first: everything at or behind it was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchCursor {
    /// When the stream stored the last hit, or up to where was searched, in microseconds since the Unix epoch.
    pub at_us: i64,
    /// Breaks ties: the last hit, if there was one at that time.
    pub after: Option<(ConversationId, Seq)>,
    /// The longest stretch of time to be searched at once, in seconds, after a longer one took too long.
    pub stretch_s: Option<u32>,
}

/// The text is not a cursor that this service gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cursor is not one that this service gave out")]
pub struct SearchCursorError;

impl fmt::Display for SearchCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at_us)?;
        if let Some((conversation, seq)) = self.after {
            write!(f, "-{conversation}-{seq}")?;
        }
        match self.stretch_s {
            Some(stretch) => write!(f, "-s{stretch}"),
            None => Ok(()),
        }
    }
}

impl FromStr for SearchCursor {
    type Err = SearchCursorError;

    fn from_str(text: &str) -> Result<Self, SearchCursorError> {
        let mut parts: Vec<&str> = text.split('-').collect();
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
        let stretch_s = match parts.last().and_then(|last| last.strip_prefix('s')) {
            Some(stretch) => {
                parts.pop();
                Some(
                    number(stretch)
                        .and_then(|stretch| u32::try_from(stretch).ok())
                        .filter(|stretch| *stretch > 0)
                        .ok_or(SearchCursorError)?,
                )
            }
            None => None,
        };
        let (at, after) = match parts.as_slice() {
            [at] => (at, None),
            [at, conversation, seq] => {
                let seq = number(seq).ok_or(SearchCursorError)?;
                (at, Some((conversation.parse().map_err(|_| SearchCursorError)?, Seq::from_i64(seq))))
            }
            _ => return Err(SearchCursorError),
        };
        let at_us = number(at).filter(|us| (0..=ListCursor::MAX_TIME_US).contains(us)).ok_or(SearchCursorError)?;
        Ok(Self { at_us, after, stretch_s })
    }
}

/// What is looked for, by whom, from where on.
#[derive(Debug, Clone)]
pub struct SearchQuestion {
    /// Who asks. Nothing is found that their history does not show.
    pub reader: UserId,
    /// What for.
    pub query: Query,
    /// Only in this conversation.
    pub conversation: Option<ConversationId>,
    /// From where on; `None` begins with the newest.
    pub cursor: Option<SearchCursor>,
    /// Hits at most.
    pub limit: u16,
    /// The time that the search may take. What was found by then is the answer.
    pub budget: Duration,
}

/// A message that was found, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The message.
    pub message: Message,
    /// Where its text says what was asked for, in bytes.
    pub places: Vec<std::ops::Range<usize>>,
}

/// Part of the results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The newest first.
    pub hits: Vec<Hit>,
    /// Where to go on; `None` when everything was searched.
    pub next: Option<SearchCursor>,
    /// When the time ran out: what is newer than this was searched.
    pub searched_back_to_ms: Option<TimestampMs>,
    /// When the reader is in more conversations than are searched: what is older than this was looked for in some of them, those that
    /// were active last.
    pub partial_before_ms: Option<TimestampMs>,
    /// How long the oldest message that the index does not have yet has waited; zero when it has all.
    pub index_lag: Duration,
}

/// A search that was refused.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// There is no such conversation, or the reader is not in it.
    #[error("not a member")]
    NotMember,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Finds messages.
#[async_trait]
pub trait Search: Send + Sync {
    /// Up to `limit` messages, the newest first. Only what the reader's history shows now: of conversations that they are in, from
    /// this stay on, neither erased, nor hidden, nor withheld; and that says now what is asked for.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn search(&self, question: &SearchQuestion) -> Result<Found, SearchError>;
}

/// What an index did with the next run of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Indexed {
    /// Messages that were looked at.
    pub messages: u64,
    /// Whether more waits.
    pub more: bool,
    /// How long the oldest of them had waited.
    pub lag: Duration,
    /// Whether the projection is catching up with the log: it goes first.
    pub yields: bool,
}

/// The index, as its worker fills it.
#[async_trait]
pub trait SearchIndex: Send + Sync {
    /// Takes in the shard's next messages, and what became of earlier ones, in one transaction. Does nothing while another process
    /// does so.
    ///
    /// # Cancel safety
    /// Cancel safe: all or nothing.
    async fn index_next(&self, shard: ShardId) -> Result<Indexed, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_cursors_round_trip_and_others_are_refused() {
        let at_us = 1_700_000_000_123_456;
        let after = Some(("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(), Seq(7)));
        for cursor in [
            SearchCursor { at_us, after: None, stretch_s: None },
            SearchCursor { at_us, after, stretch_s: None },
            SearchCursor { at_us, after, stretch_s: Some(60) },
            SearchCursor { at_us, after: None, stretch_s: Some(1) },
        ] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        let bad = ["", "-", "x", "-1", "1-2", "1-x-2", "1-01ARZ3NDEKTSV4RRFFQ69G5FAV-x", "1-01ARZ3NDEKTSV4RRFFQ69G5FAV--1", "1-s", "1-s0"];
        for bad in bad.into_iter().chain(["9223372036854775807", "99999999999999999999", "1-s99999999999", "+1", "1-s1-s1"]) {
            assert_eq!(bad.parse::<SearchCursor>(), Err(SearchCursorError), "{bad}");
        }
    }
}
