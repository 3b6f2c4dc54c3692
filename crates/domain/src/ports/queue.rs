//! The work queue of the persist worker.

use async_trait::async_trait;
use bytes::Bytes;
use relay_protocol::log::StoredEvent;
use relay_types::{Seq, ShardId};

use super::{Causes, DriverError};

/// One delivery of a worker's durable consumer.
#[derive(Debug)]
pub struct Delivery {
    /// Its sequence in the shard.
    pub seq: Seq,
    /// The event, or what is wrong with it.
    pub content: Result<StoredEvent, Poison>,
}

/// Something in the log that no worker can read.
#[derive(Debug, Clone)]
pub struct Poison {
    /// The subject it was on.
    pub subject: String,
    /// The stored bytes.
    pub payload: Bytes,
    /// What is wrong with it.
    pub reason: String,
}

/// The log's work queue cannot be read in order from here; open it again from the watermark.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The log does not answer.
    #[error("the work queue is unavailable: {reason}")]
    Unavailable {
        /// The adapter's words, for the operator.
        reason: String,
        /// What lies behind them.
        #[source]
        causes: Option<Causes>,
    },
    /// Deliveries are not in one unbroken order (another worker had the queue in between).
    #[error("deliveries are out of order")]
    Disorder,
}

impl QueueError {
    /// The log does not answer: an adapter's error, or words.
    pub fn unavailable(error: impl Into<DriverError>) -> Self {
        let (reason, causes) = Causes::of(error.into());
        Self::Unavailable { reason, causes }
    }
}

/// Places of a log without an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holes {
    /// The log begins here: nothing before it is there.
    pub first: Seq,
    /// Deleted since, ascending.
    pub deleted: Vec<Seq>,
}

impl Holes {
    /// Whether the log has nothing from `from` up to, and without, `to`.
    pub fn cover(&self, from: Seq, to: Seq) -> bool {
        let from = from.max(self.first);
        if from >= to {
            return true;
        }
        let begin = self.deleted.partition_point(|seq| *seq < from);
        let end = self.deleted.partition_point(|seq| *seq < to);
        (end - begin) as u64 == to.0 - from.0
    }
}

/// An open work queue of one shard.
#[async_trait]
pub trait WorkQueue: Send {
    /// Waits for deliveries: at least one, at most `max`, ascending. A hole between them, or after those before, may be
    /// deleted events, or events that were given to somebody who is gone: [`WorkSource::first_from`] tells.
    ///
    /// # Cancel safety
    /// Not cancel safe: deliveries may be lost from this queue, and come again after a reset.
    async fn next(&mut self, max: usize) -> Result<Vec<Delivery>, QueueError>;

    /// Acknowledges everything up to the last delivery that was handed out.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn ack(&mut self) -> Result<(), QueueError>;

    /// Says that work on what was handed out goes on, so that it is not redelivered.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn keep(&mut self) -> Result<(), QueueError>;
}

/// Opens and repairs work queues.
#[async_trait]
pub trait WorkSource: Send + Sync {
    /// The epoch of the shard's log.
    async fn epoch(&self, shard: ShardId) -> Result<String, QueueError>;

    /// Joins the shard's persist queue; waits on standby while another worker holds it.
    async fn open_persist(&self, shard: ShardId) -> Result<Box<dyn WorkQueue>, QueueError>;

    /// Makes the persist queue begin again after `after`.
    async fn reset_persist(&self, shard: ShardId, after: Seq) -> Result<(), QueueError>;

    /// The sequence of the first event that the log has from `from` on, or none; as the log's leader knows it.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn first_from(&self, shard: ShardId, from: Seq) -> Result<Option<Seq>, QueueError>;

    /// Every place before the log's end that it has no event at; as the log's leader knows it. It has as much to say as was ever
    /// deleted: ask once for a run of holes.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn holes(&self, shard: ShardId) -> Result<Holes, QueueError>;

    /// Moves an unreadable event to the dead letters, with its reason.
    async fn dead_letter(&self, worker: &str, shard: ShardId, seq: Seq, poison: &Poison) -> Result<(), QueueError>;
}
