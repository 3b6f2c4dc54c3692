//! NATS and the log in it, as far as its clients are told; the rest is `monitor.rs`'s.

use relay_bus::state::LogState;
use relay_bus::topology::Topology;
use relay_bus::{Bus, NatsConfig, TopologyConfig};

use super::Finding;
use crate::config::Config;

/// RelayHub's tests run against this version; older ones have lost messages that newer ones keep.
const TESTED: (u64, u64) = (2, 15);
/// An election of a new leader takes up to 9 s.
const ELECTION_MS: u64 = 10_000;
/// Half-open links are noticed after two to three pings.
const SLOW_PING_MS: u64 = 5_000;
/// A stream this full is worth a warning, in percent: long before messages are refused.
const NEARLY_FULL: u64 = 70;
/// So many of the places for users' consumers taken are worth a warning, in percent.
const NEARLY_TAKEN: u64 = 90;
/// By default the last tenth takes membership changes and sessions only (`quota.log_reserve_percent`).
const RESERVED: u64 = 90;

pub async fn check(config: &Config) -> Vec<Finding> {
    let nats = match config.nats() {
        Ok(nats) => nats,
        Err(error) => return vec![Finding::Broken(error.to_string())],
    };
    let mut findings = settings(nats, &config.topology);
    let bus = match relay_bootstrap::connect_nats(nats, "relayctl-doctor").await {
        Ok(bus) => bus,
        Err(error) => {
            findings.push(Finding::Broken(format!("{error}")));
            return findings;
        }
    };
    findings.push(Finding::Fine("NATS answers".to_owned()));
    findings.extend(server(&bus.server_state().version));
    findings.extend(topology(&bus, config).await);
    findings.extend(shards(&bus, config).await);
    findings
}

/// What in our own configuration weakens a promise.
fn settings(nats: &NatsConfig, topology: &TopologyConfig) -> Vec<Finding> {
    let mut all = Vec::new();
    if topology.duplicate_window_ms <= nats.append_timeout_ms {
        all.push(Finding::Warning(format!(
            "topology.duplicate_window_ms ({}) is not longer than nats.append_timeout_ms ({}): the last retry of a send may be stored \
             a second time",
            topology.duplicate_window_ms, nats.append_timeout_ms
        )));
    }
    if topology.replicas > 1 && nats.append_timeout_ms < ELECTION_MS {
        all.push(Finding::Warning(format!(
            "nats.append_timeout_ms is {}: sends are refused during the election of a new leader, which takes up to 9 s; set {ELECTION_MS} \
             or more",
            nats.append_timeout_ms
        )));
    }
    if topology.replicas > 1 && nats.servers.len() < 2 {
        all.push(Finding::Warning(
            "nats.servers names one server of a cluster: a process that starts while that one is away finds none; name all".to_owned(),
        ));
    }
    if nats.ping_interval_ms > SLOW_PING_MS {
        all.push(Finding::Warning(format!(
            "nats.ping_interval_ms is {}: a link that looks open and is dead is noticed after two to three times that; set 2000",
            nats.ping_interval_ms
        )));
    }
    all
}

fn server(version: &str) -> Option<Finding> {
    let mut numbers = version.split('.').map(|part| part.parse::<u64>().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    (found < TESTED).then(|| {
        let (major, minor) = TESTED;
        Finding::Warning(format!("nats-server is {version}, and RelayHub is tested with {major}.{minor}: upgrade it"))
    })
}

async fn topology(bus: &Bus, config: &Config) -> Vec<Finding> {
    let plan = match Topology::declared(&config.topology) {
        Ok(declared) => declared.plan(bus).await,
        Err(error) => Err(error),
    };
    match plan {
        Ok(differences) if differences.is_empty() => vec![Finding::Fine("the topology is as declared".to_owned())],
        Ok(differences) => {
            differences.iter().map(|difference| Finding::Broken(format!("{difference}: run `relayctl topology apply`"))).collect()
        }
        Err(error) => vec![Finding::Broken(error.to_string())],
    }
}

/// Room and copies of each shard's log. A missing stream is the topology's finding.
async fn shards(bus: &Bus, config: &Config) -> Vec<Finding> {
    let mut all = Vec::new();
    for shard in config.topology.shard_ids() {
        if let Ok(state) = bus.log_state(shard).await {
            all.extend(state_of(&state, config.topology.reserved_consumers));
        }
    }
    all
}

fn state_of(state: &LogState, reserved: u32) -> Vec<Finding> {
    let mut all = Vec::new();
    all.extend(places_of(state, reserved));
    let percent = state.bytes.saturating_mul(100) / state.max_bytes.max(1);
    if percent >= NEARLY_FULL {
        all.push(Finding::Warning(format!(
            "the log of shard {} is {percent} % full: at {RESERVED} % messages are refused (log_full); raise topology.max_bytes_per_shard and run \
             `relayctl topology apply`",
            state.shard.0
        )));
    }
    if !state.behind.is_empty() {
        all.push(Finding::Warning(format!(
            "{} of {} copies of shard {}'s log are away or behind ({}): one more lost server may stop sending",
            state.behind.len(),
            state.copies,
            state.shard.0,
            state.behind.join(", ")
        )));
    }
    all
}

/// Places for users' durable consumers.
fn places_of(state: &LogState, reserved: u32) -> Option<Finding> {
    let for_users = state.max_consumers?.saturating_sub(u64::from(reserved));
    let percent = state.consumers.saturating_mul(100) / for_users.max(1);
    (percent >= NEARLY_TAKEN).then(|| {
        let (shard, consumers) = (state.shard.0, state.consumers);
        let then = "raise topology.max_consumers_per_shard and run `relayctl topology apply`";
        Finding::Warning(if consumers >= for_users {
            format!("shard {shard} has {consumers} consumers, and takes no more of users: what further ones missed is not counted; {then}")
        } else {
            format!("shard {shard} has {consumers} consumers, {percent} % of what it takes of users: {then}")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_types::ShardId;

    fn nats() -> NatsConfig {
        let servers = (0..3).map(|node| format!("nats://nats-{node}:4222")).collect();
        NatsConfig {
            servers,
            user: String::new(),
            password: String::new(),
            append_attempt_ms: 3_000,
            append_timeout_ms: 15_000,
            ping_interval_ms: 5_000,
            activity: true,
            batches: relay_bus::BatchConfig::default(),
        }
    }

    #[test]
    fn settings_that_weaken_the_promise_are_named() {
        let cluster = TopologyConfig { replicas: 3, ..TopologyConfig::default() };
        assert!(settings(&nats(), &cluster).is_empty());
        assert!(settings(&nats(), &TopologyConfig::default()).is_empty());
        for (nats, topology, key) in [
            (nats(), TopologyConfig { duplicate_window_ms: 15_000, ..cluster }, "topology.duplicate_window_ms"),
            (NatsConfig { append_timeout_ms: 5_000, ..nats() }, cluster, "nats.append_timeout_ms"),
            (NatsConfig { servers: vec!["nats://one:4222".to_owned()], ..nats() }, cluster, "nats.servers"),
            (NatsConfig { ping_interval_ms: 60_000, ..nats() }, cluster, "nats.ping_interval_ms"),
        ] {
            let found = settings(&nats, &topology);
            assert!(matches!(found.as_slice(), [Finding::Warning(text)] if text.starts_with(key)), "{key}: {}", found.len());
        }
    }

    #[test]
    fn old_servers_full_streams_and_missing_copies_are_said() {
        assert!(server("2.15.1").is_none() && server("3.0.0").is_none());
        assert!(server("2.10.21").is_some() && server("nonsense").is_some());
        let healthy = LogState {
            shard: ShardId(0),
            bytes: 69,
            max_bytes: 100,
            consumers: 899,
            max_consumers: Some(2_000),
            copies: 3,
            behind: Vec::new(),
        };
        assert!(state_of(&healthy, 1_000).is_empty());
        assert_eq!(state_of(&LogState { bytes: 70, ..healthy.clone() }, 1_000).len(), 1);
        assert_eq!(state_of(&LogState { behind: vec!["nats-2".to_owned()], ..healthy.clone() }, 1_000).len(), 1);
        for (consumers, words) in [(900, "90 %"), (1_000, "takes no more of users")] {
            let found = state_of(&LogState { consumers, ..healthy.clone() }, 1_000);
            assert!(matches!(found.as_slice(), [Finding::Warning(text)] if text.contains(words)), "{consumers}");
        }
        assert!(state_of(&LogState { consumers: u64::MAX, max_consumers: None, ..healthy }, 1_000).is_empty(), "no limit");
    }
}
