//! Failures counted in this process: each beyond the free ones has to wait longer.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use relay_domain::ports::{DelayRule, RateDecision};

/// Keys remembered at once: about 150 bytes each.
const MAX_KEYS: usize = 100_000;

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    /// Until when attempts wait.
    closed_until_ms: i64,
    /// When all is forgiven.
    forget_at_ms: i64,
}

/// Bounded. When more keys are in use than it holds, the ones with the fewest failures go first: whoever is being slowed
/// down stays so, whatever number of keys they make up.
#[derive(Debug, Default)]
pub(crate) struct LocalDelays {
    failures: Mutex<HashMap<String, Failures>>,
}

impl LocalDelays {
    /// Counts an attempt as failed in advance. `free` is how many failures cost nothing.
    pub(crate) fn attempt(&self, rule: DelayRule, free: u32, key: &str, now_ms: i64) -> RateDecision {
        let mut all = self.failures.lock();
        make_room(&mut all, key, now_ms);
        let entry = all.entry(key.to_owned()).or_insert(Failures { count: 0, closed_until_ms: 0, forget_at_ms: 0 });
        if entry.forget_at_ms <= now_ms {
            entry.count = 0;
        }
        let left_ms = entry.closed_until_ms.saturating_sub(now_ms);
        if left_ms > 0 && entry.count > free {
            return RateDecision::Limited { retry_after: Duration::from_millis(left_ms.unsigned_abs()) };
        }
        entry.count = entry.count.saturating_add(1);
        // Kept for all counts: who may go on now with free failures may have none a moment later.
        let delay = rule.delay(entry.count, free).unwrap_or(rule.first);
        entry.closed_until_ms = now_ms.saturating_add(millis(delay));
        entry.forget_at_ms = entry.closed_until_ms.saturating_add(millis(rule.forget));
        RateDecision::Allowed
    }

    pub(crate) fn not_made(&self, key: &str) {
        if let Some(entry) = self.failures.lock().get_mut(key) {
            entry.count = entry.count.saturating_sub(1);
            entry.closed_until_ms = 0;
        }
    }

    pub(crate) fn succeeded(&self, key: &str) {
        self.failures.lock().remove(key);
    }
}

fn make_room(all: &mut HashMap<String, Failures>, key: &str, now_ms: i64) {
    if all.len() < MAX_KEYS || all.contains_key(key) {
        return;
    }
    all.retain(|_, failures| failures.forget_at_ms > now_ms);
    let mut least = 1;
    while all.len() >= MAX_KEYS {
        all.retain(|_, failures| failures.count > least);
        least = least.saturating_mul(2);
    }
}

pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: DelayRule = DelayRule {
        name: "test",
        free: 3,
        first: Duration::from_secs(1),
        longest: Duration::from_secs(60),
        forget: Duration::from_hours(1),
    };

    #[test]
    fn delays_grow_and_never_last() {
        let delays = LocalDelays::default();
        let mut now = 1_000_000;
        let mut waits = Vec::new();
        for _ in 0..12 {
            assert_eq!(delays.attempt(RULE, RULE.free, "ann", now), RateDecision::Allowed);
            waits.push(match delays.attempt(RULE, 0, "ann", now) {
                RateDecision::Limited { retry_after } => retry_after.as_secs(),
                RateDecision::Allowed => panic!("nothing was counted"),
            });
            now += i64::try_from(waits.last().unwrap() * 1000).unwrap();
        }
        assert_eq!(waits, [1, 1, 1, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(delays.attempt(RULE, RULE.free, "bob", now), RateDecision::Allowed);
        delays.succeeded("ann");
        for _ in 0..4 {
            assert_eq!(
                delays.attempt(RULE, RULE.free, "ann", now),
                RateDecision::Allowed,
                "three are free again, and a fourth may be made"
            );
        }
        assert!(matches!(delays.attempt(RULE, RULE.free, "ann", now), RateDecision::Limited { .. }));
        assert_eq!(delays.attempt(RULE, RULE.free, "ann", now + millis(RULE.forget) + 60_000), RateDecision::Allowed);
    }

    #[test]
    fn what_was_not_tried_does_not_count() {
        let delays = LocalDelays::default();
        for _ in 0..20 {
            assert_eq!(delays.attempt(RULE, RULE.free, "ann", 1_000_000), RateDecision::Allowed);
            delays.not_made("ann");
        }
        delays.not_made("bob");
        for _ in 0..4 {
            assert_eq!(delays.attempt(RULE, RULE.free, "ann", 1_000_000), RateDecision::Allowed);
        }
        assert!(matches!(delays.attempt(RULE, RULE.free, "ann", 1_000_000), RateDecision::Limited { .. }));
    }

    #[test]
    fn made_up_keys_do_not_free_the_one_that_is_slowed_down() {
        let delays = LocalDelays::default();
        for _ in 0..4 {
            delays.attempt(RULE, RULE.free, "ann", 1_000_000);
        }
        for n in 0..MAX_KEYS + 10 {
            delays.attempt(RULE, RULE.free, &n.to_string(), 1_000_000);
        }
        assert!(delays.failures.lock().len() <= MAX_KEYS);
        assert!(matches!(delays.attempt(RULE, RULE.free, "ann", 1_000_000), RateDecision::Limited { .. }));
    }
}
