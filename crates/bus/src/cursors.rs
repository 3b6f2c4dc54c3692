//! What the gateway does with users' durable consumers: read their filters, move them, read the log past them.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::jetstream::consumer::push::OrderedConfig;
use async_nats::jetstream::consumer::{self, DeliverPolicy, ReplayPolicy};
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_trait::async_trait;
use futures::StreamExt;
use relay_domain::ports::{CursorError, DeliveryCursors};
use relay_protocol::log::StoredEvent;
use relay_subjects::LogSubject;
use relay_types::{ConversationId, Seq, ShardId, UserId};

use crate::connect::Bus;
use crate::consumers::MAX_FILTERS;
use crate::decode::decode_or_unknown;

/// The longest wait for the next event while there are more.
const SILENCE: Duration = Duration::from_secs(10);

/// Users' durable consumers, over one connection.
#[derive(Clone)]
pub struct NatsCursors {
    bus: Bus,
}

impl NatsCursors {
    /// Cursors over `bus`.
    pub const fn new(bus: Bus) -> Self {
        Self { bus }
    }

    async fn stream(&self, shard: ShardId) -> Result<async_nats::jetstream::stream::Stream<()>, CursorError> {
        self.bus.js.get_stream_no_info(relay_subjects::stream(shard)).await.map_err(failed)
    }

    async fn info(&self, shard: ShardId, user: UserId) -> Result<Option<consumer::Info>, CursorError> {
        match self.stream(shard).await?.consumer_info(relay_subjects::user_durable(user)).await {
            Ok(info) => Ok(Some(info)),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }
}

pub(crate) fn failed(error: impl std::fmt::Display) -> CursorError {
    CursorError { reason: error.to_string() }
}

pub(crate) fn is_not_found(error: &async_nats::jetstream::context::ConsumerInfoError) -> bool {
    use async_nats::jetstream::context::ConsumerInfoErrorKind;
    matches!(error.kind(), ConsumerInfoErrorKind::NotFound)
}

#[async_trait]
impl DeliveryCursors for NatsCursors {
    async fn conversations(&self, shard: ShardId, user: UserId) -> Result<Option<Vec<ConversationId>>, CursorError> {
        let Some(info) = self.info(shard, user).await? else { return Ok(None) };
        // One that is full may leave conversations out.
        if info.config.filter_subjects.len() >= MAX_FILTERS {
            return Ok(None);
        }
        let subjects = info.config.filter_subjects.iter().chain(std::iter::once(&info.config.filter_subject));
        let conversations = subjects.filter_map(|subject| match subject.parse() {
            Ok(LogSubject::Conversation(_, id)) => Some(id),
            Ok(LogSubject::User(..)) | Err(_) => None,
        });
        Ok(Some(conversations.collect()))
    }

    async fn checkpoint(&self, shard: ShardId, user: UserId, delivered: Seq) -> Result<(), CursorError> {
        let Some(info) = self.info(shard, user).await? else { return Ok(()) };
        // Another device, on another gateway, may be further: the cursor says what any device has.
        if info.ack_floor.stream_sequence >= delivered.0 {
            return Ok(());
        }
        let stream = self.stream(shard).await?;
        stream.reset_consumer(&relay_subjects::user_durable(user), Some(delivered.next().0)).await.map_err(failed)?;
        metrics::counter!("relay_cursor_checkpoints_total").increment(1);
        Ok(())
    }

    async fn read_since(
        &self,
        shard: ShardId,
        user: UserId,
        conversations: &[ConversationId],
        after: Seq,
        upto: Seq,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, CursorError> {
        if after >= upto {
            return Ok(Vec::new());
        }
        let stream = self.stream(shard).await?;
        let own = LogSubject::User(shard, user).to_string();
        // The consumer may be on a server that learns of an agreed event a moment after the leader, and would count nothing as
        // pending. An event at the end, which the leader names, tells that everything before it has passed: the user's own last
        // one, or, among conversations, whichever is the last. That one may be of a conversation where much was said.
        let end = if conversations.is_empty() {
            stream.get_last_raw_message_by_subject(&own).await
        } else {
            stream.get_raw_message(upto.0).await
        };
        let end = match end {
            Ok(end) => Some(end),
            // Run out or deleted: then what is pending is all there is.
            Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => None,
            Err(error) => return Err(failed(error)),
        };
        let conversations = conversations.iter().map(|id| LogSubject::Conversation(shard, *id).to_string());
        let wanted: BTreeSet<String> = conversations.chain([own]).collect();
        let mut filters = wanted.clone();
        filters.extend(end.as_ref().map(|end| end.subject.to_string()));
        let end = end.map(|end| Seq(end.sequence));
        let config = OrderedConfig {
            deliver_subject: self.bus.client.new_inbox(),
            description: Some("catch-up without Postgres".to_owned()),
            filter_subjects: filters.into_iter().collect(),
            replay_policy: ReplayPolicy::Instant,
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: after.next().0 },
            ..OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(failed)?;
        let mut pending = consumer.cached_info().num_pending;
        let mut messages = consumer.messages().await.map_err(failed)?;
        let mut events = Vec::new();
        while (end.is_some() || pending > 0) && events.len() < limit as usize {
            let next = tokio::time::timeout(SILENCE, messages.next()).await.map_err(|_| failed("the log fell silent"))?;
            let message = next.ok_or_else(|| failed("the log ended"))?.map_err(failed)?;
            let info = message.info().map_err(failed)?;
            let seq = Seq(info.stream_sequence);
            if seq > upto {
                break;
            }
            pending = info.pending;
            // A consumer that was made anew before its first event begins with the log.
            if seq > after && wanted.contains(message.subject.as_str()) {
                events.push(decode_or_unknown(shard, &message.subject, seq.0, info.published, &message.payload));
            }
            if end.is_some_and(|end| seq >= end) {
                break;
            }
        }
        Ok(events)
    }
}
