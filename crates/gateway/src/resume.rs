//! Catching up: from the client's position to live, without a hole.
//!
//! Postgres up to its watermark P → the ring after P → `caught_up` → live. When the ring reaches back to the position
//! and the user is known here, no database is touched. While Postgres is away: the ring, and before it the log itself,
//! with the conversations that the user's durable consumer names.

mod from_log;
mod from_store;
mod snapshots;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use relay_domain::ports::{DeliveryCursors, JoinSnapshot, LogReader, ResumeStore, StoreError};
use relay_protocol::frame::ResetReason;
use relay_protocol::log::EventOwner;
use relay_protocol::{CloseCode, ErrorCode, Position, ServerFrame};
use relay_runtime::permits::{Permit, Permits};
use relay_types::{Seq, SessionId, ShardId, UserId};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::fresh_heads::FreshHeads;
use crate::hub::{Attach, Hub, Socket, UserLimiter};
use crate::outbound::Outbound;
use crate::transport::{Ended, Nowhere, Transport, Writing, write};

/// How long a position that is ahead of this gateway's tail is waited for.
const TAIL_CATCH_UP: Duration = Duration::from_secs(5);
/// For the log to say where it ends.
const HEAD_LIMIT: Duration = Duration::from_secs(3);
/// How often an attempt is repeated because the ring moved on meanwhile.
const MAX_ROUNDS: u32 = 20;

/// How often, and after which pauses, a projection that lags behind the ring is looked at again.
const PATIENCE: u32 = 10;
const LAG_PAUSE: Duration = Duration::from_millis(50);

pub(crate) use snapshots::Snapshots;
pub(crate) use verdict::Verdict;

/// Why a socket could not be brought up to date.
#[derive(Debug)]
pub(crate) enum ResumeError {
    /// The connection ended, or takes nothing any more.
    Gone(Ended),
    /// The socket is to be closed, with this answer.
    Refused { code: ErrorCode, close: CloseCode, message: &'static str },
}

const PROJECTION_UNAVAILABLE: ResumeError = ResumeError::Refused {
    code: ErrorCode::Unavailable,
    close: CloseCode::Busy,
    message: "catching up is not possible now: the database is away and the log alone does not suffice",
};
const GATEWAY_LAGGING: ResumeError = ResumeError::Refused {
    code: ErrorCode::Unavailable,
    close: CloseCode::Busy,
    message: "catching up is not possible here now: this gateway is behind the log",
};
const HEAVY: ResumeError =
    ResumeError::Refused { code: ErrorCode::Busy, close: CloseCode::Busy, message: "the database did not find what was missed in time" };
const TOO_MANY_RESUMES: ResumeError =
    ResumeError::Refused { code: ErrorCode::Busy, close: CloseCode::Busy, message: "too many catch up here now" };
/// Everybody else here was sent away when the log turned out to be another one; there is no position to give to this one.
const EPOCH_REPLACED: ResumeError =
    ResumeError::Refused { code: ErrorCode::Unavailable, close: CloseCode::Resync, message: "this gateway followed a log that is no more" };
const REVOKED: ResumeError =
    ResumeError::Refused { code: ErrorCode::SessionRevoked, close: CloseCode::SessionRevoked, message: "this session was ended" };

/// What catching up works with.
pub(crate) struct Resumer {
    pub(crate) hub: Arc<Hub>,
    pub(crate) store: Arc<dyn ResumeStore>,
    pub(crate) snapshots: Snapshots,
    pub(crate) log_reader: Arc<dyn LogReader>,
    pub(crate) cursors: Arc<dyn DeliveryCursors>,
    pub(crate) fresh_heads: Arc<FreshHeads>,
    /// Bounds the questions to the database, or to the log in its place, in a storm; the others wait for a permit. No socket has one
    /// while a client takes its time to read.
    pub(crate) permits: Semaphore,
    /// Sockets of one person that catch up from the database or the log at once: what is held for them is bounded by this.
    pub(crate) catching_up: Permits<UserId>,
    /// One person asks one question at a time.
    pub(crate) asking: Permits<UserId>,
    /// Of those who miss the same, one reads it.
    pub(crate) reading: Permits<EventOwner>,
    pub(crate) max_events: u32,
    /// Whether the projection is away: a storm must not wait for it socket by socket.
    pub(crate) verdict: Arc<Verdict>,
}

/// A projection that hangs is as good as away.
const STORE_LIMIT: Duration = Duration::from_secs(3);
/// Bytes that wait for a socket that is none.
const HELD_FOR_NOBODY: usize = 4 * 1024;
/// The longest wait for a permit.
const PERMIT_LIMIT: Duration = Duration::from_secs(20);
/// An answer that takes longer is a reason to see whether the projection is there.
const PATIENCE_WITH_STORE: Duration = Duration::from_millis(250);

impl Resumer {
    /// Brings `socket` from `position` (`None`: from now on) to live. The last frame written or queued before live
    /// events is `caught_up`, preceded by `reset` when events cannot be replayed one by one.
    ///
    /// # Cancel safety
    /// Not cancel safe: the socket may be in the hub; the caller detaches it.
    pub(crate) async fn run<T: Transport>(
        &self,
        socket: &Arc<Socket>,
        position: Option<Position>,
        transport: &mut T,
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
        let mut run = Run { resumer: self, socket, transport, from, reset, sent: 0 };
        run.go_live().await
    }

    /// Makes the user known here, as a socket that connects now and leaves at once: for a command that comes without one.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn know(&self, user: UserId, session: SessionId) -> Result<Arc<UserLimiter>, ResumeError> {
        let socket = Arc::new(Socket { user, session, outbound: Outbound::new(HELD_FOR_NOBODY) });
        let mut run = Run { resumer: self, socket: &socket, transport: &mut Nowhere, from: BTreeMap::new(), reset: None, sent: 0 };
        let limiter = run.go_live().await;
        self.hub.detach(&socket);
        if limiter.is_ok() {
            self.hub.begins_elsewhere(user);
        }
        limiter
    }

    /// Waits for `user`'s permit to ask, and then for one of all.
    async fn permit(&self, user: UserId) -> Result<(Permit<UserId>, SemaphorePermit<'_>), ResumeError> {
        let own = self.asking.acquire(user, PERMIT_LIMIT).await.ok_or(TOO_MANY_RESUMES)?;
        match tokio::time::timeout(PERMIT_LIMIT, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok((own, permit)),
            Ok(Err(_)) | Err(_) => Err(TOO_MANY_RESUMES),
        }
    }

    /// Asks the projection, unless it is away. `None`: it is, or went away meanwhile. A question that fails while others are
    /// answered is that question's fault, and says nothing to the other sockets.
    async fn ask<T, F>(&self, user: UserId, question: impl Fn() -> F) -> Result<Option<T>, ResumeError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        if self.verdict.is_away() {
            return Ok(None);
        }
        let _permit = self.permit(user).await?;
        // Twice: a connection that died since it was last used fails whoever takes it next.
        for _ in 0..2 {
            let asked = tokio::time::timeout(STORE_LIMIT, question());
            let reason = match self.verdict.unless_away(PATIENCE_WITH_STORE, asked).await {
                None => return Ok(None),
                Some(Ok(Ok(answer))) => return Ok(Some(answer)),
                Some(Ok(Err(StoreError { reason, .. }))) => reason,
                Some(Err(_)) => "no answer in time".to_owned(),
            };
            if self.verdict.look().await {
                return Ok(None);
            }
            tracing::warn!(reason, "the projection answers others, but not this question");
        }
        Err(HEAVY)
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
                return match tokio::time::timeout(HEAD_LIMIT, self.fresh_heads.last(shard)).await {
                    Ok(Ok(last)) if seq > last => Ok(Err(ResetReason::AheadOfLog)),
                    // The log has it, or does not answer: another gateway may know better.
                    Ok(_) | Err(_) => Err(GATEWAY_LAGGING),
                };
            }
        }
        Ok(Ok(()))
    }
}

struct Run<'a, T> {
    resumer: &'a Resumer,
    socket: &'a Arc<Socket>,
    transport: &'a mut T,
    /// Per shard, up to where the client has everything; empty for "from now on".
    from: BTreeMap<ShardId, Seq>,
    reset: Option<ResetReason>,
    sent: u32,
}

impl<T: Transport> Run<'_, T> {
    async fn go_live(&mut self) -> Result<Arc<UserLimiter>, ResumeError> {
        let mut snapshot: Option<JoinSnapshot> = None;
        let (mut behind, mut rounds) = (0, 0);
        let mut catching_up = None;
        while rounds < MAX_ROUNDS {
            let announce =
                self.reset.map(|reason| move |position: &Position| ServerFrame::Reset { reason, position: position.to_string() });
            let announce = announce.as_ref().map(|f| f as &dyn Fn(&Position) -> ServerFrame);
            match self.resumer.hub.attach(self.socket, &self.from, snapshot.as_ref(), announce, rounds > 0) {
                Attach::Live { limiter } => return Ok(limiter),
                Attach::Revoked => return Err(REVOKED),
                Attach::EpochReplaced => return Err(EPOCH_REPLACED),
                Attach::Ahead(seqs) => {
                    for (shard, seq) in seqs {
                        if !self.resumer.hub.reached(shard, seq, TAIL_CATCH_UP).await {
                            return Err(GATEWAY_LAGGING);
                        }
                    }
                }
                Attach::MoreFrames { frames, reached } => {
                    self.from = reached;
                    self.write_with_progress(frames).await?;
                    if self.sent > self.resumer.max_events {
                        self.give_up(ResetReason::TooMuch);
                    }
                    continue;
                }
                Attach::NeedsSnapshot | Attach::RingGap if catching_up.is_none() => {
                    let permit = self.resumer.catching_up.acquire(self.socket.user, PERMIT_LIMIT).await;
                    catching_up = Some(permit.ok_or(TOO_MANY_RESUMES)?);
                    continue;
                }
                // A projection that stays behind what the ring remembers (its worker is down) is no better than none.
                Attach::NeedsSnapshot | Attach::RingGap if behind >= PATIENCE => snapshot = Some(self.read_without_projection().await?),
                Attach::NeedsSnapshot | Attach::RingGap => {
                    let read = self.read_projection().await?;
                    if !self.reaches_ring(&read) {
                        behind += 1;
                        tokio::time::sleep(LAG_PAUSE).await;
                    }
                    snapshot = Some(read);
                }
            }
            rounds += 1;
        }
        Err(PROJECTION_UNAVAILABLE)
    }

    fn reaches_ring(&self, snapshot: &JoinSnapshot) -> bool {
        let covered = self.resumer.hub.covered_after();
        covered.iter().all(|(shard, after)| snapshot.watermarks.get(shard).copied().unwrap_or_default() >= *after)
    }

    fn give_up(&mut self, reason: ResetReason) {
        self.reset = Some(reason);
        self.from.clear();
    }

    /// Writes frames, and behind them the position that they reach: a link that breaks later need not bring them again.
    async fn write_with_progress(&mut self, mut frames: Vec<Bytes>) -> Result<(), ResumeError> {
        // Not among those that a revocation closes before it is live, and a page may take a slow reader long.
        if self.resumer.hub.is_revoked(self.socket.session) {
            return Err(REVOKED);
        }
        self.sent = self.sent.saturating_add(u32::try_from(frames.len()).unwrap_or(u32::MAX));
        if !frames.is_empty() {
            let position = Position { epoch: self.resumer.hub.epoch(), shards: self.from.clone() };
            frames.push(Bytes::from(ServerFrame::Progress { position: position.to_string() }.encode()));
        }
        self.write(frames).await
    }

    async fn write(&mut self, frames: Vec<Bytes>) -> Result<(), ResumeError> {
        if frames.is_empty() {
            return Ok(());
        }
        let mut writing = Writing { frames: frames.into(), receipt: None };
        write(self.transport, &mut writing).await.map_err(ResumeError::Gone)
    }
}
