//! From the declaration to stream and consumer configurations.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PriorityPolicy, pull};
use async_nats::jetstream::stream::{self, DiscardPolicy, RetentionPolicy, StorageType};
use serde::Deserialize;

use super::{Topology, TopologyError};
use crate::config::TopologyConfig;

/// The log keeps nothing for longer. Postgres keeps used `client_id`s for 31 days, and users' own events for 32.
const MOST_KEPT_S: u64 = 31 * 86_400;

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
    #[serde(default)]
    discard: Discard,
    #[serde(default)]
    storage: Storage,
    /// Processes start without it, and on another one.
    #[serde(default)]
    dispensable: bool,
}

/// Where a stream lies.
#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Storage {
    /// On disk, written through before it is acknowledged.
    #[default]
    File,
    /// Gone when all of its servers were down.
    Memory,
}

/// What a full stream does.
#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Discard {
    /// It refuses.
    #[default]
    New,
    /// It forgets its oldest event.
    Old,
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
    for declared in declaration.stream.iter().filter(|declared| declared.per_shard) {
        if !(1..=MOST_KEPT_S).contains(&declared.max_age_s) {
            let (name, days) = (&declared.name, MOST_KEPT_S / 86_400);
            let reason = format!(
                "max_age_s of {name} is {}, and has to be 1 to {MOST_KEPT_S} ({days} days): Postgres keeps users' own events and used \
                 client_ids hardly longer, and a log that reaches further back would be replayed with holes",
                declared.max_age_s
            );
            return Err(TopologyError::Declaration { reason });
        }
    }
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
    let dispensable = declaration.stream.iter().filter(|declared| declared.dispensable).map(|declared| declared.name.clone()).collect();
    Ok(Topology { streams, consumers, dispensable })
}

fn for_shard(template: &str, shard: u16) -> String {
    template.replace("{shard}", &shard.to_string())
}

fn stream_config(declared: &StreamDeclaration, shard: u16, config: &TopologyConfig) -> stream::Config {
    let mut max_bytes = declared.max_bytes;
    let mut max_consumers = declared.max_consumers;
    let mut duplicate_window = Duration::from_secs(declared.duplicate_window_s);
    if declared.per_shard {
        max_bytes = config.max_bytes_per_shard.unwrap_or(max_bytes);
        max_consumers = config.max_consumers_per_shard.map_or(max_consumers, |most| i32::try_from(most).unwrap_or(i32::MAX));
        duplicate_window = Duration::from_millis(config.duplicate_window_ms);
    }
    stream::Config {
        name: for_shard(&declared.name, shard),
        subjects: declared.subjects.iter().map(|subject| for_shard(subject, shard)).collect(),
        description: Some(declared.description.clone()),
        retention: RetentionPolicy::Limits,
        discard: match declared.discard {
            Discard::New => DiscardPolicy::New,
            Discard::Old => DiscardPolicy::Old,
        },
        storage: match declared.storage {
            Storage::File => StorageType::File,
            Storage::Memory => StorageType::Memory,
        },
        max_age: Duration::from_secs(declared.max_age_s),
        max_bytes: i64::try_from(max_bytes).unwrap_or(i64::MAX),
        max_message_size: declared.max_message_bytes,
        max_consumers,
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
    fn a_log_that_reaches_further_back_than_postgres_is_refused() {
        let text = include_str!("../../../../nats/topology.toml");
        let with =
            |max_age: &str| read(&text.replacen("max_age_s = 2_592_000", &format!("max_age_s = {max_age}"), 1), &TopologyConfig::default());
        assert!(with("2_678_400").is_ok(), "31 days");
        for refused in ["2_678_401", "0"] {
            let error = with(refused).unwrap_err().to_string();
            assert!(error.contains("max_age_s of CHAT-{shard}") && error.contains("31 days"), "{error}");
        }
    }

    #[test]
    fn places_for_consumers_are_configured() {
        let config = TopologyConfig { max_consumers_per_shard: Some(5_000), ..TopologyConfig::default() };
        assert_eq!(Topology::declared(&config).unwrap().streams[0].max_consumers, 5_000);
        config.check().unwrap();
        assert!(TopologyConfig { max_consumers_per_shard: Some(1_000), ..config }.check().is_err(), "all of them are reserved");
    }

    #[test]
    fn the_declaration_reads_and_expands_by_shard() {
        let topology = Topology::declared(&TopologyConfig { shards: 2, ..TopologyConfig::default() }).unwrap();
        let names: Vec<_> = topology.streams.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["CHAT-0", "CHAT-1", "DEAD", "ACTIVITY", "KV_signing-keys"]);
        assert_eq!(topology.consumers.len(), 4);
        let activity = topology.streams.iter().find(|stream| stream.name == relay_subjects::ACTIVITY_STREAM).unwrap();
        assert_eq!(activity.discard, DiscardPolicy::Old);
        assert_eq!(activity.storage, StorageType::Memory, "what is not kept for good costs no write to the disk that chat waits for");
        assert!(
            topology.streams.iter().all(|stream| stream.discard == DiscardPolicy::New || stream.name == activity.name),
            "what is kept is never forgotten for want of room"
        );
        assert_eq!(topology.dispensable.iter().collect::<Vec<_>>(), [relay_subjects::ACTIVITY_STREAM]);
        // The names in the file are the ones that code asks for.
        for durable in [relay_subjects::PERSIST_DURABLE, relay_subjects::RECONCILE_DURABLE] {
            assert!(topology.consumers.iter().any(
                |(stream, c)| stream == &relay_subjects::stream(relay_types::ShardId(1)) && c.durable_name.as_deref() == Some(durable)
            ));
        }
        assert!(topology.streams.iter().all(|s| s.max_consumers > 0), "max_consumers has to be explicit");
    }
}
