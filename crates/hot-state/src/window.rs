//! A sliding window from two counters: what was counted in the present window, and the share of the previous one that
//! the sliding window still covers. At most one part in two off when load is uneven; needs no list of times.

use std::time::Duration;

use relay_domain::ports::{RateDecision, RateLeft, RateRule};

/// Where a moment stands in the rule's windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    /// The window's number since the epoch.
    pub index: u64,
    /// Milliseconds since it began.
    pub elapsed_ms: u64,
    /// Its length in milliseconds.
    pub length_ms: u64,
}

pub(crate) fn slot(rule: RateRule, now_ms: i64) -> Slot {
    let length_ms = u64::try_from(rule.per.as_millis()).unwrap_or(u64::MAX).max(1);
    let now = u64::try_from(now_ms).unwrap_or(0);
    Slot { index: now / length_ms, elapsed_ms: now % length_ms, length_ms }
}

/// Whether one more may happen after `previous` in the last window and `current` in this one.
pub(crate) fn decide(rule: RateRule, slot: Slot, previous: u64, current: u64) -> RateDecision {
    let limit = u64::from(rule.limit);
    let left_ms = slot.length_ms - slot.elapsed_ms;
    // What is still covered of the previous window, rounded up, so that a limit of 1 means 1.
    let carried = share(previous, left_ms, slot.length_ms);
    if carried.saturating_add(current) < limit {
        return RateDecision::Allowed;
    }
    let wait_ms = if current < limit {
        // The previous window has to slide out until `limit - 1 - current` of it remain.
        let remain = limit - 1 - current;
        left_ms.saturating_sub(remain.saturating_mul(slot.length_ms) / previous.max(1))
    } else {
        // This window has to end, and then slide out in turn.
        let remain = limit.saturating_sub(1);
        left_ms + slot.length_ms.saturating_sub(remain.saturating_mul(slot.length_ms) / current.max(1))
    };
    RateDecision::Limited { retry_after: Duration::from_millis(wait_ms.max(1)) }
}

/// The decision on one more, and what is left once it has been counted or refused.
pub(crate) fn measure(rule: RateRule, slot: Slot, previous: u64, current: u64) -> (RateDecision, RateLeft) {
    let decision = decide(rule, slot, previous, current);
    let left_ms = slot.length_ms - slot.elapsed_ms;
    let left = match decision {
        RateDecision::Allowed => {
            let used = share(previous, left_ms, slot.length_ms).saturating_add(current).saturating_add(1);
            RateLeft {
                left: u32::try_from(u64::from(rule.limit).saturating_sub(used)).unwrap_or(0),
                within: Duration::from_millis(left_ms),
            }
        }
        RateDecision::Limited { retry_after } => RateLeft { left: 0, within: retry_after },
    };
    (decision, left)
}

fn share(count: u64, part: u64, whole: u64) -> u64 {
    let product = u128::from(count) * u128::from(part);
    u64::try_from(product.div_ceil(u128::from(whole.max(1)))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: RateRule = RateRule { name: "test", limit: 10, per: Duration::from_secs(1) };

    fn allowed(elapsed_ms: u64, previous: u64, current: u64) -> bool {
        decide(RULE, Slot { index: 5, elapsed_ms, length_ms: 1000 }, previous, current) == RateDecision::Allowed
    }

    #[test]
    fn the_limit_is_the_limit() {
        assert!(allowed(0, 0, 9) && !allowed(0, 0, 10));
        assert!(!allowed(0, 10, 0), "a full previous window is still covered whole");
        assert!(allowed(500, 10, 4) && !allowed(500, 10, 5));
        assert!(allowed(999, 9, 8));
    }

    #[test]
    fn what_is_left_is_what_may_still_happen() {
        let at = |elapsed_ms, previous, current| measure(RULE, Slot { index: 5, elapsed_ms, length_ms: 1000 }, previous, current).1;
        assert_eq!(at(0, 0, 0), RateLeft { left: 9, within: Duration::from_secs(1) });
        assert_eq!(at(500, 10, 4), RateLeft { left: 0, within: Duration::from_millis(500) });
        assert_eq!(at(250, 0, 10).left, 0);
        for current in 0..10 {
            let left = u64::from(at(300, 4, current).left);
            assert!((0..left).all(|more| allowed(300, 4, current + 1 + more)), "{current}: {left}");
        }
    }

    /// Whoever waits as told is let in, and nobody is told to wait much longer than needed.
    #[test]
    fn the_wait_is_enough_and_not_much_more() {
        for limit in [1, 2, 7, 10, 100] {
            let rule = RateRule { limit, ..RULE };
            for now in (5_000..7_000).step_by(37) {
                for previous in [0, 1, u64::from(limit) / 2, u64::from(limit)] {
                    for current in [0, 1, u64::from(limit) - 1, u64::from(limit)] {
                        let here = slot(rule, now);
                        let RateDecision::Limited { retry_after } = decide(rule, here, previous, current) else { continue };
                        let wait = u64::try_from(retry_after.as_millis()).unwrap();
                        assert!(wait <= 2_000, "{wait}");
                        let then = slot(rule, now + i64::try_from(wait).unwrap());
                        let (previous, current) = match then.index - here.index {
                            0 => (previous, current),
                            1 => (current, 0),
                            _ => (0, 0),
                        };
                        assert_eq!(decide(rule, then, previous, current), RateDecision::Allowed, "{limit} {now} {previous} {current}");
                    }
                }
            }
        }
    }
}
