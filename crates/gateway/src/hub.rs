//! Who is connected here, what they may see, and the fan-out of each event to them.
//!
//! One lock guards it all: membership changes in the same step in which its event passes, so nobody receives an event
//! after their removal and nobody misses one after joining. Nothing is awaited under the lock.

mod attach;
mod devices;
mod passing;
mod sweep;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use relay_domain::ports::{Ended, LogHead, MembershipInterval};
use relay_domain::void::Departures;
use relay_protocol::log::{LogEvent, StoredEvent};
use relay_protocol::{CloseCode, Position, ServerFrame};
use relay_types::{ConversationId, Seq, SessionId, ShardId, TimestampMs, UserId};
use tokio::sync::Notify;

use crate::log_clock::TailClock;
use crate::outbound::{Closing, Outbound};
use crate::ring::{MembershipEffect, Ring};
use crate::roster::Roster;
use passing::{Sight, Waiting};

pub(crate) use attach::Attach;

/// Sends per second of one user, over all their sockets here.
pub(crate) type UserLimiter = governor::DefaultDirectRateLimiter;

/// One authenticated socket.
pub(crate) struct Socket {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) outbound: Outbound,
}

/// A user with sockets here, or with one that closed a short while ago.
struct UserState {
    /// Tells for everything in the ring what the user may see, whichever of their devices asks, and from where on.
    roster: Roster,
    sockets: Vec<Arc<Socket>>,
    limiter: Arc<UserLimiter>,
    /// What the user's devices said they have, per shard: the greatest of all.
    acked: BTreeMap<ShardId, Seq>,
    /// Since when nobody of theirs is connected.
    idle_since: Option<Instant>,
}

/// A conversation with such a user in it.
struct ConversationState {
    /// Its last event; `None` while that is not known (Postgres away).
    last: Option<Seq>,
    users: Vec<UserId>,
}

struct ShardState {
    ring: Ring,
    /// What the log held when the tail began has passed. Before that, what is known here is of the past.
    warm: bool,
    /// The oldest event the log still has.
    first: Seq,
    /// Who left and is not back: what they have stored since is void.
    departures: Departures,
    /// Leavings up to here were told by people's own subjects.
    begun: Seq,
    waiting: Waiting,
    sight: Sight,
}

struct State {
    epoch: String,
    shards: BTreeMap<ShardId, ShardState>,
    users: HashMap<UserId, UserState>,
    conversations: HashMap<ConversationId, ConversationState>,
    /// Sessions whose end passed in the tail; kept as long as their access tokens could still be shown.
    revoked: HashMap<SessionId, Instant>,
    /// Who came and left before each tail begins, until it does.
    changes_before: HashMap<ShardId, MembershipChanges>,
}

/// Who came in (`true`) or left, in the log's order.
type MembershipChanges = Vec<(Seq, ConversationId, UserId, bool)>;

/// People remembered per shard who left a conversation and are not back.
const MOST_DEPARTURES: usize = 100_000;

/// Limits of the hub.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HubLimits {
    pub(crate) ring_bytes: usize,
    pub(crate) roster_linger: Duration,
    pub(crate) revoked_kept: Duration,
    pub(crate) quota: governor::Quota,
}

/// See the module.
pub(crate) struct Hub {
    state: Mutex<State>,
    limits: HubLimits,
    pub(crate) clock: Arc<TailClock>,
    /// Wakes those who wait for the tail to reach a sequence.
    progress: Notify,
}

impl Hub {
    /// A hub that knows nothing yet; each shard's tail announces its start with [`Self::begin_shard`].
    pub(crate) fn new(limits: HubLimits) -> Self {
        let state = State {
            epoch: String::new(),
            shards: BTreeMap::new(),
            users: HashMap::new(),
            conversations: HashMap::new(),
            revoked: HashMap::new(),
            changes_before: HashMap::new(),
        };
        Self { state: Mutex::new(state), limits, clock: Arc::default(), progress: Notify::new() }
    }

    /// Sets the epoch under which positions are given out.
    pub(crate) fn set_epoch(&self, epoch: String) {
        self.state.lock().epoch = epoch;
    }

    /// A tail of `shard` begins after `after`.
    pub(crate) fn begin_shard(&self, shard: ShardId, after: Seq, head: &LogHead) {
        let ring = Ring::new(self.limits.ring_bytes, after);
        let mut departures = Departures::new(MOST_DEPARTURES);
        let mut state = self.state.lock();
        for (seq, conversation, user, came) in state.changes_before.remove(&shard).unwrap_or_default() {
            // What follows is told by the tail itself, in its place.
            match came {
                _ if seq > after => break,
                true => departures.comes(conversation, user),
                false => departures.leaves(conversation, user, seq),
            }
        }
        let begun =
            ShardState { ring, warm: false, first: head.first, departures, begun: after, waiting: Waiting::default(), sight: Sight::now() };
        state.shards.insert(shard, begun);
        drop(state);
        self.progress.notify_waiters();
    }

    /// The tail of `shard` has passed what the log held when it began.
    pub(crate) fn warmed_up(&self, shard: ShardId) {
        if let Some(shard) = self.state.lock().shards.get_mut(&shard) {
            shard.warm = true;
        }
        self.progress.notify_waiters();
    }

    /// Events of a shard that its ring can hold: reading more of the past would be in vain.
    pub(crate) const fn most_remembered(&self) -> u64 {
        Ring::most_events(self.limits.ring_bytes)
    }

    /// Waits until the tail of every shard has passed what the log held when it began. Before that positions cannot be judged
    /// and memberships are of the past, so nobody is let in.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn begun(&self, shards: &[ShardId]) {
        loop {
            let woken = self.progress.notified();
            let all = {
                let state = self.state.lock();
                shards.iter().all(|shard| state.shards.get(shard).is_some_and(|shard| shard.warm))
            };
            if all {
                return;
            }
            woken.await;
        }
    }

    /// What had ended before this gateway started.
    pub(crate) fn remember_ended(&self, shard: ShardId, ended: Ended) {
        let now = Instant::now();
        let mut state = self.state.lock();
        state.revoked.extend(ended.sessions.into_iter().map(|session| (session, now)));
        state.changes_before.insert(shard, ended.membership_changes);
    }

    /// The oldest event the log has may have changed.
    pub(crate) fn set_first(&self, shard: ShardId, first: Seq) {
        if let Some(state) = self.state.lock().shards.get_mut(&shard) {
            state.first = first;
        }
    }

    /// Everyone has to reconnect: the log is another one.
    pub(crate) fn forget_all(&self) {
        let mut state = self.state.lock();
        for user in state.users.values() {
            for socket in &user.sockets {
                socket.outbound.close(Closing { code: CloseCode::Resync, retry_after_ms: None });
            }
        }
        state.users.clear();
        state.conversations.clear();
        state.shards.clear();
        // Nobody gets in any more: there is no position to give them.
        state.epoch.clear();
    }

    /// Fans out the next events of a shard, in order.
    pub(crate) fn apply(&self, shard: ShardId, events: Vec<StoredEvent>, wall_now_ms: TimestampMs) {
        let mut state = self.state.lock();
        for event in events {
            self.clock.observe(event.stored_at_ms);
            let (seq, lag_ms) = (event.seq, (wall_now_ms - event.stored_at_ms).max(0));
            let delivered = state.apply_one(shard, event);
            state.tell_waiting(shard, seq);
            if delivered > 0 {
                #[expect(clippy::cast_precision_loss, reason = "milliseconds of a latency")]
                metrics::histogram!("relay_delivery_duration_seconds").record(lag_ms as f64 / 1000.0);
                metrics::counter!("relay_deliveries_total").increment(delivered);
            }
        }
        drop(state);
        self.progress.notify_waiters();
    }

    /// The user's present membership in the conversation; `None` when they are not in it, as far as the tail has come. Somebody who
    /// was removed and added again has another one.
    pub(crate) fn membership(&self, user: UserId, conversation: ConversationId) -> Option<MembershipInterval> {
        self.state.lock().users.get(&user)?.roster.present(conversation).copied()
    }

    /// Up to where each shard has passed.
    pub(crate) fn heads(&self) -> BTreeMap<ShardId, Seq> {
        self.state.lock().heads()
    }

    /// Waits until the tail has passed `seq`, at most `limit`. Says whether it has.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn reached(&self, shard: ShardId, seq: Seq, limit: Duration) -> bool {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            let woken = self.progress.notified();
            if self.heads().get(&shard).is_some_and(|head| *head >= seq) {
                return true;
            }
            if tokio::time::timeout_at(deadline, woken).await.is_err() {
                return false;
            }
        }
    }

    /// Queues a pong behind everything that passed so far, with the position that this makes.
    pub(crate) fn pong(&self, socket: &Socket, server_time_ms: TimestampMs) {
        let state = self.state.lock();
        let frame = ServerFrame::Pong { server_time_ms, position: Some(state.position().to_string()) };
        socket.outbound.push(Bytes::from(frame.encode()));
    }

    /// A device of the user's says what it has. Positions of another epoch, or ahead of the log, say nothing.
    pub(crate) fn acked(&self, user: UserId, position: &Position) {
        let mut state = self.state.lock();
        if position.epoch != state.epoch {
            return;
        }
        let heads = state.heads();
        let Some(user) = state.users.get_mut(&user) else { return };
        for (shard, seq) in &position.shards {
            if heads.get(shard).is_some_and(|head| seq <= head) {
                let known = user.acked.entry(*shard).or_default();
                *known = (*known).max(*seq);
            }
        }
    }

    /// The socket is gone. Returns what its user's devices have, for the durable cursor.
    pub(crate) fn detach(&self, socket: &Arc<Socket>) -> BTreeMap<ShardId, Seq> {
        let mut state = self.state.lock();
        let Some(user) = state.users.get_mut(&socket.user) else { return BTreeMap::new() };
        let Some(at) = user.sockets.iter().position(|other| Arc::ptr_eq(other, socket)) else { return BTreeMap::new() };
        user.sockets.swap_remove(at);
        if user.sockets.is_empty() {
            user.idle_since = Some(Instant::now());
        }
        std::mem::take(&mut user.acked)
    }

    /// What connected users' devices have, for the durable cursors; forgotten here once given.
    pub(crate) fn take_acked(&self) -> Vec<(UserId, BTreeMap<ShardId, Seq>)> {
        let mut state = self.state.lock();
        let dirty = state.users.iter_mut().filter(|(_, user)| !user.acked.is_empty());
        dirty.map(|(id, user)| (*id, std::mem::take(&mut user.acked))).collect()
    }
}

impl State {
    fn heads(&self) -> BTreeMap<ShardId, Seq> {
        self.shards.iter().map(|(shard, state)| (*shard, state.ring.head())).collect()
    }

    fn position(&self) -> Position {
        Position { epoch: self.epoch.clone(), shards: self.heads() }
    }

    /// Passes one event; returns to how many sockets it went.
    fn apply_one(&mut self, shard: ShardId, mut event: StoredEvent) -> u64 {
        if let LogEvent::SessionRevoked(revoked) = &event.event {
            self.revoke(revoked.user_id, revoked.session_id);
        }
        let Self { shards, users, conversations, .. } = self;
        let Some(shard_state) = shards.get_mut(&shard) else { return 0 };
        let seq = event.seq;
        // People's own subjects may tell late: where only they told of a leaving, they tell of the return as well.
        if let LogEvent::ConversationJoined(moved) = &event.event {
            shard_state.departures.returns(moved.conversation_id, moved.user_id, shard_state.begun);
        }
        if shard_state.departures.passes(seq, &event.event) {
            metrics::counter!("relay_void_messages_total").increment(1);
            shard_state.ring.push_void(&event);
            return 0;
        }
        let Some(id) = event.event.conversation() else {
            shard_state.ring.push(event);
            return 0;
        };
        if let Some(conversation) = conversations.get_mut(&id) {
            event.prev = conversation.last;
            conversation.last = Some(seq);
        } else if matches!(event.event, LogEvent::ConversationCreated(_)) {
            event.prev = Some(Seq::ZERO);
        }
        let Some(entry) = shard_state.ring.push(event) else { return 0 };
        if let MembershipEffect::Joined(joining) = &entry.effect {
            for user_id in joining {
                let Some(user) = users.get_mut(user_id) else { continue };
                if user.roster.apply(*user_id, id, shard, seq, &entry.effect) {
                    let conversation = conversations.entry(id).or_insert_with(|| ConversationState { last: Some(seq), users: Vec::new() });
                    conversation.users.push(*user_id);
                }
            }
        }
        let Some(conversation) = conversations.get_mut(&id) else { return 0 };
        let mut delivered = 0;
        if let Some(frame) = entry.frame() {
            for socket in conversation.users.iter().filter_map(|user| users.get(user)).flat_map(|user| &user.sockets) {
                socket.outbound.push(frame.clone());
                delivered += 1;
            }
        }
        if let MembershipEffect::Left(leaving) = &entry.effect {
            for user_id in leaving {
                if let Some(user) = users.get_mut(user_id) {
                    user.roster.apply(*user_id, id, shard, seq, &entry.effect);
                }
            }
            conversation.users.retain(|user| !entry.effect.concerns(*user));
            if conversation.users.is_empty() {
                conversations.remove(&id);
            }
        }
        delivered
    }

    fn revoke(&mut self, user: UserId, session: SessionId) {
        self.revoked.insert(session, Instant::now());
        for socket in self.users.get(&user).into_iter().flat_map(|user| &user.sockets) {
            if socket.session == session {
                socket.outbound.close(Closing { code: CloseCode::SessionRevoked, retry_after_ms: None });
            }
        }
    }
}
