//! NATS, Postgres and Valkey: killed, frozen, stopped, failed over.

use std::sync::Arc;

use anyhow::Context as _;
use relay_subjects::stream;
use relay_types::ShardId;
use std::time::Duration;

use super::Hands;
use crate::cluster::NODES;

/// Where the stream is led at the moment; any node during an election.
async fn leader(hands: &mut Hands<'_>) -> usize {
    // Drawn in any case: what follows must not depend on whether there was a leader.
    let any = hands.pick(NODES);
    hands.cluster.nats.stream_leader(&stream(ShardId(0))).await.ok().flatten().unwrap_or(any)
}

async fn kill_node(hands: &mut Hands<'_>, node: usize, kind: &'static str) -> anyhow::Result<()> {
    let nats = Arc::clone(&hands.cluster.nats);
    hands.target(format!("nats-{node}"));
    hands.injected();
    nats.node(node).kill();
    hands.killed(kind);
    hands.hold(500, 4_000).await;
    nats.node(node).restart().await?;
    whole_again(hands).await
}

/// Waits until every copy of the stream has caught up, so that the next fault does not meet a cluster that is still healing.
/// Bounded: a cluster that stays behind is met as it is.
async fn whole_again(hands: &Hands<'_>) -> anyhow::Result<()> {
    let js = async_nats::jetstream::new(hands.cluster.nats_client().await?);
    let whole = async {
        loop {
            if let Ok(stream) = js.get_stream(stream(ShardId(0))).await
                && let Some(cluster) = &stream.cached_info().cluster
                && cluster.leader.is_some()
                && cluster.replicas.len() + 1 == NODES
                && cluster.replicas.iter().all(|replica| replica.current && !replica.offline)
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    if tokio::time::timeout(Duration::from_secs(30), whole).await.is_err() {
        tracing::warn!("the stream's copies have not all caught up after 30 s");
    }
    Ok(())
}

pub async fn kill_nats_leader(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let node = leader(hands).await;
    kill_node(hands, node, "nats leader").await
}

pub async fn kill_nats_follower(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let node = (leader(hands).await + 1 + hands.pick(NODES - 1)) % NODES;
    kill_node(hands, node, "nats follower").await
}

pub async fn kill_nats_all(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let nats = Arc::clone(&hands.cluster.nats);
    hands.target("all nats-servers");
    hands.injected();
    for node in nats.nodes() {
        node.kill();
        hands.killed("nats, all at once");
    }
    hands.hold(200, 2_000).await;
    for node in nats.nodes() {
        node.spawn()?;
    }
    nats.wait_for_meta_leader().await?;
    whole_again(hands).await
}

pub async fn pause_nats_leader(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let node = leader(hands).await;
    let nats = Arc::clone(&hands.cluster.nats);
    hands.target(format!("nats-{node}"));
    hands.injected();
    nats.node(node).pause();
    hands.hold(4_000, 12_000).await;
    nats.node(node).resume();
    whole_again(hands).await
}

pub async fn stop_nats_leader(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let node = leader(hands).await;
    let nats = Arc::clone(&hands.cluster.nats);
    hands.target(format!("nats-{node}"));
    hands.injected();
    nats.node(node).restart().await?;
    whole_again(hands).await
}

pub async fn kill_postgres(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let primary = hands.cluster.postgres.primary();
    hands.concerns_gateways(&[]);
    hands.target("primary");
    hands.injected();
    primary.kill();
    hands.killed("postgres");
    hands.hold(200, 4_000).await;
    primary.restart().await
}

pub async fn stop_postgres_immediately(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let primary = hands.cluster.postgres.primary();
    hands.concerns_gateways(&[]);
    hands.target("primary");
    hands.injected();
    primary.immediate_stop().await?;
    hands.killed("postgres, immediate stop");
    hands.hold(200, 2_000).await;
    primary.restart().await
}

pub async fn pause_postgres(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let primary = hands.cluster.postgres.primary();
    hands.concerns_gateways(&[]);
    hands.target("primary");
    hands.injected();
    primary.pause();
    hands.hold(3_000, 10_000).await;
    primary.resume();
    Ok(())
}

pub async fn fail_postgres_over(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    hands.concerns_gateways(&[]);
    hands.target("primary");
    hands.injected();
    let postgres = Arc::clone(&hands.cluster.postgres);
    postgres.fail_over().await.context("failing over")?;
    hands.killed("postgres");
    hands.cluster.point_at_primary()?;
    // With a synchronous replica named and none there, commits wait for this.
    postgres.rebuild_replica().await.context("rebuilding the replica")
}

pub async fn kill_valkey(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    hands.concerns_gateways(&[]);
    hands.target("valkey");
    hands.injected();
    hands.cluster.valkey.kill();
    hands.killed("valkey");
    hands.hold(200, 3_000).await;
    hands.cluster.valkey.restart().await
}

pub async fn flush_valkey(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    hands.concerns_gateways(&[]);
    hands.target("valkey");
    hands.injected();
    hands.cluster.valkey.flush_all().await
}

pub async fn pause_valkey(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    hands.concerns_gateways(&[]);
    hands.target("valkey");
    hands.injected();
    hands.cluster.valkey.pause();
    hands.hold(2_000, 5_000).await;
    hands.cluster.valkey.resume();
    Ok(())
}
