//! Projecting one shard of the log into Postgres: in order, without a hole, each event once.
//!
//! The watermark in the database says where to go on; the durable consumer only delivers. Whenever deliveries are not in
//! one unbroken order (another worker had the queue, or redeliveries mix in), the consumer is set back to the watermark.

use std::sync::Arc;
use std::time::Duration;

use relay_domain::ports::{Delivery, Holes, Poison, ProjectError, Projected, Projection, QueueError, StoreError, WorkQueue, WorkSource};
use relay_protocol::log::StoredEvent;
use relay_runtime::Task;
use relay_types::{Clock, Seq, ShardId};

/// Between attempts while the database is away.
const RETRY: Duration = Duration::from_millis(250);
/// Work in hand is announced to the log this often, well below its `ack_wait`.
const KEEP_EVERY: Duration = Duration::from_secs(10);
const WORKER: &str = "persist";

/// What the job works with.
#[derive(Clone)]
pub struct Persist {
    /// The log's work queue.
    pub source: Arc<dyn WorkSource>,
    /// The database.
    pub projection: Arc<dyn Projection>,
    /// For the lag that people see.
    pub clock: Arc<dyn Clock>,
    /// Events in one transaction at most.
    pub batch: usize,
}

/// Why a run over the queue was interrupted; the next one begins at the watermark.
#[derive(Debug, thiserror::Error)]
enum Interruption {
    /// Another worker had the queue in between, or deliveries are missing.
    #[error("deliveries are out of order")]
    Disorder,
    /// Trying again cannot help.
    #[error(transparent)]
    EpochMismatch(ProjectError),
    #[error(transparent)]
    Queue(QueueError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the projection refused an event that is not in its batch: {reason}")]
    NotInBatch { reason: String },
}

impl From<QueueError> for Interruption {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Disorder => Self::Disorder,
            QueueError::Unavailable { .. } => Self::Queue(error),
        }
    }
}

/// Whether nothing is missing between `after` and the deliveries, nor between them. A hole may be deleted events; or events
/// that went to another worker, or to nobody: when the consumer's leader dies, its successor goes on behind what was on its
/// way, with an unbroken count, and an acknowledgement of the next would acknowledge the lost ones too. The log itself tells: by its next event for one hole, and
/// for more by the list of all of them, once. What it said before, `known`, stays true.
async fn without_holes(source: &dyn WorkSource, shard: ShardId, known: &mut Holes, after: Seq, seqs: &[Seq]) -> Result<(), QueueError> {
    let (mut expected, mut open) = (after.next(), Vec::new());
    for seq in seqs {
        if *seq > expected && !known.cover(expected, *seq) {
            open.push((expected, *seq));
        }
        expected = expected.max(seq.next());
    }
    let deleted = match open.as_slice() {
        [] => true,
        [(from, to)] => source.first_from(shard, *from).await?.is_none_or(|first| first >= *to),
        several => {
            *known = source.holes(shard).await?;
            several.iter().all(|(from, to)| known.cover(*from, *to))
        }
    };
    if deleted { Ok(()) } else { Err(QueueError::Disorder) }
}

impl Persist {
    /// Projects `shard` until told to stop.
    ///
    /// # Errors
    /// Only what trying again cannot fix: a projection of another epoch.
    ///
    /// # Cancel safety
    /// Cancel safe: a transaction is all or nothing, and unacknowledged events come again.
    pub async fn run(&self, task: Task, shard: ShardId) -> anyhow::Result<()> {
        let mut reset = false;
        loop {
            let interruption = match self.follow(&task, shard, reset).await {
                Ok(()) => return Ok(()),
                Err(interruption) => interruption,
            };
            match interruption {
                Interruption::Disorder => {
                    tracing::info!(shard = shard.0, "deliveries out of order; beginning again at the watermark");
                    reset = true;
                }
                Interruption::EpochMismatch(_) => return Err(interruption.into()),
                Interruption::Queue(_) | Interruption::Store(_) | Interruption::NotInBatch { .. } => {
                    let error = anyhow::Error::from(interruption);
                    tracing::warn!(shard = shard.0, error = %format!("{error:#}"), "persist interrupted");
                    task.health.down(error.to_string());
                    tokio::select! {
                        () = task.stop.cancelled() => return Ok(()),
                        () = tokio::time::sleep(RETRY) => {}
                    }
                }
            }
        }
    }

    /// Projects until told to stop.
    async fn follow(&self, task: &Task, shard: ShardId, reset: bool) -> Result<(), Interruption> {
        let epoch = self.source.epoch(shard).await?;
        let (mut after, _) = self.projection.watermark(shard).await?;
        if reset {
            self.source.reset_persist(shard, after).await?;
        }
        let mut queue = self.source.open_persist(shard).await?;
        let mut known = Holes::default();
        let mut first = true;
        task.health.up();
        loop {
            let deliveries = tokio::select! {
                () = task.stop.cancelled() => return Ok(()),
                deliveries = queue.next(self.batch) => deliveries?,
            };
            let (Some(begin), Some(end)) = (deliveries.first().map(|d| d.seq), deliveries.last().map(|d| d.seq)) else { continue };
            if first && begin > after.next() {
                // Another worker may have gone on since the watermark was read.
                after = self.projection.watermark(shard).await?.0;
            }
            first = false;
            let seqs: Vec<Seq> = deliveries.iter().map(|delivery| delivery.seq).collect();
            without_holes(self.source.as_ref(), shard, &mut known, after, &seqs).await?;
            let events = self.readable(shard, deliveries).await?;
            self.project(task, &mut *queue, shard, &epoch, after, end, &events).await?;
            queue.ack().await?;
            after = after.max(end);
            if let Some(newest) = events.last() {
                #[expect(clippy::cast_precision_loss, reason = "milliseconds of a lag")]
                metrics::histogram!("relay_persist_lag_seconds").record((self.clock.now_ms() - newest.stored_at_ms).max(0) as f64 / 1000.0);
            }
        }
    }

    /// What can be read; the rest is dead-lettered with its reason.
    async fn readable(&self, shard: ShardId, deliveries: Vec<Delivery>) -> Result<Vec<StoredEvent>, QueueError> {
        let mut events = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            match delivery.content {
                Ok(event) => events.push(event),
                Err(poison) => self.dead_lettered(shard, delivery.seq, &poison).await?,
            }
        }
        Ok(events)
    }

    async fn dead_lettered(&self, shard: ShardId, seq: Seq, poison: &Poison) -> Result<(), QueueError> {
        tracing::error!(shard = shard.0, stream.seq = seq.0, reason = poison.reason, "event dead-lettered as unprocessable");
        metrics::counter!("relay_dead_letters_total", "worker" => WORKER).increment(1);
        self.source.dead_letter(WORKER, shard, seq, poison).await
    }

    /// Stores the batch, waiting for as long as the database is away; by and by in smaller parts.
    #[expect(clippy::too_many_arguments, reason = "one call, all of them its subject")]
    async fn project(
        &self,
        task: &Task,
        queue: &mut dyn WorkQueue,
        shard: ShardId,
        epoch: &str,
        after: Seq,
        upto: Seq,
        events: &[StoredEvent],
    ) -> Result<(), Interruption> {
        let mut events = events.to_vec();
        let mut after = after;
        let mut most = events.len().max(1);
        let mut kept = tokio::time::Instant::now();
        loop {
            let some = events.get(..most).unwrap_or(&events);
            let ends = if some.len() < events.len() { some.last().map_or(upto, |event| event.seq) } else { upto };
            match self.projection.project(shard, epoch, after, ends, some).await {
                Ok(projected) if ends < upto => {
                    task.health.up();
                    count(&projected);
                    after = ends;
                    events.drain(..most);
                }
                Ok(projected) => {
                    task.health.up();
                    count(&projected);
                    return Ok(());
                }
                Err(ProjectError::Unavailable(error)) => {
                    task.health.down(error.reason.clone());
                    // Perhaps it is too much at once: what took too long as a whole takes too long every time.
                    most = (some.len() / 2).max(1);
                    tokio::select! {
                        () = task.stop.cancelled() => return Err(error.into()),
                        () = tokio::time::sleep(RETRY) => {}
                    }
                }
                Err(ProjectError::Gap { .. }) => return Err(Interruption::Disorder),
                Err(ProjectError::Poison { seq, reason }) => {
                    let Some(event) = events.iter().find(|event| event.seq == seq) else {
                        return Err(Interruption::NotInBatch { reason });
                    };
                    let payload = serde_json::to_vec(&event.event).unwrap_or_default();
                    let poison = Poison { subject: format!("{shard}"), payload: payload.into(), reason };
                    self.dead_lettered(shard, seq, &poison).await?;
                    events.retain(|event| event.seq != seq);
                }
                Err(error @ ProjectError::EpochMismatch { .. }) => return Err(Interruption::EpochMismatch(error)),
            }
            if kept.elapsed() > KEEP_EVERY {
                queue.keep().await?;
                kept = tokio::time::Instant::now();
            }
        }
    }
}

fn count(projected: &Projected) {
    metrics::counter!("relay_persisted_events_total").increment(projected.inserted as u64);
    metrics::counter!("relay_persist_duplicate_events_total").increment(projected.skipped as u64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    use async_trait::async_trait;
    use bytes::Bytes;
    use parking_lot::Mutex;
    use tokio::sync::watch;

    /// A log in memory, with one queue that goes on behind what was acknowledged last.
    #[derive(Default)]
    struct Log {
        seqs: Vec<u64>,
        /// What nobody can read.
        unreadable: Vec<u64>,
        floor: watch::Sender<Seq>,
        dead: Mutex<Vec<Seq>>,
        /// How often all holes were asked for.
        listed: Mutex<usize>,
    }

    impl Log {
        fn of(seqs: &[u64]) -> Self {
            Self { seqs: seqs.to_vec(), ..Self::default() }
        }
    }

    fn event(seq: u64) -> StoredEvent {
        StoredEvent::unreadable(ShardId(0), Seq(seq), 0)
    }

    #[async_trait]
    impl WorkSource for Log {
        async fn epoch(&self, _: ShardId) -> Result<String, QueueError> {
            Ok("epoch".to_owned())
        }

        async fn open_persist(&self, _: ShardId) -> Result<Box<dyn WorkQueue>, QueueError> {
            let deliveries = self.seqs.iter().map(|seq| {
                let poison = Poison { subject: "subject".to_owned(), payload: Bytes::new(), reason: "nonsense".to_owned() };
                let content = if self.unreadable.contains(seq) { Err(poison) } else { Ok(event(*seq)) };
                Delivery { seq: Seq(*seq), content }
            });
            let floor = *self.floor.borrow();
            let rest = deliveries.filter(|delivery| delivery.seq > floor).collect();
            Ok(Box::new(Queue { rest, handed: floor, floor: self.floor.clone() }))
        }

        async fn reset_persist(&self, _: ShardId, after: Seq) -> Result<(), QueueError> {
            self.floor.send_replace(after);
            Ok(())
        }

        async fn first_from(&self, _: ShardId, from: Seq) -> Result<Option<Seq>, QueueError> {
            Ok(self.seqs.iter().copied().map(Seq).find(|seq| *seq >= from))
        }

        async fn holes(&self, _: ShardId) -> Result<Holes, QueueError> {
            *self.listed.lock() += 1;
            let last = self.seqs.last().copied().unwrap_or_default();
            let deleted = (1..=last).filter(|seq| !self.seqs.contains(seq)).map(Seq).collect();
            Ok(Holes { first: Seq(1), deleted })
        }

        async fn dead_letter(&self, _: &str, _: ShardId, seq: Seq, _: &Poison) -> Result<(), QueueError> {
            self.dead.lock().push(seq);
            Ok(())
        }
    }

    struct Queue {
        rest: VecDeque<Delivery>,
        handed: Seq,
        floor: watch::Sender<Seq>,
    }

    #[async_trait]
    impl WorkQueue for Queue {
        async fn next(&mut self, max: usize) -> Result<Vec<Delivery>, QueueError> {
            if self.rest.is_empty() {
                return std::future::pending().await;
            }
            let some: Vec<Delivery> = self.rest.drain(..max.min(self.rest.len())).collect();
            self.handed = some.last().map_or(self.handed, |delivery| delivery.seq);
            Ok(some)
        }

        async fn ack(&mut self) -> Result<(), QueueError> {
            self.floor.send_replace(self.handed);
            Ok(())
        }

        async fn keep(&mut self) -> Result<(), QueueError> {
            Ok(())
        }
    }

    async fn judge(log: &[u64], after: u64, seqs: &[u64]) -> bool {
        let seqs: Vec<Seq> = seqs.iter().copied().map(Seq).collect();
        without_holes(&Log::of(log), ShardId(0), &mut Holes::default(), Seq(after), &seqs).await.is_ok()
    }

    #[tokio::test]
    async fn events_that_went_to_nobody_are_noticed_and_deleted_ones_are_not_missed() {
        let log = [1, 2, 3, 4, 7, 8];
        assert!(judge(&log, 0, &[1, 2, 3]).await);
        assert!(judge(&log, 4, &[7, 8]).await, "5 and 6 were deleted");
        assert!(judge(&log, 3, &[4, 7]).await);
        assert!(judge(&log, 8, &[2, 3, 9]).await, "what comes again is skipped");
        assert!(!judge(&log, 1, &[3, 4]).await, "2 went to nobody");
        assert!(!judge(&log, 1, &[2, 4]).await, "3 went to nobody");
        assert!(!judge(&log, 4, &[8]).await, "7 went to nobody, 5 and 6 were deleted");
    }

    #[tokio::test]
    async fn many_holes_are_looked_up_once() {
        let seqs: Vec<u64> = (1..=1_000).map(|n| n * 2).collect();
        let (log, mut known) = (Log::of(&seqs), Holes::default());
        for run in seqs.chunks(100) {
            let after = Seq(run[0].saturating_sub(2));
            let run: Vec<Seq> = run.iter().copied().map(Seq).collect();
            without_holes(&log, ShardId(0), &mut known, after, &run).await.unwrap();
        }
        assert_eq!(*log.listed.lock(), 1);
        assert!(without_holes(&log, ShardId(0), &mut known, Seq(0), &[Seq(4), Seq(8)]).await.is_err(), "2 and 6 went to nobody");
    }

    /// A database that stores so many events in time, and not one more.
    struct Slow {
        most: usize,
        stored: tokio::sync::Mutex<(Seq, Vec<Seq>)>,
    }

    #[async_trait]
    impl Projection for Slow {
        async fn watermark(&self, _: ShardId) -> Result<(Seq, Option<String>), relay_domain::ports::StoreError> {
            Ok((self.stored.lock().await.0, None))
        }

        async fn project(&self, _: ShardId, _: &str, after: Seq, upto: Seq, events: &[StoredEvent]) -> Result<Projected, ProjectError> {
            if events.len() > self.most {
                return Err(ProjectError::Unavailable(relay_domain::ports::StoreError::new("statement timeout".to_owned())));
            }
            let mut stored = self.stored.lock().await;
            if after != stored.0 {
                return Err(ProjectError::Gap { after, watermark: stored.0 });
            }
            stored.0 = upto;
            stored.1.extend(events.iter().map(|event| event.seq));
            Ok(Projected { inserted: events.len(), skipped: 0, watermark: upto })
        }
    }

    fn persist(log: Log, projection: Arc<Slow>) -> (Arc<Log>, Persist) {
        let log = Arc::new(log);
        (Arc::clone(&log), Persist { source: log, projection, clock: Arc::new(relay_types::SystemClock), batch: 100 })
    }

    fn task() -> Task {
        Task { stop: relay_runtime::CancellationToken::default(), health: relay_runtime::Health::default().component("persist-0") }
    }

    #[tokio::test(start_paused = true)]
    async fn persist_lost_deliveries_are_fetched_again_and_poison_is_dead_lettered() {
        let slow = Arc::new(Slow { most: 100, stored: tokio::sync::Mutex::default() });
        let (log, persist) = persist(Log { unreadable: vec![4], ..Log::of(&[1, 2, 3, 4, 7]) }, Arc::clone(&slow));
        // The queue begins behind events that nobody has projected.
        log.floor.send_replace(Seq(2));
        let task = task();
        let stop = task.stop.clone();
        let mut floor = log.floor.subscribe();
        let all = async {
            let reached = tokio::time::timeout(Duration::from_mins(1), floor.wait_for(|floor| *floor >= Seq(7))).await;
            assert!(reached.is_ok(), "not everything is projected");
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(persist.run(task, ShardId(0)), all);
        ended.unwrap();
        assert_eq!(*slow.stored.lock().await, (Seq(7), [1, 2, 3, 7].map(Seq).to_vec()));
        assert_eq!(*log.dead.lock(), [Seq(4)]);
    }

    #[tokio::test]
    async fn a_batch_that_is_too_much_at_once_is_stored_in_parts() {
        let slow = Arc::new(Slow { most: 7, stored: tokio::sync::Mutex::default() });
        let (log, persist) = persist(Log::default(), Arc::clone(&slow));
        // Sequences without an event that concerns somebody, also at the end.
        let events: Vec<StoredEvent> = (1..=100).map(|n| event(n * 2)).collect();
        let (task, mut queue) = (task(), log.open_persist(ShardId(0)).await.unwrap());
        let stored = persist.project(&task, &mut *queue, ShardId(0), "epoch", Seq::ZERO, Seq(205), &events);
        tokio::time::timeout(Duration::from_mins(1), stored).await.expect("it goes on for ever").unwrap();
        let (watermark, seqs) = std::mem::take(&mut *slow.stored.lock().await);
        assert_eq!(watermark, Seq(205));
        assert_eq!(seqs, events.iter().map(|event| event.seq).collect::<Vec<_>>());
    }
}
