//! Forgetting: users who left a while ago, old revocations, membership intervals that ended before the ring begins. A sweep
//! costs what is due, not what is known.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use relay_types::{Seq, SessionId, ShardId, UserId};

use super::{Hub, State, UserState};
use crate::outbound;

/// Absent users remembered at most, whatever the linger time: bounds a crowd that comes and goes.
const MAX_LINGERING: usize = 50_000;

/// What is to be forgotten, by when.
#[derive(Default)]
pub(super) struct Due {
    /// Users without a socket, by when their last one closed.
    absent: BTreeSet<(Instant, UserId)>,
    /// Users who left a conversation that the ring still tells of.
    with_past: HashSet<UserId>,
}

impl Due {
    /// The user's last socket closed, or none is there yet.
    pub(super) fn goes(&mut self, id: UserId, user: &mut UserState, now: Instant) {
        self.comes(id, user);
        user.idle_since = Some(now);
        self.absent.insert((now, id));
    }

    /// The user has a socket.
    pub(super) fn comes(&mut self, id: UserId, user: &mut UserState) {
        if let Some(since) = user.idle_since.take() {
            self.absent.remove(&(since, id));
        }
    }

    /// The user left a conversation.
    pub(super) fn left(&mut self, id: UserId) {
        self.with_past.insert(id);
    }
}

/// Sessions whose end passed in the tail; kept as long as their access tokens could still be shown.
#[derive(Default)]
pub(super) struct Revoked {
    since: HashMap<SessionId, Instant>,
    /// In the order in which they are forgotten.
    order: VecDeque<(Instant, SessionId)>,
}

impl Revoked {
    pub(super) fn insert(&mut self, session: SessionId, now: Instant) {
        self.since.insert(session, now);
        self.order.push_back((now, session));
    }

    pub(super) fn contains(&self, session: SessionId) -> bool {
        self.since.contains_key(&session)
    }

    fn forget(&mut self, now: Instant, kept: Duration) {
        while let Some((since, session)) = self.order.pop_front_if(|(since, _)| now.duration_since(*since) >= kept) {
            // Ended again since, it stays for as long again.
            if self.since.get(&session) == Some(&since) {
                self.since.remove(&session);
            }
        }
    }
}

impl Hub {
    /// Forgets what is no longer needed. Called every few seconds.
    pub(crate) fn sweep(&self) {
        let mut state = self.state.lock();
        state.forget_absent(Instant::now(), self.limits.roster_linger);
        for shard in state.shards.values_mut() {
            shard.waiting.sweep();
        }
        state.revoked.forget(Instant::now(), self.limits.revoked_kept);
        state.forget_past();
        #[cfg(test)]
        state.check_invariants();
        let ring_bytes: usize = state.shards.values().map(|shard| shard.ring.bytes()).sum();
        let (sockets, users, conversations) = (state.live_sockets, state.users.len(), state.conversations.len());
        drop(state);
        let replay_cache_bytes = self.replay_cache.sweep();
        #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
        {
            metrics::gauge!("relay_ring_bytes").set(ring_bytes as f64);
            metrics::gauge!("relay_replay_cache_bytes").set(replay_cache_bytes as f64);
            metrics::gauge!("relay_live_sockets").set(sockets as f64);
            metrics::gauge!("relay_outbound_queue_bytes").set(outbound::queued_in_all() as f64);
            metrics::gauge!("relay_hub_users").set(users as f64);
            metrics::gauge!("relay_hub_conversations").set(conversations as f64);
        }
    }
}

impl State {
    fn forget_absent(&mut self, now: Instant, linger: Duration) {
        while let Some((since, id)) = self.due.absent.first().copied() {
            if self.due.absent.len() <= MAX_LINGERING && now.duration_since(since) < linger {
                return;
            }
            self.due.absent.pop_first();
            self.due.with_past.remove(&id);
            let Some(user) = self.users.remove(&id) else { continue };
            for conversation in user.roster.present_conversations() {
                let Some(known) = self.conversations.get_mut(&conversation) else { continue };
                known.users.remove(&id);
                if known.users.is_empty() {
                    self.conversations.remove(&conversation);
                }
            }
        }
    }

    fn forget_past(&mut self) {
        let covered: Vec<(ShardId, Seq)> = self.shards.iter().map(|(shard, state)| (*shard, state.ring.covered_after())).collect();
        let Self { due, users, .. } = self;
        due.with_past.retain(|id| {
            let Some(user) = users.get_mut(id) else { return false };
            for (shard, seq) in &covered {
                user.roster.forget_before(*shard, *seq);
            }
            user.roster.has_past()
        });
    }
}
