//! What the auditor reads of the log.

use std::time::Duration;

use async_nats::jetstream::consumer::push::OrderedConfig;
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use relay_domain::ports::{AuditedLog, CursorError, LogPage};
use relay_types::{Seq, ShardId, UserId};

use crate::connect::Bus;
use crate::decode::decode_or_unreadable;
use crate::user_consumer::is_not_found;

/// The longest wait for the next event of a page.
const SILENCE: Duration = Duration::from_secs(10);

/// Questions for consumers that are under way together: they are asked all day, and nobody waits for the answer.
const CONSUMERS_AT_ONCE: usize = 8;

/// The log as the auditor sees it, over one connection.
#[derive(Clone)]
pub struct NatsAudit {
    bus: Bus,
}

impl NatsAudit {
    /// An audit over `bus`.
    pub const fn new(bus: Bus) -> Self {
        Self { bus }
    }
}

#[async_trait]
impl AuditedLog for NatsAudit {
    async fn page(&self, shard: ShardId, after: Seq, upto: Seq, limit: usize) -> Result<LogPage, CursorError> {
        let mut page = LogPage { events: Vec::new(), upto };
        if after >= upto {
            return Ok(page);
        }
        let stream = self.bus.js.get_stream_no_info(relay_subjects::stream(shard)).await.map_err(CursorError::new)?;
        let config = OrderedConfig {
            deliver_subject: self.bus.client.new_inbox(),
            description: Some("audit".to_owned()),
            filter_subject: relay_subjects::shard_wildcard(shard),
            replay_policy: ReplayPolicy::Instant,
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: after.next().0 },
            ..OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(CursorError::new)?;
        let mut pending = consumer.cached_info().num_pending;
        let mut messages = consumer.messages().await.map_err(CursorError::new)?;
        while pending > 0 {
            let next = tokio::time::timeout(SILENCE, messages.next()).await.map_err(|_| CursorError::new("the log fell silent"))?;
            let message = next.ok_or_else(|| CursorError::new("the log ended"))?.map_err(CursorError::new)?;
            let info = message.info().map_err(CursorError::new)?;
            let seq = Seq(info.stream_sequence);
            if seq > upto {
                break;
            }
            pending = info.pending;
            page.events.push(decode_or_unreadable(shard, &message.subject, seq.0, info.published, &message.payload));
            if page.events.len() >= limit {
                page.upto = seq;
                break;
            }
        }
        Ok(page)
    }

    async fn dead_lettered(&self, shard: ShardId) -> Result<Vec<Seq>, CursorError> {
        let stream = self.bus.js.get_stream(relay_subjects::DEAD_LETTER_STREAM).await.map_err(CursorError::new)?;
        if stream.cached_info().state.messages == 0 {
            return Ok(Vec::new());
        }
        let config = OrderedConfig {
            deliver_subject: self.bus.client.new_inbox(),
            filter_subject: relay_subjects::dead_letter("persist", shard),
            deliver_policy: DeliverPolicy::All,
            replay_policy: ReplayPolicy::Instant,
            headers_only: true,
            ..OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(CursorError::new)?;
        let mut pending = consumer.cached_info().num_pending;
        let mut messages = consumer.messages().await.map_err(CursorError::new)?;
        let mut seqs = Vec::new();
        while pending > 0 {
            let next = tokio::time::timeout(SILENCE, messages.next()).await.map_err(|_| CursorError::new("the log fell silent"))?;
            let message = next.ok_or_else(|| CursorError::new("the log ended"))?.map_err(CursorError::new)?;
            pending = message.info().map_err(CursorError::new)?.pending;
            let seq = message.headers.as_ref().and_then(|headers| headers.get("Relay-Seq")).and_then(|seq| seq.as_str().parse().ok());
            seqs.extend(seq.map(Seq));
        }
        Ok(seqs)
    }

    async fn consumers(&self, shard: ShardId, users: &[UserId]) -> Result<Vec<(UserId, Option<Seq>)>, CursorError> {
        let stream = self.bus.js.get_stream_no_info(relay_subjects::stream(shard)).await.map_err(CursorError::new)?;
        let stream = &stream;
        let asked = futures::stream::iter(users.iter().copied()).map(|user| async move {
            match stream.consumer_info(relay_subjects::user_durable(user)).await {
                Ok(info) => Ok((user, Some(Seq(info.delivered.stream_sequence.max(info.ack_floor.stream_sequence))))),
                Err(error) if is_not_found(&error) => Ok((user, None)),
                Err(error) => Err(CursorError::new(error)),
            }
        });
        asked.buffer_unordered(CONSUMERS_AT_ONCE).try_collect().await
    }
}
