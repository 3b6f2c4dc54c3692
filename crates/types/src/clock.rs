//! Time and fresh ids as arguments, so that tests choose them.

use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use ulid::Ulid;

/// Milliseconds since the Unix epoch.
pub type TimestampMs = i64;

/// The wall clock. Never used for order: that is the log's sequence.
pub trait Clock: Send + Sync {
    /// Now, in milliseconds since the Unix epoch.
    fn now_ms(&self) -> TimestampMs;
}

/// A source of fresh ids.
pub trait IdGen: Send + Sync {
    /// A ULID that sorts after every one this source gave before.
    fn next_ulid(&self) -> Ulid;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> TimestampMs {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
    }
}

/// Random ids, monotonic within the process.
#[derive(Debug, Default)]
pub struct SystemIds {
    last: Mutex<Ulid>,
}

impl IdGen for SystemIds {
    fn next_ulid(&self) -> Ulid {
        let now = u64::try_from(SystemClock.now_ms()).unwrap_or(0);
        let mut last = self.last.lock();
        // Within one millisecond (or after the clock stepped back) the previous id plus one keeps the order.
        let fresh = Ulid::from_parts(now, rand::random());
        let next = if fresh > *last { fresh } else { last.increment().unwrap_or(fresh) };
        *last = next;
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_only_rise() {
        let ids = SystemIds::default();
        let minted: Vec<_> = (0..1000).map(|_| ids.next_ulid()).collect();
        assert!(minted.is_sorted_by(|a, b| a < b));
    }
}
