//! Disks without room.

use std::sync::Arc;

use super::Hands;
use super::fault::Done;
use crate::cluster::NODES;

/// The node whose log lies on the small disk runs out of room, gets it back, and is restarted, as its operator would.
pub async fn fill_nats(hands: &mut Hands<'_>) -> anyhow::Result<Done> {
    let node = NODES - 1;
    hands.target(format!("nats-{node}"));
    let nats = Arc::clone(&hands.cluster.nats);
    let Some(disk) = &hands.cluster.nats_disk else {
        return Ok(Done::Skipped("mounting a small disk is not permitted".to_owned()));
    };
    disk.fill()?;
    hands.injected();
    hands.hold(3_000, 6_000).await;
    if let Some(disk) = &hands.cluster.nats_disk {
        disk.free()?;
    }
    // A store that met an error stays frozen until its server is started anew.
    nats.node(node).kill();
    hands.killed("nats, after a full disk");
    nats.node(node).restart().await?;
    Ok(Done::Inflicted)
}

/// Postgres runs out of room: it refuses, or ends; with room it recovers.
pub async fn fill_postgres(hands: &mut Hands<'_>) -> anyhow::Result<Done> {
    hands.target("postgres, both servers");
    hands.concerns_gateways(&[]);
    let Some(disk) = &hands.cluster.postgres_disk else {
        return Ok(Done::Skipped("mounting a small disk is not permitted".to_owned()));
    };
    disk.fill()?;
    hands.injected();
    hands.hold(3_000, 6_000).await;
    if let Some(disk) = &hands.cluster.postgres_disk {
        disk.free()?;
    }
    // Out of room for its own log, a server ends itself.
    let postgres = Arc::clone(&hands.cluster.postgres);
    for server in [Some(postgres.primary()), postgres.replica()].into_iter().flatten() {
        if !server.is_running() {
            hands.killed("postgres, by a full disk");
            server.restart().await?;
        }
    }
    Ok(Done::Inflicted)
}
