//! State that is lost on the servers: consumers on a dead node, and the log itself.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use relay_subjects::stream;
use relay_types::ShardId;

use super::Hands;
use crate::cluster::NODES;
use crate::settle;

/// A node with a third of the users' consumers stays away until these are available elsewhere.
pub async fn strand_consumers(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let node = hands.pick(NODES);
    let nats = Arc::clone(&hands.cluster.nats);
    hands.target(format!("nats-{node}"));
    hands.injected();
    nats.node(node).kill();
    hands.killed("nats, staying away");
    let back = settle::consumers_available(hands.cluster, &hands.workload.user_ids(), Duration::from_secs(60)).await;
    nats.node(node).restart().await?;
    back.context("users' consumers on the dead node did not become available elsewhere")
}

/// Deletes the stream once Postgres has all of it, and reseeds the log from there. What was acknowledged after the last
/// commit of the projection would be lost with the log: that is why senders wait first, and what the documents say.
pub async fn lose_log(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    hands.target(stream(ShardId(0)));
    let _quiet = hands.workload.pause_senders().await;
    // What is decided and not yet told would follow behind the last look at the log.
    settle::all_told(hands.cluster, Duration::from_secs(60)).await?;
    settle::projected(hands.cluster, Duration::from_secs(60)).await?;
    hands.workload.keep_log_of_this_epoch(hands.cluster).await?;
    let gateways: Vec<_> =
        hands.cluster.gateways.iter().map(|gateway| (gateway.process.name().to_owned(), gateway.process.pid())).collect();
    hands.injected();
    let js = async_nats::jetstream::new(hands.cluster.nats_client().await?);
    js.delete_stream(stream(ShardId(0))).await.context("deleting the stream")?;
    hands.hold(500, 2_000).await;
    hands.cluster.relayctl(&["log", "reseed", "--shard", "0", "--yes"]).await.context("reseeding")?;
    hands.workload.begin_epoch();
    // A gateway ends once it notices that the log is another one; the next fault should not meet that.
    settle::gateways_replaced(hands.cluster, &gateways).await
}
