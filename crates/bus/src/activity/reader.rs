//! Reading the stream of activity, for an operator's eyes.

use std::time::Duration;

use async_nats::jetstream::consumer::pull::{Ordered, OrderedConfig};
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy};
use bytes::Bytes;
use futures::StreamExt as _;
use relay_subjects::ActivityKind;

use crate::connect::Bus;

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// With what comes from now on.
    Now,
    /// With what came within this long.
    Since(Duration),
}

/// The stream cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the stream ACTIVITY cannot be read; does it exist? `relayctl topology plan` says what is missing")]
pub struct ActivityError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl ActivityError {
    fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

/// Reads events in the order in which they were stored.
pub struct ActivityReader {
    events: Ordered,
    /// Events that were there when reading began and were not read yet.
    pending: u64,
}

impl ActivityReader {
    /// Begins to read events of this kind, or of every kind.
    ///
    /// # Errors
    /// When the stream is not there or does not answer.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn open(bus: &Bus, kind: Option<ActivityKind>, from: ReadFrom) -> Result<Self, ActivityError> {
        let stream = bus.js.get_stream(relay_subjects::ACTIVITY_STREAM).await.map_err(ActivityError::new)?;
        let deliver_policy = match from {
            ReadFrom::Now => DeliverPolicy::New,
            ReadFrom::Since(ago) => DeliverPolicy::ByStartTime { start_time: time::OffsetDateTime::now_utc() - ago },
        };
        let config = OrderedConfig {
            description: Some("relayctl activity".to_owned()),
            filter_subject: relay_subjects::activity_wildcard(kind),
            replay_policy: ReplayPolicy::Instant,
            deliver_policy,
            ..OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(ActivityError::new)?;
        let pending = consumer.cached_info().num_pending;
        let events = consumer.messages().await.map_err(ActivityError::new)?;
        Ok(Self { events, pending })
    }

    /// The next event, as it is stored. Waits for one.
    ///
    /// # Errors
    /// When the stream cannot be read on.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn next(&mut self) -> Result<Bytes, ActivityError> {
        let message = self.events.next().await.ok_or_else(|| ActivityError::new("the stream ended"))?.map_err(ActivityError::new)?;
        self.pending = self.pending.saturating_sub(1);
        Ok(message.payload.clone())
    }

    /// The next event of those that were there when reading began; `None`: they were all read.
    ///
    /// # Errors
    /// As [`Self::next`].
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn next_stored(&mut self) -> Result<Option<Bytes>, ActivityError> {
        if self.pending == 0 { Ok(None) } else { self.next().await.map(Some) }
    }
}
