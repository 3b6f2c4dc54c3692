//! Counting what a socket sends, from its first byte on: frames of every kind, and what is no frame yet.

use std::num::NonZeroU32;

use axum::extract::ws::Message;
use governor::{DefaultDirectRateLimiter, Quota};
use relay_protocol::{CloseCode, MAX_CLIENT_FRAME_BYTES};
use relay_runtime::http::Meter;

use super::closing::ended;
use crate::outbound::Closing;

/// So many seconds' worth of frames may come beyond the rate at once before the socket ends.
const PATIENCE_S: u32 = 10;
/// Bytes beyond what messages hold: a long message that is still arriving, and headers of fragments.
const UNFINISHED_BYTES: u64 = 4 * MAX_CLIENT_FRAME_BYTES as u64;
/// Of these, forgiven each second: some thousand headers.
const FORGIVEN_PER_S: u64 = 64 * 1024;
/// A frame's header.
const HEADER_BYTES: u64 = 14;

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
    meter: Meter,
}

impl Flood {
    /// `per_s` frames are read, and as many more are borne with.
    pub(super) fn new(per_s: u32, meter: Meter) -> Self {
        let per_s = NonZeroU32::new(per_s).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(per_s);
        let patient = quota.allow_burst(per_s.saturating_mul(NonZeroU32::MIN.saturating_add(PATIENCE_S - 1)));
        meter.arm(UNFINISHED_BYTES, FORGIVEN_PER_S);
        Self { frames: DefaultDirectRateLimiter::direct(quota), excess: DefaultDirectRateLimiter::direct(patient), meter }
    }

    /// Counts a frame.
    pub(super) fn frame(&self, message: &Message) -> Pace {
        let payload = match message {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
            Message::Close(_) => 0,
        };
        self.meter.credit(payload as u64 + HEADER_BYTES);
        if self.frames.check().is_ok() {
            Pace::Within
        } else if self.excess.check().is_ok() {
            Pace::Over
        } else {
            Pace::Flooding
        }
    }

    /// What an end that shows as an error of the connection was about.
    pub(super) fn ended(&self, otherwise: Option<Closing>) -> Option<Closing> {
        if self.meter.flooded() {
            ended(CloseCode::Flooding)
        } else if self.meter.stalled() {
            ended(CloseCode::SlowReader)
        } else {
            otherwise
        }
    }
}
