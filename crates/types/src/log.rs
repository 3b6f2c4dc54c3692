//! Where something stands in the log.

use std::fmt;

/// A stream's sequence number: the order of everything in one shard. The first event has 1; 0 stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// Before the first event.
    pub const ZERO: Self = Self(0);

    /// The sequence after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// As stored in Postgres. Sequences stay far below `i64::MAX`.
    pub fn to_i64(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }

    /// The inverse of [`Self::to_i64`]; negative values become zero.
    pub fn from_i64(value: i64) -> Self {
        Self(u64::try_from(value).unwrap_or(0))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One stream of the log. A conversation lives on one shard for life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct ShardId(pub u16);

impl ShardId {
    /// The home shard of a user among `shards` shards (at least one). Stored at registration, never recomputed.
    pub fn home_of(user: crate::UserId, shards: u16) -> Self {
        let bits = user.as_u128();
        // The low 64 bits of a ULID are random, so the remainder is even.
        #[expect(clippy::cast_possible_truncation, reason = "the remainder of a u16 fits")]
        Self((bits % u128::from(shards.max(1))) as u16)
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
