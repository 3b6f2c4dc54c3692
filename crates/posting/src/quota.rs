//! How many bytes a person may put into the log: as they lie there, so that escapes cost what they take. And how much a person may
//! have erased from it, which is paced: see `worker.erase_per_s`.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use relay_types::UserId;
use relay_types::limits::{Violation, at_least, at_most};
use serde::{Deserialize, Serialize};

/// The largest event of a message: 16 KiB of escapes, six bytes each, and its envelope.
const LARGEST: u32 = 128 * 1024;
/// After so many posts, people whose quotas are whole again are forgotten.
const SWEEP_EVERY: u32 = 10_000;
const DAY_S: u32 = 86_400;

/// `quota`: what one person may send, and what is left for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuotaConfig {
    /// Bytes per second and person, in the run of minutes.
    pub bytes_per_s: u32,
    /// Bytes that may come at once before that rate applies.
    pub burst_bytes: u32,
    /// Bytes per day and person, in the run of days; not less than `burst_bytes`.
    pub bytes_per_day: u32,
    /// Messages that one person may delete for everyone at once, before the rate below applies.
    pub deletions_burst: u32,
    /// Messages per hour and person that may be deleted for everyone, in the run of hours. Each, and each edit of it, takes its turn
    /// among the few that `worker.erase_per_s` takes out of the log.
    pub deletions_per_hour: u32,
    /// The last share of each shard's log, in percent, that takes no messages (`log_full`), only membership changes and
    /// sessions.
    pub log_reserve_percent: u8,
}

impl Default for QuotaConfig {
    fn default() -> Self {
        Self {
            bytes_per_s: 64 << 10,
            burst_bytes: 4 << 20,
            bytes_per_day: 256 << 20,
            deletions_burst: 200,
            deletions_per_hour: 1_200,
            log_reserve_percent: 10,
        }
    }
}

impl QuotaConfig {
    /// The first value outside its limits, and what it has to be.
    pub fn check(&self) -> Result<(), Violation> {
        at_least("quota.bytes_per_s", &self.bytes_per_s, &1)?;
        // The largest message.
        at_least("quota.burst_bytes", &self.burst_bytes, &LARGEST)?;
        at_least("quota.bytes_per_day", &self.bytes_per_day, &self.burst_bytes)?;
        at_least("quota.deletions_burst", &self.deletions_burst, &1)?;
        at_least("quota.deletions_per_hour", &self.deletions_per_hour, &1)?;
        at_most("quota.log_reserve_percent", &self.log_reserve_percent, &50)
    }
}

type Buckets<C> = RateLimiter<UserId, HashMapStateStore<UserId>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Counts in this process. Bounded by the people who sent lately: about 100 bytes each.
pub(crate) struct Quotas<C: Clock = DefaultClock> {
    burst: Buckets<C>,
    day: Buckets<C>,
    deletions: Buckets<C>,
    clock: C,
    taken: AtomicU32,
}

impl<C: Clock + Clone> Quotas<C> {
    pub(crate) fn new(config: QuotaConfig, clock: C) -> Self {
        let quota = |per_s: u32, burst: u32| Quota::per_second(at_least_one(per_s)).allow_burst(at_least_one(burst));
        let deletions = Quota::with_period(Duration::from_secs(3_600) / config.deletions_per_hour.max(1));
        let deletions = deletions.unwrap_or_else(|| quota(1, 1)).allow_burst(at_least_one(config.deletions_burst));
        Self {
            deletions: RateLimiter::hashmap_with_clock(deletions, clock.clone()),
            burst: RateLimiter::hashmap_with_clock(quota(config.bytes_per_s, config.burst_bytes), clock.clone()),
            day: RateLimiter::hashmap_with_clock(quota(config.bytes_per_day / DAY_S, config.bytes_per_day), clock.clone()),
            clock,
            taken: AtomicU32::new(0),
        }
    }

    /// Takes `bytes` from what the person may send, or says how long to wait.
    pub(crate) fn take(&self, user: UserId, bytes: usize) -> Result<(), Duration> {
        if self.taken.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.burst.retain_recent();
            self.day.retain_recent();
            self.deletions.retain_recent();
        }
        let bytes = at_least_one(u32::try_from(bytes).unwrap_or(u32::MAX));
        // The short one first: what it refuses must not be taken from the day.
        for buckets in [&self.burst, &self.day] {
            match buckets.check_key_n(&user, bytes) {
                Ok(Ok(())) => {}
                Ok(Err(not_until)) => return Err(not_until.wait_time_from(self.clock.now()).max(Duration::from_millis(1))),
                // Larger than any message: refused elsewhere before it comes here.
                Err(_) => return Err(Duration::from_secs(u64::from(DAY_S))),
            }
        }
        Ok(())
    }
}

impl<C: Clock + Clone> Quotas<C> {
    /// Takes one of the messages that the person may delete, or says how long to wait. Beside the bytes that each takes.
    pub(crate) fn take_deletion(&self, user: UserId) -> Result<(), Duration> {
        let not_until = self.deletions.check_key(&user);
        not_until.map_err(|not_until| not_until.wait_time_from(self.clock.now()).max(Duration::from_millis(1)))
    }
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::clock::FakeRelativeClock;

    const MESSAGE: usize = 98 * 1024;

    /// Offers `messages`, one every `step`, and returns the bytes taken.
    fn flood(quotas: &Quotas<FakeRelativeClock>, clock: &FakeRelativeClock, user: UserId, messages: u32, step: Duration) -> usize {
        let mut taken = 0;
        for _ in 0..messages {
            taken += quotas.take(user, MESSAGE).map_or(0, |()| MESSAGE);
            clock.advance(step);
        }
        taken
    }

    #[test]
    fn a_flood_of_escapes_does_not_fill_a_log() {
        let clock = FakeRelativeClock::default();
        let quotas = Quotas::new(QuotaConfig::default(), clock.clone());
        let (mallory, ann): (UserId, UserId) =
            ("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(), "01ARZ3NDEKTSV4RRFFQ69G5FAA".parse().unwrap());
        // 4.4 GB are offered.
        let quarter = flood(&quotas, &clock, mallory, 15 * 60 * 50, Duration::from_millis(20));
        println!("taken in 15 min: {} MiB", quarter >> 20);
        assert!((60 << 20..=64 << 20).contains(&quarter), "{} MiB", quarter >> 20);
        assert!(quotas.take(ann, MESSAGE).is_ok(), "another person");
        let day = quarter + flood(&quotas, &clock, mallory, DAY_S - 15 * 60, Duration::from_secs(1));
        println!("taken in a day: {} MiB", day >> 20);
        assert!(day <= 512 << 20, "{} MiB", day >> 20);
        let wait = (0..100).find_map(|_| quotas.take(mallory, MESSAGE).err()).unwrap();
        clock.advance(wait);
        assert!(quotas.take(mallory, MESSAGE).is_ok(), "whoever waits as told gets on: {wait:?}");
    }

    #[test]
    fn whoever_deletes_much_waits() {
        let clock = FakeRelativeClock::default();
        let quotas = Quotas::new(QuotaConfig { deletions_burst: 3, deletions_per_hour: 60, ..QuotaConfig::default() }, clock.clone());
        let (mallory, ann): (UserId, UserId) =
            ("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(), "01ARZ3NDEKTSV4RRFFQ69G5FAA".parse().unwrap());
        let taken = (0..7_200).filter(|_| {
            clock.advance(Duration::from_secs(1));
            quotas.take_deletion(mallory).is_ok()
        });
        let taken = taken.count();
        assert!((3 + 118..=3 + 120).contains(&taken), "{taken}");
        assert!(quotas.take_deletion(ann).is_ok(), "another person");
        let wait = quotas.take_deletion(mallory).unwrap_err();
        clock.advance(wait);
        assert!(quotas.take_deletion(mallory).is_ok(), "{wait:?}");
    }

    #[test]
    fn who_has_not_sent_for_long_is_forgotten() {
        let clock = FakeRelativeClock::default();
        let quotas = Quotas::new(QuotaConfig::default(), clock.clone());
        for n in 0..3 * u128::from(SWEEP_EVERY) {
            quotas.take(UserId::new(ulid::Ulid::from_parts(1, n)), 400).unwrap();
            clock.advance(Duration::from_millis(20));
        }
        assert!(quotas.day.len() <= usize::try_from(SWEEP_EVERY).unwrap() + 50, "{}", quotas.day.len());
    }

    #[test]
    fn settings_are_checked() {
        let sound = QuotaConfig::default();
        assert_eq!(sound.check(), Ok(()));
        for wrong in [
            QuotaConfig { bytes_per_s: 0, ..sound },
            QuotaConfig { burst_bytes: LARGEST - 1, ..sound },
            QuotaConfig { bytes_per_day: sound.burst_bytes - 1, ..sound },
            QuotaConfig { deletions_burst: 0, ..sound },
            QuotaConfig { deletions_per_hour: 0, ..sound },
            QuotaConfig { log_reserve_percent: 51, ..sound },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }
}
