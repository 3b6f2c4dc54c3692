//! Appending to the log of record, and reading one event back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_trait::async_trait;
use bytes::Bytes;
use relay_domain::ports::{AppendError, Appended, LogAddress, LogReadError, MessageLog, NewEvent, Together};
use relay_protocol::log::StoredEvent;
use relay_types::{Seq, ShardId};

use crate::config::TopologyConfig;
use crate::connect::Bus;
use crate::decode::decode_stream_message;
use crate::gather::Gathering;
use crate::publish::subject_of;

/// The log over one connection. What is appended through it is published in the order of the calls' first polls.
#[derive(Clone)]
pub struct NatsMessageLog {
    bus: Bus,
    duplicate_window: Duration,
    gathering: Arc<Gathering>,
}

impl NatsMessageLog {
    /// The log, over `bus`.
    pub fn new(bus: Bus, topology: &TopologyConfig) -> Self {
        let gathering = Arc::new(Gathering::new(bus.clone()));
        Self { bus, duplicate_window: Duration::from_millis(topology.duplicate_window_ms), gathering }
    }

    async fn attempt(&self, address: LogAddress, dedup_id: &str, payload: &Bytes, trace: Option<&str>) -> Result<Appended, PublishError> {
        let mut publish = PublishMessage::build().payload(payload.clone()).message_id(dedup_id);
        if let Some(trace) = trace {
            publish = publish.header(relay_subjects::TRACEPARENT_HEADER, trace);
        }
        let ack = self.bus.js.send_publish(subject_of(address), publish).await?.await?;
        Ok(Appended { seq: Seq(ack.sequence), duplicate: ack.duplicate })
    }
}

#[async_trait]
impl MessageLog for NatsMessageLog {
    async fn append(&self, address: LogAddress, dedup_id: &str, payload: Bytes, trace: Option<&str>) -> Result<Appended, AppendError> {
        let deadline = Duration::from_millis(self.bus.config.append_timeout_ms);
        let started = Instant::now();
        let _on_its_way = self.gathering.single(address.shard());
        let mut delay = FIRST_RETRY;
        // Whether some attempt was not answered, and may be stored.
        let mut unanswered = false;
        loop {
            let error = match self.attempt(address, dedup_id, &payload, trace).await {
                Ok(appended) => {
                    metrics::histogram!("relay_log_append_duration_seconds").record(started.elapsed().as_secs_f64());
                    return Ok(appended);
                }
                Err(error) => error,
            };
            if let Some(reason) = refusal(&error) {
                metrics::counter!("relay_log_append_refused_total").increment(1);
                return Err(AppendError::Refused { shard: address.shard(), reason });
            }
            unanswered |= !says_not_stored(&error);
            if started.elapsed() + delay > deadline {
                let (shard, waited) = (address.shard(), started.elapsed());
                if !unanswered {
                    return Err(AppendError::NotStored { shard, waited });
                }
                metrics::counter!("relay_log_append_unknown_total").increment(1);
                return Err(AppendError::OutcomeUnknown { shard, waited });
            }
            metrics::counter!("relay_log_append_retries_total").increment(1);
            tracing::debug!(kind = ?error.kind(), "publishing again with the same id");
            tokio::time::sleep(delay.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
            delay = (delay * 2).min(LAST_RETRY);
        }
    }

    fn gathers(&self, shard: ShardId, events: usize) -> bool {
        self.gathering.gathers(shard, events)
    }

    async fn append_together(&self, events: Arc<[NewEvent]>) -> Together {
        self.gathering.together(events).await
    }

    async fn read(&self, shard: ShardId, seq: Seq) -> Result<Option<StoredEvent>, LogReadError> {
        let stream = self.bus.js.get_stream_no_info(relay_subjects::stream(shard)).await.map_err(LogReadError::new)?;
        // Not a direct get: those are answered by any replica, which may not have this event yet.
        match stream.get_raw_message(seq.0).await {
            Ok(message) => Ok(Some(decode_stream_message(shard, &message))),
            Err(error) if error.kind() == async_nats::jetstream::stream::RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(LogReadError::new(error)),
        }
    }

    fn duplicate_window(&self) -> Duration {
        self.duplicate_window
    }
}

const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_millis(500);

/// Whether the log said no for good: the event is not stored and would not be on another try.
fn refusal(error: &PublishError) -> Option<String> {
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => Some("larger than the log accepts".to_owned()),
        PublishErrorKind::WrongLastMessageId | PublishErrorKind::WrongLastSequence => Some("another event came first".to_owned()),
        PublishErrorKind::Other => {
            let source = std::error::Error::source(error)?;
            let refused = source.downcast_ref::<async_nats::jetstream::Error>()?;
            // The first of two is being agreed on; a moment later the answer is its sequence. An account's limit is a 400, and is as
            // good as a full disk, which is a 503.
            let for_now = [
                async_nats::jetstream::ErrorCode::STREAM_DUPLICATE_MESSAGE_CONFLICT,
                async_nats::jetstream::ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
            ];
            if for_now.contains(&refused.error_code()) {
                return None;
            }
            // 5xx: no leader, no space. 4xx: malformed, too large, not allowed.
            (refused.code() < 500).then(|| refused.to_string())
        }
        // No answer at all may still mean "stored".
        PublishErrorKind::StreamNotFound | PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe | PublishErrorKind::MaxAckPending => {
            None
        }
    }
}

/// Whether a failed attempt certainly stored nothing: nobody was there to take it, or it never left.
fn says_not_stored(error: &PublishError) -> bool {
    matches!(error.kind(), PublishErrorKind::StreamNotFound | PublishErrorKind::MaxAckPending)
}
