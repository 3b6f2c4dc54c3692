//! What the gateway does with users' durable consumers: read their filters, and move them.

use async_nats::jetstream::consumer;
use async_trait::async_trait;
use relay_domain::ports::{Checkpoint, CursorError, DeliveryCursors};
use relay_subjects::LogSubject;
use relay_types::{ConversationId, Seq, ShardId, UserId};

use crate::connect::Bus;
use crate::user_consumer::{MAX_FILTERS, is_not_found};

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
        self.bus.js.get_stream_no_info(relay_subjects::stream(shard)).await.map_err(CursorError::new)
    }

    async fn info(&self, shard: ShardId, user: UserId) -> Result<Option<consumer::Info>, CursorError> {
        match self.stream(shard).await?.consumer_info(relay_subjects::user_durable(user)).await {
            Ok(info) => Ok(Some(info)),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(CursorError::new(error)),
        }
    }
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

    async fn checkpoint(&self, shard: ShardId, user: UserId, delivered: Seq) -> Result<Checkpoint, CursorError> {
        let Some(info) = self.info(shard, user).await? else { return Ok(Checkpoint::NoConsumer) };
        // Another device, on another gateway, may be further: the cursor says what any device has.
        if info.ack_floor.stream_sequence >= delivered.0 {
            return Ok(Checkpoint::Reached);
        }
        let stream = self.stream(shard).await?;
        stream.reset_consumer(&relay_subjects::user_durable(user), Some(delivered.next().0)).await.map_err(CursorError::new)?;
        metrics::counter!("relay_cursor_checkpoints_total").increment(1);
        Ok(Checkpoint::Reached)
    }
}
