//! Group commit: while few publishes are on their way, each goes out by itself; what waits beyond that goes out as one batch.
//!
//! A server with `sync_interval: always` pays one fsync for each single publish and four for a batch, however many messages it
//! has. So a few publishes are quicker one by one, and many are quicker together. Nothing here waits for company: what cannot go
//! out at once waits for what is in flight, and what has come by then goes out next.
//!
//! A batch is never retried. Whoever is told that their events are not known to be stored appends them one by one.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use relay_domain::ports::{Apart, NewEvent, Together};
use relay_types::{Clock as _, Seq, ShardId, SystemClock, TimestampMs};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::batch::{self, Part};
use crate::config::BatchConfig;
use crate::connect::Bus;
use crate::unstored::Unstored;

/// Nothing waits longer for a batch than this. Less than what counts as a process pause (2 s): what waited through
/// one is not published by a batch, but handed back to who wanted it, and may do so no more.
const MAX_WAIT: Duration = Duration::from_millis(500);
/// What a message takes in a batch beside its payload: subject, ids, headers.
const ENVELOPE_BYTES: usize = 400;
/// After a batch that nobody answered, or one too many: how long each message goes by itself.
const PAUSE: Duration = Duration::from_secs(1);
/// The same where the stream takes no batches, which an operator has to fix.
const LONG_PAUSE: Duration = Duration::from_secs(60);
/// A single publish that takes longer than one to two of these is not waited for: the log may be away, or whoever wants the
/// answer may not be looking, as while its socket's peer takes no bytes.
const SPAN: Duration = Duration::from_millis(25);

/// The batchers of the shards, over one connection.
pub(crate) struct Gathering {
    bus: Bus,
    config: BatchConfig,
    singles: usize,
    batchers: Mutex<HashMap<ShardId, Arc<ShardBatcher>>>,
}

impl Gathering {
    pub(crate) fn new(bus: Bus) -> Self {
        let config = bus.config.batches;
        Self { bus, singles: usize::from(config.singles), config, batchers: Mutex::default() }
    }

    fn batcher(&self, shard: ShardId) -> Arc<ShardBatcher> {
        let make =
            || Arc::new(ShardBatcher { shard, bus: self.bus.clone(), config: self.config, singles: self.singles, state: Mutex::default() });
        Arc::clone(self.batchers.lock().entry(shard).or_insert_with(make))
    }

    /// One publish of one event is on its way for as long as this is held.
    pub(crate) fn single(&self, shard: ShardId) -> Option<Single> {
        if !self.config.enabled {
            return None;
        }
        let batcher = self.batcher(shard);
        let span = batcher.state.lock().singles.begin();
        Some(Single { batcher, span })
    }

    /// Whether so many more events would wait now, rather than go out one by one.
    pub(crate) fn gathers(&self, shard: ShardId, events: usize) -> bool {
        self.config.enabled && self.batcher(shard).state.lock().gathers(events, self.singles)
    }

    /// Waits for a batch and its answer.
    ///
    /// # Cancel safety
    /// Not cancel safe: the events may be stored.
    pub(crate) async fn together(&self, events: Arc<[NewEvent]>) -> Together {
        let apart = Together::Apart(Apart::NotTried);
        let Some(shard) = events.first().map(|event| event.address.shard()) else { return apart };
        let bytes = events.iter().map(|event| event.payload.len() + ENVELOPE_BYTES).sum();
        let fits = events.len() <= usize::from(self.config.max_messages) && bytes <= self.config.max_bytes as usize;
        let one_shard = events.iter().all(|event| event.address.shard() == shard);
        if !self.config.enabled || !fits || !one_shard {
            return apart;
        }
        let batcher = self.batcher(shard);
        let (answer, mut answered) = oneshot::channel();
        let run = Run { events, bytes, since: Instant::now(), since_ms: SystemClock.now_ms(), answer };
        let Some(ticket) = batcher.wait(run) else { return apart };
        batcher.go_on();
        let late = Instant::now() + MAX_WAIT;
        while Instant::now() < late {
            if let Ok(told) = tokio::time::timeout(SPAN, &mut answered).await {
                return told.unwrap_or(Together::Apart(Apart::Unknown));
            }
            batcher.go_on();
        }
        if batcher.take_back(ticket) {
            return apart;
        }
        // It is in a batch, which is answered within the limit of an attempt.
        answered.await.unwrap_or(Together::Apart(Apart::Unknown))
    }
}

/// A single publish on its way.
pub(crate) struct Single {
    batcher: Arc<ShardBatcher>,
    span: u128,
}

impl Drop for Single {
    fn drop(&mut self) {
        let mut state = self.batcher.state.lock();
        state.singles.end(self.span);
        let waits = !state.waiting.is_empty();
        drop(state);
        if waits {
            self.batcher.go_on();
        }
    }
}

/// Single publishes that began lately, by spans of time.
struct Singles {
    began: Instant,
    newest: u128,
    /// In the newest span, and in the one before it.
    counts: [usize; 2],
}

impl Default for Singles {
    fn default() -> Self {
        Self { began: Instant::now(), newest: 0, counts: [0; 2] }
    }
}

impl Singles {
    fn roll(&mut self) {
        let span = self.began.elapsed().as_millis() / SPAN.as_millis();
        let [newest, _] = self.counts;
        match span - self.newest {
            0 => return,
            1 => self.counts = [0, newest],
            _ => self.counts = [0, 0],
        }
        self.newest = span;
    }

    fn begin(&mut self) -> u128 {
        self.roll();
        let [newest, _] = &mut self.counts;
        *newest += 1;
        self.newest
    }

    fn end(&mut self, span: u128) {
        self.roll();
        let [newest, before] = &mut self.counts;
        match self.newest - span {
            0 => *newest = newest.saturating_sub(1),
            1 => *before = before.saturating_sub(1),
            _ => {}
        }
    }

    fn count(&mut self) -> usize {
        self.roll();
        self.counts.iter().sum()
    }
}

/// Events of one caller, next to each other and in order, whatever batch they come into.
struct Run {
    events: Arc<[NewEvent]>,
    bytes: usize,
    since: Instant,
    /// The wall clock's: it goes on while the machine is suspended.
    since_ms: TimestampMs,
    answer: oneshot::Sender<Together>,
}

impl Run {
    fn is_stale(&self) -> bool {
        let waited_ms = SystemClock.now_ms() - self.since_ms;
        self.since.elapsed() > MAX_WAIT || !(-1_000..=1_000).contains(&waited_ms)
    }
}

/// What waits for one shard, and what is on its way there.
#[derive(Default)]
struct State {
    singles: Singles,
    waiting: VecDeque<(u64, Run)>,
    waiting_events: usize,
    newest_ticket: u64,
    /// How many events each batch in flight has.
    batches: Vec<usize>,
    /// Ids that wait or are in flight in a batch: a second one would have the whole batch refused.
    ids: HashSet<String>,
    paused_until: Option<Instant>,
}

impl State {
    fn is_paused(&self) -> bool {
        self.paused_until.is_some_and(|until| Instant::now() < until)
    }

    fn gathers(&mut self, events: usize, singles: usize) -> bool {
        !self.is_paused() && (!self.waiting.is_empty() || !self.batches.is_empty() || self.singles.count() + events > singles)
    }

    fn forget(&mut self, run: &Run) {
        for event in run.events.iter() {
            self.ids.remove(&event.dedup_id);
        }
    }

    fn pop(&mut self) -> Option<Run> {
        let (_, run) = self.waiting.pop_front()?;
        self.waiting_events -= run.events.len();
        Some(run)
    }

    /// What goes out next: a batch, or what goes out one by one.
    fn next(&mut self, config: &BatchConfig, singles: usize) -> Next {
        let mut apart = Vec::new();
        while self.waiting.front().is_some_and(|(_, run)| run.is_stale() || run.answer.is_closed()) {
            apart.extend(self.pop());
        }
        if self.batches.is_empty() && self.waiting_events < singles {
            let mut room = singles.saturating_sub(self.singles.count());
            while let Some(events) = self.waiting.front().map(|(_, run)| run.events.len()).filter(|_| room > 0) {
                room = room.saturating_sub(events);
                apart.extend(self.pop());
            }
        }
        for run in &apart {
            self.forget(run);
        }
        let full = usize::from(config.max_messages);
        // A second batch beside the first is worth it when it is as large: then the first is hurried by nobody.
        let enough = self.batches.iter().copied().max().unwrap_or(0).max(singles).min(full);
        let mut runs = Vec::new();
        if self.batches.len() < usize::from(config.in_flight) && self.waiting_events >= enough {
            let (mut events, mut bytes) = (0, 0);
            while let Some((_, run)) = self.waiting.front() {
                if events + run.events.len() > full || bytes + run.bytes > config.max_bytes as usize {
                    break;
                }
                (events, bytes) = (events + run.events.len(), bytes + run.bytes);
                runs.extend(self.pop());
            }
            if events > 0 {
                self.batches.push(events);
            }
        }
        Next { apart, runs }
    }
}

struct Next {
    apart: Vec<Run>,
    runs: Vec<Run>,
}

struct ShardBatcher {
    shard: ShardId,
    bus: Bus,
    config: BatchConfig,
    singles: usize,
    state: Mutex<State>,
}

impl ShardBatcher {
    /// Puts a run behind what waits; `None` when it must not join a batch.
    fn wait(&self, run: Run) -> Option<u64> {
        let mut state = self.state.lock();
        if state.is_paused() || run.events.iter().any(|event| state.ids.contains(&event.dedup_id)) {
            return None;
        }
        let before = state.ids.len();
        state.ids.extend(run.events.iter().map(|event| event.dedup_id.clone()));
        if state.ids.len() < before + run.events.len() {
            // The same id twice within the run.
            state.forget(&run);
            return None;
        }
        state.newest_ticket += 1;
        state.waiting_events += run.events.len();
        let ticket = state.newest_ticket;
        state.waiting.push_back((ticket, run));
        Some(ticket)
    }

    /// Takes a run out of those that wait; `false` when it is on its way.
    fn take_back(&self, ticket: u64) -> bool {
        let mut state = self.state.lock();
        let Some(at) = state.waiting.iter().position(|(other, _)| *other == ticket) else { return false };
        if let Some((_, run)) = state.waiting.remove(at) {
            state.waiting_events -= run.events.len();
            state.forget(&run);
        }
        true
    }

    /// Sends out what may go out now. Batches run in tasks of their own: a caller may not be polled for a long time, as while its
    /// socket's peer takes no bytes, and must not hold up those whose events lie in the same batch.
    fn go_on(self: &Arc<Self>) {
        loop {
            let Next { apart, runs } = self.state.lock().next(&self.config, self.singles);
            for run in apart {
                let _ = run.answer.send(Together::Apart(Apart::NotTried));
            }
            if runs.is_empty() {
                return;
            }
            // There is none when the process ends; those who wait are dropped with it.
            let Ok(runtime) = Handle::try_current() else { return };
            let this = Arc::clone(self);
            runtime.spawn(async move { this.publish(runs).await });
        }
    }

    async fn publish(self: Arc<Self>, runs: Vec<Run>) {
        let in_flight = runs.iter().map(|run| run.events.len()).sum::<usize>();
        // The process may have been paused since they were taken.
        let (stale, runs): (Vec<Run>, Vec<Run>) = runs.into_iter().partition(Run::is_stale);
        let parts: Vec<Part> = runs.iter().flat_map(|run| run.events.iter()).map(Part::from).collect();
        let length = parts.len();
        for run in &runs {
            metrics::histogram!("relay_log_batch_wait_duration_seconds").record(run.since.elapsed().as_secs_f64());
        }
        let outcome = if length == 0 { Err(Unstored::Refused) } else { batch::publish(&self.bus, parts).await };
        match outcome {
            _ if length == 0 => {}
            Ok(_) => {
                #[expect(clippy::cast_precision_loss, reason = "at most a thousand")]
                metrics::histogram!("relay_log_batch_messages").record(length as f64);
            }
            Err(why) => {
                metrics::counter!("relay_log_batches_refused_total", "reason" => why.as_str()).increment(1);
                metrics::counter!("relay_log_batch_fallbacks_total").increment(length as u64);
            }
        }
        {
            let mut state = self.state.lock();
            if let Some(at) = state.batches.iter().position(|events| *events == in_flight) {
                state.batches.swap_remove(at);
            }
            for run in runs.iter().chain(&stale) {
                state.forget(run);
            }
            if let Err(why) = outcome {
                self.pause(&mut state, why);
            }
        }
        for run in stale {
            let _ = run.answer.send(Together::Apart(Apart::NotTried));
        }
        Self::answer(runs, outcome);
        self.go_on();
    }

    fn pause(&self, state: &mut State, why: Unstored) {
        let pause = match why {
            Unstored::Duplicate => return,
            Unstored::TooMany | Unstored::Refused | Unstored::Unknown => PAUSE,
            Unstored::Disabled => {
                tracing::warn!(shard = %self.shard, "the log takes no batches (allow_atomic); `relayctl topology apply` fixes it");
                LONG_PAUSE
            }
        };
        state.paused_until = Some(Instant::now() + pause);
        // Whoever waits goes on alone.
        while let Some(run) = state.pop() {
            state.forget(&run);
            let _ = run.answer.send(Together::Apart(Apart::NotTried));
        }
    }

    fn answer(runs: Vec<Run>, outcome: Result<Seq, Unstored>) {
        let mut answer = outcome;
        for run in runs {
            let told = match &mut answer {
                Ok(first) => {
                    let own = *first;
                    *first = Seq(first.0 + run.events.len() as u64);
                    metrics::histogram!("relay_log_append_duration_seconds").record(run.since.elapsed().as_secs_f64());
                    Together::Stored(own)
                }
                Err(Unstored::Duplicate) => Together::Apart(Apart::Duplicate),
                Err(Unstored::Unknown) => Together::Apart(Apart::Unknown),
                Err(Unstored::Disabled | Unstored::TooMany | Unstored::Refused) => Together::Apart(Apart::Refused),
            };
            // Nobody waits for it any more, if so.
            let _ = run.answer.send(told);
        }
    }
}
