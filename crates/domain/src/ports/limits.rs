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

/// Counts and refuses. Cannot fail: when the shared counters are away it counts in this process alone.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Counts one use of `key` under `rule` and says whether it may happen. Answers within 50 ms.
    ///
    /// # Cancel safety
    /// Cancel safe; the use may have been counted.
    async fn check(&self, rule: RateRule, key: &str) -> RateDecision;
}
