//! One run from the first process to the report.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;

use crate::balancer::{Balancer, Target};
use crate::cluster::{self, Cluster, Member};
use crate::judge;
use crate::nemesis::{self, Outcome};
use crate::options::{Choice, Options};
use crate::report::Report;
use crate::revision::Revision;
use crate::timeline::now_us;
use crate::workload::Workload;
use crate::{finals, settle};

/// For what is on its way when sending stops to be answered.
const ANSWER_LIMIT: Duration = Duration::from_mins(4);
/// For every device to see everything.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(120);
const PROGRESS_EVERY: Duration = Duration::from_secs(30);

/// Runs and judges.
pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let seed = options.seed.unwrap_or_else(rand::random);
    now_us();
    tracing::info!(seed, "starting the cluster");
    let other = match &options.upgrade {
        Some(name) => Some(Revision::build(name).await?),
        None => None,
    };
    let begins_as = other.as_ref().map(|other| other.bin_dir.clone());
    let mut cluster = Cluster::start(cluster::Options { gateways: 2, workers: 2, seconds: options.seconds, synchronous: true, begins_as })
        .await
        .context("the cluster does not start")?;
    let result = Box::pin(run_on(&mut cluster, options, seed, other.as_ref())).await;
    let failed = result.as_ref().map_or(true, |report| !report.passed());
    if options.keep || failed {
        let directory = relay_dev_servers::workspace::root()?.join(".relay/chaos").join(seed.to_string());
        cluster.save_logs(&directory)?;
        tracing::info!(directory = %directory.display(), "the logs are here");
    }
    result.with_context(|| format!("this run's seed: {seed}"))
}

async fn run_on(cluster: &mut Cluster, options: &Options, seed: u64, other: Option<&Revision>) -> anyhow::Result<Report> {
    let mut background = JoinSet::new();
    let supervisor = Arc::clone(&cluster.supervisor);
    background.spawn(async move { supervisor.run().await });
    let target = |member: &Member| {
        let link = cluster.links.clients.get(member.process.name()).map(relay_fault_proxy::FaultProxy::address);
        link.map(|link| Target::new(link, member.process.admin()))
    };
    let targets = cluster.gateways.iter().chain(&cluster.crasher).filter_map(target).collect();
    let balancer = Balancer::start(targets).await?;
    let plan = options.plan(seed);
    let workload = Workload::start(cluster, &balancer.url(), plan).await.context("the traffic does not start")?;
    background.spawn(progress(Arc::clone(&workload.record)));
    let began_us = now_us();

    tracing::info!(seed, seconds = options.seconds, rate_per_s = plan.rate_per_s, "sending");
    let outcome = match (other, options.fault) {
        (Some(other), _) => nemesis::roll(cluster, &workload, [&Revision::own()?, other], seed, options.time()).await?,
        (None, Choice::Nothing) => {
            tokio::time::sleep(options.time()).await;
            Outcome::quiet()
        }
        (None, Choice::One(fault)) => nemesis::torment(cluster, &workload, &[fault], seed, options.time()).await?,
        (None, Choice::Mixed) => nemesis::torment(cluster, &workload, &options.mix(), seed, options.time()).await?,
    };

    tracing::info!("healed for good; settling");
    cluster.links.heal();
    settle::ready(cluster).await?;
    let unanswered = workload.stop_sending(ANSWER_LIMIT).await;
    let ended_us = now_us();
    // What is acknowledged after the log was read would look lost: there is nothing to judge before the cluster is at rest.
    anyhow::ensure!(unanswered == 0, "{unanswered} sends have no answer {ANSWER_LIMIT:?} after the last fault was healed");
    settle::all_told(cluster, CATCH_UP_LIMIT).await?;
    let end = settle::projected(cluster, CATCH_UP_LIMIT).await?;
    workload.keep_log_of_this_epoch(cluster).await.context("reading the log")?;
    let behind = settle::everybody_caught_up(&workload, CATCH_UP_LIMIT).await;
    workload.finish().await;
    tracing::info!(%end, behind = behind.len(), "reading what is left");
    let finals = finals::read(cluster, &workload).await?;
    let restarts = cluster.supervisor.restarts();
    let taken = workload.record.take();
    // Judging may take a while and much memory; nothing else runs by then.
    let counted = |counter: &AtomicUsize| counter.load(Ordering::Relaxed) as u64;
    let (gaps, resets) = (counted(&workload.record.gaps), counted(&workload.record.resets));
    let (typing, typing_astray) = (counted(&workload.record.typing), counted(&workload.record.typing_astray));
    let population = Arc::clone(&workload.population);
    let facts = judge::Facts { seed, began_us, ended_us, behind, gaps, resets, typing, typing_astray, restarts, outcome, population };
    tokio::task::spawn_blocking(move || judge::judge(taken, finals, &facts)).await.context("judging failed")
}

async fn progress(record: Arc<crate::record::Record>) {
    let mut last = 0;
    loop {
        tokio::time::sleep(PROGRESS_EVERY).await;
        let acked = record.acked.load(std::sync::atomic::Ordering::Relaxed);
        let delivered = record.delivered.load(std::sync::atomic::Ordering::Relaxed);
        tracing::info!(acked, delivered, acked_per_s = (acked - last) as u64 / PROGRESS_EVERY.as_secs(), "so far");
        last = acked;
    }
}
