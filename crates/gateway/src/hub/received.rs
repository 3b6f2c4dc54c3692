//! What people's devices have, as these say: who has to be told of it, and what has to be kept of it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use relay_protocol::receipts::{DeliveredNotice, RECEIPTS_MOST_MEMBERS};
use relay_protocol::{DeliveredTo, Position, ReceivedUpto};
use relay_types::{Seq, ShardId, UserId};

use super::{Hub, State, UserState};
use crate::metrics::Dropped;

/// Up to where a user's devices have everything of one shard. There are few shards, and many users.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received {
    shard: ShardId,
    /// As far as others were told.
    told: Seq,
    /// What lies up to here, others may have been told elsewhere.
    unsure: Seq,
    /// In all.
    has: Seq,
}

impl Received {
    /// Behind what a device did not have before it said to have `seq`, as far as that is known.
    fn before(&self, seq: Seq) -> Seq {
        self.told.max(if seq <= self.unsure { Seq(seq.0.saturating_sub(1)) } else { self.unsure })
    }
}

/// Marks that wait to be kept, while Postgres is away. What is beyond follows with the next word of the device.
const MOST_UNSAVED: usize = 100_000;

impl UserState {
    fn received(&mut self, shard: ShardId) -> Option<&mut Received> {
        self.received.iter_mut().find(|received| received.shard == shard)
    }

    /// Others were told up to there.
    fn told(&mut self, shard: ShardId, seq: Seq) {
        if let Some(received) = self.received(shard) {
            received.told = received.told.max(seq);
        }
    }

    /// Of what lies up to there, others may have been told, or not.
    fn unsure(&mut self, shard: ShardId, seq: Seq) {
        if let Some(received) = self.received(shard) {
            received.unsure = received.unsure.max(seq);
        } else {
            self.received.reserve_exact(1);
            self.received.push(Received { shard, told: Seq::ZERO, unsure: seq, has: Seq::ZERO });
        }
    }
}

impl State {
    /// The user's devices have everything of the shard up to there.
    pub(super) fn has(&mut self, user: UserId, shard: ShardId, seq: Seq) {
        let Self { users, unsaved, .. } = self;
        // Who has no socket any more says nothing new.
        let Some(received) = users.get_mut(&user).and_then(|user| user.received(shard)) else { return };
        if received.has >= seq {
            return;
        }
        received.has = seq;
        keep(unsaved, (user, shard), seq);
    }
}

impl State {
    /// As [`Self::has`], of somebody who is not known here.
    pub(super) fn keep(&mut self, user: UserId, has: &BTreeMap<ShardId, Seq>) {
        for (shard, seq) in has {
            keep(&mut self.unsaved, (user, *shard), *seq);
        }
    }
}

fn keep(unsaved: &mut HashMap<(UserId, ShardId), Seq>, of: (UserId, ShardId), seq: Seq) {
    let full = unsaved.len() >= MOST_UNSAVED;
    match unsaved.entry(of) {
        Entry::Occupied(mut kept) => *kept.get_mut() = seq.max(*kept.get()),
        Entry::Vacant(_) if full => {}
        Entry::Vacant(place) => drop(place.insert(seq)),
    }
}

impl Hub {
    /// A device of the user's is live. It had everything up to `position` before, and what lies behind that it says itself; one
    /// without a position begins here. Whether others were told of what lies before is not known: the word about it may have been lost
    /// with a socket, and another device of theirs may still be catching up with it.
    pub(crate) fn begins(&self, user: UserId, position: Option<&Position>) {
        let mut state = self.state.lock();
        let known = position.filter(|position| position.epoch == state.epoch);
        for (shard, head) in state.heads() {
            let began = known.and_then(|position| position.seq(shard)).unwrap_or(head).min(head);
            let Some(user_state) = state.users.get_mut(&user) else { return };
            user_state.unsure(shard, began);
            if known.is_some() {
                state.has(user, shard, began);
            }
        }
    }

    /// The user is known here by a command alone. What their devices have, and what others were told of it, other gateways know.
    pub(crate) fn begins_elsewhere(&self, user: UserId) {
        let mut state = self.state.lock();
        let heads = state.heads();
        let Some(user_state) = state.users.get_mut(&user) else { return };
        for (shard, head) in heads {
            if user_state.received(shard).is_none() {
                user_state.unsure(shard, head);
            }
        }
    }

    /// A device of the user's has what was said in these conversations up to there. Answers with whom that is news to, and with what the
    /// user's devices had before.
    ///
    /// What is not the user's to see, and what lies beyond the end, says nothing.
    pub(crate) fn received(&self, user: UserId, upto: &[ReceivedUpto]) -> Vec<(DeliveredNotice, Seq)> {
        let mut state = self.state.lock();
        let State { users, shards, conversations, .. } = &mut *state;
        let Some(user_state) = users.get_mut(&user) else { return Vec::new() };
        let (mut notices, mut reached) = (Vec::new(), BTreeMap::<ShardId, Seq>::new());
        for ReceivedUpto { conversation_id, seq } in upto {
            let Some(membership) = user_state.roster.present(*conversation_id).copied() else {
                Dropped::NotMember.count(1);
                continue;
            };
            let (Some(shard), Some(conversation)) = (shards.get(&membership.shard), conversations.get(conversation_id)) else { continue };
            if *seq > shard.ring.head() || !shard.sight.is_good() {
                Dropped::Behind.count(1);
                continue;
            }
            // Known since the first socket went live.
            let Some(received) = user_state.received(membership.shard).filter(|received| received.told < *seq) else { continue };
            // Told twice is told once.
            let (after, before) = (received.told, received.before(*seq));
            let furthest = reached.entry(membership.shard).or_default();
            *furthest = (*furthest).max(*seq);
            if conversation.users.len() > RECEIPTS_MOST_MEMBERS as usize {
                continue;
            }
            let authors = shard.ring.authors(*conversation_id, after.max(membership.joined), *seq);
            let of = authors.into_iter().filter(|(author, _)| *author != user).map(|(user_id, seq)| DeliveredTo { user_id, seq });
            let of: Vec<DeliveredTo> = of.take(RECEIPTS_MOST_MEMBERS as usize).collect();
            if !of.is_empty() {
                let as_of = conversation.last.unwrap_or_else(|| shard.ring.head());
                let notice = DeliveredNotice { conversation_id: *conversation_id, user_id: user, of, shard: membership.shard, as_of };
                notices.push((notice, before));
            }
        }
        for (shard, seq) in reached {
            if let Some(user_state) = state.users.get_mut(&user) {
                user_state.told(shard, seq);
            }
            state.has(user, shard, seq);
        }
        notices
    }

    /// Marks that rose since they were asked for last.
    pub(crate) fn take_received(&self) -> Vec<(UserId, ShardId, Seq)> {
        let unsaved = std::mem::take(&mut self.state.lock().unsaved);
        unsaved.into_iter().map(|((user, shard), seq)| (user, shard, seq)).collect()
    }

    /// These could not be kept.
    pub(crate) fn give_back(&self, marks: &[(UserId, ShardId, Seq)]) {
        let mut state = self.state.lock();
        for (user, shard, seq) in marks {
            keep(&mut state.unsaved, (*user, *shard), *seq);
        }
    }
}
