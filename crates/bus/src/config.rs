//! `[nats]` and `[topology]`.

use serde::{Deserialize, Serialize};

/// How to reach NATS.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsConfig {
    /// Every server of the cluster: discovery is not relied on.
    pub servers: Vec<String>,
    /// The services' user.
    pub user: String,
    /// Its password.
    #[serde(skip_serializing)]
    pub password: String,
    /// One attempt at publishing waits this long for its acknowledgement, in milliseconds.
    #[serde(default = "default_attempt_ms")]
    pub append_attempt_ms: u64,
    /// Publishing is retried, with the same id, for this long in all: longer than the election of a new leader (4 to 9 s).
    #[serde(default = "default_append_ms")]
    pub append_timeout_ms: u64,
    /// A silent connection is probed this often, in milliseconds; the third ping in a row without an answer closes it. Half-open
    /// links are noticed after two to three times this.
    #[serde(default = "default_ping_ms")]
    pub ping_interval_ms: u64,
    /// Publishing several messages as one.
    #[serde(default)]
    pub batches: BatchConfig,
}

/// `nats.batches`: when many messages wait, what waits is published as one batch, which the log stores with one fsync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchConfig {
    /// `false`: each message is published by itself.
    pub enabled: bool,
    /// So many publishes of one message are in flight per shard at most, and a batch has no fewer messages. `None`: 16 where the log
    /// has one copy, 64 where it has several, whose servers gather by themselves.
    pub singles: Option<u16>,
    /// Messages in a batch, 2 to 1,000.
    pub max_messages: u16,
    /// Bytes in a batch, envelopes included; at least 262,144, which is one message's most.
    pub max_bytes: u32,
    /// Batches in flight per process and shard, 1 to 8. The server takes 50 per shard, of all processes.
    pub in_flight: u8,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self { enabled: true, singles: None, max_messages: 200, max_bytes: 512 << 10, in_flight: 2 }
    }
}

impl BatchConfig {
    /// See [`BatchConfig::singles`].
    pub(crate) fn singles(&self, replicas: u8) -> usize {
        usize::from(self.singles.unwrap_or(if replicas > 1 { SINGLES_OF_A_CLUSTER } else { SINGLES_OF_ONE })).max(1)
    }

    fn check(&self) -> Result<(), (&'static str, String)> {
        if self.singles.is_some_and(|singles| !(1..=10_000).contains(&singles)) {
            return Err(("nats.batches.singles", "has to be 1 to 10,000".to_owned()));
        }
        if !(2..=1_000).contains(&self.max_messages) {
            return Err(("nats.batches.max_messages", "has to be 2 to 1,000".to_owned()));
        }
        if self.max_bytes < 256 << 10 {
            return Err(("nats.batches.max_bytes", "has to be at least 262,144".to_owned()));
        }
        if !(1..=8).contains(&self.in_flight) {
            return Err(("nats.batches.in_flight", "has to be 1 to 8".to_owned()));
        }
        Ok(())
    }
}

/// A batch takes a single server about as long as 13 single publishes.
const SINGLES_OF_ONE: u16 = 16;
/// Servers that keep copies write what comes at the same time with one fsync, batch or not.
const SINGLES_OF_A_CLUSTER: u16 = 64;

impl std::fmt::Debug for NatsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsConfig").field("servers", &self.servers).field("user", &self.user).finish_non_exhaustive()
    }
}

const fn default_attempt_ms() -> u64 {
    3_000
}

const fn default_append_ms() -> u64 {
    15_000
}

const fn default_ping_ms() -> u64 {
    2_000
}

/// What differs between installations of the same topology.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TopologyConfig {
    /// Streams of the log, 1 to 64. Shards divide the work of one stream's only goroutine; each multiplies durables per user.
    pub shards: u16,
    /// Copies of each stream: 1 on a single node, 3 in a cluster.
    pub replicas: u8,
    /// How long the log itself recognises a retry, in milliseconds; at least 1,000.
    pub duplicate_window_ms: u64,
    /// The most bytes one shard's stream may hold; `None` takes the topology file's.
    pub max_bytes_per_shard: Option<u64>,
}

impl Default for TopologyConfig {
    fn default() -> Self {
        Self { shards: 1, replicas: 1, duplicate_window_ms: 120_000, max_bytes_per_shard: None }
    }
}

impl TopologyConfig {
    /// Refuses values outside their limits: the key, and what it has to be.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if !(1..=64).contains(&self.shards) {
            return Err(("topology.shards", "has to be 1 to 64".to_owned()));
        }
        if !matches!(self.replicas, 1 | 3 | 5) {
            return Err(("topology.replicas", "has to be 1, 3 or 5".to_owned()));
        }
        if !(1_000..=3_600_000).contains(&self.duplicate_window_ms) {
            return Err(("topology.duplicate_window_ms", "has to be 1,000 to 3,600,000".to_owned()));
        }
        Ok(())
    }

    /// Every shard.
    pub fn shard_ids(&self) -> impl Iterator<Item = relay_types::ShardId> + use<> {
        (0..self.shards).map(relay_types::ShardId)
    }
}

impl NatsConfig {
    /// Refuses values outside their limits: the key, and what it has to be.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.servers.is_empty() {
            return Err(("nats.servers", "has to name at least one server".to_owned()));
        }
        if self.append_attempt_ms == 0 || self.append_timeout_ms < self.append_attempt_ms {
            return Err(("nats.append_timeout_ms", "has to be at least append_attempt_ms".to_owned()));
        }
        if self.ping_interval_ms < 100 {
            return Err(("nats.ping_interval_ms", "has to be at least 100".to_owned()));
        }
        self.batches.check()
    }
}
