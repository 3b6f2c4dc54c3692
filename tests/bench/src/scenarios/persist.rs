//! How fast the persist worker projects a backlog.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use relay_harness::wait_for;
use relay_types::ShardId;

use super::Options;
use crate::report::{Report, versions};
use crate::{population, stack};

const MESSAGES: u64 = 200_000;
const USERS: usize = 1_000;
const GROUP: usize = 20;

pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let harness = stack::start(options.synced, |builder| builder).await?;
    let people = population::people(&harness, options.users.unwrap_or(USERS) / GROUP * GROUP).await?;
    let rooms = population::groups(&harness, &people, GROUP).await?;
    harness.worker().stop().await;
    let js = async_nats::jetstream::new(harness.nats_client().await?);
    let published = Instant::now();
    population::backlog(&js, &people, &rooms, MESSAGES).await?;
    let publish_rate = MESSAGES as f64 / published.elapsed().as_secs_f64();
    let stream = js.get_stream(relay_subjects::stream(ShardId(0))).await?;
    let head = i64::try_from(stream.get_info().await?.state.last_sequence).context("a sequence")?;
    harness.worker().restart().await?;
    let began = Instant::now();
    let database = tokio::sync::Mutex::new(harness.database().await?);
    wait_for("the projection to reach the log's end", Duration::from_mins(10), || async {
        let mut database = database.lock().await;
        let watermark: i64 = sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM watermarks")
            .fetch_one(&mut *database)
            .await
            .map_err(|error| error.to_string())?;
        if watermark >= head { Ok(()) } else { Err(format!("{watermark} of {head}")) }
    })
    .await;
    let seconds = began.elapsed().as_secs_f64();
    harness.finish().await?;
    Ok(Report {
        scenario: "persist",
        rate_per_s: MESSAGES as f64 / seconds,
        unit: "messages",
        ack_level: stack::ack_level(options.synced),
        seconds,
        details: [("messages", MESSAGES as f64), ("backlog_published_per_s", publish_rate)].into(),
        versions: versions(),
        ..Report::default()
    })
}
