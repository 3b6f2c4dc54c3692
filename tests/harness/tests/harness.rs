//! The harness itself: a whole RelayHub comes up, is hurt, comes back, and stops without complaint.

use std::time::Duration;

use relay_harness::{Harness, wait_for};

const SOON: Duration = Duration::from_secs(15);

#[tokio::test]
async fn a_whole_relayhub_starts_is_hurt_and_stops_cleanly() {
    let h = Harness::builder().shards(2).gateways(2).config("gateway", "max_sockets = 100").start().await.unwrap();
    let (ann, bob) = (h.user("ann").await.unwrap(), h.user("bob").await.unwrap());
    assert_ne!(ann.id(), bob.id());
    let first = bob.device.session_id();
    let second = bob.log_in("laptop").await.unwrap();
    assert_eq!(second.api.sessions().await.unwrap().sessions.len(), 2);
    assert_ne!(second.session_id(), first);

    let (address, pid) = (h.gateway(1).public(), h.gateway(1).pid());
    h.gateway(1).kill();
    h.gateway(1).restart().await.unwrap();
    assert_eq!(h.gateway(1).public(), address);
    assert_ne!(h.gateway(1).pid(), pid);

    h.valkey().kill();
    h.valkey().restart().await.unwrap();
    wait_for("the api is ready", SOON, || async { h.api().probe().check().await }).await;
    assert!(h.gateway(0).metrics().await.unwrap().contains("# TYPE"));
    assert!(h.relayctl(&["topology", "check"]).await.is_ok());
    let mut database = h.database().await.unwrap();
    let users: i64 = sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(&mut database).await.unwrap();
    assert_eq!(users, 2);
    drop(database);
    h.finish().await.unwrap();
}

#[tokio::test]
async fn two_at_once_are_strangers() {
    let (one, two) = tokio::join!(Harness::start(), Harness::start());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_ne!(one.database_url(), two.database_url());
    let (ann, other) = (one.user("ann").await.unwrap(), two.user("ann").await.unwrap());
    assert_ne!(ann.id(), other.id());
    one.finish().await.unwrap();
    two.finish().await.unwrap();
}

#[tokio::test]
async fn visitors_share_one_relayhub_and_are_strangers_to_each_other() {
    let (one, two) = tokio::join!(Harness::shared(), Harness::shared());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.api_url(), two.api_url());
    let (ann, other) = (one.user("ann").await.unwrap(), two.user("ann").await.unwrap());
    assert_ne!(ann.profile.handle, other.profile.handle);
    assert_ne!(one.own_directory().unwrap(), two.own_directory().unwrap());
    two.finish().await.unwrap();
    // The end of one visit is not the end of what all share.
    ann.api.me().await.unwrap();
    one.finish().await.unwrap();
    let alone = Harness::shared_alone().await.unwrap();
    assert_eq!(alone.gateway_url(1), format!("ws://{}", alone.gateway(1).public()));
    // Whoever ends a process of it is told so.
    let address = alone.api_url();
    alone.gateway(1).kill();
    alone.gateway(1).restart().await.unwrap();
    assert_eq!(alone.api_url(), address);
    assert!(alone.finish().await.unwrap_err().to_string().contains("ended what all share"));
}

#[tokio::test]
async fn a_private_postgres_can_be_stopped() {
    let h = Harness::builder().private_postgres().expect_errors().start().await.unwrap();
    h.postgres().stop().await;
    assert!(h.database().await.is_err());
    h.postgres().restart().await.unwrap();
    // The first answer may still be about a connection that the old server had.
    wait_for("ann is registered", SOON, || h.user("ann")).await;
    h.finish().await.unwrap();
}
