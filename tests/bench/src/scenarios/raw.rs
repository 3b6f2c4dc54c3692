//! The limit beneath: the same messages, published straight to JetStream.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType};
use futures::StreamExt as _;
use hdrhistogram::Histogram;
use relay_harness::Harness;

use super::Options;
use crate::report::{Report, histogram, versions};
use crate::{stack, stamp};

/// Messages in flight at once.
pub const WINDOW: usize = 256;
/// An event of the log around the text: ids, type, time.
const ENVELOPE_BYTES: usize = 280;
/// Atomic batches in flight at once, and how many messages each has: what one process of ours sends at most.
const BATCHES: usize = 2;
const BATCH: usize = 200;

pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let harness = stack::start(options.synced, |builder| builder).await?;
    let duration = Duration::from_secs(options.seconds);
    let rate = measure(&harness, duration, WINDOW).await?;
    let batch_rate = measure_batches(&harness, duration).await?;
    harness.finish().await?;
    Ok(Report {
        scenario: "raw",
        rate_per_s: rate,
        unit: "messages",
        raw_per_s: Some(rate),
        ratio: Some(1.0),
        raw_batch_per_s: Some(batch_rate),
        batch_ratio: Some(rate / batch_rate),
        ack_level: stack::ack_level(options.synced),
        seconds: options.seconds as f64,
        versions: versions(),
        ..Report::default()
    })
}

/// Acknowledged messages per second into a file stream of its own, `window` in flight.
pub async fn measure(harness: &Harness, duration: Duration, window: usize) -> anyhow::Result<f64> {
    let js = stream(&harness.nats_client().await?, "RAW", false).await?;
    let acked = Arc::new(AtomicU64::new(0));
    let payload = payload();
    let deadline = Instant::now() + duration;
    let publishers = (0..window).map(|index| {
        let (js, acked, payload) = (js.clone(), Arc::clone(&acked), payload.clone());
        async move {
            let mut count = 0_u64;
            while Instant::now() < deadline {
                let mut headers = async_nats::HeaderMap::new();
                headers.insert("Nats-Msg-Id", format!("{index}-{count}"));
                js.publish_with_headers(format!("raw.{}", index % 100), headers, payload.clone()).await?.await?;
                acked.fetch_add(1, Ordering::Relaxed);
                count += 1;
            }
            anyhow::Ok(())
        }
    });
    futures::future::try_join_all(publishers).await?;
    js.delete_stream("RAW").await?;
    Ok(acked.load(Ordering::Relaxed) as f64 / duration.as_secs_f64())
}

/// Latencies of the same messages at a steady rate, each from the time at which it was to be sent to its acknowledgement.
pub async fn latencies(harness: &Harness, duration: Duration, rate_per_s: f64) -> anyhow::Result<Histogram<u64>> {
    let js = stream(&harness.nats_client().await?, "RAW", false).await?;
    let (payload, gap, start) = (payload(), Duration::from_secs_f64(1.0 / rate_per_s), Instant::now() + Duration::from_millis(50));
    let times = (0..).map(|index| start + gap * index).take_while(|time| *time < start + duration);
    let publishing = times.enumerate().map(|(index, intended)| {
        let (js, payload) = (js.clone(), payload.clone());
        async move {
            tokio::time::sleep_until(intended.into()).await;
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("Nats-Msg-Id", format!("calm-{index}"));
            js.publish_with_headers(format!("raw.{}", index % 100), headers, payload).await?.await?;
            anyhow::Ok(intended.elapsed())
        }
    });
    let mut latencies = histogram();
    let mut publishing = futures::stream::iter(publishing).buffer_unordered(WINDOW);
    while let Some(latency) = publishing.next().await {
        let _ = latencies.record(u64::try_from(latency?.as_micros()).unwrap_or(u64::MAX));
    }
    js.delete_stream("RAW").await?;
    Ok(latencies)
}

/// The same messages in atomic batches: what the log takes when it need not sync for each.
pub async fn measure_batches(harness: &Harness, duration: Duration) -> anyhow::Result<f64> {
    // One connection, as ours is: over two, the end of a batch may overtake the rest.
    let client = harness.nats_client().await?;
    let js = stream(&client, "RAW-BATCH", true).await?;
    let (payload, deadline) = (payload(), Instant::now() + duration);
    let publishers = (0..BATCHES).map(|index| {
        let (js, client, payload) = (js.clone(), client.clone(), payload.clone());
        async move {
            let (mut acked, mut batch) = (0, 0_u64);
            while Instant::now() < deadline {
                for n in 1..=BATCH {
                    let mut headers = async_nats::HeaderMap::new();
                    headers.insert("Nats-Msg-Id", format!("{index}-{batch}-{n}"));
                    headers.insert("Nats-Batch-Id", format!("{index}-{batch}"));
                    headers.insert("Nats-Batch-Sequence", n.to_string());
                    let subject = format!("raw-batch.{}", n % 100);
                    if n < BATCH {
                        client.publish_with_headers(subject, headers, payload.clone()).await?;
                    } else {
                        headers.insert("Nats-Batch-Commit", "1");
                        js.publish_with_headers(subject, headers, payload.clone()).await?.await?;
                    }
                }
                acked += BATCH;
                batch += 1;
            }
            anyhow::Ok(acked)
        }
    });
    let acked: usize = futures::future::try_join_all(publishers).await?.into_iter().sum();
    js.delete_stream("RAW-BATCH").await?;
    Ok(acked as f64 / duration.as_secs_f64())
}

fn payload() -> bytes::Bytes {
    bytes::Bytes::from(format!("{}{}", "e".repeat(ENVELOPE_BYTES), stamp::text(0)))
}

/// A file stream of its own.
async fn stream(client: &async_nats::Client, name: &str, allow_atomic_publish: bool) -> anyhow::Result<async_nats::jetstream::Context> {
    let js = async_nats::jetstream::new(client.clone());
    js.create_stream(Config {
        name: name.to_owned(),
        subjects: vec![format!("{}.>", name.to_lowercase())],
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        max_bytes: 8 << 30,
        allow_atomic_publish,
        ..Config::default()
    })
    .await?;
    Ok(js)
}
