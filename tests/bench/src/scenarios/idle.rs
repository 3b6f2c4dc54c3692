//! What an authenticated socket costs that only waits: the slope of the gateway's memory over their number.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::Options;
use crate::fleet::{Fleet, Seen};
use crate::report::{Report, versions};
use crate::{population, stack};

const USERS: usize = 10_000;
const FIRST: usize = 1_000;
const GROUP: usize = 20;

pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let users = options.users.unwrap_or(USERS).max(2 * FIRST);
    let harness = stack::start(options.synced, |builder| builder).await?;
    let people = population::people(&harness, users).await?;
    population::groups(&harness, &people, GROUP).await?;
    let pid = harness.gateway(0).pid().context("the gateway does not run")?;
    let gateways = [harness.gateway_url(0)];
    let seen = Arc::new(Seen::default());
    let (first, rest) = people.split_at(FIRST);
    let few = Fleet::connect(&gateways, first, &[], Arc::clone(&seen)).await?;
    let with_few = settled_memory(pid).await?;
    let began = Instant::now();
    let many = Fleet::connect(&gateways, rest, &[], Arc::clone(&seen)).await?;
    let connect_rate = rest.len() as f64 / began.elapsed().as_secs_f64();
    let with_all = settled_memory(pid).await?;
    let per_socket = with_all.saturating_sub(with_few) as f64 / rest.len() as f64;
    few.disconnect().await;
    many.disconnect().await;
    harness.finish().await?;
    Ok(Report {
        scenario: "idle",
        rate_per_s: connect_rate,
        unit: "connections",
        bytes_per_socket: Some(per_socket),
        ack_level: stack::ack_level(options.synced),
        seconds: options.seconds as f64,
        details: [
            ("sockets", people.len() as f64),
            ("resident_mb_at_1000", with_few as f64 / 1e6),
            ("resident_mb_at_all", with_all as f64 / 1e6),
        ]
        .into(),
        versions: versions(),
        ..Report::default()
    })
}

/// Memory once it no longer changes by more than one part in a hundred.
async fn settled_memory(pid: u32) -> anyhow::Result<u64> {
    let mut last = stack::resident_bytes(pid)?;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = stack::resident_bytes(pid)?;
        if now.abs_diff(last) < last / 100 {
            return Ok(now);
        }
        last = now;
    }
    Ok(last)
}
