//! What the binaries' parts lists have in common: reaching the servers, and saying which one is missing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use relay_bus::activity::ActivityTeller;
use relay_bus::topology::{Topology, TopologyError};
use relay_bus::{Bus, ConnectError, NatsConfig, TopologyConfig};
use relay_runtime::{Component, MissingServer, Restart, Supervisor};
use relay_store::{PostgresConfig, Store};
use relay_types::{ShardId, SystemClock};

/// How often connections are looked at for `/readyz`.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// Connects to NATS.
///
/// # Errors
/// [`MissingServer`], naming NATS and how to start it.
///
/// # Cancel safety
/// Cancel safe.
pub async fn connect_nats(config: &NatsConfig, name: &str) -> Result<Bus, MissingServer> {
    Bus::connect(config, name).await.map_err(missing_nats)
}

/// As [`connect_nats`], for what may be lost: see [`Bus::connect_ephemeral`].
///
/// # Errors
/// As [`connect_nats`].
///
/// # Cancel safety
/// Cancel safe.
pub async fn connect_ephemeral(config: &NatsConfig, name: &str) -> Result<Bus, MissingServer> {
    Bus::connect_ephemeral(config, name).await.map_err(missing_nats)
}

fn missing_nats(error: ConnectError) -> MissingServer {
    MissingServer {
        server: "NATS",
        address: error.servers.clone(),
        hint: "start it with `./relay up`, or nats-server with nats/server.conf, and check [nats] in the configuration",
        source: error.source,
    }
}

/// For JetStream to answer: while it elects a leader it does not, and that is no difference.
const ANSWERS_WITHIN: Duration = Duration::from_secs(15);
/// Between two questions.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Refuses to go on unless streams and consumers are as declared. Waits up to 15 s for JetStream to say what it has.
///
/// # Errors
/// Names each difference, or what was not answered.
///
/// # Cancel safety
/// Cancel safe.
pub async fn verify_topology(bus: &Bus, config: &TopologyConfig) -> anyhow::Result<()> {
    let (declared, began) = (Topology::declared(config)?, Instant::now());
    loop {
        match declared.verify(bus).await {
            Err(error @ TopologyError::Servers { .. }) if began.elapsed() < ANSWERS_WITHIN => {
                tracing::warn!(%error, "JetStream does not say what it has; asked again");
                tokio::time::sleep(ASK_AGAIN).await;
            }
            Err(error @ TopologyError::Servers { .. }) => return Err(error).context("JetStream does not say what it has"),
            verified => return verified.context("JetStream is not as nats/topology.toml declares"),
        }
    }
}

/// A pool for Postgres. It connects when it is first used: the gateway and the workers can start while Postgres is away.
///
/// # Errors
/// An address that is not one.
pub fn open_store(config: &PostgresConfig) -> anyhow::Result<Store> {
    Store::connect(config).context("could not prepare the connection to Postgres")
}

/// Shows the connection to NATS in `/readyz`.
pub fn watch_nats(supervisor: &Supervisor, bus: Bus) {
    let component = supervisor.component("nats");
    supervisor.spawn("nats-watch", Restart::StopProcess, move |task| {
        let (bus, component) = (bus.clone(), component.clone());
        async move {
            task.health.up();
            let mut tick = tokio::time::interval(WATCH_EVERY);
            loop {
                tokio::select! {
                    () = task.stop.cancelled() => return Ok(()),
                    _ = tick.tick() => show(&component, bus.is_connected()),
                }
            }
        }
    });
}

/// Tells the stream of activity what people do. What is told when the supervisor has stopped waits for
/// [`ActivityTeller::finish`].
pub fn tell_activity(supervisor: &Supervisor, bus: &Bus, process: &str) -> Arc<ActivityTeller> {
    let activity = Arc::new(ActivityTeller::new(bus.clone(), process, Arc::new(SystemClock)));
    let teller = Arc::clone(&activity);
    supervisor.spawn("activity", Restart::Backoff { cap: Duration::from_secs(5) }, move |task| {
        let teller = Arc::clone(&teller);
        async move {
            task.health.up();
            tokio::select! {
                () = task.stop.cancelled() => Ok(()),
                () = teller.run() => Ok(()),
            }
        }
    });
    activity
}

/// How often the log's size is looked at: at 5 MB/s, the reserve of the smallest sensible log is a hundred times that.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Reports each shard's size and limit, in bytes, again and again. A shard that does not answer keeps what was reported last.
pub fn watch_log(
    supervisor: &Supervisor,
    bus: Bus,
    shards: Vec<ShardId>,
    report: impl Fn(ShardId, u64, u64) + Clone + Send + Sync + 'static,
) {
    supervisor.spawn("log-size", Restart::Backoff { cap: LOOK_EVERY }, move |task| {
        let (bus, shards, report) = (bus.clone(), shards.clone(), report.clone());
        async move {
            task.health.up();
            let mut tick = tokio::time::interval(LOOK_EVERY);
            loop {
                tokio::select! {
                    () = task.stop.cancelled() => return Ok(()),
                    _ = tick.tick() => {}
                }
                for shard in &shards {
                    if let Ok(Ok(state)) = tokio::time::timeout(LOOK_EVERY, bus.log_state(*shard)).await {
                        report(*shard, state.bytes, state.max_bytes);
                    }
                }
            }
        }
    });
}

fn show(component: &Component, connected: bool) {
    if connected {
        component.up();
    } else {
        component.down("not connected");
    }
}
