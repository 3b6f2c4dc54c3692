//! Waiting, always bounded, until the cluster has come to rest.

use std::time::Duration;

use anyhow::{Context as _, bail};
use relay_dev_servers::RelayProcess;
use relay_subjects::{stream, user_durable};
use relay_types::{Seq, ShardId, UserId};

use crate::cluster::Cluster;
use crate::workload::Workload;

const POLL: Duration = Duration::from_millis(200);

/// The log's last sequence, as its leader says.
pub async fn log_end(cluster: &Cluster) -> anyhow::Result<Seq> {
    let js = async_nats::jetstream::new(cluster.nats_client().await?);
    let stream = js.get_stream(stream(ShardId(0))).await?;
    Ok(Seq(stream.cached_info().state.last_sequence))
}

/// Waits until Postgres has all of the log that there is at the call.
pub async fn projected(cluster: &Cluster, limit: Duration) -> anyhow::Result<Seq> {
    let deadline = tokio::time::Instant::now() + limit;
    let mut seen = String::from("nothing");
    loop {
        match watermark_and_end(cluster).await {
            Ok((watermark, end)) if watermark >= end => return Ok(end),
            Ok((watermark, end)) => seen = format!("the watermark is {watermark} and the log ends at {end}"),
            Err(error) => seen = format!("{error:#} (before: {seen})").chars().take(400).collect(),
        }
        if tokio::time::Instant::now() > deadline {
            bail!("Postgres has not taken in the log within {limit:?}: {seen}");
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until everything that was decided is in the log: the outbox is empty, and read marks that moved are told.
pub async fn all_told(cluster: &Cluster, limit: Duration) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + limit;
    loop {
        let untold = untold(cluster).await;
        if matches!(untold, Ok(0)) {
            return Ok(());
        }
        if tokio::time::Instant::now() > deadline {
            bail!("not everything that was decided is in the log within {limit:?}: {untold:?}");
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn untold(cluster: &Cluster) -> anyhow::Result<i64> {
    let mut database = cluster.database().await?;
    let count =
        "SELECT (SELECT count(*) FROM outbox WHERE published_seq IS NULL) + (SELECT count(*) FROM read_mark_news WHERE seq > told_seq)
                  + (SELECT count(*) FROM drafts WHERE version > told_version)
                  + (SELECT count(*) FROM thread_follows WHERE read_seq > told_seq)";
    Ok(sqlx::query_scalar(count).fetch_one(&mut database).await?)
}

async fn watermark_and_end(cluster: &Cluster) -> anyhow::Result<(Seq, Seq)> {
    let end = log_end(cluster).await?;
    let mut database = cluster.database().await?;
    let watermark: Option<i64> = sqlx::query_scalar("SELECT seq FROM watermarks WHERE shard = 0").fetch_optional(&mut database).await?;
    Ok((Seq(u64::try_from(watermark.unwrap_or(0))?), end))
}

/// For one process to be ready, ended by itself and started again in between or not.
const READY_LIMIT: Duration = Duration::from_secs(90);

/// Waits until all of our processes say that they are ready.
pub async fn ready(cluster: &Cluster) -> anyhow::Result<()> {
    for member in cluster.members() {
        process_ready(&member.process).await?;
    }
    Ok(())
}

/// One that ends by itself meanwhile, as for a new epoch of the log, is started by the supervisor and waited for.
async fn process_ready(process: &RelayProcess) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + READY_LIMIT;
    loop {
        match process.healthy().await {
            Ok(()) => return Ok(()),
            Err(error) if tokio::time::Instant::now() > deadline => {
                return Err(error.context(format!("{} is not ready after {READY_LIMIT:?}", process.name())));
            }
            Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}

/// Waits until every gateway of `before` (with its process id then) is another process and ready.
pub async fn gateways_replaced(cluster: &Cluster, before: &[(String, Option<u32>)]) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + READY_LIMIT;
    for (name, pid) in before {
        let gateway = cluster.gateways.iter().find(|gateway| gateway.process.name() == name).context("no such gateway")?;
        while gateway.process.pid().is_none_or(|now| Some(now) == *pid) {
            anyhow::ensure!(tokio::time::Instant::now() < deadline, "{name} still runs on the log's old epoch after {READY_LIMIT:?}");
            tokio::time::sleep(POLL).await;
        }
        process_ready(&gateway.process).await?;
    }
    Ok(())
}

/// Waits until every user's durable consumer answers.
pub async fn consumers_available(cluster: &Cluster, users: &[UserId], limit: Duration) -> anyhow::Result<()> {
    let js = async_nats::jetstream::new(cluster.nats_client().await?);
    let deadline = tokio::time::Instant::now() + limit;
    for user in users {
        loop {
            let found = async { anyhow::Ok(js.get_stream_no_info(stream(ShardId(0))).await?.consumer_info(user_durable(*user)).await?) };
            let answer = tokio::time::timeout(Duration::from_secs(2), found).await;
            if matches!(answer, Ok(Ok(_))) {
                break;
            }
            if tokio::time::Instant::now() > deadline {
                bail!("the consumer of {user} does not answer after {limit:?}: {answer:?}");
            }
            tokio::time::sleep(POLL).await;
        }
    }
    Ok(())
}

/// Waits until every device has seen the newest event that concerns it in each conversation. Returns those that have not:
/// device, room, what they should have seen, what they have.
pub async fn everybody_caught_up(workload: &Workload, limit: Duration) -> Vec<(usize, u32, u64, u64)> {
    let newest = workload.record.newest_for_members();
    let deadline = tokio::time::Instant::now() + limit;
    loop {
        let mut behind = Vec::new();
        for (index, device) in workload.devices.iter().enumerate() {
            let Ok(person) = u32::try_from(device.person) else { continue };
            for ((room, _), newest) in newest.iter().filter(|((_, user), _)| *user == person) {
                let head = device.head(*room as usize);
                if head < *newest && !device.was_reset_behind(*newest) {
                    behind.push((index, *room, *newest, head));
                }
            }
        }
        if behind.is_empty() || tokio::time::Instant::now() > deadline {
            return behind;
        }
        tokio::time::sleep(POLL).await;
    }
}
