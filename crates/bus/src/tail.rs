//! Following a shard with an ordered consumer.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::consumer::push::{Ordered, OrderedConfig};
use async_nats::jetstream::consumer::{Consumer, DeliverPolicy, ReplayPolicy};
use async_nats::jetstream::response::Response;
use async_trait::async_trait;
use futures::StreamExt;
use relay_domain::ports::{Ended, LogHead, LogTail, TailError, TailSource, TailStart};
use relay_protocol::log::{LogEvent, StoredEvent};
use relay_types::{Seq, ShardId};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::connect::Bus;
use crate::decode::{decode_or_unreadable, millis};
use crate::topology::EPOCH_KEY;

/// Events handed out at once at most; bounds how long one hand-over may hold its reader's lock.
const MAX_BATCH: usize = 256;

/// The longest wait for the next event while there are more.
const SILENCE: Duration = Duration::from_secs(10);

/// Opens tails over one connection.
#[derive(Clone)]
pub struct NatsTails {
    bus: Bus,
}

impl NatsTails {
    /// Tails over `bus`, which should carry nothing else.
    pub const fn new(bus: Bus) -> Self {
        Self { bus }
    }
}

#[async_trait]
impl TailSource for NatsTails {
    async fn head(&self, shard: ShardId) -> Result<LogHead, TailError> {
        head(&self.bus, shard).await
    }

    async fn ended(&self, shard: ShardId, age: Duration) -> Result<Ended, TailError> {
        let policy = recent(&self.bus, shard, age, u64::MAX).await?;
        let consumer = create(&self.bus, shard, relay_subjects::users_wildcard(shard), policy).await?;
        let mut pending = consumer.cached_info().num_pending;
        let mut messages = consumer.messages().await.map_err(TailError::unavailable)?;
        let mut ended = Ended::default();
        while pending > 0 {
            let next = tokio::time::timeout(SILENCE, messages.next()).await;
            let Some(message) = next.map_err(|_| TailError::unavailable("the log fell silent"))? else { break };
            let message = message.map_err(TailError::unavailable)?;
            let Ok(info) = message.info() else { continue };
            pending = info.pending;
            let event = decode_or_unreadable(shard, &message.subject, info.stream_sequence, info.published, &message.payload);
            if let LogEvent::SessionRevoked(revoked) = &event.event {
                ended.sessions.push(revoked.session_id);
            } else if let Some((user, conversation, came)) = event.event.moved() {
                ended.membership_changes.push((event.seq, conversation, user, came));
            }
        }
        Ok(ended)
    }

    async fn open(&self, shard: ShardId, epoch: &str, start: TailStart) -> Result<Box<dyn LogTail>, TailError> {
        let (policy, last, at_latest) = match start {
            TailStart::After(seq) => (DeliverPolicy::ByStartSequence { start_sequence: seq.next().0 }, Some(seq), seq),
            TailStart::Recent { age, most, end } => (recent(&self.bus, shard, age, most).await?, None, end),
        };
        let mut connects = self.bus.connects.clone();
        connects.mark_unchanged();
        let consumer = Some(consume(&self.bus, shard, policy).await?);
        Ok(Box::new(NatsTail {
            bus: self.bus.clone(),
            shard,
            epoch: epoch.to_owned(),
            last,
            at_latest,
            consumer,
            connects,
            heard: Instant::now(),
        }))
    }
}

/// From the last `most` events that are at most `age` older than the newest. All times are the servers': a start in the
/// future, as a skewed clock of ours would compute, would pass over live events.
async fn recent(bus: &Bus, shard: ShardId, age: Duration, most: u64) -> Result<DeliverPolicy, TailError> {
    let stream = bus.js.get_stream(relay_subjects::stream(shard)).await.map_err(TailError::unavailable)?;
    let state = &stream.cached_info().state;
    if state.messages == 0 {
        return Ok(DeliverPolicy::ByStartSequence { start_sequence: state.last_sequence + 1 });
    }
    let start_time = state.last_timestamp - age;
    let start_sequence = state.last_sequence.saturating_sub(most) + 1;
    if start_sequence > state.first_sequence
        && let Ok(first) = stream.get_raw_message(start_sequence).await
        && first.time > start_time
    {
        return Ok(DeliverPolicy::ByStartSequence { start_sequence });
    }
    Ok(DeliverPolicy::ByStartTime { start_time })
}

/// What is read of a stream's info. The library's own type leaves the server's clock out.
#[derive(serde::Deserialize)]
struct Info {
    config: InfoConfig,
    state: InfoState,
    #[serde(with = "time::serde::rfc3339")]
    ts: time::OffsetDateTime,
}

#[derive(serde::Deserialize)]
struct InfoConfig {
    #[serde(default)]
    metadata: HashMap<String, String>,
    #[serde(default)]
    first_seq: u64,
}

#[derive(serde::Deserialize)]
struct InfoState {
    first_seq: u64,
    last_seq: u64,
}

pub(crate) async fn head(bus: &Bus, shard: ShardId) -> Result<LogHead, TailError> {
    let subject = format!("STREAM.INFO.{}", relay_subjects::stream(shard));
    let response: Response<Info> = bus.js.request(subject, &()).await.map_err(TailError::unavailable)?;
    let mut info = match response {
        Response::Ok(info) => info,
        Response::Err { error } => return Err(TailError::unavailable(error)),
    };
    let epoch = info.config.metadata.remove(EPOCH_KEY).ok_or_else(|| TailError::unavailable("the stream has no epoch"))?;
    let continues = info.config.first_seq > 1;
    Ok(LogHead { epoch, continues, first: Seq(info.state.first_seq), last: Seq(info.state.last_seq), now_ms: millis(info.ts) })
}

struct NatsTail {
    bus: Bus,
    shard: ShardId,
    epoch: String,
    /// The last event handed out; the next consumer begins after it.
    last: Option<Seq>,
    /// While nothing was handed out: the first event may come from before, but none after this one may be missing.
    at_latest: Seq,
    /// Changes when the connection was made anew.
    connects: watch::Receiver<u64>,
    consumer: Option<futures::stream::ReadyChunks<Ordered>>,
    /// When something was last heard. Kept here: whoever waits for the next event may give up sooner and wait anew.
    heard: Instant,
}

async fn consume(bus: &Bus, shard: ShardId, policy: DeliverPolicy) -> Result<futures::stream::ReadyChunks<Ordered>, TailError> {
    let consumer = create(bus, shard, relay_subjects::shard_wildcard(shard), policy).await?;
    let messages = consumer.messages().await.map_err(TailError::unavailable)?;
    Ok(messages.ready_chunks(MAX_BATCH))
}

async fn create(bus: &Bus, shard: ShardId, filter: String, policy: DeliverPolicy) -> Result<Consumer<OrderedConfig>, TailError> {
    let stream = bus.js.get_stream_no_info(relay_subjects::stream(shard)).await.map_err(TailError::unavailable)?;
    let config = OrderedConfig {
        deliver_subject: bus.client.new_inbox(),
        description: Some("gateway tail".to_owned()),
        filter_subject: filter,
        replay_policy: ReplayPolicy::Instant,
        deliver_policy: policy,
        ..OrderedConfig::default()
    };
    stream.create_consumer(config).await.map_err(TailError::unavailable)
}

impl NatsTail {
    /// Opens a consumer after the last event, once the stream is sure to be the one followed so far.
    async fn reopen(&mut self) -> Result<(), TailError> {
        let head = head(&self.bus, self.shard).await?;
        if head.epoch != self.epoch {
            return Err(TailError::EpochChanged { expected: self.epoch.clone(), found: head.epoch });
        }
        let after = self.last.unwrap_or(self.at_latest);
        self.last = Some(after);
        let policy = DeliverPolicy::ByStartSequence { start_sequence: after.next().0 };
        self.consumer = Some(consume(&self.bus, self.shard, policy).await?);
        self.heard = Instant::now();
        metrics::counter!("relay_tail_reopened_total").increment(1);
        Ok(())
    }
}

#[async_trait]
impl LogTail for NatsTail {
    async fn next(&mut self) -> Result<Vec<StoredEvent>, TailError> {
        loop {
            let Some(consumer) = &mut self.consumer else {
                self.reopen().await?;
                continue;
            };
            // A quiet shard is silent for long; a vanished stream is too. Looking now and then tells them apart.
            let waited = tokio::select! {
                biased;
                waited = tokio::time::timeout_at(self.heard + QUIET, consumer.next()) => waited,
                Ok(()) = self.connects.changed() => {
                    // The consumer may have gone with the server; its missing heartbeat would tell so much later.
                    self.consumer = None;
                    continue;
                }
            };
            let chunk = match waited {
                Ok(chunk) => {
                    self.heard = Instant::now();
                    chunk
                }
                Err(_quiet) => {
                    let head = head(&self.bus, self.shard).await?;
                    self.heard = Instant::now();
                    let behind = head.last > self.last.unwrap_or(self.at_latest);
                    if head.epoch != self.epoch || behind {
                        self.consumer = None;
                    }
                    continue;
                }
            };
            let mut events = Vec::new();
            let mut broken = chunk.is_none();
            for message in chunk.into_iter().flatten() {
                match message {
                    Ok(message) => {
                        let Ok(info) = message.info() else { continue };
                        let seq = Seq(info.stream_sequence);
                        if self.last.is_none() && seq > self.at_latest.next() {
                            // It began too late: events came between the caller's look at the log's end and now.
                            broken = true;
                            break;
                        }
                        // A re-created consumer may repeat; order and exactly-once hand-over are kept here.
                        if self.last.is_none_or(|last| seq > last) {
                            self.last = Some(seq);
                            events.push(decode_or_unreadable(self.shard, &message.subject, seq.0, info.published, &message.payload));
                        }
                    }
                    Err(error) => {
                        tracing::info!(%error, shard = self.shard.0, "tail interrupted; opening it again");
                        broken = true;
                        break;
                    }
                }
            }
            if broken {
                self.consumer = None;
            }
            if !events.is_empty() {
                return Ok(events);
            }
        }
    }
}

/// Without any event for this long, the stream's head is looked at.
const QUIET: Duration = Duration::from_secs(10);
