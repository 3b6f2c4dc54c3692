//! Counting what a socket sends, frames of every kind. Its bytes are counted by the transport.

use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota};

/// So many seconds' worth of frames may come beyond the rate at once before the socket ends.
const PATIENCE_S: u32 = 10;

/// How a socket's frame stands to its rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Within,
    /// Not to be looked at.
    Over,
    /// The excess lasts: the socket is to end.
    Flooding,
}

/// One socket's count.
pub(super) struct Flood {
    frames: DefaultDirectRateLimiter,
    excess: DefaultDirectRateLimiter,
}

impl Flood {
    /// `per_s` frames are read, and as many more are borne with.
    pub(super) fn new(per_s: u32) -> Self {
        let per_s = NonZeroU32::new(per_s).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(per_s);
        let patient = quota.allow_burst(per_s.saturating_mul(NonZeroU32::MIN.saturating_add(PATIENCE_S - 1)));
        Self { frames: DefaultDirectRateLimiter::direct(quota), excess: DefaultDirectRateLimiter::direct(patient) }
    }

    /// Counts a frame.
    pub(super) fn frame(&self) -> Pace {
        if self.frames.check().is_ok() {
            Pace::Within
        } else if self.excess.check().is_ok() {
            Pace::Over
        } else {
            Pace::Flooding
        }
    }
}
