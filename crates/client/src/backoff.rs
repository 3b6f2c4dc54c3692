//! When to try again.

use std::time::Duration;

/// The first delay lies between nothing and this.
pub const BASE: Duration = Duration::from_millis(100);
/// No delay of ours is longer; the server may ask for more.
pub const CAP: Duration = Duration::from_secs(10);

/// Delays with full jitter: each lies anywhere between nothing and a ceiling that doubles with every failure. Clients
/// that lost the same server at the same moment do not come back at the same moment.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    failures: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(BASE, CAP)
    }
}

impl Backoff {
    /// Begins at `base` and never exceeds `cap`.
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap, failures: 0 }
    }

    /// Things went well: begin again at the base.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }

    /// How many delays were given since the last success.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// The next delay. When the server said `at_least`, that plus up to half of it again, so that those who were told the
    /// same do not come together.
    pub fn next_delay(&mut self, at_least: Option<Duration>) -> Duration {
        let ceiling = self.ceiling();
        self.failures = self.failures.saturating_add(1);
        match at_least {
            Some(asked) => asked + jitter((asked / 2).max(self.base)),
            None => jitter(ceiling),
        }
    }

    fn ceiling(&self) -> Duration {
        self.base.saturating_mul(2u32.saturating_pow(self.failures)).min(self.cap)
    }
}

fn jitter(ceiling: Duration) -> Duration {
    ceiling.mul_f64(rand::random_range(0.0..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn delays_stay_within_their_ceiling(failures in 0u32..2000) {
            let mut backoff = Backoff { failures, ..Backoff::default() };
            let ceiling = BASE.saturating_mul(2u32.saturating_pow(failures)).min(CAP);
            prop_assert!(backoff.next_delay(None) <= ceiling);
        }

        #[test]
        fn the_server_is_never_asked_earlier_than_it_said(asked_ms in 0u64..600_000) {
            let asked = Duration::from_millis(asked_ms);
            let delay = Backoff::default().next_delay(Some(asked));
            prop_assert!(delay >= asked && delay <= asked + (asked / 2).max(BASE));
        }
    }

    #[test]
    fn ceilings_double_and_success_begins_again() {
        let mut backoff = Backoff::default();
        let ceilings: Vec<_> = (0..9)
            .map(|_| {
                let ceiling = backoff.ceiling().as_millis();
                backoff.next_delay(None);
                ceiling
            })
            .collect();
        assert_eq!(ceilings, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        backoff.reset();
        assert_eq!(backoff.ceiling(), BASE);
    }
}
