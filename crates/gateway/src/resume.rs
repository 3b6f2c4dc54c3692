//! Catching up: from the client's position to live, without a hole.
//!
//! Postgres up to its watermark P → the ring after P → `caught_up` → live. When the ring reaches back to the position
//! and the user is known here, no database is touched. While Postgres is away: the ring, and before it the log itself,
//! with the conversations that the user's durable consumer names.

mod from_log;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use relay_domain::ports::{DeliveryCursors, EventRange, JoinSnapshot, Membership, ResumeStore, StoreError, TailSource};
use relay_protocol::frame::ResetReason;
use relay_protocol::log::StoredEvent;
use relay_protocol::{CloseCode, ErrorCode, Position, ServerFrame};
use relay_types::{Seq, ShardId};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::hub::{Attach, Hub, Socket, UserLimiter};

/// Events asked for at once.
const PAGE: u32 = 500;
/// How long a position that is ahead of this gateway's tail is waited for.
const TAIL_CATCH_UP: Duration = Duration::from_secs(5);
/// For the log to say where it ends.
const HEAD_LIMIT: Duration = Duration::from_secs(3);
/// How often an attempt is repeated because the ring moved on meanwhile.
const MAX_ROUNDS: u32 = 20;

/// How often, and after which pauses, a projection that lags behind the ring is looked at again.
const PATIENCE: u32 = 10;
const BEHIND_PAUSE: Duration = Duration::from_millis(50);

/// Why a socket could not be brought up to date.
#[derive(Debug)]
pub(crate) enum ResumeError {
    /// The socket closed or stopped reading.
    Gone,
    /// The socket is to be closed, with this answer.
    Refused { code: ErrorCode, close: CloseCode, message: &'static str },
}

const AWAY: ResumeError = ResumeError::Refused {
    code: ErrorCode::Unavailable,
    close: CloseCode::Busy,
    message: "catching up is not possible now: the database is away and the log alone does not suffice",
};
const BEHIND: ResumeError = ResumeError::Refused {
    code: ErrorCode::Unavailable,
    close: CloseCode::Busy,
    message: "catching up is not possible here now: this gateway is behind the log",
};
const CROWDED: ResumeError = ResumeError::Refused { code: ErrorCode::Busy, close: CloseCode::Busy, message: "too many catch up here now" };
/// Everybody else here was sent away when the log turned out to be another one; there is no position to give to this one.
const FORGOTTEN: ResumeError =
    ResumeError::Refused { code: ErrorCode::Unavailable, close: CloseCode::Resync, message: "this gateway followed a log that is no more" };
const REVOKED: ResumeError =
    ResumeError::Refused { code: ErrorCode::SessionRevoked, close: CloseCode::SessionRevoked, message: "this session was ended" };

/// Where a resuming socket's frames go.
#[async_trait::async_trait]
pub(crate) trait FrameSink: Send {
    /// Writes and flushes; `Err` when the socket is gone or does not take them in time.
    async fn write(&mut self, frames: Vec<Bytes>) -> Result<(), ()>;
}

/// What catching up works with.
pub(crate) struct Resumer {
    pub(crate) hub: Arc<Hub>,
    pub(crate) store: Arc<dyn ResumeStore>,
    pub(crate) cursors: Arc<dyn DeliveryCursors>,
    pub(crate) tails: Arc<dyn TailSource>,
    /// Bounds the questions to the database, or to the log in its place, in a storm; the others wait their turn. Nobody has one
    /// while a client takes its time to read.
    pub(crate) turns: Semaphore,
    pub(crate) max_events: u32,
    /// Until when the projection counts as away without being asked: a storm must not wait for it socket by socket.
    pub(crate) away_until: Mutex<Option<Instant>>,
}

/// A projection that hangs is as good as away.
const STORE_LIMIT: Duration = Duration::from_secs(3);
/// The longest wait for a turn.
const TURN_LIMIT: Duration = Duration::from_secs(20);
/// After a failure the projection is not asked for this long.
const AWAY_FOR: Duration = Duration::from_secs(1);

impl Resumer {
    /// Brings `socket` from `position` (`None`: from now on) to live. The last frame written or queued before live
    /// events is `caught_up`, preceded by `reset` when events cannot be replayed one by one.
    ///
    /// # Cancel safety
    /// Not cancel safe: the socket may be in the hub; the caller detaches it.
    pub(crate) async fn run(
        &self,
        socket: &Arc<Socket>,
        position: Option<Position>,
        sink: &mut dyn FrameSink,
    ) -> Result<Arc<UserLimiter>, ResumeError> {
        let mut from = BTreeMap::new();
        let mut reset = None;
        if let Some(position) = position {
            match self.judge(&position).await? {
                Ok(()) => from = self.hub.heads().keys().map(|shard| (*shard, position.seq(*shard).unwrap_or_default())).collect(),
                Err(reason) => reset = Some(reason),
            }
        }
        let path = if reset.is_some() {
            "reset"
        } else if from.is_empty() {
            "fresh"
        } else {
            "resume"
        };
        metrics::counter!("relay_resumes_total", "path" => path).increment(1);
        let mut run = Run { resumer: self, socket, sink, from, reset, sent: 0 };
        run.go_live().await
    }

    /// Waits for a turn to ask.
    async fn turn(&self) -> Result<SemaphorePermit<'_>, ResumeError> {
        match tokio::time::timeout(TURN_LIMIT, self.turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(CROWDED),
        }
    }

    /// Asks the projection, unless it was away a moment ago.
    async fn ask<T>(&self, question: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let away = |reason: &str| StoreError { reason: reason.to_owned() };
        if self.away_until.lock().is_some_and(|until| until > Instant::now()) {
            return Err(away("it was away a moment ago"));
        }
        let answer = tokio::time::timeout(STORE_LIMIT, question).await.unwrap_or_else(|_| Err(away("no answer in time")));
        if answer.is_err() {
            *self.away_until.lock() = Some(Instant::now() + AWAY_FOR);
        }
        answer
    }

    /// Whether events after the position can be replayed at all, or why not. An error: that cannot be told here now.
    async fn judge(&self, position: &Position) -> Result<Result<(), ResetReason>, ResumeError> {
        if position.epoch != self.hub.epoch() {
            return Ok(Err(ResetReason::EpochChanged));
        }
        for (shard, first) in self.hub.firsts() {
            let seq = position.seq(shard).unwrap_or_default();
            if seq.next() < first {
                return Ok(Err(ResetReason::TooOld));
            }
            // Another gateway was further than this one is; that is a matter of milliseconds.
            if !self.hub.reached(shard, seq, TAIL_CATCH_UP).await {
                return match tokio::time::timeout(HEAD_LIMIT, self.tails.head(shard)).await {
                    Ok(Ok(head)) if seq > head.last => Ok(Err(ResetReason::AheadOfLog)),
                    // The log has it, or does not answer: another gateway may know better.
                    Ok(_) | Err(_) => Err(BEHIND),
                };
            }
        }
        Ok(Ok(()))
    }
}

struct Run<'a> {
    resumer: &'a Resumer,
    socket: &'a Arc<Socket>,
    sink: &'a mut dyn FrameSink,
    /// Per shard, up to where the client has everything; empty for "from now on".
    from: BTreeMap<ShardId, Seq>,
    reset: Option<ResetReason>,
    sent: u32,
}

impl Run<'_> {
    async fn go_live(&mut self) -> Result<Arc<UserLimiter>, ResumeError> {
        let mut snapshot: Option<JoinSnapshot> = None;
        let (mut behind, mut rounds) = (0, 0);
        while rounds < MAX_ROUNDS {
            let announce =
                self.reset.map(|reason| move |position: &Position| ServerFrame::Reset { reason, position: position.to_string() });
            let announce = announce.as_ref().map(|f| f as &dyn Fn(&Position) -> ServerFrame);
            match self.resumer.hub.attach(self.socket, &self.from, snapshot.as_ref(), announce, rounds > 0) {
                Attach::Live { limiter } => return Ok(limiter),
                Attach::Revoked => return Err(REVOKED),
                Attach::Forgotten => return Err(FORGOTTEN),
                Attach::Ahead(places) => {
                    for (shard, seq) in places {
                        if !self.resumer.hub.reached(shard, seq, TAIL_CATCH_UP).await {
                            return Err(BEHIND);
                        }
                    }
                }
                Attach::Step { frames, reached } => {
                    self.write(frames).await?;
                    self.from = reached;
                    if self.sent > self.resumer.max_events {
                        self.give_up(ResetReason::TooMuch);
                    }
                    continue;
                }
                // A projection that stays behind what the ring remembers (its worker is down) is no better than none.
                Attach::Unknown | Attach::Uncovered if behind >= PATIENCE => snapshot = Some(self.read_without_projection().await?),
                Attach::Unknown | Attach::Uncovered => {
                    let read = self.read_projection().await?;
                    if !self.reaches_ring(&read) {
                        behind += 1;
                        tokio::time::sleep(BEHIND_PAUSE).await;
                    }
                    snapshot = Some(read);
                }
            }
            rounds += 1;
        }
        Err(AWAY)
    }

    fn reaches_ring(&self, snapshot: &JoinSnapshot) -> bool {
        let covered = self.resumer.hub.covered_after();
        covered.iter().all(|(shard, after)| snapshot.watermarks.get(shard).copied().unwrap_or_default() >= *after)
    }

    /// One round over the projection: a snapshot, and every event between the client's place and its watermarks.
    async fn read_projection(&mut self) -> Result<JoinSnapshot, ResumeError> {
        let (user, session) = (self.socket.user, self.socket.session);
        // Also the stays that are over for this device and still in the ring: the user's other devices are shown the ring by the
        // same roster, and may have been away longer.
        let mut cursors = self.resumer.hub.covered_after();
        for (shard, after) in &self.from {
            cursors.entry(*shard).and_modify(|cursor| *cursor = (*cursor).min(*after)).or_insert(*after);
        }
        let turn = self.resumer.turn().await?;
        let snapshot = self.resumer.ask(self.resumer.store.join_snapshot(user, session, &cursors)).await;
        drop(turn);
        let snapshot = match snapshot {
            Ok(snapshot) => snapshot,
            Err(StoreError { reason }) => {
                tracing::info!(reason, "catching up without the projection");
                return self.read_without_projection().await;
            }
        };
        if !snapshot.session_live {
            return Err(REVOKED);
        }
        for (shard, after) in self.from.clone() {
            let Some(upto) = snapshot.watermarks.get(&shard).copied().filter(|upto| *upto > after) else { continue };
            let ranges = ranges(&snapshot.memberships, shard, after, upto);
            if !self.page_through(shard, ranges).await? {
                return self.read_without_projection().await;
            }
            if self.reset.is_some() {
                break;
            }
            self.from.insert(shard, upto);
        }
        Ok(snapshot)
    }

    /// Writes the events of `ranges`; gives up replaying one by one beyond the limit. `false`: the projection went away.
    async fn page_through(&mut self, shard: ShardId, mut ranges: Vec<EventRange>) -> Result<bool, ResumeError> {
        while !ranges.is_empty() {
            let turn = self.resumer.turn().await?;
            let events = self.resumer.ask(self.resumer.store.events(shard, &ranges, PAGE)).await;
            drop(turn);
            let events = match events {
                Ok(events) => events,
                Err(StoreError { reason }) => {
                    tracing::info!(reason, "the projection went away while catching up");
                    return Ok(false);
                }
            };
            let (count, last) = (events.len(), events.last().map(|event| event.seq));
            self.write_events(events).await?;
            let Some(last) = last.filter(|_| count >= PAGE as usize) else { return Ok(true) };
            self.from.insert(shard, last);
            if self.sent > self.resumer.max_events {
                self.give_up(ResetReason::TooMuch);
                return Ok(true);
            }
            ranges.retain_mut(|range| {
                range.after = range.after.max(last);
                range.after < range.upto
            });
        }
        Ok(true)
    }

    fn give_up(&mut self, reason: ResetReason) {
        self.reset = Some(reason);
        self.from.clear();
    }

    async fn write_events(&mut self, events: Vec<StoredEvent>) -> Result<(), ResumeError> {
        let frames: Vec<Bytes> = events.iter().filter_map(ServerFrame::from_log).map(|frame| Bytes::from(frame.encode())).collect();
        self.write(frames).await
    }

    async fn write(&mut self, frames: Vec<Bytes>) -> Result<(), ResumeError> {
        self.sent = self.sent.saturating_add(u32::try_from(frames.len()).unwrap_or(u32::MAX));
        if frames.is_empty() {
            return Ok(());
        }
        self.sink.write(frames).await.map_err(|()| ResumeError::Gone)
    }
}

/// What of `(after, upto]` the memberships let the user see. Conversations in which nothing happened are left out.
fn ranges(memberships: &[Membership], shard: ShardId, after: Seq, upto: Seq) -> Vec<EventRange> {
    let of_shard = memberships.iter().filter(|m| m.shard == shard && m.last > after);
    let visible = of_shard.map(|m| EventRange {
        conversation: m.conversation,
        after: after.max(Seq(m.joined.0.saturating_sub(1))),
        upto: m.left.unwrap_or(upto).min(upto),
    });
    visible.filter(|range| range.after < range.upto).collect()
}
