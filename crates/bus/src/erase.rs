//! Erasing a message from the log, and its copies from the dead letters.
//!
//! JetStream either hides a message or overwrites it: one that was deleted without erasing can never be erased any more
//! (2.15.1 answers "sequence not found", and its bytes stay until the block is rewritten). So there is one step, and it is the dear
//! one: the server rewrites a block, in about 16 ms of the stream.

use std::time::Duration;

use async_nats::jetstream::consumer::push::OrderedConfig;
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy};
use async_nats::jetstream::stream::RawMessageErrorKind;
use async_trait::async_trait;
use futures::StreamExt as _;
use relay_domain::ports::{DriverError, ErasableLog, EraseError, Erasure};
use relay_protocol::log::LogEvent;
use relay_types::{MessageId, Seq};

use crate::connect::Bus;
use crate::decode::decode_stream_message;

/// The longest wait for the next dead letter.
const SILENCE: Duration = Duration::from_secs(10);

/// The log as the eraser sees it.
#[derive(Clone)]
pub struct NatsErase {
    bus: Bus,
}

impl NatsErase {
    /// An eraser over `bus`.
    pub const fn new(bus: Bus) -> Self {
        Self { bus }
    }

    /// Where the dead letters hold copies of the event. Usually there are none at all.
    async fn copies(&self, erasure: Erasure) -> Result<Vec<u64>, EraseError> {
        let stream = self.bus.js.get_stream(relay_subjects::DEAD_LETTER_STREAM).await.map_err(failed)?;
        if stream.cached_info().state.messages == 0 {
            return Ok(Vec::new());
        }
        let config = OrderedConfig {
            deliver_subject: self.bus.client.new_inbox(),
            filter_subject: relay_subjects::dead_letter("persist", erasure.shard),
            deliver_policy: DeliverPolicy::All,
            replay_policy: ReplayPolicy::Instant,
            headers_only: true,
            ..OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(failed)?;
        let mut pending = consumer.cached_info().num_pending;
        let mut messages = consumer.messages().await.map_err(failed)?;
        let mut copies = Vec::new();
        while pending > 0 {
            let next = tokio::time::timeout(SILENCE, messages.next()).await.map_err(|_| failed("the dead letters fell silent"))?;
            let message = next.ok_or_else(|| failed("the dead letters ended"))?.map_err(failed)?;
            let info = message.info().map_err(failed)?;
            pending = info.pending;
            let seq = message.headers.as_ref().and_then(|headers| headers.get("Relay-Seq")).and_then(|seq| seq.as_str().parse().ok());
            if seq.map(Seq) == Some(erasure.seq) {
                copies.push(info.stream_sequence);
            }
        }
        Ok(copies)
    }
}

fn failed(error: impl Into<DriverError>) -> EraseError {
    EraseError::Log(error.into())
}

/// A message, or what its sender published about it.
fn is_published(event: &LogEvent, id: MessageId) -> bool {
    event.published().is_some_and(|published| published.id == id)
}

#[async_trait]
impl ErasableLog for NatsErase {
    #[tracing::instrument(name = "bus.erase", skip_all, fields(shard = %erasure.shard, stream.seq = %erasure.seq, message.id = %erasure.message))]
    async fn erase(&self, erasure: Erasure) -> Result<(), EraseError> {
        let Erasure { shard, seq, message } = erasure;
        let stream = self.bus.js.get_stream_no_info(relay_subjects::stream(shard)).await.map_err(failed)?;
        match stream.get_raw_message(seq.0).await {
            // Whoever named the place may have meant another log: nothing else is ever erased there.
            Ok(found) if is_published(&decode_stream_message(shard, &found).event, message) => {
                stream.delete_message(seq.0).await.map_err(failed)?;
            }
            Ok(_) => tracing::error!(shard = shard.0, stream.seq = seq.0, message.id = %message, "another event is there; it stays"),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => {}
            Err(error) => return Err(failed(error)),
        }
        let copies = self.copies(erasure).await?;
        if !copies.is_empty() {
            let dead = self.bus.js.get_stream_no_info(relay_subjects::DEAD_LETTER_STREAM).await.map_err(failed)?;
            for copy in copies {
                dead.delete_message(copy).await.map_err(failed)?;
            }
        }
        Ok(())
    }
}
