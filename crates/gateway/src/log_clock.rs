//! The log's time: what the NATS servers' clocks say now, from the newest event that passed and from their answers.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use relay_domain::ports::{LogClock, LogHead};
use relay_runtime::since_boot;
use relay_types::{ShardId, TimestampMs};

/// Estimates the NATS servers' clock: the newest time heard plus what has passed since then by the clock that counts from boot,
/// so neither a stepped wall clock nor a suspended machine matters. A server's answer begins it: the newest event of a quiet log may be hours old.
#[derive(Default)]
pub(crate) struct TailClock {
    newest: Mutex<Option<(TimestampMs, Duration)>>,
    began: Mutex<BTreeMap<ShardId, TimestampMs>>,
}

impl TailClock {
    /// The log that this process follows. Without knowing when it began, every key is looked up.
    pub(crate) fn observe_life(&self, shard: ShardId, head: &LogHead) {
        if let Some(began) = head.began_ms() {
            self.began.lock().insert(shard, began);
        }
    }

    /// A server's clock showed `at_ms` just now, or a moment ago: what arrives late would set the clock back, so the
    /// estimate only rises.
    pub(crate) fn observe(&self, at_ms: TimestampMs) {
        let now = since_boot();
        let mut newest = self.newest.lock();
        let ahead = newest.is_none_or(|(known_ms, seen)| at_ms > known_ms + elapsed_ms(seen, now));
        if ahead {
            *newest = Some((at_ms, now));
        }
    }
}

impl LogClock for TailClock {
    fn log_began_ms(&self, shard: ShardId) -> Option<TimestampMs> {
        self.began.lock().get(&shard).copied()
    }

    fn log_now_ms(&self) -> Option<TimestampMs> {
        let newest = *self.newest.lock();
        newest.map(|(at_ms, seen)| at_ms + elapsed_ms(seen, since_boot()))
    }
}

fn elapsed_ms(since: Duration, now: Duration) -> i64 {
    i64::try_from(now.saturating_sub(since).as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_events_do_not_set_it_back() {
        let clock = TailClock::default();
        assert_eq!(clock.log_now_ms(), None);
        clock.observe(1_000_000);
        clock.observe(400_000);
        assert!(clock.log_now_ms().is_some_and(|now_ms| now_ms >= 1_000_000));
    }
}
