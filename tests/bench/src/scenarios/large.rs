//! One conversation of many members, a part of them connected here: what it costs everybody else.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;

use super::Options;
use super::direct::drained;
use crate::fleet::{Fleet, Seen};
use crate::report::{Report, quantile_ms, versions};
use crate::{population, stack};

const MEMBERS: usize = 10_000;
/// Of the members, those with a socket: one in five.
const ONLINE_SHARE: usize = 5;
/// Messages per second in the large conversation.
const RATE: f64 = 50.0;
/// People in conversations of two, beside it.
const OTHERS: usize = 200;
const OTHERS_RATE: f64 = 100.0;

pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let harness = stack::start(options.synced, |builder| builder.config("api", "max_group_members = 100000")).await?;
    let members = options.users.unwrap_or(MEMBERS).max(2 * ONLINE_SHARE);
    let people = population::people(&harness, members + OTHERS).await?;
    let (crowd, others) = people.split_at(members);
    let room = population::groups(&harness, crowd, members).await?.into_iter().next().context("no conversation")?;
    let pairs = population::pairs(&harness, others).await?;
    let online = crowd.get(..members / ONLINE_SHARE).context("nobody is online")?;
    let url = [harness.gateway_url(0)];
    let (seen, seen_others) = (Arc::new(Seen::default()), Arc::new(Seen::default()));
    let beside = Fleet::connect(&url, others, &[], Arc::clone(&seen_others)).await?;
    let inside = Fleet::connect(&url, online, &[], Arc::clone(&seen)).await?;
    let talking: Vec<_> = (0..online.len()).map(|member| (member, room.conversation)).collect();
    let senders: Vec<_> = pairs.iter().flat_map(|room| room.members.iter().map(|member| (*member, room.conversation))).collect();
    let duration = Duration::from_secs(options.seconds);
    seen.reset();
    seen_others.reset();
    let _ = tokio::join!(inside.steadily(&talking, RATE, duration), beside.steadily(&senders, OTHERS_RATE, duration));
    drained(&seen).await;
    drained(&seen_others).await;
    let (large, small) = (Seen::take(&seen.delivery_us), Seen::take(&seen_others.delivery_us));
    let (acks, deliveries) = (seen.acks.load(Ordering::Relaxed), seen.deliveries.load(Ordering::Relaxed));
    let lost = (acks * online.len() as u64).abs_diff(deliveries);
    let errors = lost + seen.errors.load(Ordering::Relaxed) + seen_others.errors.load(Ordering::Relaxed);
    inside.disconnect().await;
    beside.disconnect().await;
    harness.finish().await?;
    Ok(Report {
        scenario: "large",
        rate_per_s: deliveries as f64 / duration.as_secs_f64(),
        unit: "deliveries",
        p50_ms: Some(quantile_ms(&small, 0.5)),
        p99_ms: Some(quantile_ms(&small, 0.99)),
        ack_level: stack::ack_level(options.synced),
        errors,
        seconds: options.seconds as f64,
        details: [
            ("large_p50_ms", quantile_ms(&large, 0.5)),
            ("large_p99_ms", quantile_ms(&large, 0.99)),
            ("messages_acked", acks as f64),
            ("members", members as f64),
            ("online", online.len() as f64),
        ]
        .into(),
        versions: versions(),
        ..Report::default()
    })
}
