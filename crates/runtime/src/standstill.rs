//! Noticing that the process stood still: stopped by a signal or a debugger, or with the machine under it.
//!
//! None of its code runs meanwhile, so it goes on as if no time had passed, with a view of the world that is as old as the
//! standstill was long. The rest of the world has given it up: clients have left and said elsewhere what they had said here.

use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::supervisor::{Restart, Supervisor, Task};

/// Not having run for this long counts as standing still. Shorter than anybody waits for an answer before they go elsewhere;
/// long enough that a busy machine is none that stood still.
const LIMIT: Duration = Duration::from_secs(2);
/// How often somebody looks when nobody else does.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Counts how often the process stood still. Everybody who looks does the noticing, so nobody can be ahead of it.
#[derive(Debug)]
pub struct Standstill {
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    last_look: Duration,
    times: u64,
}

impl Default for Standstill {
    fn default() -> Self {
        metrics::counter!("relay_standstills_total").increment(0);
        Self { seen: Mutex::new(Seen { last_look: since_boot(), times: 0 }) }
    }
}

impl Standstill {
    /// How often the process has stood still so far. Whatever somebody knew or wanted when this was smaller has to be asked
    /// again.
    pub fn times(&self) -> u64 {
        self.look(since_boot())
    }

    fn look(&self, now: Duration) -> u64 {
        let mut seen = self.seen.lock();
        let still = now.saturating_sub(seen.last_look);
        // Two who look at the same moment may come in the other order.
        seen.last_look = seen.last_look.max(now);
        if still > LIMIT {
            seen.times += 1;
            metrics::counter!("relay_standstills_total").increment(1);
            tracing::warn!(still_ms = still.as_millis(), "the process stood still");
        }
        seen.times
    }

    /// Keeps looking until `end`, so that having nothing to do does not look like standing still.
    pub fn watch(self: &std::sync::Arc<Self>, supervisor: &Supervisor, end: &CancellationToken) {
        let (this, end) = (std::sync::Arc::clone(self), end.clone());
        supervisor.spawn("standstill", Restart::StopProcess, move |task: Task| {
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
    fn only_a_long_silence_is_a_standstill_and_each_counts_once() {
        let standstill = Standstill::default();
        let began = standstill.seen.lock().last_look;
        let at = |ms| standstill.look(began + Duration::from_millis(ms));
        assert_eq!(at(0), 0);
        assert_eq!(at(1_900), 0);
        assert_eq!(at(3_800), 0, "counted from the last look");
        assert_eq!(at(5_900), 1);
        assert_eq!(at(5_900), 1, "whoever looks next sees that it was noticed");
        assert_eq!(at(5_000), 1, "a look that was overtaken");
        assert_eq!(at(7_800), 1);
        assert_eq!(at(20_000), 2);
    }
}
