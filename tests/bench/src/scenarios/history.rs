//! Pages of history over REST.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use relay_client::StaticToken;
use relay_protocol::rest::{HistoryQuery, Secret};

use super::Options;
use crate::report::{Report, histogram, quantile_ms, versions};
use crate::{population, stack};

const USERS: usize = 200;
const GROUP: usize = 20;
const MESSAGES: u64 = 20_000;
const READERS: usize = 32;

pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let harness = stack::start(options.synced, |builder| builder).await?;
    let people = population::people(&harness, options.users.unwrap_or(USERS) / GROUP * GROUP).await?;
    let rooms = population::groups(&harness, &people, GROUP).await?;
    let js = async_nats::jetstream::new(harness.nats_client().await?);
    population::backlog(&js, &people, &rooms, MESSAGES).await?;
    population::settled(&harness, people.len()).await?;
    let deadline = Instant::now() + Duration::from_secs(options.seconds);
    let pages = Arc::new(AtomicU64::new(0));
    let readers = rooms.iter().cycle().take(READERS).map(|room| {
        let (person, pages) = (room.members.first().and_then(|index| people.get(*index)).cloned(), Arc::clone(&pages));
        let (api, conversation_id) = (harness.api_client(), room.conversation);
        async move {
            let person = person.context("an empty group")?;
            let api = api?.with_tokens(Arc::new(StaticToken(Secret(person.token.to_string()))));
            let (mut before, mut latencies) = (None, histogram());
            while Instant::now() < deadline {
                let began = Instant::now();
                let page = api
                    .history(&HistoryQuery { conversation_id, before, after: None, unread: None, limit: Some(50), changes: None })
                    .await?;
                let _ = latencies.record(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
                before = page.messages.first().map(|message| message.seq).filter(|_| page.has_more);
                pages.fetch_add(1, Ordering::Relaxed);
            }
            anyhow::Ok(latencies)
        }
    });
    let mut latencies = histogram();
    for one in futures::future::try_join_all(readers).await? {
        latencies.add(one)?;
    }
    harness.finish().await?;
    Ok(Report {
        scenario: "history",
        rate_per_s: pages.load(Ordering::Relaxed) as f64 / options.seconds as f64,
        unit: "pages",
        p50_ms: Some(quantile_ms(&latencies, 0.5)),
        p99_ms: Some(quantile_ms(&latencies, 0.99)),
        ack_level: stack::ack_level(options.synced),
        seconds: options.seconds as f64,
        details: [("page_messages", 50.0), ("readers", READERS as f64)].into(),
        versions: versions(),
        ..Report::default()
    })
}
