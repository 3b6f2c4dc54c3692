//! How often something may be done.

use std::time::Duration;

use async_trait::async_trait;

/// At most `limit` times in `per`, for each key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateRule {
    /// Names the rule in the limiter's keys and in metrics.
    pub name: &'static str,
    /// How often.
    pub limit: u32,
    /// In how long; whole milliseconds, at least one.
    pub per: Duration,
}

/// Failures of one key are answered with growing delays instead of being refused for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DelayRule {
    /// Names the rule in the limiter's keys.
    pub name: &'static str,
    /// Failures that cost nothing. While the shared counters do not answer, the second one waits already.
    pub free: u32,
    /// The delay after the first failure beyond those; each further one doubles it.
    pub first: Duration,
    /// The longest delay.
    pub longest: Duration,
    /// Without attempts for this long, failures are forgotten.
    pub forget: Duration,
}

impl DelayRule {
    /// How long the key waits after this many failures; `None`: not at all.
    pub fn delay(&self, failures: u32, free: u32) -> Option<Duration> {
        let beyond = failures.checked_sub(free)?;
        let doublings = beyond.checked_sub(1)?.min(20);
        Some(self.first.saturating_mul(1 << doublings).min(self.longest))
    }
}

/// The limiter's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateDecision {
    /// Go on; it has been counted.
    Allowed,
    /// Too often.
    Limited {
        /// When the next one may be allowed.
        retry_after: Duration,
    },
}

/// What is left of a rule for one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLeft {
    /// How often it may still happen before [`Self::within`] is over.
    pub left: u32,
    /// Until more is allowed.
    pub within: Duration,
}

/// Counts and refuses. Cannot fail: when the shared counters are away it counts in this process alone.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Counts one use of `key` under `rule` and says whether it may happen. Answers within 50 ms.
    ///
    /// # Cancel safety
    /// Cancel safe; the use may have been counted.
    async fn check(&self, rule: RateRule, key: &str) -> RateDecision {
        self.measure(rule, key).await.0
    }

    /// As [`Self::check`], with what is left afterwards.
    ///
    /// # Cancel safety
    /// Cancel safe; the use may have been counted.
    async fn measure(&self, rule: RateRule, key: &str) -> (RateDecision, RateLeft);

    /// Counts one attempt of `key` as failed before it is made, so that many at once do not pass, and says whether it may be
    /// made. Answers within 50 ms.
    ///
    /// # Cancel safety
    /// Cancel safe; the attempt may have been counted.
    async fn attempt(&self, rule: DelayRule, key: &str) -> RateDecision;

    /// The attempt was no failure: nothing is held against `key` any more.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn succeeded(&self, rule: DelayRule, key: &str);

    /// The attempt was allowed and not made after all: it does not count.
    ///
    /// # Cancel safety
    /// Cancel safe; it may still count.
    async fn not_made(&self, rule: DelayRule, key: &str);
}
