//! Links that are cut, slow, half open or wrong. Every one heals when the fault ends.

use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

use anyhow::Context as _;
use relay_fault_proxy::{Direction, FaultProxy, Faults};

use super::Hands;
use crate::cluster::{Links, NODES};

const CUT: Direction = Direction { blackhole: true, ..CLEAR };
const GONE: Direction = Direction { swallow: true, ..CLEAR };
const CLEAR: Direction = Direction {
    latency: Duration::ZERO,
    jitter: Duration::ZERO,
    bytes_per_s: None,
    slice: None,
    blackhole: false,
    swallow: false,
    reset: false,
    corrupt: 0.0,
};

/// Sets the faults of some proxies, holds, and leaves healing to the schedule.
async fn on(hands: &mut Hands<'_>, choose: impl Fn(&Links) -> Vec<&FaultProxy>, faults: Faults, ms: (u64, u64)) {
    hands.injected();
    for proxy in choose(&hands.cluster.links) {
        proxy.set(faults);
    }
    hands.hold(ms.0, ms.1).await;
    for proxy in choose(&hands.cluster.links) {
        proxy.heal();
    }
}

fn gateway(hands: &mut Hands<'_>) -> anyhow::Result<String> {
    let index = hands.pick(hands.cluster.gateways.len());
    hands.concerns_gateways(&[index]);
    let name = hands.cluster.gateways.get(index).map(|member| member.process.name().to_owned()).context("no such gateway")?;
    hands.target(name.clone());
    Ok(name)
}

fn any_process(hands: &mut Hands<'_>) -> anyhow::Result<String> {
    let index = hands.pick(hands.cluster.members().count());
    let name = hands.cluster.members().nth(index).map(|member| member.process.name().to_owned()).context("no such process")?;
    hands.target(name.clone());
    Ok(name)
}

fn nats_of<'a>(links: &'a Links, process: &str) -> Vec<&'a FaultProxy> {
    links.processes.get(process).map(|links| links.nats.iter().collect()).unwrap_or_default()
}

fn postgres_of<'a>(links: &'a Links, process: &str) -> Vec<&'a FaultProxy> {
    links.processes.get(process).map(|links| vec![&links.postgres]).unwrap_or_default()
}

fn postgres_and_clients_of<'a>(links: &'a Links, process: &str) -> Vec<&'a FaultProxy> {
    let mut all = postgres_of(links, process);
    all.extend(links.clients.get(process));
    all
}

pub async fn partition_gateway_nats(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let name = gateway(hands)?;
    on(hands, |links| nats_of(links, &name), Faults::both(CUT), (3_000, 10_000)).await;
    Ok(())
}

/// What a gateway follows the log by is cut, and what it publishes by is not: it goes by an old view, and must answer nothing.
pub async fn partition_gateway_tail(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let name = gateway(hands)?;
    let faults = Faults { only: Some("gateway-tail"), ..Faults::both(CUT) };
    on(hands, |links| nats_of(links, &name), faults, (4_000, 25_000)).await;
    Ok(())
}

pub async fn one_way_gateway_nats(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let name = gateway(hands)?;
    let faults = Faults { to_server: CUT, ..Faults::default() };
    on(hands, |links| nats_of(links, &name), faults, (3_000, 10_000)).await;
    Ok(())
}

pub async fn half_open_nats(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let name = gateway(hands)?;
    on(hands, |links| nats_of(links, &name), Faults::both(GONE), (3_000, 12_000)).await;
    Ok(())
}

pub async fn partition_worker_nats(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    hands.concerns_gateways(&[]);
    let index = hands.pick(hands.cluster.workers.len());
    let name = hands.cluster.workers.get(index).map(|member| member.process.name().to_owned()).context("no such worker")?;
    hands.target(name.clone());
    on(hands, |links| nats_of(links, &name), Faults::both(CUT), (4_000, 10_000)).await;
    Ok(())
}

pub async fn partition_postgres(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    hands.concerns_gateways(&[]);
    let name = any_process(hands)?;
    on(hands, |links| postgres_of(links, &name), Faults::both(CUT), (3_000, 10_000)).await;
    Ok(())
}

pub async fn half_open_postgres(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    hands.concerns_gateways(&[]);
    let name = any_process(hands)?;
    on(hands, |links| postgres_of(links, &name), Faults::both(GONE), (3_000, 10_000)).await;
    Ok(())
}

fn valkey_of_apis(links: &Links) -> Vec<&FaultProxy> {
    links.processes.iter().filter(|(name, _)| name.starts_with("api")).map(|(_, links)| &links.valkey).collect()
}

pub async fn partition_valkey(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    hands.concerns_gateways(&[]);
    hands.target("api");
    on(hands, valkey_of_apis, Faults::both(CUT), (2_000, 6_000)).await;
    Ok(())
}

/// TCP's own checksums miss little and TLS misses nothing; without TLS, bytes that were flipped inside a message are
/// undetectable, so this is done only where nothing irreplaceable passes.
pub async fn corruption(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    hands.concerns_gateways(&[]);
    hands.target("api, links to valkey");
    on(hands, valkey_of_apis, Faults::both(Direction { corrupt: 0.2, ..CLEAR }), (2_000, 5_000)).await;
    Ok(())
}

pub async fn partition_nats_node(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let node = hands.pick(NODES);
    hands.target(format!("nats-{node}"));
    on(hands, |links| links.routes_of(node).map(|route| &route.proxy).collect(), Faults::both(CUT), (4_000, 15_000)).await;
    Ok(())
}

pub async fn one_way_nats_node(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let node = hands.pick(NODES);
    hands.target(format!("nats-{node}"));
    hands.injected();
    for route in hands.cluster.links.routes_of(node) {
        // What the node says goes to the server side of connections that it opened, to the client side of those it accepted.
        let faults =
            if route.to == node { Faults { to_client: CUT, ..Faults::default() } } else { Faults { to_server: CUT, ..Faults::default() } };
        route.proxy.set(faults);
    }
    hands.hold(4_000, 15_000).await;
    hands.cluster.links.heal();
    Ok(())
}

pub async fn latency(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let name = gateway(hands)?;
    let slow = Direction { latency: Duration::from_millis(100), jitter: Duration::from_millis(50), ..CLEAR };
    on(hands, |links| [postgres_and_clients_of(links, &name), nats_of(links, &name)].concat(), Faults::both(slow), (4_000, 10_000)).await;
    Ok(())
}

pub async fn half_open_clients(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let name = gateway(hands)?;
    on(hands, |links| links.clients.get(&name).into_iter().collect(), Faults::both(GONE), (3_000, 10_000)).await;
    Ok(())
}

pub async fn resets(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let name = any_process(hands)?;
    hands.injected();
    for _ in 0..3 {
        if let Some(links) = hands.cluster.links.processes.get(&name) {
            links.nats.iter().chain([&links.postgres, &links.valkey]).for_each(FaultProxy::reset_all);
        }
        if let Some(clients) = hands.cluster.links.clients.get(&name) {
            clients.reset_all();
        }
        hands.hold(200, 800).await;
    }
    Ok(())
}

pub async fn byte_at_a_time(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let name = any_process(hands)?;
    let sliced = Direction { slice: NonZeroUsize::new(1), ..CLEAR };
    on(hands, |links| postgres_and_clients_of(links, &name), Faults::both(sliced), (2_000, 6_000)).await;
    Ok(())
}

pub async fn slow_links(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let name = gateway(hands)?;
    let slow = Direction { bytes_per_s: NonZeroU64::new(8_000), ..CLEAR };
    on(hands, |links| links.clients.get(&name).into_iter().collect(), Faults::both(slow), (4_000, 10_000)).await;
    Ok(())
}
