//! The log's time: what the NATS servers' clocks say now, from the newest event that passed and from their answers.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use relay_domain::ports::{LogClock, LogHead};
use relay_runtime::since_boot;
use relay_types::{ShardId, TimestampMs};

/// What was heard counts for this long, and at most for twice as long. Servers are asked several times in it.
const SPAN: Duration = Duration::from_secs(30);

/// Estimates the NATS servers' clock by how far it is from the clock that counts from boot, so neither a stepped wall clock nor a
/// suspended machine matters. What arrives late would set it back, so the greatest distance counts of all that was heard lately.
/// Not of all that was ever heard: a server whose clock was wrong for a while would count for ever.
#[derive(Default)]
pub(crate) struct TailClock {
    heard: Mutex<Heard>,
    began: Mutex<BTreeMap<ShardId, TimestampMs>>,
}

/// Distances from the clock that counts from boot, in milliseconds: the greatest of this span and of the one before.
#[derive(Default)]
struct Heard {
    span: Option<(Duration, i64)>,
    before: Option<i64>,
}

impl Heard {
    /// An event was stored at `at_ms`, some time ago.
    fn event(&mut self, at_ms: TimestampMs, now: Duration) {
        let distance = at_ms - millis(now);
        match &mut self.span {
            Some((_, greatest)) => *greatest = distance.max(*greatest),
            None => self.span = Some((now, distance)),
        }
    }

    /// A server answers that it is `at_ms`. Only answers end a span: events may all be of the past.
    fn answer(&mut self, at_ms: TimestampMs, now: Duration) {
        match &mut self.span {
            Some((began, greatest)) if now.saturating_sub(*began) >= SPAN => {
                self.before = Some(*greatest);
                self.span = Some((now, at_ms - millis(now)));
            }
            _ => self.event(at_ms, now),
        }
    }

    fn now_ms(&self, now: Duration) -> Option<TimestampMs> {
        let distance = self.span.map(|(_, distance)| distance).max(self.before);
        distance.map(|distance| distance + millis(now))
    }
}

impl TailClock {
    /// The log that this process follows. Without knowing when it began, every key is looked up.
    pub(crate) fn observe_life(&self, shard: ShardId, head: &LogHead) {
        if let Some(began) = head.began_ms() {
            self.began.lock().insert(shard, began);
        }
    }

    /// An event passed that was stored at `at_ms`.
    pub(crate) fn observe(&self, at_ms: TimestampMs) {
        self.heard.lock().event(at_ms, since_boot());
    }

    /// A server's clock showed `at_ms` a moment ago.
    pub(crate) fn answered(&self, at_ms: TimestampMs) {
        self.heard.lock().answer(at_ms, since_boot());
    }
}

impl LogClock for TailClock {
    fn log_began_ms(&self, shard: ShardId) -> Option<TimestampMs> {
        self.began.lock().get(&shard).copied()
    }

    fn log_now_ms(&self) -> Option<TimestampMs> {
        self.heard.lock().now_ms(since_boot())
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn old_events_do_not_set_it_back() {
        let mut heard = Heard::default();
        assert_eq!(heard.now_ms(s(1)), None);
        heard.answer(1_000_000, s(1));
        for second in 2..600 {
            heard.event(400_000, s(second));
        }
        assert_eq!(heard.now_ms(s(600)), Some(1_599_000), "nobody was asked meanwhile");
        heard.answer(1_600_000, s(601));
        heard.event(500_000, s(601));
        assert_eq!(heard.now_ms(s(601)), Some(1_600_000));
    }

    #[test]
    fn a_future_that_was_heard_once_is_forgotten() {
        let mut heard = Heard::default();
        heard.event(3_600_000, s(0));
        for second in (0..=60).step_by(5) {
            heard.answer(i64::try_from(second * 1_000).unwrap(), s(second));
        }
        assert_eq!(heard.now_ms(s(60)), Some(60_000));
    }

    #[test]
    fn an_answer_that_was_long_on_its_way_does_not_set_it_back() {
        let mut heard = Heard::default();
        for second in (0..=60).step_by(5) {
            let late = if second % 30 == 0 { 4_000 } else { 0 };
            heard.answer(i64::try_from(second * 1_000).unwrap() - late, s(second));
            assert!(second == 0 || heard.now_ms(s(second)) == Some(i64::try_from(second * 1_000).unwrap()), "{second}");
        }
    }
}
