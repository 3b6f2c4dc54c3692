//! The newest sends, which the projection may not have yet.

use relay_types::{Seq, ShardId, TimestampMs};

use super::{LogClock, OriginalSend, SendKey};

/// What a process that follows the log remembers of it.
pub trait RecentSends: Send + Sync {
    /// The send with this key, if it is among the remembered events.
    fn find(&self, key: &SendKey) -> Option<OriginalSend>;

    /// Every event of the shard after this one, up to the log's present end, is remembered; `None` when the process
    /// does not follow the log.
    fn remembered_after(&self, shard: ShardId) -> Option<Seq>;
}

/// For processes that do not follow the log.
#[derive(Debug, Clone, Copy, Default)]
pub struct NothingRecent;

impl RecentSends for NothingRecent {
    fn find(&self, _key: &SendKey) -> Option<OriginalSend> {
        None
    }

    fn remembered_after(&self, _shard: ShardId) -> Option<Seq> {
        None
    }
}

impl LogClock for NothingRecent {
    fn log_began_ms(&self, _shard: ShardId) -> Option<TimestampMs> {
        None
    }

    fn log_now_ms(&self) -> Option<TimestampMs> {
        None
    }
}
