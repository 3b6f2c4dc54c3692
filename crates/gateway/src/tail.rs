//! The task that follows one shard and feeds the hub.

mod holes;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use relay_domain::ports::{LogHead, LogTail, ResumeStore, TailError, TailSource, TailStart};
use relay_protocol::log::StoredEvent;
use relay_runtime::Task;
use relay_types::{Clock, Seq, ShardId};

use crate::hub::Hub;
use holes::Holes;

/// How often the log's ends are looked up: the oldest event decides whether a position is too old, the newest whether the
/// tail keeps up.
const HEAD_EVERY: Duration = Duration::from_secs(5);
/// The same while the tail is away: nobody may send here until it is known to be at the log's end.
const HEAD_AGAIN: Duration = Duration::from_secs(1);

/// What a tail's task works with.
#[derive(Clone)]
pub(crate) struct TailParts {
    pub(crate) tails: Arc<dyn TailSource>,
    pub(crate) store: Arc<dyn ResumeStore>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) shard: ShardId,
    pub(crate) epoch: String,
    /// How far back the tail begins.
    pub(crate) warmup: Duration,
    /// For how long a session that ended, and somebody who left, are remembered.
    pub(crate) revocations: Duration,
}

/// Follows a shard until told to stop. An epoch change ends the process: its memory is of another log, so everyone
/// reconnects, to a fresh gateway, and is told `reset`.
pub(crate) async fn follow(task: Task, parts: TailParts) -> anyhow::Result<()> {
    let TailParts { tails, hub, shard, epoch, .. } = &parts;
    let head = tails.head(*shard).await?;
    if head.epoch != *epoch {
        return Err(TailError::EpochChanged { expected: epoch.clone(), found: head.epoch }.into());
    }
    hub.clock.answered(head.now_ms);
    hub.clock.observe_life(*shard, &head);
    // A token outlives its session's end: whoever was logged out before this gateway started stays out. What somebody says
    // who left before it started is void still.
    hub.remember_ended(*shard, tails.ended(*shard, parts.revocations).await?);
    let start = TailStart::Recent { age: parts.warmup, most: hub.most_remembered(), end: head.last };
    let tail = tails.open(*shard, epoch, start).await?;
    TailTask::new(task, parts, head).run(tail).await
}

/// Where the warm-up is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Warmup {
    /// Nothing has come yet.
    Waiting,
    /// The shard has begun in the hub; what the log held at the start is still coming.
    Begun,
    /// Everything that the log held at the start has passed.
    Done,
}

/// The task that follows one shard.
struct TailTask {
    task: Task,
    parts: TailParts,
    /// What the log held at the start.
    start: LogHead,
    /// What the newest look saw.
    known_head: LogHead,
    warmup: Warmup,
    behind: bool,
    holes: Holes,
    lag: metrics::Gauge,
}

impl TailTask {
    fn new(task: Task, parts: TailParts, start: LogHead) -> Self {
        let lag = metrics::gauge!("relay_tail_lag_events", "shard" => parts.shard.to_string());
        let holes = Holes::of(parts.shard, Arc::clone(&parts.store));
        let mut this = Self { task, parts, known_head: start.clone(), start, warmup: Warmup::Waiting, behind: false, holes, lag };
        if this.start.last < this.start.first || this.start.last == Seq::ZERO {
            // An empty log: the tail has nothing to show before the first event.
            this.on_quiet();
        }
        this
    }

    async fn run(mut self, mut tail: Box<dyn LogTail>) -> anyhow::Result<()> {
        let (stop, shard) = (self.task.stop.clone(), self.parts.shard);
        // Beside the tail, not between its events: a log without a leader answers late.
        let sources = (Arc::clone(&self.parts.tails), Arc::clone(&self.parts.hub));
        let looks = futures::stream::unfold(sources, |(tails, hub)| async move {
            tokio::time::sleep(if hub.in_sight(shard) { HEAD_EVERY } else { HEAD_AGAIN }).await;
            let asked = Instant::now();
            Some(((asked, tails.head(shard).await), (tails, hub)))
        });
        tokio::pin!(looks);
        // With nothing young enough in the log, the first event to come is the next one. The same holds when what was last in it
        // has been deleted.
        let quiet = tokio::time::sleep(WARMUP_LIMIT);
        tokio::pin!(quiet);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = &mut quiet, if self.warmup != Warmup::Done => self.on_quiet(),
                Some((asked, looked)) = looks.next() => {
                    if let Ok(head) = looked {
                        self.on_head(head, asked)?;
                    }
                }
                events = tail.next() => match events {
                    Ok(events) => {
                        self.on_events(events).await;
                        if self.warmup != Warmup::Done {
                            quiet.as_mut().reset(tokio::time::Instant::now() + WARMUP_SILENCE);
                        }
                    }
                    Err(error @ TailError::EpochChanged { .. }) => {
                        self.parts.hub.forget_all();
                        return Err(error.into());
                    }
                    Err(TailError::Unavailable { reason, .. }) => {
                        // Goes on where it was: the tail keeps its sequence.
                        self.task.health.down(reason);
                        tokio::select! {
                            () = stop.cancelled() => return Ok(()),
                            () = tokio::time::sleep(RETRY) => {}
                        }
                    }
                },
            }
        }
    }

    /// Nothing more of what the log held at the start will come.
    fn on_quiet(&mut self) {
        let (hub, shard) = (&self.parts.hub, self.parts.shard);
        if self.warmup == Warmup::Waiting {
            hub.begin_shard(shard, self.start.last, &self.start);
        }
        hub.warmed_up(shard);
        self.warmup = Warmup::Done;
        self.task.health.up();
    }

    /// At `asked` the log ended so.
    fn on_head(&mut self, head: LogHead, asked: Instant) -> Result<(), TailError> {
        let (hub, shard) = (&self.parts.hub, self.parts.shard);
        if head.epoch != self.parts.epoch {
            hub.forget_all();
            return Err(TailError::EpochChanged { expected: self.parts.epoch.clone(), found: head.epoch });
        }
        hub.set_first(shard, head.first);
        hub.looked(shard, head.last, asked);
        hub.clock.answered(head.now_ms);
        let passed = hub.heads().get(&shard).copied().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        self.lag.set(head.last.0.saturating_sub(passed.0) as f64);
        // What the look before saw has had all the time since to pass.
        let overdue = self.known_head.last.0.saturating_sub(passed.0);
        if self.warmup != Warmup::Waiting && overdue > 0 {
            tracing::warn!(shard = shard.0, overdue, "the tail has fallen behind the log");
            self.task.health.degraded(format!("{overdue} events of the log are more than {} s late", HEAD_EVERY.as_secs()));
            self.behind = true;
        } else if self.behind {
            tracing::info!(shard = shard.0, "the tail has caught up with the log");
            self.task.health.up();
            self.behind = false;
        }
        self.known_head = head;
        Ok(())
    }

    /// The next events of the shard, in order.
    async fn on_events(&mut self, mut events: Vec<StoredEvent>) {
        let (hub, shard) = (Arc::clone(&self.parts.hub), self.parts.shard);
        if self.warmup == Warmup::Waiting {
            // Nothing between the log's end at start and this event can be missing: it was not there yet.
            let first = events.first().map_or(self.start.last, |event| event.seq);
            hub.begin_shard(shard, Seq(first.0.saturating_sub(1)).min(self.start.last), &self.start);
            self.warmup = Warmup::Begun;
        }
        let covered = hub.heads().get(&shard).copied().unwrap_or_default();
        events.retain(|event| event.seq > covered);
        let last = events.last().map(|event| event.seq);
        let events = self.holes.filled(covered, events).await;
        hub.apply(shard, events, self.parts.clock.now_ms()).await;
        if self.warmup == Warmup::Begun && last.is_some_and(|last| last >= self.start.last) {
            hub.warmed_up(shard);
            self.warmup = Warmup::Done;
        }
        if last.is_some_and(|last| last >= self.known_head.last) {
            self.task.health.up();
        }
    }
}

/// Between attempts while NATS is away.
const RETRY: Duration = Duration::from_millis(200);
/// A log whose newest event is older than the warm-up sends nothing; then the tail starts at its end.
const WARMUP_LIMIT: Duration = Duration::from_millis(300);
/// A warm-up in which nothing more comes for so long has come to its end.
const WARMUP_SILENCE: Duration = Duration::from_secs(3);
