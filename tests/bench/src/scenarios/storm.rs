//! Many sockets come back at once after ten busy seconds, to a gateway whose ring is full of what others said: how long others
//! wait for live messages meanwhile, and how long those who return take.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::Options;
use super::direct::drained;
use crate::fleet::{Fleet, Seen};
use crate::population::{Person, Room};
use crate::report::{Report, quantile_ms, versions};
use crate::{population, stack};

/// Those who return; one in 25 of them again stays and is measured.
const USERS: usize = 5_000;
const STAYING: usize = 200;
const GROUP: usize = 20;
/// While they are away 2,000 messages a second go straight to the log, which is what other gateways accept: so many at once,
/// and so often.
const AT_ONCE: u64 = 40;
const SLICE: Duration = Duration::from_millis(20);
const AWAY: Duration = Duration::from_secs(10);
/// Live messages per second among those who stay.
const LIVE_RATE: f64 = 100.0;

pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let harness = stack::start(options.synced, |builder| builder).await?;
    let returning = options.users.unwrap_or(USERS) / GROUP * GROUP;
    let people = population::people(&harness, returning + STAYING).await?;
    let rooms = population::groups(&harness, &people, GROUP).await?;
    let (away, stay) = people.split_at(returning);
    let (busy, quiet) = rooms.split_at(returning / GROUP);
    let (seen, seen_live) = (Arc::new(Seen::default()), Arc::new(Seen::default()));
    let url = [harness.gateway_url(0)];
    let staying = Fleet::connect(&url, stay, &[], Arc::clone(&seen_live)).await?;
    let positions = Fleet::connect(&url, away, &[], Arc::clone(&seen)).await?.disconnect().await;
    let missed = busily(&harness, &people, busy).await?;

    seen.reset();
    seen_live.reset();
    let senders: Vec<_> = quiet
        .iter()
        .flat_map(|room| room.members.iter().filter_map(|member| Some((member.checked_sub(returning)?, room.conversation))))
        .collect();
    let began = Instant::now();
    let (returned, late) = tokio::join!(
        async {
            let fleet = Fleet::connect(&url, away, &positions, Arc::clone(&seen)).await?;
            anyhow::Ok((fleet, began.elapsed()))
        },
        staying.steadily(&senders, LIVE_RATE, Duration::from_secs(options.seconds)),
    );
    let (fleet, took) = returned?;
    drained(&seen_live).await;
    let live = Seen::take(&seen_live.delivery_us);
    let replayed = seen.deliveries.load(Ordering::Relaxed);
    let errors = seen_live.errors.load(Ordering::Relaxed) + (missed * GROUP as u64).abs_diff(replayed);
    fleet.disconnect().await;
    staying.disconnect().await;
    harness.finish().await?;
    Ok(Report {
        scenario: "storm",
        rate_per_s: returning as f64 / took.as_secs_f64(),
        unit: "users",
        p50_ms: Some(quantile_ms(&live, 0.5)),
        p99_ms: Some(quantile_ms(&live, 0.99)),
        ack_level: stack::ack_level(options.synced),
        errors,
        seconds: options.seconds as f64,
        details: [
            ("all_caught_up_s", took.as_secs_f64()),
            ("events_replayed", replayed as f64),
            ("users", returning as f64),
            ("live_deliveries", live.len() as f64),
            ("late_p99_ms", quantile_ms(&late, 0.99)),
        ]
        .into(),
        versions: versions(),
        ..Report::default()
    })
}

/// What is said while they are away, evenly; fewer messages a second where the log takes fewer.
async fn busily(harness: &relay_harness::Harness, people: &[Person], rooms: &[Room]) -> anyhow::Result<u64> {
    let js = async_nats::jetstream::new(harness.nats_client().await?);
    let (mut ticks, mut rooms, mut said) = (tokio::time::interval(SLICE), rooms.to_vec(), 0);
    for _ in 0..AWAY.as_millis() / SLICE.as_millis() {
        ticks.tick().await;
        population::backlog(&js, people, &rooms, AT_ONCE).await.context("the log takes nothing")?;
        said += AT_ONCE;
        // The next slice is said in the rooms behind these.
        let turn = usize::try_from(AT_ONCE)? % rooms.len().max(1);
        rooms.rotate_left(turn);
    }
    Ok(said)
}
