//! The limit beneath: the same messages, published straight to JetStream.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType};
use relay_harness::Harness;

use super::Options;
use crate::report::{Report, versions};
use crate::{stack, stamp};

/// Messages in flight at once.
pub const WINDOW: usize = 256;
/// An event of the log around the text: ids, type, time.
const ENVELOPE_BYTES: usize = 280;

pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let harness = stack::start(options.synced, |builder| builder).await?;
    let rate = measure(&harness, Duration::from_secs(options.seconds), WINDOW).await?;
    harness.finish().await?;
    Ok(Report {
        scenario: "raw",
        rate_per_s: rate,
        unit: "messages",
        raw_per_s: Some(rate),
        ratio: Some(1.0),
        ack_level: stack::ack_level(options.synced),
        seconds: options.seconds as f64,
        versions: versions(),
        ..Report::default()
    })
}

/// Acknowledged messages per second into a file stream of its own, `window` in flight.
pub async fn measure(harness: &Harness, duration: Duration, window: usize) -> anyhow::Result<f64> {
    let js = async_nats::jetstream::new(harness.nats_client().await?);
    js.create_stream(Config {
        name: "RAW".to_owned(),
        subjects: vec!["raw.>".to_owned()],
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        max_bytes: 4 << 30,
        ..Config::default()
    })
    .await?;
    let acked = Arc::new(AtomicU64::new(0));
    let payload = bytes::Bytes::from(format!("{}{}", "e".repeat(ENVELOPE_BYTES), stamp::text(0)));
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
