//! How many messages a second one process gets into one shard's log, and after what time, with so many always waiting: each by
//! itself, and with batches. On one server and on three, all of which sync before they acknowledge. One JSON line per case.

#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss, reason = "a program for people, not part of the product")]

use std::time::{Duration, Instant};

use relay_bus::log::NatsMessageLog;
use relay_bus::topology::Topology;
use relay_bus::{BatchConfig, Bus, NatsConfig, TopologyConfig};
use relay_dev_servers::{NatsCluster, NatsClusterOptions, NatsOptions, NatsServer, Scratch, Servers, SyncInterval};
use relay_domain::ports::{LogAddress, MessageLog as _, NewEvent, Together};
use relay_types::{ConversationId, IdGen as _, ShardId, SystemIds};

const SHARD: ShardId = ShardId(0);
const DURATION: Duration = Duration::from_secs(3);
const WAITING: [usize; 4] = [4, 32, 128, 400];
const PAYLOAD_BYTES: usize = 480;

#[tokio::main]
async fn main() {
    let servers = Servers::ready().await.unwrap();
    for replicas in [1, 3] {
        let scratch = Scratch::new("bench").unwrap();
        let data = scratch.path().join("nats");
        if replicas == 1 {
            let options = NatsOptions { data, sync: SyncInterval::Always, ..NatsOptions::default() };
            let nats = NatsServer::start(&servers, options).await.unwrap();
            measure(replicas, &[nats.url()], nats.user(), nats.password()).await;
        } else {
            let options = NatsClusterOptions { data, sync: SyncInterval::Always, ..NatsClusterOptions::default() };
            let nats = NatsCluster::start(&servers, options).await.unwrap();
            measure(replicas, &nats.urls(), nats.user(), nats.password()).await;
        }
    }
}

async fn measure(replicas: u8, urls: &[String], user: &str, password: &str) {
    let config: NatsConfig = toml::from_str(&format!("servers = {urls:?}\nuser = {user:?}\npassword = {password:?}")).unwrap();
    let topology = TopologyConfig { replicas, max_bytes_per_shard: Some(8 << 30), ..TopologyConfig::default() };
    let bus = Bus::connect(&config, "bench").await.unwrap();
    let declared = Topology::declared(&topology).unwrap();
    while declared.apply(&bus, "01ARZ3NDEKTSV4RRFFQ69G5FAV").await.is_err() {}
    for waiting in WAITING {
        for singles in [None, Some(8), Some(16), Some(64)] {
            let batches = BatchConfig { enabled: singles.is_some(), singles: singles.unwrap_or(1), ..BatchConfig::default() };
            let bus = Bus::connect(&NatsConfig { batches, ..config.clone() }, "bench").await.unwrap();
            let log = NatsMessageLog::new(bus, &topology);
            let mut took = load(&log, waiting).await;
            took.sort_unstable();
            let at = |percent: usize| took.get(took.len() * percent / 100).copied().unwrap_or_default().as_secs_f64() * 1000.0;
            println!(
                r#"{{"scenario":"bus_append","replicas":{replicas},"waiting":{waiting},"singles":{},"rate_per_s":{:.0},"p50_ms":{:.2},"p99_ms":{:.2}}}"#,
                singles.map_or_else(|| "null".to_owned(), |singles| singles.to_string()),
                took.len() as f64 / DURATION.as_secs_f64(),
                at(50),
                at(99)
            );
        }
    }
}

/// How long each append took, with so many always waiting, as `posting` does it.
async fn load(log: &NatsMessageLog, waiting: usize) -> Vec<Duration> {
    let ids = SystemIds::default();
    let until = Instant::now() + DURATION;
    let lanes = (0..waiting).map(|_| {
        let address = LogAddress::Conversation { shard: SHARD, id: ConversationId::new(ids.next_ulid()) };
        let ids = &ids;
        async move {
            let mut took = Vec::new();
            while Instant::now() < until {
                let event = NewEvent {
                    address,
                    dedup_id: format!("{}.{}.{}", ids.next_ulid(), ids.next_ulid(), ids.next_ulid()),
                    payload: vec![b'x'; PAYLOAD_BYTES].into(),
                    trace: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
                };
                let began = Instant::now();
                let together = log.gathers(SHARD, 1) && matches!(log.append_together([event.clone()].into()).await, Together::Stored(_));
                if !together {
                    log.append(event.address, &event.dedup_id, event.payload, event.trace.as_deref()).await.unwrap();
                }
                took.push(began.elapsed());
            }
            took
        }
    });
    futures::future::join_all(lanes).await.concat()
}
