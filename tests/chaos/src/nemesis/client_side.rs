//! Clients that misbehave together.

use std::time::Duration;

use relay_fault_proxy::FaultProxy;

use super::Hands;

/// More than a gateway queues for one socket and the kernel buffers for it.
const FLOOD_MESSAGES: usize = 900;

/// Some devices stop reading while a flood is sent to them; their sockets are closed, nothing is left out.
pub async fn slow_readers(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    hands.target("devices of the flooded group");
    hands.injected();
    let flood = hands.workload.flood(FLOOD_MESSAGES);
    tokio::time::timeout(Duration::from_secs(60), flood).await??;
    Ok(())
}

/// Everybody comes back at once.
pub async fn reconnect_storm(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    hands.target("all clients");
    hands.injected();
    hands.cluster.links.clients.values().for_each(FaultProxy::reset_all);
    hands.hold(1_000, 2_000).await;
    hands.cluster.links.clients.values().for_each(FaultProxy::reset_all);
    Ok(())
}
