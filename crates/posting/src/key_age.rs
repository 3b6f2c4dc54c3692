//! Whether a key's age rules out that it was used before the log's duplicate window.

use std::time::Duration;

use relay_types::{ClientId, TimestampMs};

/// How far ahead of the log's time a key may be minted at most: the two clocks' honest difference. A sixth of a short
/// window, since what is granted here is lost from the window at a retry.
const TOLERANCE_MS: i64 = 5_000;

/// What a key's age says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAge {
    /// Minted so recently that any earlier use lies within the log's duplicate window: the log decides.
    WithinWindow,
    /// Not a ULID, or an old one: older records have to be asked.
    MayBeOld,
    /// Minted in the future. Accepting it would let a retry look fresh long after the window, so it is refused for as long.
    Ahead {
        /// After which time it is not too far ahead any more.
        wait: Duration,
    },
}

/// Judges `client_id` at the log's time `log_now_ms`. A third of the window is kept as a margin for publishing itself,
/// which is retried for seconds, and for clocks.
/// Without the log's time nothing counts as recent; the future is then judged by this process' clock.
/// Nor does a key count as recent that may be older than the log itself, which began at `log_began_ms`: a log that was lost
/// and began anew has forgotten what it had acknowledged.
pub fn judge(
    client_id: &ClientId,
    log_now_ms: Option<TimestampMs>,
    log_began_ms: Option<TimestampMs>,
    wall_now_ms: TimestampMs,
    duplicate_window: Duration,
) -> KeyAge {
    let Some(minted_ms) = client_id.minted_at_ms().and_then(|ms| i64::try_from(ms).ok()) else { return KeyAge::MayBeOld };
    let age_ms = log_now_ms.unwrap_or(wall_now_ms) - minted_ms;
    let window_ms = i64::try_from(duplicate_window.as_millis()).unwrap_or(i64::MAX);
    let too_far_ms = -TOLERANCE_MS.min(window_ms / 6) - age_ms;
    if too_far_ms > 0 {
        KeyAge::Ahead { wait: Duration::from_millis(too_far_ms.unsigned_abs()) }
    } else if log_now_ms.is_some()
        && log_began_ms.is_some_and(|began_ms| minted_ms > began_ms + BIRTH_MARGIN_MS)
        && age_ms < window_ms / 3 * 2 - APPEND_MS.min(window_ms / 3)
    {
        KeyAge::WithinWindow
    } else {
        KeyAge::MayBeOld
    }
}

/// Whether the key was minted so lately that it is hardly a retry: those come seconds later. Without the log's time nothing is.
pub fn is_first_use(client_id: &ClientId, log_now_ms: Option<TimestampMs>) -> bool {
    let minted_ms = client_id.minted_at_ms().and_then(|ms| i64::try_from(ms).ok());
    minted_ms.zip(log_now_ms).is_some_and(|(minted_ms, now_ms)| now_ms - minted_ms < FIRST_USE_MS)
}

/// Longer than a message is on its way from a slow device, whose clock is a second behind.
const FIRST_USE_MS: i64 = 5_000;
/// How far the clock of whoever began the log and the clock of whoever minted the key may differ.
const BIRTH_MARGIN_MS: i64 = 60_000;
/// The longest that one append takes: the wait for a batch, its answer (the bus' `append_attempt_ms`), and single retries
/// (`append_timeout_ms`).
const APPEND_MS: i64 = 19_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_young_keys_skip_the_records() {
        let now_ms: i64 = 1_700_000_000_000;
        let window = Duration::from_secs(120);
        let key = |age_ms: i64| -> ClientId {
            let minted = u64::try_from(now_ms - age_ms).unwrap();
            ulid::Ulid::from_parts(minted, 7).to_string().parse().unwrap()
        };
        let judge_age = |age_ms| judge(&key(age_ms), Some(now_ms), Some(0), 0, window);
        assert_eq!(judge_age(0), KeyAge::WithinWindow);
        assert_eq!(judge_age(60_000), KeyAge::WithinWindow);
        assert_eq!(judge_age(90_000), KeyAge::MayBeOld);
        assert_eq!(judge_age(10 * 24 * 3600 * 1000), KeyAge::MayBeOld);
        assert_eq!(judge_age(-4_000), KeyAge::WithinWindow);
        assert_eq!(judge_age(-60_000), KeyAge::Ahead { wait: Duration::from_secs(55) });
        assert_eq!(judge_age(-5_000), KeyAge::WithinWindow, "waiting so long is enough");
        assert_eq!(judge(&"my-key".parse().unwrap(), Some(now_ms), Some(0), now_ms, window), KeyAge::MayBeOld);
        assert_eq!(judge(&key(0), None, Some(0), now_ms, window), KeyAge::MayBeOld);
        assert_eq!(judge(&key(-60_000), None, Some(0), now_ms, window), KeyAge::Ahead { wait: Duration::from_secs(55) });
    }

    #[test]
    fn a_log_that_began_a_moment_ago_recognises_nothing_from_before() {
        let now_ms: i64 = 1_700_000_000_000;
        let window = Duration::from_secs(600);
        let key =
            |age_ms: i64| -> ClientId { ulid::Ulid::from_parts(u64::try_from(now_ms - age_ms).unwrap(), 7).to_string().parse().unwrap() };
        let judge_age = |age_ms, began_ago_ms| judge(&key(age_ms), Some(now_ms), Some(now_ms - began_ago_ms), now_ms, window);
        assert_eq!(judge_age(10_000, 5_000), KeyAge::MayBeOld);
        assert_eq!(judge_age(5_000, 10_000), KeyAge::MayBeOld, "clocks differ");
        assert_eq!(judge_age(5_000, 120_000), KeyAge::WithinWindow);
        assert_eq!(judge(&key(5_000), Some(now_ms), None, now_ms, window), KeyAge::MayBeOld);
    }
}
