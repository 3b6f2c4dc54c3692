//! What a send waits for: that this gateway's own tail has passed it. Before that nobody here can say whether its sender was in the
//! conversation where the log put it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use relay_domain::ports::{OriginalSend, Passed, RecentReactions, RecentSends, SendKey, Target};
use relay_domain::void::{Departures, Person, senders};
use relay_protocol::log::StoredEvent;
use relay_types::{ConversationId, MessageId, Seq, ShardId, UserId};
use tokio::sync::oneshot;

use super::{Hub, State};
use crate::ring::MembershipEffect;

/// How long a stored message may take to come back through the tail before its sender is told that the outcome is unknown.
const PASS_LIMIT: Duration = Duration::from_secs(5);
/// A tail that was not seen at the log's end for so long is away: what is known here of who may post is too old.
const SIGHT_LIMIT: Duration = Duration::from_secs(15);

/// Who waits for which sequence.
#[derive(Default)]
pub(super) struct Waiting(BTreeMap<Seq, Vec<oneshot::Sender<Passed>>>);

impl Waiting {
    /// Forgets those who have given up.
    pub(super) fn sweep(&mut self) {
        self.0.retain(|_, waiting| {
            waiting.retain(|one| !one.is_closed());
            !waiting.is_empty()
        });
    }
}

/// When the tail was last known to be at the log's end.
pub(super) struct Sight {
    at_end: Instant,
    /// Where the log ended at some moment, until the tail has come there.
    ahead: Option<(Seq, Instant)>,
}

impl Sight {
    pub(super) fn now() -> Self {
        Self { at_end: Instant::now(), ahead: None }
    }

    /// Whether the tail was at the log's end a short while ago.
    pub(super) fn is_good(&self) -> bool {
        self.at_end.elapsed() < SIGHT_LIMIT
    }

    /// At `asked` the log ended at `end`, and by now the tail is at `head`.
    fn looked(&mut self, end: Seq, asked: Instant, head: Seq) {
        if head >= end {
            self.at_end = self.at_end.max(asked);
        } else if self.ahead.is_none() {
            self.ahead = Some((end, asked));
        }
    }

    fn came_to(&mut self, head: Seq) {
        if let Some((_, asked)) = self.ahead.take_if(|(end, _)| head >= *end) {
            self.at_end = self.at_end.max(asked);
        }
    }
}

#[async_trait]
impl RecentSends for Hub {
    fn find(&self, key: &SendKey) -> Option<OriginalSend> {
        self.state.lock().shards.values().find_map(|shard| shard.ring.find(key))
    }

    fn target(&self, shard: ShardId, reader: UserId, conversation: ConversationId, message: MessageId) -> Option<Target> {
        let state = self.state.lock();
        // Whoever is not in it may not see it, and may not publish either.
        let since = state.users.get(&reader).and_then(|user| user.roster.present(conversation)).map_or(Seq(u64::MAX), |stay| stay.joined);
        state.shards.get(&shard)?.ring.target(conversation, message, since)
    }

    fn edits(&self, shard: ShardId, message: MessageId) -> u32 {
        self.state.lock().shards.get(&shard).map_or(0, |shard| shard.ring.edits(message))
    }

    fn reactions(&self, shard: ShardId, message: MessageId, author: UserId) -> RecentReactions {
        self.state.lock().shards.get(&shard).map_or_else(RecentReactions::default, |shard| shard.ring.reactions(message, author))
    }

    fn remembered_after(&self, shard: ShardId) -> Option<Seq> {
        self.state.lock().shards.get(&shard).map(|shard| shard.ring.covered_after())
    }

    async fn passed(&self, shard: ShardId, seq: Seq) -> Passed {
        let told = {
            let mut state = self.state.lock();
            let Some(shard) = state.shards.get_mut(&shard) else { return Passed::NotYet };
            let passed = shard.ring.passed(seq);
            if passed != Passed::NotYet {
                return passed;
            }
            let (tell, told) = oneshot::channel();
            shard.waiting.0.entry(seq).or_default().push(tell);
            told
        };
        match tokio::time::timeout(PASS_LIMIT, told).await {
            Ok(Ok(passed)) => passed,
            // Not in time, or the log turned out to be another one.
            Ok(Err(_)) | Err(_) => Passed::NotYet,
        }
    }
}

impl Hub {
    /// At `asked` the shard's log ended at `end`.
    pub(crate) fn looked(&self, shard: ShardId, end: Seq, asked: Instant) {
        if let Some(shard) = self.state.lock().shards.get_mut(&shard) {
            shard.sight.looked(end, asked, shard.ring.head());
        }
    }

    /// Whether the tail was at the log's end a short while ago.
    pub(crate) fn in_sight(&self, shard: ShardId) -> bool {
        self.state.lock().shards.get(&shard).is_some_and(|shard| shard.sight.is_good())
    }

    /// Of those who say something in these events, who follow on `upto`'s past: who was out at `upto`.
    pub(crate) fn departed(&self, shard: ShardId, upto: Seq, events: &[StoredEvent]) -> Departures {
        let senders = senders(events);
        let state = self.state.lock();
        let Some(shard) = state.shards.get(&shard) else { return Departures::of([]) };
        let mut left: BTreeMap<Person, Seq> = BTreeMap::new();
        for (conversation, user) in &senders {
            if let Some(seq) = shard.departures.left_at(*conversation, *user).filter(|seq| *seq <= upto) {
                left.insert((*conversation, *user), seq);
            }
        }
        // Whoever comes in later was out before, and is remembered as such no more: as these events say, and behind them the ring.
        let mut changed = BTreeSet::new();
        let mut first_change = |conversation: ConversationId, effect: &MembershipEffect| {
            for person in effect.people().iter().map(|user| (conversation, *user)).filter(|person| senders.contains(person)) {
                if changed.insert(person) && !matches!(effect, MembershipEffect::Left(_)) {
                    left.insert(person, upto);
                }
            }
        };
        for stored in events {
            if let Some(conversation) = stored.conversation() {
                first_change(conversation, &MembershipEffect::of(&stored.event));
            }
        }
        for entry in shard.ring.changes(upto) {
            if let Some(conversation) = entry.conversation() {
                first_change(conversation, &entry.effect);
            }
        }
        Departures::of(left)
    }
}

impl State {
    /// Answers those who wait for `seq`, or for what is not in the log any more before it.
    pub(super) fn tell_waiting(&mut self, shard: ShardId, seq: Seq) {
        let Some(shard) = self.shards.get_mut(&shard) else { return };
        shard.sight.came_to(seq);
        while let Some(first) = shard.waiting.0.first_entry().filter(|first| *first.key() <= seq) {
            let passed = shard.ring.passed(*first.key());
            for tell in first.remove() {
                // Whoever has given up needs no answer.
                let _ = tell.send(passed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_in_sight_as_of_the_look_whose_end_it_has_come_to() {
        let began = Instant::now();
        let at = |s| began + Duration::from_secs(s);
        let mut sight = Sight { at_end: began, ahead: None };
        sight.looked(Seq(10), at(5), Seq(10));
        assert_eq!(sight.at_end, at(5));
        sight.looked(Seq(20), at(10), Seq(15));
        sight.looked(Seq(30), at(15), Seq(15));
        assert_eq!(sight.at_end, at(5), "it is behind");
        sight.came_to(Seq(19));
        assert_eq!(sight.at_end, at(5));
        sight.came_to(Seq(21));
        assert_eq!(sight.at_end, at(10), "what came later is not known");
        sight.looked(Seq(40), at(20), Seq(40));
        assert_eq!(sight.at_end, at(20));
    }
}
