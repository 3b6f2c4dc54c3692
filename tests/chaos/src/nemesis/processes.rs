//! Our own processes: killed, frozen, drained, crashed, and with a wrong clock.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use relay_dev_servers::RelayProcess;

use super::Hands;
use crate::cluster::Member;

const HOUR_MS: i64 = 3_600_000;

fn process_of(members: &[Member], index: usize) -> anyhow::Result<Arc<RelayProcess>> {
    members.get(index).map(|member| Arc::clone(&member.process)).context("no such process")
}

/// Kills the process, leaves it dead for a while, starts it.
async fn kill(hands: &mut Hands<'_>, process: &RelayProcess, kind: &'static str, dead_ms: (u64, u64)) -> anyhow::Result<()> {
    hands.target(process.name());
    hands.cluster.supervisor.hold(process.name());
    hands.injected();
    process.kill();
    hands.killed(kind);
    hands.hold(dead_ms.0, dead_ms.1).await;
    let started = process.restart().await;
    hands.cluster.supervisor.release(process.name());
    started
}

async fn pause(hands: &mut Hands<'_>, process: &RelayProcess, ms: (u64, u64)) {
    hands.target(process.name());
    hands.injected();
    process.pause();
    hands.hold(ms.0, ms.1).await;
    process.resume();
}

pub async fn kill_gateway(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let index = hands.pick(hands.cluster.gateways.len());
    hands.concerns_gateways(&[index]);
    let process = process_of(&hands.cluster.gateways, index)?;
    kill(hands, &process, "gateway", (500, 3_000)).await
}

/// Whoever moved to the other gateway loses that one as well, sometimes before having caught up.
pub async fn kill_gateways_repeatedly(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let injected = hands.window.injected_us;
    for round in 0..4 {
        let process = process_of(&hands.cluster.gateways, round % hands.cluster.gateways.len())?;
        kill(hands, &process, "gateway", (50, 400)).await?;
    }
    hands.window.injected_us = injected;
    hands.target("all gateways in turn");
    Ok(())
}

pub async fn pause_gateway(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let index = hands.pick(hands.cluster.gateways.len());
    hands.concerns_gateways(&[index]);
    let process = process_of(&hands.cluster.gateways, index)?;
    pause(hands, &process, (4_000, 15_000)).await;
    Ok(())
}

pub async fn drain_gateway(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let index = hands.pick(hands.cluster.gateways.len());
    hands.concerns_gateways(&[index]);
    let process = process_of(&hands.cluster.gateways, index)?;
    hands.target(process.name());
    hands.cluster.supervisor.hold(process.name());
    hands.injected();
    let exit = process.stop().await;
    let started = process.restart().await;
    hands.cluster.supervisor.release(process.name());
    anyhow::ensure!(exit.is_none_or(|exit| exit.success()), "{} did not drain cleanly: {exit:?}", process.name());
    started
}

pub async fn rolling_restart(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    hands.target("every process in turn");
    hands.injected();
    let processes: Vec<_> = hands.cluster.members().map(|member| Arc::clone(&member.process)).collect();
    for process in processes {
        hands.cluster.supervisor.hold(process.name());
        let restarted = process.restart().await;
        hands.cluster.supervisor.release(process.name());
        restarted?;
    }
    Ok(())
}

pub async fn kill_worker(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let index = hands.pick(hands.cluster.workers.len());
    hands.concerns_gateways(&[]);
    let process = process_of(&hands.cluster.workers, index)?;
    kill(hands, &process, "worker", (200, 3_000)).await
}

/// Longer than the log keeps its place, so the other worker takes over and this one returns as a zombie.
pub async fn pause_worker(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let index = hands.pick(hands.cluster.workers.len());
    hands.concerns_gateways(&[]);
    let process = process_of(&hands.cluster.workers, index)?;
    pause(hands, &process, (5_000, 12_000)).await;
    Ok(())
}

pub async fn kill_api(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    hands.concerns_gateways(&[]);
    let process = process_of(&hands.cluster.apis, 0)?;
    kill(hands, &process, "api", (200, 2_000)).await
}

pub async fn pause_api(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    hands.concerns_gateways(&[]);
    let process = process_of(&hands.cluster.apis, 0)?;
    pause(hands, &process, (3_000, 8_000)).await;
    Ok(())
}

/// A third gateway that aborts itself with some probability after each append and before the client hears of it.
pub async fn crash_after_append(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let process = hands.cluster.crasher.as_ref().map(|member| Arc::clone(&member.process)).context("there is a crasher")?;
    hands.target(process.name());
    process.start().await?;
    hands.injected();
    let end = tokio::time::Instant::now() + hands.between(4_000, 8_000);
    while tokio::time::Instant::now() < end {
        if !process.is_running() {
            hands.killed("gateway at failpoint");
            process.spawn()?;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    process.kill();
    hands.killed("gateway");
    Ok(())
}

/// An hour ahead or behind, then right again.
pub async fn skew_clock(hands: &mut Hands<'_>) -> anyhow::Result<()> {
    let count = hands.cluster.members().count();
    let (index, ahead) = (hands.pick(count), hands.pick(2) == 0);
    let offset_ms = if ahead { HOUR_MS } else { -HOUR_MS };
    let name = hands.cluster.members().nth(index).map(|member| member.process.name().to_owned()).context("no such process")?;
    hands.target(format!("{name} {offset_ms} ms"));
    set_clock(hands, index, offset_ms)?;
    hands.injected();
    hands.hold(3_000, 8_000).await;
    set_clock(hands, index, 0)
}

fn set_clock(hands: &Hands<'_>, index: usize, offset_ms: i64) -> anyhow::Result<()> {
    let member = hands.cluster.members().nth(index).context("no such process")?;
    member.clock.set(offset_ms)
}
