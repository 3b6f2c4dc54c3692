//! 1:1 messages, both people online, each ack durable: as fast as it goes, then unhurried for the latencies.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Options, raw};
use crate::fleet::{Fleet, Order, Seen};
use crate::population;
use crate::report::{Report, quantile_ms, versions};
use crate::{stack, stamp};

const USERS: usize = 400;
/// Messages per second in the unhurried phase.
const CALM_RATE: f64 = 300.0;

pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let duration = Duration::from_secs(options.seconds);
    let harness = stack::start(options.synced, |builder| builder).await?;
    let people = population::people(&harness, options.users.unwrap_or(USERS) / 2 * 2).await?;
    let rooms = population::pairs(&harness, &people).await?;
    let seen = Arc::new(Seen::default());
    let fleet = Fleet::connect(&[harness.gateway_url(0)], &people, &[], Arc::clone(&seen)).await?;
    // Both people of every pair send.
    let senders: Vec<_> = rooms.iter().flat_map(|room| room.members.iter().map(|member| (*member, room.conversation))).collect();

    seen.reset();
    let late = fleet.steadily(&senders, CALM_RATE, duration).await;
    drained(&seen).await;
    let (ack, delivery) = (Seen::take(&seen.ack_us), Seen::take(&seen.delivery_us));

    seen.reset();
    seen.closed_loop.store(true, Ordering::Relaxed);
    for (client, room) in &senders {
        if let Some(client) = fleet.clients.get(*client) {
            let _ = client.orders.send(Order { room: *room, intended_us: stamp::now_us() }).await;
        }
    }
    // The first second warms up.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (began, before) = (Instant::now(), seen.acks.load(Ordering::Relaxed));
    tokio::time::sleep(duration).await;
    let acks = seen.acks.load(Ordering::Relaxed) - before;
    let rate = acks as f64 / began.elapsed().as_secs_f64();
    seen.closed_loop.store(false, Ordering::Relaxed);
    drained(&seen).await;
    let busy_ack = Seen::take(&seen.ack_us);
    let errors = seen.errors.load(Ordering::Relaxed);
    fleet.disconnect().await;
    population::settled(&harness, people.len()).await?;

    let raw = raw::measure(&harness, duration, raw::WINDOW).await?;
    let raw_batch = raw::measure_batches(&harness, duration).await?;
    let raw_ack = raw::latencies(&harness, duration, CALM_RATE).await?;
    harness.finish().await?;
    Ok(Report {
        scenario: "direct",
        rate_per_s: rate,
        unit: "messages",
        p50_ms: Some(quantile_ms(&ack, 0.5)),
        p99_ms: Some(quantile_ms(&ack, 0.99)),
        raw_per_s: Some(raw),
        ratio: Some(rate / raw),
        raw_batch_per_s: Some(raw_batch),
        batch_ratio: Some(rate / raw_batch),
        ack_level: stack::ack_level(options.synced),
        errors,
        seconds: options.seconds as f64,
        details: [
            ("delivery_p50_ms", quantile_ms(&delivery, 0.5)),
            ("delivery_p99_ms", quantile_ms(&delivery, 0.99)),
            ("busy_ack_p50_ms", quantile_ms(&busy_ack, 0.5)),
            ("busy_ack_p99_ms", quantile_ms(&busy_ack, 0.99)),
            ("calm_rate_per_s", CALM_RATE),
            ("late_p50_ms", quantile_ms(&late, 0.5)),
            ("late_p99_ms", quantile_ms(&late, 0.99)),
            ("raw_ack_p50_ms", quantile_ms(&raw_ack, 0.5)),
            ("raw_ack_p99_ms", quantile_ms(&raw_ack, 0.99)),
            ("ack_p50_ratio", quantile_ms(&ack, 0.5) / quantile_ms(&raw_ack, 0.5)),
            ("ack_p99_ratio", quantile_ms(&ack, 0.99) / quantile_ms(&raw_ack, 0.99)),
            ("users", people.len() as f64),
        ]
        .into(),
        versions: versions(),
        ..Report::default()
    })
}

/// Waits until nothing more arrives.
pub async fn drained(seen: &Seen) {
    let total = || seen.acks.load(Ordering::Relaxed) + seen.deliveries.load(Ordering::Relaxed);
    let mut last = total();
    for _ in 0..40 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let now = total();
        if now == last {
            return;
        }
        last = now;
    }
}
