//! Noticing that the process was paused: stopped by a signal or a debugger, or with the machine under it.
//!
//! None of its code runs meanwhile, so it goes on as if no time had passed, with a view of the world that is as old as the
//! pause was long. The rest of the world has given it up: clients have left and said elsewhere what they had said here.

use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::supervisor::{Restart, Supervisor, Task};

/// Not having run for this long counts as a pause. Shorter than anybody waits for an answer before they go elsewhere;
/// long enough that a busy machine does not count.
const LIMIT: Duration = Duration::from_secs(2);
/// How often somebody looks when nobody else does.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Counts how often the process was paused. Everybody who looks does the noticing, so nobody can be ahead of it.
#[derive(Debug)]
pub struct PauseDetector {
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    last_look: Duration,
    times: u64,
    /// When the last pause was noticed.
    noticed: Option<Duration>,
}

impl Default for PauseDetector {
    fn default() -> Self {
        metrics::counter!("relay_process_pauses_total").increment(0);
        Self { seen: Mutex::new(Seen { last_look: since_boot(), times: 0, noticed: None }) }
    }
}

impl PauseDetector {
    /// How often the process was paused so far. Whatever somebody knew or wanted when this was smaller has to be asked
    /// again.
    pub fn times(&self) -> u64 {
        self.look(since_boot())
    }

    /// Whether the process was paused, and runs again for no longer than this: what is read now may have waited all the while.
    pub fn ended_within(&self, time: Duration) -> bool {
        self.ended_after(since_boot(), time)
    }

    fn ended_after(&self, now: Duration, time: Duration) -> bool {
        self.look(now);
        self.seen.lock().noticed.is_some_and(|noticed| now.saturating_sub(noticed) <= time)
    }

    fn look(&self, now: Duration) -> u64 {
        let mut seen = self.seen.lock();
        let paused_for = now.saturating_sub(seen.last_look);
        // Two who look at the same moment may come in the other order.
        seen.last_look = seen.last_look.max(now);
        if paused_for > LIMIT {
            seen.times += 1;
            seen.noticed = Some(now);
            metrics::counter!("relay_process_pauses_total").increment(1);
            tracing::warn!(paused_ms = paused_for.as_millis(), "the process was paused");
        }
        seen.times
    }

    /// Keeps looking until `end`, so that having nothing to do does not look like a pause.
    pub fn watch(self: &std::sync::Arc<Self>, supervisor: &Supervisor, end: &CancellationToken) {
        let (this, end) = (std::sync::Arc::clone(self), end.clone());
        supervisor.spawn("pause-detector", Restart::StopProcess, move |task: Task| {
            let (this, end) = (std::sync::Arc::clone(&this), end.clone());
            async move {
                task.health.up();
                loop {
                    tokio::select! {
                        () = end.cancelled() => return Ok(()),
                        () = tokio::time::sleep(LOOK_EVERY) => drop(this.times()),
                    }
                }
            }
        });
    }
}

/// Since the machine booted, counting the time that it was suspended.
pub fn since_boot() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_long_silence_is_a_process_pause_and_each_counts_once() {
        let detector = PauseDetector::default();
        let began = detector.seen.lock().last_look;
        let at = |ms| detector.look(began + Duration::from_millis(ms));
        assert_eq!(at(0), 0);
        assert_eq!(at(1_900), 0);
        assert_eq!(at(3_800), 0, "counted from the last look");
        assert_eq!(at(5_900), 1);
        assert_eq!(at(5_900), 1, "whoever looks next sees that it was noticed");
        assert_eq!(at(5_000), 1, "a look that was overtaken");
        assert_eq!(at(7_800), 1);
        assert_eq!(at(20_000), 2);
    }

    #[test]
    fn a_pause_is_over_for_a_while_when_it_ended() {
        let detector = PauseDetector::default();
        let began = detector.seen.lock().last_look;
        let is_fresh = |ms| detector.ended_after(began + Duration::from_millis(ms), Duration::from_secs(5));
        assert!(!is_fresh(1_000));
        for ms in (4_000..=9_000).step_by(1_000) {
            assert!(is_fresh(ms), "{ms} ms");
        }
        assert!(!is_fresh(10_000));
    }
}
