//! Who is connected here, what they may see, and the fan-out of each event to them.
//!
//! One lock guards who is where. It is held for one event's step: membership changes in the same step in which its event
//! passes, so nobody receives an event after their removal and nobody misses one after joining. Nothing is awaited under
//! the lock, and nothing is written to sockets under it either: the step says to which sockets the frame goes, and the
//! tail's task hands it to them afterwards, in the log's order, in slices. Positions that are given out to live sockets
//! therefore end where the handing over has come to ([`Delivered`]).

mod attach;
mod devices;
mod ephemeral;
mod fan_out;
mod own;
mod passing;
mod received;
mod sweep;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use relay_domain::ports::{Ended, LogHead, MembershipInterval};
use relay_domain::void::Departures;
use relay_protocol::log::{EventOwner, LogEvent, StoredEvent};
use relay_protocol::{CloseCode, Position, ServerFrame};
use relay_types::{ConversationId, Seq, SessionId, ShardId, TimestampMs, UserId};
use tokio::sync::Notify;

use crate::log_clock::TailClock;
use crate::outbound::{Closing, DroppableKey, Ends, Outbound};
use crate::replay_cache::ReplayCache;
use crate::ring::{MembershipEffect, Ring};
use crate::roster::Roster;
use fan_out::{Delivered, FanOut};
use own::OwnHeads;
use passing::{Sight, Waiting};
use received::Received;
use sweep::{Due, Revoked};

pub(crate) use attach::Attach;
pub(crate) use ephemeral::{ReceiptNews, Told};

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
    /// Where their own subjects end, as far as the tails have come.
    own: OwnHeads,
    /// Per shard, up to where their devices have everything.
    received: Vec<Received>,
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
    /// Nobody came or left behind this event, as far as the tail has come.
    changed: Seq,
    /// Its newest message.
    said: Said,
    users: HashSet<UserId>,
}

struct ShardState {
    ring: Ring,
    delivered: Delivered,
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
    live_sockets: usize,
    /// What people's devices have, until it is kept.
    unsaved: HashMap<(UserId, ShardId), Seq>,
    revoked: Revoked,
    due: Due,
    /// Who came and left before each tail begins, until it does.
    changes_before: HashMap<ShardId, MembershipChanges>,
}

/// Who said something last, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Said {
    /// Half of the person's id: somebody who shares it loses no more than a notice.
    by: u64,
    at: Seq,
}

impl Said {
    #[expect(clippy::cast_possible_truncation, reason = "half of it, which is random")]
    fn by(user: UserId, at: Seq) -> Self {
        Self { by: user.as_u128() as u64, at }
    }

    /// Whether it was the user, behind `seq`.
    fn is_by(self, user: UserId, seq: Seq) -> bool {
        self.at > seq && self == Self::by(user, self.at)
    }
}

/// Who came in (`true`) or left, in the log's order.
type MembershipChanges = Vec<(Seq, ConversationId, UserId, bool)>;

/// People remembered per shard who left a conversation and are not back.
const MOST_DEPARTURES: usize = 100_000;

/// People remembered of whom others may know more or less than before.
const MOST_CHANGED: usize = 10_000;

/// Limits of the hub.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HubLimits {
    pub(crate) ring_bytes: usize,
    pub(crate) replay_cache_bytes: usize,
    pub(crate) roster_linger: Duration,
    pub(crate) revoked_kept: Duration,
    pub(crate) quota: governor::Quota,
}

/// See the module.
pub(crate) struct Hub {
    state: Mutex<State>,
    limits: HubLimits,
    pub(crate) clock: Arc<TailClock>,
    /// What was read from the projection a moment ago.
    pub(crate) replay_cache: ReplayCache,
    /// Wakes those who wait for the tail to reach a sequence.
    progress: Notify,
    /// Of whom others may know more or less than before, until somebody asks.
    changed: Mutex<Changed>,
}

impl Hub {
    /// A hub that knows nothing yet; each shard's tail announces its start with [`Self::begin_shard`].
    pub(crate) fn new(limits: HubLimits) -> Self {
        let state = State {
            epoch: String::new(),
            shards: BTreeMap::new(),
            users: HashMap::new(),
            conversations: HashMap::new(),
            live_sockets: 0,
            unsaved: HashMap::new(),
            revoked: Revoked::default(),
            due: Due::default(),
            changes_before: HashMap::new(),
        };
        let replay_cache = ReplayCache::new(limits.replay_cache_bytes);
        Self { state: Mutex::new(state), limits, clock: Arc::default(), replay_cache, progress: Notify::new(), changed: Mutex::default() }
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
        let begun = ShardState {
            ring,
            delivered: Delivered::up_to(after),
            warm: false,
            first: head.first,
            departures,
            begun: after,
            waiting: Waiting::default(),
            sight: Sight::now(),
        };
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
        for session in ended.sessions {
            state.revoked.insert(session, now);
        }
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
        state.unsaved.clear();
        state.due = Due::default();
        state.live_sockets = 0;
        state.conversations.clear();
        state.shards.clear();
        // Nobody gets in any more: there is no position to give them.
        state.epoch.clear();
        drop(state);
        self.replay_cache.clear();
    }

    /// Fans out the next events of a shard, in order. One task per shard calls this, and never twice at once.
    ///
    /// # Cancel safety
    /// Not cancel safe: some sockets would have missed an event.
    pub(crate) async fn apply(&self, shard: ShardId, events: Vec<StoredEvent>, wall_now_ms: TimestampMs) {
        for event in events {
            self.clock.observe(event.stored_at_ms);
            let lag_ms = (wall_now_ms - event.stored_at_ms).max(0);
            let Some(fan_out) = self.pass(shard, event) else { continue };
            let handed_over = fan_out.hand_over().await;
            self.progress.notify_waiters();
            if handed_over > 0 {
                #[expect(clippy::cast_precision_loss, reason = "milliseconds of a latency")]
                metrics::histogram!("relay_delivery_duration_seconds").record(lag_ms as f64 / 1000.0);
                metrics::counter!("relay_deliveries_total").increment(handed_over);
            }
        }
    }

    /// The step of one event: what it changes, and to whom it goes. `None` for a shard that nobody follows.
    fn pass(&self, shard: ShardId, event: StoredEvent) -> Option<FanOut> {
        if let LogEvent::MessageErased(erased) = &event.event {
            self.replay_cache.erased(shard, erased.conversation_id, event.seq);
        }
        if let LogEvent::SettingsChanged(changed) = &event.event {
            note(&mut self.changed.lock().settings, changed.user_id);
        } else if let Some((user, _, _)) = event.event.moved() {
            note(&mut self.changed.lock().acquaintances, user);
        }
        let mut state = self.state.lock();
        let seq = event.seq;
        let delivered = state.shards.get(&shard)?.delivered.clone();
        let (frame, sockets, ends) = state.apply_one(shard, event).unwrap_or_default();
        state.tell_waiting(shard, seq);
        #[cfg(test)]
        state.check_invariants();
        drop(state);
        Some(FanOut { seq, frame, sockets, ends, delivered })
    }

    /// Of whom others may know more or less than when this was asked for last.
    pub(crate) fn take_changed(&self) -> Changed {
        std::mem::take(&mut *self.changed.lock())
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
                return self.heads().get(&shard).is_some_and(|head| *head >= seq);
            }
        }
    }

    /// Queues a pong behind everything that passed so far, with the position that this makes.
    pub(crate) fn pong(&self, socket: &Socket, server_time_ms: TimestampMs) {
        let frame = ServerFrame::Pong { server_time_ms, position: Some(self.delivered().to_string()) };
        socket.outbound.push(Bytes::from(frame.encode()));
    }

    /// As [`Self::pong`], without having been asked.
    pub(crate) fn tell_position(&self, socket: &Socket) {
        let frame = ServerFrame::Progress { position: self.delivered().to_string() };
        socket.outbound.push(Bytes::from(frame.encode()));
    }

    /// Everything up to here is in the queues of those whom it concerns.
    fn delivered(&self) -> Position {
        let state = self.state.lock();
        let shards = state.shards.iter().map(|(shard, state)| (*shard, state.delivered.seq())).collect();
        Position { epoch: state.epoch.clone(), shards }
    }

    /// A device of the user's says what it has. Positions of another epoch, or ahead of the log, say nothing.
    pub(crate) fn acked(&self, user: UserId, position: &Position) {
        let mut state = self.state.lock();
        for (shard, seq) in state.acked(position) {
            let Some(user_state) = state.users.get_mut(&user) else { return };
            let known = user_state.acked.entry(shard).or_default();
            *known = (*known).max(seq);
            state.has(user, shard, seq);
        }
    }

    /// As [`Self::acked`], of somebody who may be known elsewhere: for their durable cursor, unless it is kept here until later.
    pub(crate) fn acked_by_post(&self, user: UserId, position: &Position) -> BTreeMap<ShardId, Seq> {
        let acked = {
            let mut state = self.state.lock();
            if state.users.contains_key(&user) {
                BTreeMap::new()
            } else {
                let acked = state.acked(position);
                state.keep(user, &acked);
                acked
            }
        };
        if acked.is_empty() {
            self.acked(user, position);
        }
        acked
    }

    /// As [`Self::limiter`]; who speaks without a socket stays known for as long again.
    pub(crate) fn keep_known(&self, user: UserId) -> Option<Arc<UserLimiter>> {
        let mut state = self.state.lock();
        let State { users, due, .. } = &mut *state;
        let known = users.get_mut(&user)?;
        if known.sockets.is_empty() {
            due.goes(user, known, Instant::now());
        }
        Some(Arc::clone(&known.limiter))
    }

    /// Limits the user's sends; `None`: they are not known here. Another one than before: they were not, meanwhile.
    pub(crate) fn limiter(&self, user: UserId) -> Option<Arc<UserLimiter>> {
        self.state.lock().users.get(&user).map(|user| Arc::clone(&user.limiter))
    }

    /// The socket is gone. Returns what its user's devices have, for the durable cursor.
    pub(crate) fn detach(&self, socket: &Arc<Socket>) -> BTreeMap<ShardId, Seq> {
        let mut state = self.state.lock();
        let State { users, due, live_sockets, .. } = &mut *state;
        let Some(user) = users.get_mut(&socket.user) else { return BTreeMap::new() };
        let Some(at) = user.sockets.iter().position(|other| Arc::ptr_eq(other, socket)) else { return BTreeMap::new() };
        user.sockets.swap_remove(at);
        *live_sockets = live_sockets.saturating_sub(1);
        if user.sockets.is_empty() {
            due.goes(socket.user, user, Instant::now());
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

/// People of whom others may know more or less than before. Who is left out is asked about again before long.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// They changed their settings.
    pub(crate) settings: HashSet<UserId>,
    /// They came into a conversation, or left one.
    pub(crate) acquaintances: HashSet<UserId>,
}

fn note(changed: &mut HashSet<UserId>, user: UserId) {
    if changed.len() < MOST_CHANGED {
        changed.insert(user);
    }
}

/// What an event makes void of the ephemeral frames of its conversation.
fn ends_of(event: &StoredEvent) -> Ends {
    match &event.event {
        LogEvent::MessageSent(sent) => Ends::Person(DroppableKey { conversation: sent.conversation_id, user: sent.actor_id }),
        LogEvent::ConversationCreated(_)
        | LogEvent::MemberAdded(_)
        | LogEvent::MembersAdded(_)
        | LogEvent::MemberRemoved(_)
        | LogEvent::MembersRemoved(_) => event.conversation().map_or(Ends::Nothing, Ends::Conversation),
        _ => Ends::Nothing,
    }
}

impl State {
    /// What a position says that a device has.
    fn acked(&self, position: &Position) -> BTreeMap<ShardId, Seq> {
        if position.epoch != self.epoch {
            return BTreeMap::new();
        }
        let heads = self.heads();
        position
            .shards
            .iter()
            .filter(|(shard, seq)| heads.get(shard).is_some_and(|head| *seq <= head))
            .map(|(shard, seq)| (*shard, *seq))
            .collect()
    }

    fn heads(&self) -> BTreeMap<ShardId, Seq> {
        self.shards.iter().map(|(shard, state)| (*shard, state.ring.head())).collect()
    }

    fn position(&self) -> Position {
        Position { epoch: self.epoch.clone(), shards: self.heads() }
    }

    /// Passes one event; says which frame goes to which sockets, and what it makes void of the ephemeral frames there.
    fn apply_one(&mut self, shard: ShardId, mut event: StoredEvent) -> Option<(Bytes, Vec<Arc<Socket>>, Ends)> {
        if let LogEvent::SessionRevoked(revoked) = &event.event {
            self.revoke(revoked.user_id, revoked.session_id);
        }
        let Self { shards, users, conversations, due, .. } = self;
        let shard_state = shards.get_mut(&shard)?;
        let seq = event.seq;
        // People's own subjects may tell late: where only they told of a leaving, they tell of the return as well.
        if let LogEvent::ConversationJoined(moved) = &event.event {
            shard_state.departures.returns(moved.conversation_id, moved.user_id, shard_state.begun);
        }
        if shard_state.departures.passes(seq, &event.event) {
            metrics::counter!("relay_void_messages_total").increment(1);
            shard_state.ring.push_void(&event);
            return None;
        }
        if let LogEvent::MessageErased(erased) = &event.event {
            shard_state.ring.erase(shard, erased);
        }
        let id = match event.owner {
            Some(EventOwner::Conversation(id)) => id,
            Some(EventOwner::User(id)) => {
                let (frame, sockets) = own::pass(&mut shard_state.ring, users.get_mut(&id), event)?;
                return Some((frame, sockets, Ends::Nothing));
            }
            None => {
                shard_state.ring.push(event);
                return None;
            }
        };
        if let Some(conversation) = conversations.get_mut(&id) {
            event.prev = conversation.last;
            conversation.last = Some(seq);
        } else if matches!(event.event, LogEvent::ConversationCreated(_)) {
            event.prev = Some(Seq::ZERO);
        }
        let ends = ends_of(&event);
        let entry = shard_state.ring.push(event)?;
        if let MembershipEffect::Joined(joining) = &entry.effect {
            for user_id in joining {
                let Some(user) = users.get_mut(user_id) else { continue };
                if user.roster.apply(*user_id, id, shard, seq, &entry.effect) {
                    let conversation = conversations.entry(id).or_insert_with(|| ConversationState {
                        last: Some(seq),
                        changed: seq,
                        said: Said::default(),
                        users: HashSet::new(),
                    });
                    conversation.users.insert(*user_id);
                }
            }
        }
        let conversation = conversations.get_mut(&id)?;
        match ends {
            Ends::Person(DroppableKey { user, .. }) => conversation.said = Said::by(user, seq),
            Ends::Conversation(_) => conversation.changed = seq,
            Ends::Nothing => {}
        }
        let to = entry.frame().map(|frame| {
            let members = conversation.users.iter().filter_map(|user| users.get(user));
            (frame, members.flat_map(|user| &user.sockets).cloned().collect(), ends)
        });
        if let MembershipEffect::Left(leaving) = &entry.effect {
            for user_id in leaving {
                if let Some(user) = users.get_mut(user_id) {
                    user.roster.apply(*user_id, id, shard, seq, &entry.effect);
                    due.left(*user_id);
                }
                conversation.users.remove(user_id);
            }
            if conversation.users.is_empty() {
                conversations.remove(&id);
            }
        }
        to
    }

    /// Panics when the parts of the state disagree.
    #[cfg(test)]
    fn check_invariants(&self) {
        for (id, conversation) in &self.conversations {
            assert!(!conversation.users.is_empty(), "nobody is in {id}");
            for user in &conversation.users {
                let known = self.users.get(user).is_some_and(|user| user.roster.present(*id).is_some());
                assert!(known, "{user} gets what is said in {id}, and is not in it");
            }
        }
        for (id, user) in &self.users {
            for conversation in user.roster.present_conversations() {
                let listed = self.conversations.get(&conversation).is_some_and(|conversation| conversation.users.contains(id));
                assert!(listed, "{id} is in {conversation}, and gets nothing of it");
            }
        }
        assert_eq!(self.live_sockets, self.users.values().map(|user| user.sockets.len()).sum::<usize>());
        for shard in self.shards.values() {
            shard.ring.check_invariants();
            assert!(shard.delivered.seq() <= shard.ring.head(), "handed over before it passed");
        }
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
