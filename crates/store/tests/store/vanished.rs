//! A database that vanished: connections look open, and nothing answers.

use std::time::Duration;

use relay_domain::ports::{MemberDirectory as _, Projection as _};
use relay_fault_proxy::{Direction, FaultProxy, Faults};
use relay_store::{PostgresConfig, Store};

use crate::support::{self, EPOCH, SHARD};

/// What a call may take: half a second for a connection, half for its statement, and a second of grace.
const ACQUIRE_MS: u64 = 500;
const STATEMENT_MS: u64 = 500;
/// Longer than any call, projecting included, and far shorter than the kernel's patience.
const BOUND: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn calls_end_and_the_pool_recovers() {
    let (_scratch, server) = support::start_server().await;
    relay_store::migrate(&server.url()).await.unwrap();
    let proxy = FaultProxy::start("postgres", server.address()).await.unwrap();
    let url = server.url().replace(&server.address().to_string(), &proxy.address().to_string());
    // More than a password's proof takes an unoptimised client.
    let config = PostgresConfig {
        max_connections: 4,
        acquire_timeout_ms: ACQUIRE_MS,
        statement_timeout_ms: STATEMENT_MS,
        ..PostgresConfig::new(url)
    };
    let store = Store::connect(&config).unwrap();
    wait_for_answer(&store).await;
    assert!(proxy.connections() > 0, "the store does not go through the proxy");

    let gone = Direction { swallow: true, ..Direction::default() };
    proxy.set(Faults::both(gone));
    let calls = async {
        let user = support::user_id();
        // More of them than connections, at once and one after the other.
        for _ in 0..2 {
            let all = futures::future::join_all((0..6).map(|_| store.conversations_of(user, &[SHARD], 500))).await;
            assert!(all.iter().all(Result::is_err), "nothing answers, and yet: {all:?}");
        }
        let projected = store.project(SHARD, EPOCH, relay_types::Seq::ZERO, relay_types::Seq(1), &[]).await;
        assert!(projected.is_err(), "nothing answers, and yet: {projected:?}");
    };
    assert!(tokio::time::timeout(BOUND, calls).await.is_ok(), "calls wait for a database that vanished");
    proxy.heal();
    wait_for_answer(&store).await;
}

async fn wait_for_answer(store: &Store) {
    let answer = async {
        while store.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(BOUND, answer).await.is_ok(), "the pool does not recover");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_database_costs_one_call() {
    let (_scratch, server) = support::start_server().await;
    relay_store::migrate(&server.url()).await.unwrap();
    let store = Store::connect(&PostgresConfig { acquire_timeout_ms: 30_000, ..PostgresConfig::new(server.url()) }).unwrap();
    let user = support::user_id();
    // Every connection of the pool is made.
    let all = futures::future::join_all((0..32).map(|_| store.conversations_of(user, &[SHARD], 500))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    server.kill();
    server.restart().await.unwrap();
    // One after the other, as a program with little to do: the first meets a dead connection and tells of the others.
    let mut failed = 0;
    for _ in 0..32 {
        if store.conversations_of(user, &[SHARD], 500).await.is_err() {
            failed += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert!(failed <= 2, "{failed} calls failed after a restart");
}
