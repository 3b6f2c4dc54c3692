//! What one user may see: the intervals of the log during which they were in each conversation.

use std::collections::{BTreeMap, BTreeSet};

use relay_domain::ports::{MembershipInterval, SnapshotMembership};
use relay_protocol::log::StoredEvent;
use relay_types::{ConversationId, Seq, ShardId, UserId};

use crate::ring::MembershipEffect;

/// Somebody came in or went out.
#[derive(Debug, Clone)]
pub(crate) struct MembershipChange {
    pub(crate) conversation: ConversationId,
    pub(crate) seq: Seq,
    pub(crate) effect: MembershipEffect,
}

impl MembershipChange {
    /// The change of `user`'s that the event is, if it is one.
    pub(crate) fn of(event: &StoredEvent, user: UserId) -> Option<Self> {
        let effect = MembershipEffect::of(&event.event);
        let conversation = event.conversation().filter(|_| effect.concerns(user))?;
        Some(Self { conversation, seq: event.seq, effect })
    }
}

/// A user's membership intervals. A user is in few conversations (tens), so a sorted list beats a map in memory and time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roster {
    intervals: Vec<MembershipInterval>,
}

impl Roster {
    pub(crate) fn from_memberships(memberships: &[SnapshotMembership]) -> Self {
        let mut intervals: Vec<MembershipInterval> = memberships.iter().map(|membership| membership.interval).collect();
        intervals.sort_by_key(|interval| (interval.conversation, interval.joined));
        Self { intervals }
    }

    /// The intervals behind `after` of a user who in the end is in `present`, by all changes of theirs in between.
    pub(crate) fn ending_in(
        present: &BTreeSet<ConversationId>,
        user: UserId,
        shard: ShardId,
        after: Seq,
        changes: &[MembershipChange],
    ) -> Self {
        let was_in = before(changes);
        let unchanged = present.iter().filter(|id| !was_in.contains_key(id));
        let at_first: BTreeSet<ConversationId> =
            unchanged.chain(was_in.iter().filter(|(_, was_in)| **was_in).map(|(id, _)| id)).copied().collect();
        let intervals = at_first.into_iter().map(|conversation| MembershipInterval { conversation, shard, joined: after, left: None });
        let mut roster = Self { intervals: intervals.collect() };
        for change in changes {
            roster.apply(user, change.conversation, shard, change.seq, &change.effect);
        }
        roster
    }

    /// The intervals. What was last said in each conversation is not known here.
    pub(crate) fn memberships(&self) -> impl Iterator<Item = SnapshotMembership> + '_ {
        self.intervals.iter().map(|interval| SnapshotMembership { interval: *interval, last: Seq::ZERO })
    }

    fn of(&self, conversation: ConversationId) -> &[MembershipInterval] {
        let start = self.intervals.partition_point(|interval| interval.conversation < conversation);
        let end = self.intervals.partition_point(|interval| interval.conversation <= conversation);
        self.intervals.get(start..end).unwrap_or_default()
    }

    /// The interval that goes on.
    pub(crate) fn present(&self, conversation: ConversationId) -> Option<&MembershipInterval> {
        self.of(conversation).iter().find(|interval| interval.left.is_none())
    }

    /// Whether the user may see the event at `seq` in this conversation.
    pub(crate) fn sees(&self, conversation: ConversationId, seq: Seq) -> bool {
        self.of(conversation).iter().any(|interval| interval.joined <= seq && interval.left.is_none_or(|left| seq <= left))
    }

    /// The intervals that go on.
    pub(crate) fn present_intervals(&self) -> impl Iterator<Item = &MembershipInterval> + '_ {
        self.intervals.iter().filter(|interval| interval.left.is_none())
    }

    /// The conversations the user is in.
    pub(crate) fn present_conversations(&self) -> impl Iterator<Item = ConversationId> + '_ {
        self.present_intervals().map(|interval| interval.conversation)
    }

    /// Every conversation the user is or was in, once each.
    pub(crate) fn conversations(&self) -> impl Iterator<Item = ConversationId> + '_ {
        self.intervals.chunk_by(|a, b| a.conversation == b.conversation).filter_map(|of_one| Some(of_one.first()?.conversation))
    }

    /// Applies an event at `seq`. Says whether the user just came in.
    pub(crate) fn apply(
        &mut self,
        user: UserId,
        conversation: ConversationId,
        shard: ShardId,
        seq: Seq,
        effect: &MembershipEffect,
    ) -> bool {
        match effect {
            MembershipEffect::Joined(_) if effect.concerns(user) => self.join(conversation, shard, seq),
            MembershipEffect::Left(_) if effect.concerns(user) => {
                for interval in &mut self.intervals {
                    if interval.conversation == conversation && interval.left.is_none() && interval.joined < seq {
                        interval.left = Some(seq);
                    }
                }
                false
            }
            MembershipEffect::None | MembershipEffect::Joined(_) | MembershipEffect::Left(_) => false,
        }
    }

    fn join(&mut self, conversation: ConversationId, shard: ShardId, seq: Seq) -> bool {
        let known = self.of(conversation).iter().any(|interval| interval.joined >= seq || interval.left.is_none());
        if known {
            return false;
        }
        let at = self.intervals.partition_point(|interval| (interval.conversation, interval.joined) < (conversation, seq));
        self.intervals.insert(at, MembershipInterval { conversation, shard, joined: seq, left: None });
        true
    }

    /// Whether some interval has ended.
    pub(crate) fn has_past(&self) -> bool {
        self.intervals.iter().any(|interval| interval.left.is_some())
    }

    /// Forgets intervals that ended at or before `seq` on `shard`: nothing that old is replayed from memory.
    pub(crate) fn forget_before(&mut self, shard: ShardId, seq: Seq) {
        self.intervals.retain(|interval| interval.shard != shard || interval.left.is_none_or(|left| left > seq));
    }
}

/// Where somebody was before these changes of theirs, which are in order, by conversation: whoever leaves first was in,
/// whoever joins first was not.
pub(crate) fn before(changes: &[MembershipChange]) -> BTreeMap<ConversationId, bool> {
    let mut was_in = BTreeMap::new();
    for change in changes {
        was_in.entry(change.conversation).or_insert(matches!(change.effect, MembershipEffect::Left(_)));
    }
    was_in
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roster_sees_exactly_the_membership_intervals() {
        let (ann, bob): (UserId, UserId) = ("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(), "01ARZ3NDEKTSV4RRFFQ69G5FAW".parse().unwrap());
        let room: ConversationId = "01ARZ3NDEKTSV4RRFFQ69G5FAX".parse().unwrap();
        let shard = ShardId(0);
        let mut roster = Roster::default();
        assert!(!roster.apply(ann, room, shard, Seq(5), &MembershipEffect::Joined([bob].into())));
        assert!(roster.apply(ann, room, shard, Seq(6), &MembershipEffect::Joined([ann].into())));
        assert!(!roster.apply(ann, room, shard, Seq(6), &MembershipEffect::Joined([ann].into())), "the same event twice changes nothing");
        roster.apply(ann, room, shard, Seq(9), &MembershipEffect::Left([ann].into()));
        assert!(roster.apply(ann, room, shard, Seq(12), &MembershipEffect::Joined([ann, bob].into())));
        let seen: Vec<u64> = (1..15).filter(|seq| roster.sees(room, Seq(*seq))).collect();
        assert_eq!(seen, [6, 7, 8, 9, 12, 13, 14]);
        assert_eq!(roster.present(room).map(|interval| interval.joined), Some(Seq(12)));
        roster.forget_before(shard, Seq(9));
        assert!(!roster.sees(room, Seq(8)));
    }

    #[test]
    fn roster_is_rebuilt_backwards_from_the_present_members() {
        let ann: UserId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        let ids = ["01ARZ3NDEKTSV4RRFFQ69G5FAA", "01ARZ3NDEKTSV4RRFFQ69G5FAB", "01ARZ3NDEKTSV4RRFFQ69G5FAC", "01ARZ3NDEKTSV4RRFFQ69G5FAD"];
        let [stayed, visited, left, joined] = ids.map(|id| id.parse::<ConversationId>().unwrap());
        let change = |seq, conversation, effect| MembershipChange { conversation, seq: Seq(seq), effect };
        let changes = [
            change(12, visited, MembershipEffect::Joined([ann].into())),
            change(14, left, MembershipEffect::Left([ann].into())),
            change(16, visited, MembershipEffect::Left([ann].into())),
            change(18, joined, MembershipEffect::Joined([ann].into())),
        ];
        let roster = Roster::ending_in(&[stayed, joined].into(), ann, ShardId(0), Seq(10), &changes);
        let seen = |conversation| (10..20).filter(|seq| roster.sees(conversation, Seq(*seq))).collect::<Vec<u64>>();
        assert_eq!(seen(stayed), (10..20).collect::<Vec<_>>());
        assert_eq!(seen(visited), [12, 13, 14, 15, 16]);
        assert_eq!(seen(left), [10, 11, 12, 13, 14]);
        assert_eq!(seen(joined), [18, 19]);
        assert_eq!(Roster::from_memberships(&roster.memberships().collect::<Vec<_>>()).present_conversations().count(), 2);
    }
}
