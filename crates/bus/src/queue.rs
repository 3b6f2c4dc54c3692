//! The persist worker's queue: one durable consumer per shard, one worker pinned, in order or not at all.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::AckKind;
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_trait::async_trait;
use futures::StreamExt;
use relay_domain::ports::{Delivery, Holes, Poison, QueueError, WorkQueue, WorkSource};
use relay_types::{Seq, ShardId};
use tokio::time::Instant;

use crate::connect::Bus;
use crate::decode::decode;

/// Pulls well below the topology's `priority_timeout`, or the pin is lost between them.
const PULL_EXPIRES: Duration = Duration::from_millis(1_500);
const PULL_HEARTBEAT: Duration = Duration::from_millis(500);
/// Deliveries asked for at once.
const PULL_BATCH: usize = 2_000;
/// Once something is there, how long more is waited for: fewer, larger transactions under load.
const LINGER: Duration = Duration::from_millis(5);
/// While events keep coming, the time between one batch and the next: a transaction costs a dozen statements and an fsync, which
/// is on the path of everybody's acknowledgement where the log has the same disk, however few events it has.
const EVERY: Duration = Duration::from_millis(50);

/// Work queues over one connection.
#[derive(Clone)]
pub struct NatsWork {
    bus: Bus,
}

impl NatsWork {
    /// Queues over `bus`.
    pub const fn new(bus: Bus) -> Self {
        Self { bus }
    }
}

#[async_trait]
impl WorkSource for NatsWork {
    async fn epoch(&self, shard: ShardId) -> Result<String, QueueError> {
        crate::tail::head(&self.bus, shard).await.map(|head| head.epoch).map_err(QueueError::unavailable)
    }

    async fn open_persist(&self, shard: ShardId) -> Result<Box<dyn WorkQueue>, QueueError> {
        let stream = self.bus.js.get_stream_no_info(relay_subjects::stream(shard)).await.map_err(QueueError::unavailable)?;
        let consumer: PullConsumer = stream.get_consumer(relay_subjects::PERSIST_DURABLE).await.map_err(QueueError::unavailable)?;
        let messages = consumer
            .stream()
            .group(relay_subjects::PERSIST_GROUP)
            .max_messages_per_batch(PULL_BATCH)
            .expires(PULL_EXPIRES)
            .heartbeat(PULL_HEARTBEAT)
            .messages()
            .await
            .map_err(QueueError::unavailable)?;
        Ok(Box::new(PersistQueue { shard, messages, last: None, consumer_seq: None, handed_out: None }))
    }

    async fn reset_persist(&self, shard: ShardId, after: Seq) -> Result<(), QueueError> {
        let stream = self.bus.js.get_stream_no_info(relay_subjects::stream(shard)).await.map_err(QueueError::unavailable)?;
        stream.reset_consumer(relay_subjects::PERSIST_DURABLE, Some(after.next().0)).await.map_err(QueueError::unavailable)?;
        metrics::counter!("relay_persist_resets_total").increment(1);
        Ok(())
    }

    async fn first_from(&self, shard: ShardId, from: Seq) -> Result<Option<Seq>, QueueError> {
        let stream = self.bus.js.get_stream_no_info(relay_subjects::stream(shard)).await.map_err(QueueError::unavailable)?;
        match stream.get_first_raw_message_by_subject(relay_subjects::shard_wildcard(shard), from.0).await {
            Ok(message) => Ok(Some(Seq(message.sequence))),
            Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => Ok(None),
            Err(error) => Err(QueueError::unavailable(error)),
        }
    }

    async fn holes(&self, shard: ShardId) -> Result<Holes, QueueError> {
        let stream = self.bus.js.get_stream_no_info(relay_subjects::stream(shard)).await.map_err(QueueError::unavailable)?;
        let info = stream.info_builder().with_deleted(true).fetch().await.map_err(QueueError::unavailable)?;
        let state = &info.info.state;
        let mut deleted: Vec<Seq> = state.deleted.iter().flatten().copied().map(Seq).collect();
        deleted.sort_unstable();
        Ok(Holes { first: Seq(state.first_sequence), deleted })
    }

    async fn dead_letter(&self, worker: &str, shard: ShardId, seq: Seq, poison: &Poison) -> Result<(), QueueError> {
        let mut headers = HeaderMap::new();
        headers.insert("Relay-Reason", poison.reason.replace(['\r', '\n'], " "));
        headers.insert("Relay-Subject", poison.subject.as_str());
        headers.insert("Relay-Seq", seq.0.to_string());
        let publish =
            PublishMessage::build().headers(headers).payload(poison.payload.clone()).message_id(format!("{worker}.{shard}.{seq}"));
        let subject = relay_subjects::dead_letter(worker, shard);
        self.bus.js.send_publish(subject, publish).await.map_err(QueueError::unavailable)?.await.map_err(QueueError::unavailable)?;
        Ok(())
    }
}

struct PersistQueue {
    shard: ShardId,
    messages: pull::Stream,
    last: Option<Message>,
    /// The consumer's own count of deliveries: a break in it means that another worker got some.
    consumer_seq: Option<u64>,
    /// When the last batch was.
    handed_out: Option<Instant>,
}

/// Until when more is waited for, when the first event of a batch came `now`.
fn linger_until(now: Instant, handed_out: Option<Instant>) -> Instant {
    let soonest = now + LINGER;
    handed_out.map_or(soonest, |before| soonest.max(before + EVERY))
}

impl PersistQueue {
    fn accept(&mut self, message: Message, batch: &mut Vec<Delivery>) -> Result<(), QueueError> {
        let info = message.info().map_err(QueueError::unavailable)?;
        let (seq, consumer_seq, published) = (info.stream_sequence, info.consumer_sequence, info.published);
        let broken = self.consumer_seq.is_some_and(|last| consumer_seq != last + 1) || info.delivered > 1;
        if broken {
            return Err(QueueError::Disorder);
        }
        self.consumer_seq = Some(consumer_seq);
        batch.push(Delivery { seq: Seq(seq), content: decode(&message.subject, seq, published, &message.payload) });
        self.last = Some(message);
        Ok(())
    }
}

#[async_trait]
impl WorkQueue for PersistQueue {
    async fn next(&mut self, max: usize) -> Result<Vec<Delivery>, QueueError> {
        let mut batch = Vec::new();
        let Some(first) = self.messages.next().await else { return Err(QueueError::unavailable("the pull ended")) };
        self.accept(first.map_err(QueueError::unavailable)?, &mut batch)?;
        let linger = tokio::time::sleep_until(linger_until(Instant::now(), self.handed_out));
        tokio::pin!(linger);
        while batch.len() < max {
            tokio::select! {
                biased;
                message = self.messages.next() => {
                    let Some(message) = message else { break };
                    self.accept(message.map_err(QueueError::unavailable)?, &mut batch)?;
                }
                () = &mut linger => break,
            }
        }
        self.handed_out = Some(Instant::now());
        tracing::trace!(shard = self.shard.0, events = batch.len(), "batch");
        Ok(batch)
    }

    async fn ack(&mut self) -> Result<(), QueueError> {
        // Fire and forget: a lost ack is a redelivery, which the projection skips.
        match self.last.take() {
            Some(message) => message.ack_with(AckKind::Ack).await.map_err(QueueError::unavailable),
            None => Ok(()),
        }
    }

    async fn keep(&mut self) -> Result<(), QueueError> {
        match &self.last {
            Some(message) => message.ack_with(AckKind::Progress).await.map_err(QueueError::unavailable),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_event_is_handed_out_at_once_and_many_in_larger_batches() {
        let (mut handed_out, mut now, began) = (None, Instant::now(), Instant::now());
        let mut batches = 0;
        while now < began + Duration::from_secs(1) {
            now = linger_until(now, handed_out);
            handed_out = Some(now);
            batches += 1;
        }
        assert!(batches <= 21, "{batches} batches a second");
        assert_eq!(linger_until(now + EVERY, handed_out), now + EVERY + LINGER);
        assert_eq!(linger_until(now, None), now + LINGER);
    }
}
