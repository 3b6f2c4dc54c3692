//! Many messages at once, put straight into the log: what happened while nobody looked, or more than people could type.

use std::time::Duration;

use anyhow::Context as _;
use relay_harness::{Harness, wait_for};
use relay_protocol::MessageBody;
use relay_protocol::log::{LogEvent, MessageSent};
use relay_subjects::LogSubject;
use relay_types::{ClientId, ConversationId, IdGen as _, MessageId, ShardId, SystemIds, TimestampMs, UserId};

/// Messages of one atomic batch, which holds at most 1,000.
const BATCH: u64 = 500;
/// For the workers to bring everything into the projection.
const PROJECTED_WITHIN: Duration = Duration::from_mins(2);

/// What is to be put where.
#[derive(serde::Deserialize)]
pub struct Load {
    pub conversation: ConversationId,
    /// They write in turn.
    pub authors: Vec<UserId>,
    pub count: u64,
    /// The first one's time, and the time between two.
    pub from_ms: TimestampMs,
    pub every_ms: TimestampMs,
    /// Before the number of each; a single one has none.
    pub text: String,
    /// Whether to wait until they are in the projection.
    pub wait: bool,
}

impl Load {
    /// Puts it into the log, in order.
    pub async fn put(&self, harness: &Harness) -> anyhow::Result<()> {
        let client = harness.nats_client().await?;
        let js = async_nats::jetstream::new(client.clone());
        // The browser tests' stack has one shard.
        let subject = LogSubject::Conversation(ShardId(0), self.conversation).to_string();
        let ids = SystemIds::default();
        for from in (0..self.count).step_by(usize::try_from(BATCH)?) {
            let events = (from..self.count.min(from + BATCH)).map(|index| self.event(index, &ids)).collect::<anyhow::Result<Vec<_>>>()?;
            batch(&client, &js, &subject, &format!("{}-{from}", ids.next_ulid()), events).await?;
        }
        if self.wait {
            self.projected(harness).await?;
        }
        Ok(())
    }

    fn event(&self, index: u64, ids: &SystemIds) -> anyhow::Result<Vec<u8>> {
        let author = self.authors.get(usize::try_from(index)? % self.authors.len().max(1)).context("nobody writes")?;
        let text = if self.count == 1 { self.text.clone() } else { format!("{} {index}", self.text) };
        let event = LogEvent::MessageSent(MessageSent {
            message_id: MessageId::new(ids.next_ulid()),
            actor_id: *author,
            at_ms: self.from_ms + TimestampMs::try_from(index)? * self.every_ms,
            conversation_id: self.conversation,
            client_id: ids.next_ulid().to_string().parse::<ClientId>()?,
            body: MessageBody::Text { text: text.parse()? },
            reply_to: None,
            thread: None,
        });
        Ok(serde_json::to_vec(&event)?)
    }

    async fn projected(&self, harness: &Harness) -> anyhow::Result<()> {
        let js = async_nats::jetstream::new(harness.nats_client().await?);
        let stream = js.get_stream(relay_subjects::stream(ShardId(0))).await?;
        wait_for("the projection of what was loaded", PROJECTED_WITHIN, || async {
            let persist = stream.consumer_info(relay_subjects::PERSIST_DURABLE).await.map_err(|error| error.to_string())?;
            let left = persist.num_pending + persist.num_ack_pending as u64;
            if left == 0 { Ok(()) } else { Err(format!("{left} events to write")) }
        })
        .await;
        Ok(())
    }
}

/// One atomic batch: contiguous, and all or nothing.
async fn batch(
    client: &async_nats::Client,
    js: &async_nats::jetstream::Context,
    subject: &str,
    id: &str,
    events: Vec<Vec<u8>>,
) -> anyhow::Result<()> {
    let last = events.len();
    for (n, event) in events.into_iter().enumerate() {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Batch-Id", id);
        headers.insert("Nats-Batch-Sequence", (n + 1).to_string());
        if n + 1 < last {
            client.publish_with_headers(subject.to_owned(), headers, event.into()).await?;
        } else {
            headers.insert("Nats-Batch-Commit", "1");
            js.publish_with_headers(subject.to_owned(), headers, event.into()).await?.await.context("the log did not take a batch")?;
        }
    }
    Ok(())
}
