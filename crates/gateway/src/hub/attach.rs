//! Joining a socket to the hub, at one sequence of the log.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use relay_domain::ports::JoinSnapshot;
use relay_protocol::log::{EventOwner, MessageErased};
use relay_protocol::{Position, ServerFrame};
use relay_types::{ConversationId, Seq, ShardId, UserId};

use super::own::OwnHeads;
use super::{ConversationState, Hub, Said, Socket, State, UserLimiter, UserState};
use crate::roster::{MembershipChange, Roster};

/// Bytes of catching up that are copied under the lock at once; the rest follows in further steps.
const STEP_BYTES: usize = 64 * 1024;

/// What became of an attempt to join.
pub(crate) enum Attach {
    /// The socket is live. Events, and then `caught_up`, are in its queue.
    Live {
        /// Limits the user's sends.
        limiter: Arc<UserLimiter>,
    },
    /// More has to be written first; then again, from there.
    MoreFrames {
        /// To be written.
        frames: Vec<Bytes>,
        /// Up to where they reach.
        reached: BTreeMap<ShardId, Seq>,
    },
    /// The socket, or the snapshot, is ahead of this gateway's tail: changes of membership that it has not passed yet would be
    /// applied to what comes after them. First the tail has to pass these sequences.
    Ahead(BTreeMap<ShardId, Seq>),
    /// The ring does not reach back to where the socket is: read further from elsewhere.
    RingGap,
    /// Nothing is known of the user here: a snapshot is needed.
    NeedsSnapshot,
    /// The session was ended.
    Revoked,
    /// The log is another one than this gateway followed.
    EpochReplaced,
}

impl Hub {
    /// Joins `socket`, which has everything up to `from` (per shard; an absent shard means "from now on").
    /// `snapshot` is needed unless the user is known here; it is used only then. `announce` is sent before `caught_up`.
    /// Without `chain_may_begin`, an event whose predecessor this gateway does not know counts as a ring gap: the
    /// projection knows it.
    pub(crate) fn attach(
        &self,
        socket: &Arc<Socket>,
        from: &BTreeMap<ShardId, Seq>,
        snapshot: Option<&JoinSnapshot>,
        announce: Option<&dyn Fn(&Position) -> ServerFrame>,
        chain_may_begin: bool,
    ) -> Attach {
        let mut state = self.state.lock();
        if state.epoch.is_empty() {
            return Attach::EpochReplaced;
        }
        if state.revoked.contains(socket.session) {
            return Attach::Revoked;
        }
        let known = state.users.contains_key(&socket.user);
        let heads = state.heads();
        let seqs = from.iter().chain(snapshot.filter(|_| !known).into_iter().flat_map(|snapshot| &snapshot.watermarks));
        let ahead: BTreeMap<ShardId, Seq> =
            seqs.filter(|(shard, seq)| heads.get(shard).is_some_and(|head| *seq > head)).map(|(shard, seq)| (*shard, *seq)).collect();
        if !ahead.is_empty() {
            return Attach::Ahead(ahead);
        }
        for (shard, shard_state) in &state.shards {
            if from.get(shard).is_some_and(|seq| *seq < shard_state.ring.covered_after()) {
                return Attach::RingGap;
            }
        }
        if !known {
            let Some(snapshot) = snapshot else { return Attach::NeedsSnapshot };
            if !state.admit(socket.user, snapshot, self.limits.quota) {
                return Attach::RingGap;
            }
        }
        let Missed { frames, reached, complete, unchained } = state.missed(socket.user, from);
        if unchained && !chain_may_begin {
            return Attach::RingGap;
        }
        if !complete {
            return Attach::MoreFrames { frames, reached };
        }
        for frame in frames {
            socket.outbound.push(frame);
        }
        let position = state.position();
        if let Some(announce) = announce {
            socket.outbound.push(Bytes::from(announce(&position).encode()));
        }
        socket.outbound.push(Bytes::from(ServerFrame::CaughtUp { position: position.to_string() }.encode()));
        let State { users, due, live_sockets, .. } = &mut *state;
        let Some(user) = users.get_mut(&socket.user) else { return Attach::NeedsSnapshot };
        due.comes(socket.user, user);
        *live_sockets += 1;
        user.sockets.push(Arc::clone(socket));
        let limiter = Arc::clone(&user.limiter);
        #[cfg(test)]
        state.check_invariants();
        Attach::Live { limiter }
    }

    /// The oldest event that the log still has, per shard.
    pub(crate) fn firsts(&self) -> BTreeMap<ShardId, Seq> {
        self.state.lock().shards.iter().map(|(shard, state)| (*shard, state.first)).collect()
    }

    /// From where on the ring has everything, per shard.
    pub(crate) fn covered_after(&self) -> BTreeMap<ShardId, Seq> {
        self.state.lock().shards.iter().map(|(shard, state)| (*shard, state.ring.covered_after())).collect()
    }

    /// Per shard, after which sequence the ring has everything, and up to where.
    pub(crate) fn spans(&self) -> BTreeMap<ShardId, (Seq, Seq)> {
        self.state.lock().shards.iter().map(|(shard, state)| (*shard, (state.ring.covered_after(), state.ring.head()))).collect()
    }

    /// after which sequence the ring has everything, and all of `user`'s changes in it, ascending.
    pub(crate) fn changes_of(&self, shard: ShardId, user: UserId) -> (Seq, Vec<MembershipChange>) {
        let state = self.state.lock();
        let Some(shard) = state.shards.get(&shard) else { return (Seq::ZERO, Vec::new()) };
        let changes = shard.ring.changes(Seq::ZERO).filter(|entry| entry.effect.concerns(user)).filter_map(|entry| {
            Some(MembershipChange { conversation: entry.conversation()?, seq: entry.seq, effect: entry.effect.clone() })
        });
        (shard.ring.covered_after(), changes.collect())
    }

    /// Erasures that the ring has after `after`. It is looked through: for those who catch up without Postgres.
    pub(crate) fn erased_since(&self, shard: ShardId, after: Seq) -> Vec<MessageErased> {
        let state = self.state.lock();
        state.shards.get(&shard).map(|shard| shard.ring.erasures(after)).unwrap_or_default()
    }

    /// The epoch of positions.
    pub(crate) fn epoch(&self) -> String {
        self.state.lock().epoch.clone()
    }
}

impl State {
    /// Makes a user known, as of the tail's present sequence: the snapshot, and every change since its watermarks.
    /// `false` when the ring does not reach back to them.
    fn admit(&mut self, id: UserId, snapshot: &JoinSnapshot, quota: governor::Quota) -> bool {
        let watermark = |shard: &ShardId| snapshot.watermarks.get(shard).copied().unwrap_or_default();
        if self.shards.iter().any(|(shard, state)| state.ring.covered_after() > watermark(shard)) {
            return false;
        }
        let mut roster = Roster::from_memberships(&snapshot.memberships);
        // The end of each conversation's chain, brought forward from the snapshot through the ring.
        let mut ends: HashMap<ConversationId, Option<Seq>> =
            snapshot.memberships.iter().map(|m| (m.interval.conversation, (m.last > Seq::ZERO).then_some(m.last))).collect();
        let mut own = OwnHeads::default();
        for (shard, state) in &mut self.shards {
            // Where each conversation is followed from: the snapshot's end, or the event that let them in behind it.
            let mut follow: HashMap<ConversationId, Seq> = ends.keys().map(|id| (*id, watermark(shard).next())).collect();
            for change in state.ring.changes(watermark(shard)) {
                let Some(conversation) = change.conversation() else { continue };
                roster.apply(id, conversation, *shard, change.seq, &change.effect);
                if roster.present(conversation).is_some() {
                    follow.entry(conversation).or_insert(change.seq);
                }
            }
            for (conversation, from) in follow {
                let mut end = ends.get(&conversation).copied().flatten();
                state.ring.chain(EventOwner::Conversation(conversation), from, &mut end);
                ends.insert(conversation, end);
            }
            let mut end = snapshot.own.get(shard).filter(|head| head.certain).map(|head| head.last);
            let open = state.ring.chain(EventOwner::User(id), watermark(shard).next(), &mut end);
            match (open, end) {
                (Some(first), Some(end)) => own.begin(*shard, first, end),
                (None, Some(end)) => own.set(*shard, end),
                (_, None) => {}
            }
        }
        for interval in roster.present_intervals() {
            let conversation = interval.conversation;
            let last = ends.get(&conversation).copied().flatten();
            let known = self.conversations.entry(conversation).or_insert_with(|| {
                // Without its last event, what changed before now is not known.
                let head = || self.shards.get(&interval.shard).map(|shard| shard.ring.head());
                let changed = last.or_else(head).unwrap_or_default();
                ConversationState { last, changed, said: Said::default(), users: HashSet::new() }
            });
            known.last = known.last.or(last);
            known.users.insert(id);
        }
        let limiter = Arc::new(UserLimiter::direct(quota));
        if roster.has_past() {
            self.due.left(id);
        }
        let mut user =
            UserState { roster, own, received: Vec::new(), sockets: Vec::new(), limiter, acked: BTreeMap::new(), idle_since: None };
        self.due.goes(id, &mut user, std::time::Instant::now());
        self.users.insert(id, user);
        true
    }

    /// What the user may see of the ring after `from`.
    fn missed(&mut self, id: UserId, from: &BTreeMap<ShardId, Seq>) -> Missed {
        let mut missed = Missed { frames: Vec::new(), reached: from.clone(), complete: true, unchained: false };
        let Some(user) = self.users.get(&id) else { return missed };
        let own = EventOwner::User(id);
        let owners: Vec<EventOwner> = user.roster.conversations().map(EventOwner::Conversation).chain([own]).collect();
        let mut bytes = 0;
        for (shard, state) in &mut self.shards {
            let Some(after) = from.get(shard) else { continue };
            let mut reached = *after;
            let ended = state.ring.visit(*after, &owners, |entry| {
                if bytes > STEP_BYTES {
                    return ControlFlow::Break(());
                }
                let seq = entry.seq;
                let visible = match entry.owner {
                    Some(EventOwner::Conversation(conversation)) => user.roster.sees(conversation, seq),
                    owner => owner == Some(own),
                };
                if let Some(frame) = visible.then(|| entry.frame()).flatten() {
                    let is_open = entry.owner == Some(own) && user.own.is_open(*shard, seq);
                    missed.unchained |= !(entry.is_chained() || is_open);
                    bytes += frame.len();
                    missed.frames.push(frame);
                }
                reached = seq;
                ControlFlow::Continue(())
            });
            if ended.is_break() {
                missed.reached.insert(*shard, reached);
                missed.complete = false;
                return missed;
            }
            missed.reached.insert(*shard, state.ring.head().max(*after));
        }
        missed
    }
}

/// A part of the ring, as one user sees it.
struct Missed {
    frames: Vec<Bytes>,
    /// Up to where they reach.
    reached: BTreeMap<ShardId, Seq>,
    /// Whether that is the present end.
    complete: bool,
    /// Whether some event's predecessor is not known.
    unchained: bool,
}
