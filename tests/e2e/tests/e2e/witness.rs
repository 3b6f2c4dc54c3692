//! Independent witnesses: the stream read with a plain NATS client, and the tables read with plain SQL.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::{self, consumer::pull, consumer::push::OrderedConfig, stream::Stream};
use futures::{FutureExt as _, StreamExt as _};
use relay_harness::{Harness, wait_for};
use relay_protocol::log::LogEvent;
use relay_subjects::LogSubject;
use relay_types::{ClientId, ConversationId, Seq, ShardId, UserId};
use sqlx::Row as _;

use super::support::LATE;

/// A shard's stream.
pub async fn stream(harness: &Harness, shard: u16) -> anyhow::Result<Stream> {
    let jetstream = jetstream::new(harness.nats_client().await?);
    Ok(jetstream.get_stream(relay_subjects::stream(ShardId(shard))).await?)
}

/// The last sequence of shard 0.
pub async fn log_end(harness: &Harness) -> anyhow::Result<Seq> {
    Ok(Seq(stream(harness, 0).await?.cached_info().state.last_sequence))
}

/// Everything in a shard, in order.
pub async fn log(harness: &Harness, shard: u16) -> anyhow::Result<Vec<(Seq, LogEvent)>> {
    Ok(log_with_subjects(harness, shard).await?.into_iter().map(|(seq, _, event)| (seq, event)).collect())
}

/// As [`log`], with the subject of each event.
pub async fn log_with_subjects(harness: &Harness, shard: u16) -> anyhow::Result<Vec<(Seq, String, LogEvent)>> {
    let client = harness.nats_client().await?;
    let stream = stream(harness, shard).await?;
    let last = stream.cached_info().state.last_sequence;
    let consumer = stream.create_consumer(OrderedConfig { deliver_subject: client.new_inbox(), ..OrderedConfig::default() }).await?;
    let mut messages = consumer.messages().await?;
    let mut events = Vec::new();
    let mut reached = 0;
    while reached < last {
        let next = tokio::time::timeout(Duration::from_secs(20), messages.next()).await.context("the log did not answer")?;
        let message = next.context("the log ended")??;
        reached = message.info().map_err(|error| anyhow::anyhow!("{error}"))?.stream_sequence;
        events.push((Seq(reached), message.subject.to_string(), serde_json::from_slice(&message.payload).unwrap_or(LogEvent::Unreadable)));
    }
    Ok(events)
}

/// The places in shard 0 of every message with this key, with its sender.
pub async fn sequences_of(harness: &Harness, client_id: &ClientId) -> anyhow::Result<Vec<(Seq, UserId)>> {
    let sent = log(harness, 0).await?.into_iter().filter_map(|(seq, event)| match event {
        LogEvent::MessageSent(sent) if sent.client_id == *client_id => Some((seq, sent.actor_id)),
        _ => None,
    });
    Ok(sent.collect())
}

/// The sequences of a conversation's events in the log.
pub async fn conversation_log(harness: &Harness, conversation: ConversationId) -> anyhow::Result<Vec<Seq>> {
    let subject = LogSubject::Conversation(ShardId(0), conversation).to_string();
    let events = log_with_subjects(harness, 0).await?;
    Ok(events.into_iter().filter(|(_, on, _)| *on == subject).map(|(seq, _, _)| seq).collect())
}

/// Waits until the projection has everything that the log has now.
pub async fn persisted(harness: &Harness) -> anyhow::Result<()> {
    let end = log_end(harness).await?;
    wait_for("the projection to reach the log's end", LATE, || async move {
        let reached = watermark(harness).await.map_err(|error| format!("{error:#}"))?;
        if reached >= end { Ok(()) } else { Err(format!("{reached} of {end}")) }
    })
    .await;
    Ok(())
}

/// Up to where shard 0 was projected.
pub async fn watermark(harness: &Harness) -> anyhow::Result<Seq> {
    let mut database = harness.database().await?;
    let row = sqlx::query("SELECT seq FROM watermarks WHERE shard = 0").fetch_optional(&mut database).await?;
    Ok(row.map_or(Seq::ZERO, |row| Seq::from_i64(row.get("seq"))))
}

/// The sequences and previous sequences of a conversation in the projection.
pub async fn conversation_rows(harness: &Harness, conversation: ConversationId) -> anyhow::Result<Vec<(Seq, Option<Seq>)>> {
    let mut database = harness.database().await?;
    let query = sqlx::query("SELECT seq, prev_seq FROM conversation_events WHERE conversation_id = $1 ORDER BY seq");
    let rows = query.bind(conversation.to_uuid()).fetch_all(&mut database).await?;
    Ok(rows.into_iter().map(|row| (Seq::from_i64(row.get("seq")), row.get::<Option<i64>, _>("prev_seq").map(Seq::from_i64))).collect())
}

/// How many rows each table has that a refused request could leave behind.
pub async fn row_counts(harness: &Harness) -> anyhow::Result<BTreeMap<&'static str, i64>> {
    const TABLES: [&str; 9] =
        ["users", "sessions", "conversations", "members", "outbox", "conversation_events", "messages", "send_keys", "memberships"];
    let mut database = harness.database().await?;
    let mut counts = BTreeMap::new();
    for table in TABLES {
        let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) AS n FROM {table}"));
        counts.insert(table, sqlx::query(sql).fetch_one(&mut database).await?.get("n"));
    }
    Ok(counts)
}

/// A user's durable consumer on a shard: what it has not delivered, and its filters.
pub async fn durable(harness: &Harness, shard: u16, user: UserId) -> anyhow::Result<(u64, Vec<String>)> {
    let consumer: jetstream::consumer::Consumer<pull::Config> = stream(harness, shard)
        .await?
        .get_consumer(&relay_subjects::user_durable(user))
        .await
        .map_err(|error| anyhow::anyhow!("no durable consumer: {error}"))?;
    let info = consumer.cached_info();
    let mut filters = info.config.filter_subjects.clone();
    filters.extend(Some(info.config.filter_subject.clone()).filter(|subject| !subject.is_empty()));
    filters.sort();
    Ok((info.num_pending, filters))
}

/// Requests of JetStream's API that anybody makes, as a fellow in the same NATS account sees them.
pub struct Requests {
    client: async_nats::Client,
    seen: async_nats::Subscriber,
}

impl Requests {
    /// Sees requests on `subject` from now on.
    pub async fn on(harness: &Harness, subject: &str) -> anyhow::Result<Self> {
        let client = harness.nats_client().await?;
        let seen = client.subscribe(format!("$JS.API.{subject}")).await?;
        let mut requests = Self { client, seen };
        // From when the server knows of the subscription.
        requests.seen().await?;
        Ok(requests)
    }

    /// The subjects of those that came since the last look.
    pub async fn seen(&mut self) -> anyhow::Result<Vec<String>> {
        // What comes back behind them on the same connection says that they have all come.
        let inbox = self.client.new_inbox();
        let mut behind = self.client.subscribe(inbox.clone()).await?;
        self.client.publish(inbox, Vec::new().into()).await?;
        tokio::time::timeout(Duration::from_secs(20), behind.next()).await.context("NATS did not answer")?;
        Ok(std::iter::from_fn(|| self.seen.next().now_or_never().flatten()).map(|message| message.subject.to_string()).collect())
    }
}

/// What every process of this test has written so far.
pub fn logs(harness: &Harness) -> anyhow::Result<String> {
    let mut all = String::new();
    for entry in std::fs::read_dir(harness.directory())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            all.push_str(&String::from_utf8_lossy(&std::fs::read(&path)?));
        }
    }
    Ok(all)
}
