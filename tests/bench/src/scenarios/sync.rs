//! What a client shows first: in one answer, and as it was asked for before there was one; and what changed since.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use relay_client::{ApiClient, StaticToken};
use relay_protocol::message::MessageBody;
use relay_protocol::rest::{ConversationListQuery, ConversationState, Secret};
use relay_protocol::sync::SyncQuery;

use super::Options;
use crate::report::{Report, histogram, quantile_ms, versions};
use crate::{population, stack};

const CONVERSATIONS: usize = 200;
const MESSAGES: u64 = 10_000;
/// Answers that are not measured: connections and caches come up.
const WARM_UP: usize = 20;
/// Requests of the first paint without it: the list in two pages, archived ones, requests, drafts, settings.
const BEFORE: f64 = 6.0;

pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let harness = stack::start(options.synced, |builder| builder).await?;
    let people = population::people(&harness, 21).await?;
    let rooms = population::groups_of_one(&harness, &people, options.users.unwrap_or(CONVERSATIONS)).await?;
    let js = async_nats::jetstream::new(harness.nats_client().await?);
    population::backlog(&js, &people, &rooms, MESSAGES).await?;
    population::settled(&harness, people.len()).await?;
    let as_one = |index: usize| {
        let token = people.get(index).context("nobody")?.token.to_string();
        anyhow::Ok(harness.api_client()?.with_tokens(Arc::new(StaticToken(Secret(token)))))
    };
    let api = as_one(0)?;
    let phase = Duration::from_secs(options.seconds);
    let (mut full, mut apart, mut changes, mut nothing) = (histogram(), histogram(), histogram(), histogram());
    for _ in 0..WARM_UP {
        api.sync(&SyncQuery::default()).await?;
        first_paint(&api).await?;
    }
    let deadline = Instant::now() + phase;
    let mut answers = 0u32;
    while Instant::now() < deadline {
        let began = Instant::now();
        let answer = api.sync(&SyncQuery::default()).await?;
        note(&mut full, began);
        ensure!(answer.full && answer.conversations.len() == rooms.len().min(200), "not all conversations came");
        answers += 1;
    }
    let deadline = Instant::now() + phase;
    while Instant::now() < deadline {
        let began = Instant::now();
        first_paint(&api).await?;
        note(&mut apart, began);
    }
    let mut token = api.sync(&SyncQuery::default()).await?.token;
    let deadline = Instant::now() + phase;
    for (round, room) in rooms.iter().cycle().enumerate() {
        if Instant::now() >= deadline {
            break;
        }
        let other = as_one(*room.members.get(1).context("an empty group")?)?;
        let body = MessageBody::Text { text: "something new".parse()? };
        other.post_message(room.conversation, &format!("sync-{round}").parse()?, &body).await?;
        let began = Instant::now();
        let answer = api.sync(&SyncQuery { since: Some(token), limit: None }).await?;
        note(&mut changes, began);
        ensure!(!answer.full && answer.conversations.len() == 1, "one conversation changed, {} came", answer.conversations.len());
        let began = Instant::now();
        let answer = api.sync(&SyncQuery { since: Some(answer.token), limit: None }).await?;
        note(&mut nothing, began);
        token = answer.token;
    }
    harness.finish().await?;
    Ok(Report {
        scenario: "sync",
        rate_per_s: f64::from(answers) / options.seconds as f64,
        unit: "answers",
        p50_ms: Some(quantile_ms(&full, 0.5)),
        p99_ms: Some(quantile_ms(&full, 0.99)),
        ack_level: stack::ack_level(options.synced),
        seconds: options.seconds as f64,
        details: [
            ("conversations", rooms.len() as f64),
            ("requests_before", BEFORE),
            ("before_p50_ms", quantile_ms(&apart, 0.5)),
            ("before_p99_ms", quantile_ms(&apart, 0.99)),
            ("changes_p50_ms", quantile_ms(&changes, 0.5)),
            ("changes_p99_ms", quantile_ms(&changes, 0.99)),
            ("no_change_p99_ms", quantile_ms(&nothing, 0.99)),
        ]
        .into(),
        versions: versions(),
        ..Report::default()
    })
}

fn note(latencies: &mut Histogram<u64>, began: Instant) {
    let _ = latencies.record(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
}

/// What a client asked for before.
async fn first_paint(api: &ApiClient) -> anyhow::Result<()> {
    let mut cursor = None;
    for _ in 0..2 {
        let query = ConversationListQuery { limit: Some(100), cursor, ..ConversationListQuery::default() };
        cursor = api.list_conversations(&query).await?.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    api.list_conversations(&ConversationListQuery { archived: Some(true), ..ConversationListQuery::default() }).await?;
    api.list_conversations(&ConversationListQuery { state: Some(ConversationState::Request), ..ConversationListQuery::default() }).await?;
    api.drafts().await?;
    api.settings().await?;
    Ok(())
}
