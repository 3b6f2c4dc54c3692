//! From the declaration to stream and consumer configurations.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PriorityPolicy, pull};
use async_nats::jetstream::stream::{self, DiscardPolicy, RetentionPolicy, StorageType};
use serde::Deserialize;

use super::{Topology, TopologyError};
use crate::config::TopologyConfig;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Declaration {
    stream: Vec<StreamDeclaration>,
    consumer: Vec<ConsumerDeclaration>,
    bucket: Vec<BucketDeclaration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StreamDeclaration {
    name: String,
    #[serde(default)]
    per_shard: bool,
    subjects: Vec<String>,
    description: String,
    max_age_s: u64,
    max_bytes: u64,
    max_message_bytes: i32,
    duplicate_window_s: u64,
    max_consumers: i32,
    #[serde(default)]
    allow_direct: bool,
    #[serde(default)]
    allow_message_ttl: bool,
    #[serde(default)]
    allow_atomic: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ack {
    All,
    Explicit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsumerDeclaration {
    stream: String,
    name: String,
    #[serde(default)]
    per_shard: bool,
    filter: String,
    ack: Ack,
    ack_wait_s: u64,
    max_ack_pending: i64,
    priority_group: Option<String>,
    priority_timeout_s: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BucketDeclaration {
    name: String,
    description: String,
    history: i64,
    max_bytes: i64,
    max_value_bytes: i32,
}

pub(super) fn read(text: &str, config: &TopologyConfig) -> Result<Topology, TopologyError> {
    let declaration: Declaration = toml::from_str(text).map_err(|e| TopologyError::Declaration { reason: e.message().to_owned() })?;
    let shards_of = |per_shard: bool| if per_shard { 0..config.shards } else { 0..1 };
    let mut streams = Vec::new();
    for declared in &declaration.stream {
        streams.extend(shards_of(declared.per_shard).map(|shard| stream_config(declared, shard, config)));
    }
    streams.extend(declaration.bucket.iter().map(|declared| bucket_config(declared, config)));
    let mut consumers = Vec::new();
    for declared in &declaration.consumer {
        for shard in shards_of(declared.per_shard) {
            consumers.push((for_shard(&declared.stream, shard), consumer_config(declared, shard)));
        }
    }
    Ok(Topology { streams, consumers })
}

fn for_shard(template: &str, shard: u16) -> String {
    template.replace("{shard}", &shard.to_string())
}

fn stream_config(declared: &StreamDeclaration, shard: u16, config: &TopologyConfig) -> stream::Config {
    let mut max_bytes = declared.max_bytes;
    let mut duplicate_window = Duration::from_secs(declared.duplicate_window_s);
    if declared.per_shard {
        max_bytes = config.max_bytes_per_shard.unwrap_or(max_bytes);
        duplicate_window = Duration::from_millis(config.duplicate_window_ms);
    }
    stream::Config {
        name: for_shard(&declared.name, shard),
        subjects: declared.subjects.iter().map(|subject| for_shard(subject, shard)).collect(),
        description: Some(declared.description.clone()),
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        max_age: Duration::from_secs(declared.max_age_s),
        max_bytes: i64::try_from(max_bytes).unwrap_or(i64::MAX),
        max_message_size: declared.max_message_bytes,
        max_consumers: declared.max_consumers,
        duplicate_window,
        num_replicas: usize::from(config.replicas),
        allow_direct: declared.allow_direct,
        allow_message_ttl: declared.allow_message_ttl,
        allow_atomic_publish: declared.allow_atomic,
        ..stream::Config::default()
    }
}

/// A key-value bucket is a stream by convention (ADR-8); declared as one, it is planned and checked like the others.
fn bucket_config(declared: &BucketDeclaration, config: &TopologyConfig) -> stream::Config {
    stream::Config {
        name: format!("KV_{}", declared.name),
        subjects: vec![format!("$KV.{}.>", declared.name)],
        description: Some(declared.description.clone()),
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        max_messages_per_subject: declared.history,
        max_bytes: declared.max_bytes,
        max_message_size: declared.max_value_bytes,
        max_consumers: 10_000,
        duplicate_window: Duration::from_mins(2),
        num_replicas: usize::from(config.replicas),
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        ..stream::Config::default()
    }
}

fn consumer_config(declared: &ConsumerDeclaration, shard: u16) -> pull::Config {
    pull::Config {
        durable_name: Some(declared.name.clone()),
        deliver_policy: DeliverPolicy::All,
        ack_policy: match declared.ack {
            Ack::All => AckPolicy::All,
            Ack::Explicit => AckPolicy::Explicit,
        },
        ack_wait: Duration::from_secs(declared.ack_wait_s),
        max_ack_pending: declared.max_ack_pending,
        filter_subject: for_shard(&declared.filter, shard),
        priority_policy: if declared.priority_group.is_some() { PriorityPolicy::PinnedClient } else { PriorityPolicy::None },
        priority_groups: declared.priority_group.iter().cloned().collect(),
        priority_timeout: declared.priority_timeout_s.map_or(Duration::ZERO, Duration::from_secs),
        ..pull::Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declaration_reads_and_expands_by_shard() {
        let topology = Topology::declared(&TopologyConfig { shards: 2, ..TopologyConfig::default() }).unwrap();
        let names: Vec<_> = topology.streams.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["CHAT-0", "CHAT-1", "DEAD", "KV_signing-keys"]);
        assert_eq!(topology.consumers.len(), 4);
        // The names in the file are the ones that code asks for.
        for durable in [relay_subjects::PERSIST_DURABLE, relay_subjects::RECONCILE_DURABLE] {
            assert!(topology.consumers.iter().any(
                |(stream, c)| stream == &relay_subjects::stream(relay_types::ShardId(1)) && c.durable_name.as_deref() == Some(durable)
            ));
        }
        assert!(topology.streams.iter().all(|s| s.max_consumers > 0), "max_consumers has to be explicit");
    }
}
