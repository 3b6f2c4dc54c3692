//! Everybody comes back at once after a gap, to a gateway that has just started: the storm after a crash.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Options;
use crate::fleet::{Fleet, Seen};
use crate::report::{Report, versions};
use crate::{population, stack};

const USERS: usize = 2_000;
const GROUP: usize = 20;
/// Messages during the gap: a busy half minute, 90 for each group.
const GAP_MESSAGES: u64 = 9_000;

pub async fn run(options: &Options) -> anyhow::Result<Report> {
    // The new gateway loads nothing into its ring, so that everybody's gap is filled from Postgres.
    let harness = stack::start(options.synced, |builder| builder.config("gateway", "ring_warmup_ms = 1")).await?;
    let people = population::people(&harness, options.users.unwrap_or(USERS) / GROUP * GROUP).await?;
    let rooms = population::groups(&harness, &people, GROUP).await?;
    let seen = Arc::new(Seen::default());
    let fleet = Fleet::connect(&[harness.gateway_url(0)], &people, &[], Arc::clone(&seen)).await?;
    let positions = fleet.disconnect().await;
    let js = async_nats::jetstream::new(harness.nats_client().await?);
    population::backlog(&js, &people, &rooms, GAP_MESSAGES).await?;
    population::settled(&harness, people.len()).await?;
    harness.gateway(0).kill();
    harness.gateway(0).restart().await?;
    seen.reset();
    let began = Instant::now();
    let fleet = Fleet::connect(&[harness.gateway_url(0)], &people, &positions, Arc::clone(&seen)).await?;
    let seconds = began.elapsed().as_secs_f64();
    let replayed = seen.deliveries.load(Ordering::Relaxed);
    let expected = GAP_MESSAGES * GROUP as u64;
    fleet.disconnect().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    harness.finish().await?;
    Ok(Report {
        scenario: "resume",
        rate_per_s: people.len() as f64 / seconds,
        unit: "users",
        ack_level: stack::ack_level(options.synced),
        errors: expected.abs_diff(replayed),
        seconds,
        details: [("events_replayed", replayed as f64), ("events_expected", expected as f64), ("users", people.len() as f64)].into(),
        versions: versions(),
        ..Report::default()
    })
}
