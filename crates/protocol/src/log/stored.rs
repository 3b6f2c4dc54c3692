//! Events with their place in the log.

use std::borrow::Cow;

use relay_types::{ConversationId, Seq, ShardId, TimestampMs, UserId};

use super::LogEvent;
use crate::frame::{Chain, with_place};
use crate::unknown::RawJson;

/// Whose event it is, as its subject says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventOwner {
    /// A conversation's: all its members get it.
    Conversation(ConversationId),
    /// A user's, on one shard: all their devices get it.
    User(UserId),
}

impl EventOwner {
    /// The chain that the owner's events make.
    pub const fn chain(self, shard: ShardId) -> Chain {
        match self {
            Self::Conversation(id) => Chain::Conversation(id),
            Self::User(_) => Chain::User(shard),
        }
    }
}

/// An event with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Which stream.
    pub shard: ShardId,
    /// Its place there.
    pub seq: Seq,
    /// From its subject; `None` for what no reader can read.
    pub owner: Option<EventOwner>,
    /// The event before it of the same owner on the shard (`Seq::ZERO` for the first); `None` when the reader of the log
    /// does not know it, which only Postgres and a warm gateway do.
    pub prev: Option<Seq>,
    /// When the stream stored it, by the NATS server's clock.
    pub stored_at_ms: TimestampMs,
    /// What happened.
    pub event: LogEvent,
    /// The event as published, if it can go out so: see [`LogEvent::decode_with_text`]. `None` for what was made here, such as a
    /// tombstone, and for events of before version 1.
    pub text: Option<RawJson>,
}

impl StoredEvent {
    /// A place of the log in which nothing can be read, or nothing counts.
    pub const fn unreadable(shard: ShardId, seq: Seq, stored_at_ms: TimestampMs) -> Self {
        Self { shard, seq, owner: None, prev: None, stored_at_ms, event: LogEvent::Unreadable, text: None }
    }

    /// The conversation on whose subject it is.
    pub const fn conversation(&self) -> Option<ConversationId> {
        match self.owner {
            Some(EventOwner::Conversation(id)) => Some(id),
            Some(EventOwner::User(_)) | None => None,
        }
    }

    /// The chain in which it is a link.
    pub fn chain(&self) -> Option<Chain> {
        self.owner.map(|owner| owner.chain(self.shard))
    }

    /// The event's JSON: as published, or encoded anew. `None` for what cannot be read.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match (&self.text, &self.event) {
            (_, LogEvent::Unreadable) => None,
            (Some(text), _) => Some(Cow::Borrowed(text.get())),
            (None, LogEvent::Unknown(event)) => Some(Cow::Borrowed(event.raw.get())),
            (None, event) => Some(Cow::Owned(event.encode())),
        }
    }

    /// The JSON text of its frame: the event with its place in front. `None` for what cannot be read.
    pub fn frame(&self) -> Option<String> {
        Some(with_place(&self.chain()?, self.seq, self.prev, &self.text()?))
    }
}

/// An event's text with its place in the log: what its frame needs, and no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventText {
    /// Which stream.
    pub shard: ShardId,
    /// Its place there.
    pub seq: Seq,
    /// From its subject.
    pub owner: EventOwner,
    /// As [`StoredEvent::prev`].
    pub prev: Option<Seq>,
    /// The event's JSON, an object.
    pub text: RawJson,
}

impl EventText {
    /// The JSON text of its frame, as [`StoredEvent::frame`].
    pub fn frame(&self) -> String {
        with_place(&self.owner.chain(self.shard), self.seq, self.prev, self.text.get())
    }
}
