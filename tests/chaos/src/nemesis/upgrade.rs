//! A rolling upgrade under traffic: process by process from one revision to another and back, in an order that the seed decides.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::{Outcome, RECOVERY_LIMIT, empty};
use crate::cluster::Cluster;
use crate::revision::Revision;
use crate::timeline::now_us;
use crate::workload::Workload;

/// Rolls every process from `other`, which all of them run, to `own`, back, and so on until `time` is over; there and back at
/// least once. In the end all of them run `own`.
pub async fn roll(
    cluster: &Cluster,
    workload: &Workload,
    [own, other]: [&Revision; 2],
    seed: u64,
    time: Duration,
) -> anyhow::Result<Outcome> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x7570_6772_6164_6500);
    let end = tokio::time::Instant::now() + time;
    let mut windows = Vec::new();
    tokio::time::sleep(time.mul_f64(0.05).clamp(Duration::from_secs(2), Duration::from_secs(20))).await;
    let mut rolls = 0;
    while rolls < 3 || rolls % 2 == 0 || tokio::time::Instant::now() < end {
        let to = if rolls % 2 == 0 { own } else { other };
        let mut processes: Vec<_> = cluster.members().map(|member| Arc::clone(&member.process)).collect();
        processes.shuffle(&mut rng);
        for process in processes {
            let mut window = empty("upgrade");
            window.target = format!("{} to {}", process.name(), to.name);
            cluster.supervisor.hold(process.name());
            let exit = process.stop().await;
            cluster.programs.point(process.name(), &to.bin_dir)?;
            let started = process.restart().await;
            cluster.supervisor.release(process.name());
            started.with_context(|| format!("{} does not start as {}", process.name(), to.name))?;
            anyhow::ensure!(exit.is_none_or(|exit| exit.success()), "{} did not stop cleanly: {exit:?}", process.name());
            window.healed_us = now_us();
            window.recovered_us = workload.probers.recovered(window.healed_us, RECOVERY_LIMIT).await;
            tracing::info!(target = window.target, recovered = window.recovered_us.is_some(), "rolled");
            windows.push(window);
            // Both revisions work beside each other for a while.
            tokio::time::sleep(Duration::from_millis(rng.random_range(500..=3_000))).await;
        }
        rolls += 1;
    }
    Ok(Outcome { windows, ..Outcome::quiet() })
}
