//! Rate limits shared by all processes through Valkey. Each use is also counted here, always: a Valkey that does not answer
//! changes how many processes share a limit, and never begins it anew.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fred::clients::Client;
use fred::interfaces::{ClientLike as _, KeysInterface as _};
use fred::types::Builder;
use fred::types::config::{Config, ReconnectPolicy, UnresponsiveConfig};
use fred::types::{Expiration, SetOptions};
use relay_domain::ports::{DelayRule, RateDecision, RateLeft, RateLimiter, RateRule};
use relay_types::{Clock as _, SystemClock};

use crate::config::ValkeyConfig;
use crate::delays::{LocalDelays, millis};
use crate::local::LocalLimiter;
use crate::window;

/// After a failed answer, how long the process counts by itself before it asks again: a Valkey that hangs costs one
/// request in this time its patience, not every request.
const BREAK: Duration = Duration::from_millis(500);
/// Longer keys are cut; callers' keys are ids, handles and addresses.
const MAX_KEY_BYTES: usize = 128;

/// The URL cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("could not set up the Valkey client")]
pub struct ConnectError {
    #[source]
    source: fred::error::Error,
}

/// A client that is not connected yet, whose commands have so long.
pub(crate) fn client(config: &ValkeyConfig, command_timeout: Duration) -> Result<Client, ConnectError> {
    let fail = |source| ConnectError { source };
    Builder::from_config(Config::from_url(&config.url).map_err(fail)?)
        .with_connection_config(|connection| {
            connection.connection_timeout = Duration::from_millis(config.connect_timeout_ms);
            connection.internal_command_timeout = Duration::from_millis(config.connect_timeout_ms);
            connection.max_command_attempts = 1;
            connection.max_command_buffer_len = 4096;
            connection.unresponsive = UnresponsiveConfig { max_timeout: Some(Duration::from_secs(3)), interval: Duration::from_secs(1) };
        })
        .with_performance_config(|performance| performance.default_command_timeout = command_timeout)
        .set_policy(ReconnectPolicy::new_exponential(0, 50, config.reconnect_max_ms, 2))
        .build()
        .map_err(fail)
}

/// A limiter over Valkey that goes on by itself while Valkey is away.
pub struct ValkeyLimiter {
    client: Client,
    timeout: Duration,
    local: LocalLimiter,
    delays: LocalDelays,
    away: AtomicBool,
    retry_at_ms: AtomicI64,
}

impl ValkeyLimiter {
    /// Begins to connect and returns at once; until the connection stands, the process counts by itself. Reconnects for
    /// ever. Needs a tokio runtime.
    pub fn connect(config: &ValkeyConfig) -> Result<Self, ConnectError> {
        let client = client(config, Duration::from_millis(config.command_timeout_ms))?;
        crate::metrics::register();
        drop(client.connect());
        Ok(Self {
            client,
            timeout: Duration::from_millis(config.command_timeout_ms),
            local: LocalLimiter::default(),
            delays: LocalDelays::default(),
            away: AtomicBool::new(true),
            retry_at_ms: AtomicI64::new(0),
        })
    }

    /// Whether the last answer came from Valkey.
    pub fn is_shared(&self) -> bool {
        !self.away.load(Ordering::Relaxed)
    }

    /// Whether a connection stands.
    pub fn is_connected(&self) -> bool {
        self.client.is_connected()
    }

    /// Ends the connection. The limiter goes on by itself.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn close(&self) {
        // Nothing is lost when Valkey does not hear the goodbye.
        let _ = tokio::time::timeout(Duration::from_millis(500), self.client.quit()).await;
    }

    async fn check_shared(&self, rule: RateRule, key: &str, now_ms: i64) -> Result<(RateDecision, RateLeft), String> {
        let slot = window::slot(rule, now_ms);
        let present = format!("rl:{}:{key}:{}", rule.name, slot.index);
        let before = format!("rl:{}:{key}:{}", rule.name, slot.index.saturating_sub(1));
        let counting = async {
            let pipeline = self.client.pipeline();
            let () = pipeline.incr(present.as_str()).await?;
            let life_ms = i64::try_from(slot.length_ms.saturating_mul(2)).unwrap_or(i64::MAX);
            let () = pipeline.pexpire(present.as_str(), life_ms, None).await?;
            let () = pipeline.get(before.as_str()).await?;
            let (current, _, previous): (u64, i64, Option<u64>) = pipeline.all().await?;
            let measured = window::measure(rule, slot, previous.unwrap_or(0), current.saturating_sub(1));
            if measured.0 != RateDecision::Allowed {
                // Refused attempts do not count, so that whoever waits as told gets in.
                let () = self.client.decr(present.as_str()).await?;
            }
            Ok::<_, fred::error::Error>(measured)
        };
        self.in_time(counting).await
    }

    async fn attempt_shared(&self, rule: DelayRule, key: &str) -> Result<RateDecision, String> {
        let (failures, closed) = delay_keys(rule, key);
        let counting = async {
            let pipeline = self.client.pipeline();
            let () = pipeline.pttl(closed.as_str()).await?;
            let () = pipeline.incr(failures.as_str()).await?;
            let () = pipeline.pexpire(failures.as_str(), millis(rule.longest.saturating_add(rule.forget)), None).await?;
            let (left_ms, count, _): (i64, i64, i64) = pipeline.all().await?;
            // Taken back after somebody's success, it may be less than nothing.
            let count = u32::try_from(count).unwrap_or(0);
            let Some(delay) = rule.delay(count, rule.free) else { return Ok::<_, fred::error::Error>(RateDecision::Allowed) };
            // Of many that come at once, one takes the place and the others wait behind it.
            let expire = Some(Expiration::PX(millis(delay)));
            let taken: Option<String> =
                if left_ms > 0 { None } else { self.client.set(closed.as_str(), 1, expire, Some(SetOptions::NX), false).await? };
            if taken.is_some() {
                return Ok(RateDecision::Allowed);
            }
            // Refused attempts do not count, so that whoever waits as told gets on.
            let () = self.client.decr(failures.as_str()).await?;
            let left_ms = if left_ms > 0 { left_ms } else { self.client.pttl(closed.as_str()).await? };
            Ok(RateDecision::Limited { retry_after: Duration::from_millis(u64::try_from(left_ms).unwrap_or(0).max(1)) })
        };
        self.in_time(counting).await
    }

    async fn in_time<T>(&self, asked: impl Future<Output = Result<T, fred::error::Error>>) -> Result<T, String> {
        match tokio::time::timeout(self.timeout, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {:?}", self.timeout)),
        }
    }

    /// Asks Valkey if it is worth it; `None`: it did not answer.
    async fn shared<T>(&self, now_ms: i64, ask: impl Future<Output = Result<T, String>>) -> Option<T> {
        if !self.client.is_connected() {
            self.went_away("not connected", now_ms);
        } else if now_ms >= self.retry_at_ms.load(Ordering::Relaxed) {
            match ask.await {
                Ok(answer) => {
                    self.came_back();
                    return Some(answer);
                }
                Err(reason) => self.went_away(&reason, now_ms),
            }
        }
        metrics::counter!("relay_rate_limit_local_total").increment(1);
        None
    }

    fn came_back(&self) {
        if self.away.swap(false, Ordering::Relaxed) {
            tracing::info!("valkey answers: rate limits are shared");
            metrics::gauge!("relay_valkey_up").set(1.0);
        }
    }

    fn went_away(&self, reason: &str, now_ms: i64) {
        let break_ms = i64::try_from(BREAK.as_millis()).unwrap_or(i64::MAX);
        self.retry_at_ms.store(now_ms.saturating_add(break_ms), Ordering::Relaxed);
        if !self.away.swap(true, Ordering::Relaxed) {
            tracing::warn!(reason, "valkey does not answer: this process counts rate limits by itself");
            metrics::gauge!("relay_valkey_up").set(0.0);
        }
    }
}

fn delay_keys(rule: DelayRule, key: &str) -> (String, String) {
    (format!("rf:{}:{key}", rule.name), format!("rc:{}:{key}", rule.name))
}

#[async_trait]
impl RateLimiter for ValkeyLimiter {
    async fn measure(&self, rule: RateRule, key: &str) -> (RateDecision, RateLeft) {
        let key = cut(key);
        let now_ms = SystemClock.now_ms();
        let local_key = format!("{}:{key}", rule.name);
        let here = self.local.measure(rule, &local_key, now_ms);
        if here.0 != RateDecision::Allowed {
            return here;
        }
        let shared = Box::pin(self.shared(now_ms, self.check_shared(rule, key, now_ms))).await.unwrap_or(here);
        if shared.0 != RateDecision::Allowed {
            self.local.take_back(rule, &local_key, now_ms);
        }
        shared
    }

    async fn attempt(&self, rule: DelayRule, key: &str) -> RateDecision {
        let key = cut(key);
        let now_ms = SystemClock.now_ms();
        let local_key = format!("{}:{key}", rule.name);
        let shared = Box::pin(self.shared(now_ms, self.attempt_shared(rule, key))).await;
        match shared {
            Some(limited @ RateDecision::Limited { .. }) => limited,
            Some(RateDecision::Allowed) => self.delays.attempt(rule, rule.free, &local_key, now_ms),
            // Without the other processes' counts nothing is free: guesses must not become cheaper by Valkey's absence.
            None => self.delays.attempt(rule, 0, &local_key, now_ms),
        }
    }

    async fn succeeded(&self, rule: DelayRule, key: &str) {
        let key = cut(key);
        self.delays.succeeded(&format!("{}:{key}", rule.name));
        let (failures, closed) = delay_keys(rule, key);
        let forgive = async {
            let pipeline = self.client.pipeline();
            let () = pipeline.del(failures.as_str()).await?;
            let () = pipeline.del(closed.as_str()).await?;
            let _: (i64, i64) = pipeline.all().await?;
            Ok(())
        };
        // Not heard, it is forgotten in time.
        Box::pin(self.shared(SystemClock.now_ms(), self.in_time(forgive))).await;
    }

    async fn not_made(&self, rule: DelayRule, key: &str) {
        let key = cut(key);
        self.delays.not_made(&format!("{}:{key}", rule.name));
        let (failures, closed) = delay_keys(rule, key);
        let take_back = async {
            let pipeline = self.client.pipeline();
            let () = pipeline.decr(failures.as_str()).await?;
            let () = pipeline.pexpire(failures.as_str(), millis(rule.longest.saturating_add(rule.forget)), None).await?;
            // Whoever was let on took this place, if there was one.
            let () = pipeline.del(closed.as_str()).await?;
            let _: (i64, i64, i64) = pipeline.all().await?;
            Ok(())
        };
        Box::pin(self.shared(SystemClock.now_ms(), self.in_time(take_back))).await;
    }
}

fn cut(key: &str) -> &str {
    let end = key.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= MAX_KEY_BYTES).last().unwrap_or(0);
    key.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_cut_at_characters() {
        assert_eq!(cut("ann"), "ann");
        assert_eq!(cut(&"é".repeat(100)).len(), MAX_KEY_BYTES);
        assert_eq!(cut(""), "");
    }

    #[tokio::test]
    async fn without_valkey_the_process_counts_by_itself() {
        // Port 1 refuses connections.
        let config = ValkeyConfig { url: "redis://127.0.0.1:1".to_owned(), ..ValkeyConfig::default() };
        let limiter = ValkeyLimiter::connect(&config).unwrap();
        let rule = RateRule { name: "test", limit: 2, per: Duration::from_hours(1) };
        let mut decisions = Vec::new();
        for _ in 0..3 {
            decisions.push(limiter.check(rule, "ann").await);
        }
        assert_eq!(decisions[..2], [RateDecision::Allowed, RateDecision::Allowed]);
        assert!(matches!(decisions[2], RateDecision::Limited { .. }));
        assert!(!limiter.is_shared());
    }
}
