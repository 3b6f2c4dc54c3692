//! Forgetting: users who left a while ago, old revocations, membership intervals that ended before the ring begins.

use std::time::Instant;

use super::Hub;

/// Absent users remembered at most, whatever the linger time: bounds a crowd that comes and goes.
const MAX_LINGERING: usize = 50_000;

impl Hub {
    /// Forgets what is no longer needed. Called every few seconds.
    pub(crate) fn sweep(&self) {
        let mut state = self.state.lock();
        let now = Instant::now();
        let absent = state.users.values().filter(|user| user.sockets.is_empty()).count();
        let linger = if absent > MAX_LINGERING { std::time::Duration::ZERO } else { self.limits.roster_linger };
        let expired: Vec<_> = state
            .users
            .iter()
            .filter(|(_, user)| user.sockets.is_empty() && user.idle_since.is_some_and(|since| now.duration_since(since) >= linger))
            .map(|(id, _)| *id)
            .collect();
        for id in expired {
            let Some(user) = state.users.remove(&id) else { continue };
            for conversation in user.roster.present_conversations() {
                let Some(known) = state.conversations.get_mut(&conversation) else { continue };
                known.users.retain(|other| *other != id);
                if known.users.is_empty() {
                    state.conversations.remove(&conversation);
                }
            }
        }
        for shard in state.shards.values_mut() {
            shard.waiting.sweep();
        }
        let kept = self.limits.revoked_kept;
        state.revoked.retain(|_, since| now.duration_since(*since) < kept);
        let covered: Vec<_> = state.shards.iter().map(|(shard, s)| (*shard, s.ring.covered_after())).collect();
        for user in state.users.values_mut() {
            for (shard, seq) in &covered {
                user.roster.forget_before(*shard, *seq);
            }
        }
        let ring_bytes: usize = state.shards.values().map(|shard| shard.ring.bytes()).sum();
        let sockets: usize = state.users.values().map(|user| user.sockets.len()).sum();
        let queued: usize = state.users.values().flat_map(|user| &user.sockets).map(|socket| socket.outbound.queued_bytes()).sum();
        #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
        {
            metrics::gauge!("relay_ring_bytes").set(ring_bytes as f64);
            metrics::gauge!("relay_live_sockets").set(sockets as f64);
            metrics::gauge!("relay_outbound_queue_bytes").set(queued as f64);
            metrics::gauge!("relay_hub_users").set(state.users.len() as f64);
            metrics::gauge!("relay_hub_conversations").set(state.conversations.len() as f64);
        }
    }
}
