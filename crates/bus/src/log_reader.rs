//! Reading runs of events from the log itself, past any projection.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::jetstream::consumer::push::OrderedConfig;
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy};
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_trait::async_trait;
use futures::StreamExt;
use relay_domain::ports::{LogReadError, LogReader};
use relay_protocol::log::StoredEvent;
use relay_subjects::LogSubject;
use relay_types::{ConversationId, Seq, ShardId, UserId};

use crate::connect::Bus;
use crate::decode::decode_or_unreadable;

/// The longest wait for the next event while there are more.
const SILENCE: Duration = Duration::from_secs(10);

/// The log, read over one connection.
#[derive(Clone)]
pub struct NatsLogReader {
    bus: Bus,
}

impl NatsLogReader {
    /// A reader over `bus`.
    pub const fn new(bus: Bus) -> Self {
        Self { bus }
    }
}

#[async_trait]
impl LogReader for NatsLogReader {
    async fn read_since(
        &self,
        shard: ShardId,
        user: UserId,
        conversations: &[ConversationId],
        after: Seq,
        upto: Seq,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, LogReadError> {
        if after >= upto {
            return Ok(Vec::new());
        }
        let stream = self.bus.js.get_stream_no_info(relay_subjects::stream(shard)).await.map_err(LogReadError::new)?;
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
            Err(error) => return Err(LogReadError::new(error)),
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
        let consumer = stream.create_consumer(config).await.map_err(LogReadError::new)?;
        let mut pending = consumer.cached_info().num_pending;
        let mut messages = consumer.messages().await.map_err(LogReadError::new)?;
        let mut events = Vec::new();
        while (end.is_some() || pending > 0) && events.len() < limit as usize {
            let next = tokio::time::timeout(SILENCE, messages.next()).await.map_err(|_| LogReadError::new("the log fell silent"))?;
            let message = next.ok_or_else(|| LogReadError::new("the log ended"))?.map_err(LogReadError::new)?;
            let info = message.info().map_err(LogReadError::new)?;
            let seq = Seq(info.stream_sequence);
            if seq > upto {
                break;
            }
            pending = info.pending;
            // A consumer that was made anew before its first event begins with the log.
            if seq > after && wanted.contains(message.subject.as_str()) {
                events.push(decode_or_unreadable(shard, &message.subject, seq.0, info.published, &message.payload));
            }
            if end.is_some_and(|end| seq >= end) {
                break;
            }
        }
        Ok(events)
    }
}
