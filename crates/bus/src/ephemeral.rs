//! Core NATS between gateways: no stream, no acknowledgement.
//!
//! One subscription takes in all buckets of a class: a gateway that knows 300 conversations has an interest in every bucket
//! anyway, and one with fewer has the time.

use async_nats::{Subject, Subscriber};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _};
use relay_domain::ports::{EphemeralFeed, EphemeralLink, LinkError};
use relay_subjects::{LIVE_BUCKETS, LiveClass, live, live_wildcard};

use crate::connect::Bus;

/// One class of ephemeral notices.
#[derive(Clone)]
pub struct NatsEphemeral {
    bus: Bus,
    class: LiveClass,
    /// By bucket.
    subjects: Vec<Subject>,
}

impl NatsEphemeral {
    /// Who is typing, over `bus`, which [`Bus::connect_ephemeral`] made.
    pub fn typing(bus: Bus) -> Self {
        Self::new(bus, LiveClass::Typing)
    }

    /// Who has read what. A process that only tells publishes over any connection.
    pub fn receipts(bus: Bus) -> Self {
        Self::new(bus, LiveClass::Receipt)
    }

    /// Who is there.
    pub fn presence(bus: Bus) -> Self {
        Self::new(bus, LiveClass::Presence)
    }

    fn new(bus: Bus, class: LiveClass) -> Self {
        let subjects = (0..LIVE_BUCKETS).map(|bucket| Subject::from(live(class, bucket))).collect();
        Self { bus, class, subjects }
    }
}

#[async_trait]
impl EphemeralLink for NatsEphemeral {
    fn publish(&self, bucket: u8, batch: Bytes) -> bool {
        let Some(subject) = self.subjects.get(usize::from(bucket)) else { return false };
        // What waits for a connection would be old when it comes back.
        self.bus.is_connected() && matches!(self.bus.client.publish(subject.clone(), batch).now_or_never(), Some(Ok(())))
    }

    async fn listen(&self) -> Result<Box<dyn EphemeralFeed>, LinkError> {
        let subscriber = self.bus.client.subscribe(live_wildcard(self.class)).await.map_err(LinkError::new)?;
        Ok(Box::new(Feed(subscriber)))
    }
}

struct Feed(Subscriber);

#[async_trait]
impl EphemeralFeed for Feed {
    async fn next(&mut self) -> Option<Bytes> {
        self.0.next().await.map(|message| message.payload)
    }
}
