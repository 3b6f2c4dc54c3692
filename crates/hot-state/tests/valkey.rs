//! The limiter against a real Valkey, and through its absence; and who is there.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which the exemption for test functions leaves out")]

use std::time::{Duration, Instant};

use fred::clients::Client;
use fred::interfaces::{ClientLike as _, HashesInterface as _};
use fred::types::Builder;
use fred::types::config::Config;
use relay_dev_servers::{Scratch, Servers, ValkeyOptions, ValkeyServer};
use relay_domain::ports::{DelayRule, PresenceBoard as _, RateDecision, RateLimiter as _, RateRule};
use relay_hot_state::{ValkeyConfig, ValkeyLimiter, ValkeyPresence};
use relay_protocol::presence::{PresenceNotice, PresenceState};
use relay_types::UserId;

const HOURLY: RateRule = RateRule { name: "test", limit: 3, per: Duration::from_hours(1) };

struct Fixture {
    valkey: ValkeyServer,
    _scratch: Scratch,
}

impl Fixture {
    async fn start() -> Self {
        let servers = Servers::ready().await.unwrap();
        let scratch = Scratch::new("hot-state").unwrap();
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
async fn a_flush_does_not_begin_anew_what_a_process_has_counted() {
    let fixture = Fixture::start().await;
    let limiter = fixture.limiter().await;
    for _ in 0..3 {
        assert!(allowed(&limiter, "ann").await);
    }
    assert!(!allowed(&limiter, "ann").await);
    let () = fixture.admin().await.flushall(false).await.unwrap();
    assert!(!allowed(&limiter, "ann").await, "this process has counted as well");
    assert!(allowed(&fixture.limiter().await, "ann").await, "another has not");
    assert!(limiter.is_shared());
}

#[tokio::test]
async fn a_killed_valkey_is_done_without_and_found_again() {
    let fixture = Fixture::start().await;
    let limiter = fixture.limiter().await;
    assert!(allowed(&limiter, "ann").await && allowed(&limiter, "ann").await);
    fixture.valkey.kill();
    until_shared(&limiter, false).await;
    assert!(allowed(&limiter, "ann").await);
    assert!(!allowed(&limiter, "ann").await, "three in all, whoever counted them");
    fixture.valkey.restart().await.unwrap();
    until_shared(&limiter, true).await;
    assert!(!allowed(&limiter, "ann").await, "the new Valkey knows of nothing, this process does");
    assert!(allowed(&limiter, "bob").await);
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

const GUESSES: DelayRule = DelayRule {
    name: "guesses",
    free: 3,
    first: Duration::from_mins(1),
    longest: Duration::from_mins(10),
    forget: Duration::from_hours(1),
};

#[tokio::test]
async fn guesses_of_two_processes_are_slowed_down_together_and_not_freed_by_a_slow_valkey() {
    let fixture = Fixture::start().await;
    let (one, two) = (fixture.limiter().await, fixture.limiter().await);
    let mut made = 0;
    for _ in 0..10 {
        for limiter in [&one, &two] {
            made += u32::from(limiter.attempt(GUESSES, "ann").await == RateDecision::Allowed);
        }
    }
    assert_eq!(made, 4, "three are free, and after the fourth the wait begins");
    let RateDecision::Limited { retry_after } = two.attempt(GUESSES, "ann").await else { panic!("a fifth guess") };
    assert!((Duration::from_secs(30)..=Duration::from_mins(1)).contains(&retry_after), "{retry_after:?}");
    // Many at once: the one that takes the place goes on.
    let at_once = futures::future::join_all((0..20).map(|_| one.attempt(GUESSES, "bob"))).await;
    assert_eq!(at_once.iter().filter(|decision| **decision == RateDecision::Allowed).count(), 4, "{at_once:?}");
    // What was not tried after all does not count, whoever counted it, nor when somebody succeeded meanwhile.
    for _ in 0..20 {
        assert_eq!(one.attempt(GUESSES, "dan").await, RateDecision::Allowed);
        one.not_made(GUESSES, "dan").await;
    }
    one.succeeded(GUESSES, "dan").await;
    one.not_made(GUESSES, "dan").await;
    one.not_made(GUESSES, "dan").await;
    assert_eq!(two.attempt(GUESSES, "dan").await, RateDecision::Allowed);
    assert!(two.is_shared() && one.is_shared());
    fixture.valkey.pause();
    for limiter in [&one, &two] {
        assert!(matches!(limiter.attempt(GUESSES, "ann").await, RateDecision::Limited { .. }), "a hanging Valkey frees nobody");
        limiter.attempt(GUESSES, "cat").await;
        assert!(matches!(limiter.attempt(GUESSES, "cat").await, RateDecision::Limited { .. }), "nothing is free without Valkey");
    }
    fixture.valkey.resume();
    until_shared(&one, true).await;
    one.succeeded(GUESSES, "ann").await;
    assert_eq!(one.attempt(GUESSES, "ann").await, RateDecision::Allowed);
}

#[tokio::test]
async fn what_gateways_said_that_are_gone_is_told_to_nobody_and_forgotten() {
    let fixture = Fixture::start().await;
    let admin = fixture.admin().await;
    let config = ValkeyConfig { url: fixture.valkey.url(), reconnect_max_ms: 200, ..ValkeyConfig::default() };
    let presence = ValkeyPresence::connect(&config).unwrap();
    let user_id: UserId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
    let notice = PresenceNotice { user_id, state: PresenceState::Idle, conversation_id: None };
    let put = async {
        while presence.put("here", &[notice]).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), put).await.expect("a connection");
    // Each start of a gateway left its name.
    let key = format!("presence:{user_id}");
    for n in 0..100 {
        let () = admin.hset(&key, (format!("gone-{n}"), "online 1 ")).await.unwrap();
    }
    let found = presence.get(&[user_id]).await.unwrap();
    assert_eq!(found.iter().map(|(gateway, notice, _)| (gateway.as_str(), *notice)).collect::<Vec<_>>(), [("here", notice)]);
    assert_eq!(admin.hlen::<u64, _>(&key).await.unwrap(), 1);
}
