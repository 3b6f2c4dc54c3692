//! `[nats]` and `[topology]`.

use relay_types::limits::{Violation, at_least, require, within};
use serde::{Deserialize, Serialize};

/// How to reach NATS.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsConfig {
    /// Every server of the cluster, such as `["nats://127.0.0.1:4222"]`: discovery is not relied on.
    pub servers: Vec<String>,
    /// The process's own user.
    pub user: String,
    /// Its password.
    #[serde(skip_serializing)]
    pub password: String,
    /// How long one attempt at publishing waits for its acknowledgement, in milliseconds.
    #[serde(default = "default_attempt_ms")]
    pub append_attempt_ms: u64,
    /// How long publishing is retried with the same id, in all, in milliseconds. Longer than the election of a new leader (4
    /// to 9 s).
    #[serde(default = "default_append_ms")]
    pub append_timeout_ms: u64,
    /// How often a silent connection is probed, in milliseconds. The third ping in a row without an answer closes it, so a
    /// link that looks open and is dead is noticed after two to three times this.
    #[serde(default = "default_ping_ms")]
    pub ping_interval_ms: u64,
    /// `false`: this process tells the stream of activity nothing of what people do.
    #[serde(default = "yes")]
    pub activity: bool,
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
    /// So many publishes of one message are in flight per shard at most, and a batch has no fewer messages.
    pub singles: u16,
    /// Messages in a batch.
    pub max_messages: u16,
    /// Bytes in a batch, envelopes included. One message has 262,144 at most.
    pub max_bytes: u32,
    /// Batches in flight per process and shard. The server takes 50 per shard, of all processes.
    pub in_flight: u8,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self { enabled: true, singles: 16, max_messages: 200, max_bytes: 512 << 10, in_flight: 2 }
    }
}

impl BatchConfig {
    fn check(&self) -> Result<(), Violation> {
        within("nats.batches.singles", &self.singles, &(1..=10_000))?;
        within("nats.batches.max_messages", &self.max_messages, &(2..=1_000))?;
        at_least("nats.batches.max_bytes", &self.max_bytes, &(256 << 10))?;
        within("nats.batches.in_flight", &self.in_flight, &(1..=8))
    }
}

impl std::fmt::Debug for NatsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsConfig").field("servers", &self.servers).field("user", &self.user).finish_non_exhaustive()
    }
}

const fn yes() -> bool {
    true
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
    /// Streams of the log. Shards divide the work of one stream's only goroutine; each multiplies the durable consumers of
    /// users. Raise it only, never lower it: a conversation stays on its shard for life. Streams that are added later make
    /// every device reload once (`reset`, `epoch_changed`).
    pub shards: u16,
    /// Copies of each stream: 1 on a single node, 3 in a cluster.
    pub replicas: u8,
    /// How long the log itself recognises a retry, in milliseconds.
    pub duplicate_window_ms: u64,
    /// The most bytes that one shard's stream may hold. Without it the topology file's 64 GiB hold.
    pub max_bytes_per_shard: Option<u64>,
    /// The most consumers that one shard's stream may have. Without it the topology file's 1,000,000 hold. Each user who was seen
    /// lately needs one on each shard.
    pub max_consumers_per_shard: Option<u32>,
    /// Of these, so many are not for users: gateways' tails, workers, and whoever reads the log for a moment.
    pub reserved_consumers: u32,
}

impl Default for TopologyConfig {
    fn default() -> Self {
        Self {
            shards: 1,
            replicas: 1,
            duplicate_window_ms: 120_000,
            max_bytes_per_shard: None,
            max_consumers_per_shard: None,
            reserved_consumers: 1_000,
        }
    }
}

impl TopologyConfig {
    /// Refuses values outside their limits: the key, and what it has to be.
    pub fn check(&self) -> Result<(), Violation> {
        within("topology.shards", &self.shards, &(1..=64))?;
        require("topology.replicas", matches!(self.replicas, 1 | 3 | 5), || "1, 3 or 5".to_owned())?;
        within("topology.duplicate_window_ms", &self.duplicate_window_ms, &(1_000..=3_600_000))?;
        within("topology.reserved_consumers", &self.reserved_consumers, &(100..=100_000))?;
        let places = self.max_consumers_per_shard.unwrap_or(1_000_000);
        within("topology.max_consumers_per_shard", &places, &(self.reserved_consumers + 1..=i32::MAX.unsigned_abs()))
    }

    /// Every shard.
    pub fn shard_ids(&self) -> impl Iterator<Item = relay_types::ShardId> + use<> {
        (0..self.shards).map(relay_types::ShardId)
    }
}

impl NatsConfig {
    /// Refuses values outside their limits: the key, and what it has to be.
    pub fn check(&self) -> Result<(), Violation> {
        require("nats.servers", !self.servers.is_empty(), || "at least one server".to_owned())?;
        at_least("nats.append_attempt_ms", &self.append_attempt_ms, &1)?;
        at_least("nats.append_timeout_ms", &self.append_timeout_ms, &self.append_attempt_ms)?;
        at_least("nats.ping_interval_ms", &self.ping_interval_ms, &100)?;
        self.batches.check()
    }
}
