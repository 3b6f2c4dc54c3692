//! Between the domain's values and Postgres' types.

use relay_domain::ports::StoreError;
use relay_protocol::conversation::{ConversationKind, Role};
use relay_types::{ShardId, TimestampMs};
use time::OffsetDateTime;

use crate::error::unreadable;

/// Milliseconds as a timestamp; refuses what lies beyond the year 9999.
pub(crate) fn timestamp(ms: TimestampMs) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .map_err(|_| StoreError::new("a time lies outside of the calendar".to_owned()))
}

/// Microseconds as a timestamp, exactly as Postgres keeps it.
pub(crate) fn timestamp_us(us: i64) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(us) * 1_000)
        .map_err(|_| StoreError::new("a time lies outside of the calendar".to_owned()))
}

/// The inverse of [`timestamp`].
pub(crate) fn millis(at: OffsetDateTime) -> TimestampMs {
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

/// The inverse of [`timestamp_us`].
pub(crate) fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000)).unwrap_or(i64::MAX)
}

pub(crate) fn shard(value: i32) -> Result<ShardId, StoreError> {
    u16::try_from(value).map(ShardId).map_err(|_| unreadable("shard"))
}

pub(crate) fn shard_column(shard: ShardId) -> i32 {
    i32::from(shard.0)
}

pub(crate) fn role(name: &str) -> Result<Role, StoreError> {
    name.parse().map_err(|_| unreadable("role"))
}

pub(crate) fn kind(name: &str) -> Result<ConversationKind, StoreError> {
    name.parse().map_err(|_| unreadable("conversation kind"))
}

/// Text that passed its limits on the way in.
pub(crate) fn text<T: std::str::FromStr>(value: &str, what: &str) -> Result<T, StoreError> {
    value.parse().map_err(|_| unreadable(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_round_trip() {
        for ms in [0, 1, -1, 1_764_000_000_123] {
            assert_eq!(millis(timestamp(ms).unwrap()), ms);
        }
        assert_eq!(micros(timestamp_us(1_764_000_000_123_456).unwrap()), 1_764_000_000_123_456);
        assert!(timestamp(i64::MAX).is_err());
    }
}
