//! Groups of 20: how many deliveries per second at a bearable latency. Offered rates rise until the latency breaks.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Options;
use super::direct::drained;
use crate::fleet::{Fleet, Seen};
use crate::listeners::Listeners;
use crate::population::{self, Person};
use crate::report::{Report, quantile_ms, versions};
use crate::stack;

const USERS: usize = 1_000;
const GROUP: usize = 20;
/// The latency that counts as good, and the one that counts as bearable.
const GOOD_MS: f64 = 100.0;
const BOUND_MS: f64 = 150.0;
/// Messages per second offered, one step after the other.
const STEPS: [f64; 15] =
    [500.0, 1_000.0, 1_500.0, 2_000.0, 2_500.0, 3_000.0, 3_500.0, 4_000.0, 4_500.0, 5_000.0, 5_500.0, 6_000.0, 6_500.0, 7_000.0, 7_500.0];

pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let harness = stack::start(options.synced, |builder| builder).await?;
    let people = population::people(&harness, options.users.unwrap_or(USERS) / GROUP * GROUP).await?;
    let rooms = population::groups(&harness, &people, GROUP).await?;
    let seen = Arc::new(Seen::default());
    // Over streams nobody sends: one of each group has a socket for that, and what comes over it is not counted.
    let said = if options.streams { Arc::new(Seen::default()) } else { Arc::clone(&seen) };
    let talkers: Vec<Person> = if options.streams {
        rooms.iter().filter_map(|room| people.get(*room.members.first()?).cloned()).collect()
    } else {
        people.clone()
    };
    let gateway = harness.gateway_url(0);
    let listeners = if options.streams { Some(Listeners::connect(&gateway, &people, &seen).await?) } else { None };
    let fleet = Fleet::connect(&[gateway], &talkers, &[], Arc::clone(&said)).await?;
    let senders: Vec<_> = if options.streams {
        rooms.iter().enumerate().map(|(talker, room)| (talker, room.conversation)).collect()
    } else {
        (0..GROUP).flat_map(|place| rooms.iter().filter_map(move |room| Some((*room.members.get(place)?, room.conversation)))).collect()
    };
    let step = Duration::from_secs((options.seconds / 2).max(2));
    let (mut best, mut good, mut errors, mut broken, mut delivered) = (None, 0.0, 0, 0, 0);
    for rate in STEPS {
        seen.reset();
        said.reset();
        fleet.steadily(&senders, rate, step).await;
        let deliveries = seen.deliveries.load(Ordering::Relaxed) as f64 / step.as_secs_f64();
        drained(&seen).await;
        delivered += seen.deliveries.load(Ordering::Relaxed);
        let (delivery, ack) = (Seen::take(&seen.delivery_us), Seen::take(&said.ack_us));
        errors += said.errors.load(Ordering::Relaxed);
        let (p50, p99) = (quantile_ms(&delivery, 0.5), quantile_ms(&delivery, 0.99));
        if p99 > BOUND_MS {
            // One step may meet a pause of the disk; two in a row are the limit.
            broken += 1;
            if broken > 1 {
                break;
            }
            continue;
        }
        broken = 0;
        if p99 <= GOOD_MS {
            good = deliveries;
        }
        best = Some((deliveries, p50, p99, quantile_ms(&ack, 0.5), quantile_ms(&ack, 0.99), rate));
    }
    fleet.disconnect().await;
    drop(listeners);
    harness.finish().await?;
    let (rate, p50, p99, ack_p50, ack_p99, offered) = best.unwrap_or_default();
    Ok(Report {
        scenario: "fanout",
        rate_per_s: rate,
        unit: "deliveries",
        p50_ms: Some(p50),
        p99_ms: Some(p99),
        ack_level: stack::ack_level(options.synced),
        errors,
        seconds: options.seconds as f64,
        details: [
            ("messages_per_s", offered),
            ("deliveries_per_s_at_100_ms", good),
            ("ack_p50_ms", ack_p50),
            ("ack_p99_ms", ack_p99),
            ("delivered", delivered as f64),
            ("group_size", GROUP as f64),
            ("users", people.len() as f64),
            ("streams", if options.streams { people.len() as f64 } else { 0.0 }),
        ]
        .into(),
        versions: versions(),
        ..Report::default()
    })
}
