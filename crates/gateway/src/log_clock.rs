//! The log's time, from the newest event that passed in the tail.

use std::time::Instant;

use parking_lot::Mutex;
use relay_domain::ports::LogClock;
use relay_types::TimestampMs;

/// Estimates the NATS servers' clock: the newest event's time plus what has passed since it arrived. Monotonic time
/// only, so a stepped wall clock does not matter.
#[derive(Default)]
pub(crate) struct TailClock {
    newest: Mutex<Option<(TimestampMs, Instant)>>,
}

impl TailClock {
    /// An event stored at `stored_at_ms` arrived now. One that arrives late would set the clock back; the estimate only rises.
    pub(crate) fn observe(&self, stored_at_ms: TimestampMs) {
        let now = Instant::now();
        let mut newest = self.newest.lock();
        let ahead = newest.is_none_or(|(at_ms, seen)| stored_at_ms > at_ms + elapsed_ms(seen, now));
        if ahead {
            *newest = Some((stored_at_ms, now));
        }
    }
}

impl LogClock for TailClock {
    fn log_now_ms(&self) -> Option<TimestampMs> {
        let newest = *self.newest.lock();
        newest.map(|(at_ms, seen)| at_ms + elapsed_ms(seen, Instant::now()))
    }
}

fn elapsed_ms(since: Instant, now: Instant) -> i64 {
    i64::try_from(now.duration_since(since).as_millis()).unwrap_or(i64::MAX)
}
