//! Counting in this process alone: always done, so that what Valkey counted is not forgotten when it does not answer.

use std::collections::HashMap;

use parking_lot::Mutex;
use relay_domain::ports::{RateDecision, RateLeft, RateRule};

use crate::window::{self, Slot};

/// Keys counted at once: about 100 bytes each, so 10 MB at most.
const MAX_KEYS: usize = 100_000;

#[derive(Debug, Clone, Copy)]
struct Count {
    index: u64,
    length_ms: u64,
    current: u64,
    previous: u64,
}

/// A bounded limiter. When more keys are in use than it holds, it forgets them all: rather generous for a moment than
/// closed to everyone.
#[derive(Debug, Default)]
pub(crate) struct LocalLimiter {
    counts: Mutex<HashMap<String, Count>>,
}

impl LocalLimiter {
    pub(crate) fn measure(&self, rule: RateRule, key: &str, now_ms: i64) -> (RateDecision, RateLeft) {
        let slot = window::slot(rule, now_ms);
        let mut counts = self.counts.lock();
        if counts.len() >= MAX_KEYS && !counts.contains_key(key) {
            counts.retain(|_, count| now_ms.unsigned_abs() / count.length_ms <= count.index + 1);
            if counts.len() >= MAX_KEYS {
                counts.clear();
            }
        }
        let count = counts.entry(key.to_owned()).or_insert(Count { index: slot.index, length_ms: slot.length_ms, current: 0, previous: 0 });
        roll(count, slot);
        let measured = window::measure(rule, slot, count.previous, count.current);
        if measured.0 == RateDecision::Allowed {
            count.current += 1;
        }
        measured
    }

    /// The use was refused elsewhere after all.
    pub(crate) fn take_back(&self, rule: RateRule, key: &str, now_ms: i64) {
        let index = window::slot(rule, now_ms).index;
        if let Some(count) = self.counts.lock().get_mut(key)
            && count.index == index
        {
            count.current = count.current.saturating_sub(1);
        }
    }
}

/// Moves the counters to the window of `slot`.
fn roll(count: &mut Count, slot: Slot) {
    if slot.index > count.index {
        count.previous = if slot.index == count.index + 1 { count.current } else { 0 };
        count.current = 0;
        count.index = slot.index;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RULE: RateRule = RateRule { name: "test", limit: 3, per: Duration::from_secs(10) };

    #[test]
    fn counts_per_key_and_forgives_with_time() {
        let limiter = LocalLimiter::default();
        let at = |key: &str, now| limiter.measure(RULE, key, now).0;
        for _ in 0..3 {
            assert_eq!(at("ann", 1_000_000), RateDecision::Allowed);
        }
        let RateDecision::Limited { retry_after } = at("ann", 1_000_000) else { panic!("a fourth was allowed") };
        assert_eq!(at("bob", 1_000_000), RateDecision::Allowed);
        let later = 1_000_000 + i64::try_from(retry_after.as_millis()).unwrap();
        assert_eq!(at("ann", later), RateDecision::Allowed, "refused attempts do not count");
        assert_eq!(at("ann", 2_000_000), RateDecision::Allowed);
    }

    #[test]
    fn memory_is_bounded() {
        let limiter = LocalLimiter::default();
        for n in 0..MAX_KEYS + 10 {
            limiter.measure(RULE, &n.to_string(), 5);
        }
        assert!(limiter.counts.lock().len() <= MAX_KEYS);
    }
}
