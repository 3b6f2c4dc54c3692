//! What can go wrong with a link.

use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

/// The faults of one link. The default is a link that works.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Faults {
    /// What clients send.
    pub to_server: Direction,
    /// What the server sends.
    pub to_client: Direction,
    /// New connections are reset at once.
    pub refuse: bool,
    /// Only connections whose client began with words that contain this, such as the name that it gave itself.
    pub only: Option<&'static str>,
}

impl Faults {
    /// The same in both directions.
    pub const fn both(direction: Direction) -> Self {
        Self { to_server: direction, to_client: direction, refuse: false, only: None }
    }
}

/// The faults of one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Direction {
    /// Every byte arrives this much later. Order is kept, and what is on its way does not hold up what follows.
    pub latency: Duration,
    /// Up to this much later still, at random.
    pub jitter: Duration,
    /// At most this many bytes per second.
    pub bytes_per_s: Option<NonZeroU64>,
    /// Written in pieces of at most this many bytes, each on its own.
    pub slice: Option<NonZeroUsize>,
    /// A partition: nothing is read and nothing passed on, not even the end; what waits flows on after healing.
    pub blackhole: bool,
    /// A peer that vanished: bytes are taken and lost, and the link looks open. When this ends, a connection that lost
    /// bytes is reset: its stream has a hole.
    pub swallow: bool,
    /// A filter that knows what it does not like: the connection is reset. With [`Faults::only`], as soon as it said that.
    pub reset: bool,
    /// The probability that a byte of a piece is flipped, from 0 to 1.
    pub corrupt: f64,
}
