//! The limiter against a real Valkey, and through its absence.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which the exemption for test functions leaves out")]

use std::time::{Duration, Instant};

use fred::clients::Client;
use fred::interfaces::ClientLike as _;
use fred::types::Builder;
use fred::types::config::Config;
use relay_domain::ports::{RateDecision, RateLimiter as _, RateRule};
use relay_embedded::{Scratch, Servers, ValkeyOptions, ValkeyServer};
use relay_ephemeral::{ValkeyConfig, ValkeyLimiter};

const HOURLY: RateRule = RateRule { name: "test", limit: 3, per: Duration::from_hours(1) };

struct Fixture {
    valkey: ValkeyServer,
    _scratch: Scratch,
}

impl Fixture {
    async fn start() -> Self {
        let servers = Servers::ready().await.unwrap();
        let scratch = Scratch::new("ephemeral").unwrap();
        let options = ValkeyOptions { data: scratch.path().join("valkey"), ..ValkeyOptions::default() };
        Self { valkey: ValkeyServer::start(&servers, options).await.unwrap(), _scratch: scratch }
    }

    /// A limiter that has found its Valkey.
    async fn limiter(&self) -> ValkeyLimiter {
        let config = ValkeyConfig { url: self.valkey.url(), reconnect_max_ms: 200, ..ValkeyConfig::default() };
        let limiter = ValkeyLimiter::connect(&config).unwrap();
        until_shared(&limiter, true).await;
        limiter
    }

    async fn admin(&self) -> Client {
        let client = Builder::from_config(Config::from_url(&self.valkey.url()).unwrap()).build().unwrap();
        client.init().await.unwrap();
        client
    }
}

/// Asks under a rule of its own until the answer comes from Valkey, or no longer does.
async fn until_shared(limiter: &ValkeyLimiter, shared: bool) {
    let probe = RateRule { name: "probe", limit: u32::MAX, per: Duration::from_secs(1) };
    let asked = async {
        loop {
            limiter.check(probe, "probe").await;
            if limiter.is_shared() == shared {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(15), asked).await;
    assert!(waited.is_ok(), "is_shared stayed {}", limiter.is_shared());
}

async fn allowed(limiter: &ValkeyLimiter, key: &str) -> bool {
    let started = Instant::now();
    let decision = limiter.check(HOURLY, key).await;
    // 50 ms are promised; the rest is for a busy machine.
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    decision == RateDecision::Allowed
}

#[tokio::test]
async fn two_processes_share_one_limit() {
    let fixture = Fixture::start().await;
    let (one, two) = (fixture.limiter().await, fixture.limiter().await);
    assert!(allowed(&one, "ann").await && allowed(&two, "ann").await && allowed(&one, "ann").await);
    assert!(!allowed(&two, "ann").await && !allowed(&one, "ann").await);
    assert!(allowed(&two, "bob").await, "another key");
}

#[tokio::test]
async fn a_flush_forgets_and_nothing_else() {
    let fixture = Fixture::start().await;
    let limiter = fixture.limiter().await;
    for _ in 0..3 {
        assert!(allowed(&limiter, "ann").await);
    }
    assert!(!allowed(&limiter, "ann").await);
    let () = fixture.admin().await.flushall(false).await.unwrap();
    assert!(allowed(&limiter, "ann").await && limiter.is_shared());
}

#[tokio::test]
async fn a_killed_valkey_is_done_without_and_found_again() {
    let fixture = Fixture::start().await;
    let limiter = fixture.limiter().await;
    fixture.valkey.kill();
    until_shared(&limiter, false).await;
    for _ in 0..3 {
        assert!(allowed(&limiter, "ann").await);
    }
    assert!(!allowed(&limiter, "ann").await, "limited even so");
    fixture.valkey.restart().await.unwrap();
    until_shared(&limiter, true).await;
    assert!(allowed(&limiter, "ann").await, "the new Valkey knows of nothing");
}

#[tokio::test]
async fn a_hanging_valkey_holds_nobody_up() {
    let fixture = Fixture::start().await;
    let limiter = fixture.limiter().await;
    fixture.valkey.pause();
    for _ in 0..3 {
        assert!(allowed(&limiter, "ann").await);
    }
    assert!(!limiter.is_shared());
    fixture.valkey.resume();
    until_shared(&limiter, true).await;
}
