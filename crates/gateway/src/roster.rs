//! What one user may see: the intervals of the log during which they were in each conversation.

use std::collections::{BTreeMap, BTreeSet};

use relay_domain::ports::Membership;
use relay_protocol::log::StoredEvent;
use relay_types::{ConversationId, Seq, ShardId, UserId};

use crate::ring::Effect;

/// One stay in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stay {
    pub(crate) conversation: ConversationId,
    pub(crate) shard: ShardId,
    /// The event that let them in.
    pub(crate) joined: Seq,
    /// The event that let them out.
    pub(crate) left: Option<Seq>,
}

/// Somebody came in or went out.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) conversation: ConversationId,
    pub(crate) seq: Seq,
    pub(crate) effect: Effect,
}

impl Change {
    /// The change of `user`'s that the event is, if it is one.
    pub(crate) fn of(event: &StoredEvent, user: UserId) -> Option<Self> {
        let effect = Effect::of(&event.event);
        let conversation = event.event.conversation().filter(|_| effect.concerns(user))?;
        Some(Self { conversation, seq: event.seq, effect })
    }
}

/// A user's stays. A user is in few conversations (tens), so a sorted list beats a map in memory and time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roster {
    stays: Vec<Stay>,
}

impl Roster {
    pub(crate) fn from_memberships(memberships: &[Membership]) -> Self {
        let mut stays: Vec<Stay> =
            memberships.iter().map(|m| Stay { conversation: m.conversation, shard: m.shard, joined: m.joined, left: m.left }).collect();
        stays.sort_by_key(|stay| (stay.conversation, stay.joined));
        Self { stays }
    }

    /// The stays behind `after` of a user who in the end is in `present`, by all changes of theirs in between.
    pub(crate) fn ending_in(present: &BTreeSet<ConversationId>, user: UserId, shard: ShardId, after: Seq, changes: &[Change]) -> Self {
        let was_in = before(changes);
        let unchanged = present.iter().filter(|id| !was_in.contains_key(id));
        let at_first: BTreeSet<ConversationId> =
            unchanged.chain(was_in.iter().filter(|(_, was_in)| **was_in).map(|(id, _)| id)).copied().collect();
        let stays = at_first.into_iter().map(|conversation| Stay { conversation, shard, joined: after, left: None });
        let mut roster = Self { stays: stays.collect() };
        for change in changes {
            roster.apply(user, change.conversation, shard, change.seq, &change.effect);
        }
        roster
    }

    /// The stays. What was last said in each conversation is not known here.
    pub(crate) fn memberships(&self) -> impl Iterator<Item = Membership> + '_ {
        self.stays.iter().map(|stay| Membership {
            conversation: stay.conversation,
            shard: stay.shard,
            joined: stay.joined,
            left: stay.left,
            last: Seq::ZERO,
        })
    }

    fn of(&self, conversation: ConversationId) -> &[Stay] {
        let start = self.stays.partition_point(|stay| stay.conversation < conversation);
        let end = self.stays.partition_point(|stay| stay.conversation <= conversation);
        self.stays.get(start..end).unwrap_or_default()
    }

    /// The stay that goes on.
    pub(crate) fn present(&self, conversation: ConversationId) -> Option<&Stay> {
        self.of(conversation).iter().find(|stay| stay.left.is_none())
    }

    /// Whether the user may see the event at `seq` in this conversation.
    pub(crate) fn sees(&self, conversation: ConversationId, seq: Seq) -> bool {
        self.of(conversation).iter().any(|stay| stay.joined <= seq && stay.left.is_none_or(|left| seq <= left))
    }

    /// The conversations the user is in.
    pub(crate) fn present_conversations(&self) -> impl Iterator<Item = ConversationId> + '_ {
        self.stays.iter().filter(|stay| stay.left.is_none()).map(|stay| stay.conversation)
    }

    /// Applies an event at `seq`. Says whether the user just came in.
    pub(crate) fn apply(&mut self, user: UserId, conversation: ConversationId, shard: ShardId, seq: Seq, effect: &Effect) -> bool {
        match effect {
            Effect::Joins(_) if effect.concerns(user) => self.join(conversation, shard, seq),
            Effect::Leaves(_) if effect.concerns(user) => {
                for stay in &mut self.stays {
                    if stay.conversation == conversation && stay.left.is_none() && stay.joined < seq {
                        stay.left = Some(seq);
                    }
                }
                false
            }
            Effect::None | Effect::Joins(_) | Effect::Leaves(_) => false,
        }
    }

    fn join(&mut self, conversation: ConversationId, shard: ShardId, seq: Seq) -> bool {
        let known = self.of(conversation).iter().any(|stay| stay.joined >= seq || stay.left.is_none());
        if known {
            return false;
        }
        let at = self.stays.partition_point(|stay| (stay.conversation, stay.joined) < (conversation, seq));
        self.stays.insert(at, Stay { conversation, shard, joined: seq, left: None });
        true
    }

    /// Forgets stays that ended at or before `seq` on `shard`: nothing that old is replayed from memory.
    pub(crate) fn forget_before(&mut self, shard: ShardId, seq: Seq) {
        self.stays.retain(|stay| stay.shard != shard || stay.left.is_none_or(|left| left > seq));
    }
}

/// Where somebody was before these changes of theirs, which are in order, by conversation: whoever leaves first was in,
/// whoever joins first was not.
pub(crate) fn before(changes: &[Change]) -> BTreeMap<ConversationId, bool> {
    let mut was_in = BTreeMap::new();
    for change in changes {
        was_in.entry(change.conversation).or_insert(matches!(change.effect, Effect::Leaves(_)));
    }
    was_in
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_exactly_the_stays() {
        let (ann, bob): (UserId, UserId) = ("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(), "01ARZ3NDEKTSV4RRFFQ69G5FAW".parse().unwrap());
        let room: ConversationId = "01ARZ3NDEKTSV4RRFFQ69G5FAX".parse().unwrap();
        let shard = ShardId(0);
        let mut roster = Roster::default();
        assert!(!roster.apply(ann, room, shard, Seq(5), &Effect::Joins([bob].into())));
        assert!(roster.apply(ann, room, shard, Seq(6), &Effect::Joins([ann].into())));
        assert!(!roster.apply(ann, room, shard, Seq(6), &Effect::Joins([ann].into())), "the same event twice changes nothing");
        roster.apply(ann, room, shard, Seq(9), &Effect::Leaves([ann].into()));
        assert!(roster.apply(ann, room, shard, Seq(12), &Effect::Joins([ann, bob].into())));
        let seen: Vec<u64> = (1..15).filter(|seq| roster.sees(room, Seq(*seq))).collect();
        assert_eq!(seen, [6, 7, 8, 9, 12, 13, 14]);
        assert_eq!(roster.present(room).map(|stay| stay.joined), Some(Seq(12)));
        roster.forget_before(shard, Seq(9));
        assert!(!roster.sees(room, Seq(8)));
    }

    #[test]
    fn stays_are_told_backwards_from_where_they_end() {
        let ann: UserId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        let ids = ["01ARZ3NDEKTSV4RRFFQ69G5FAA", "01ARZ3NDEKTSV4RRFFQ69G5FAB", "01ARZ3NDEKTSV4RRFFQ69G5FAC", "01ARZ3NDEKTSV4RRFFQ69G5FAD"];
        let [stayed, visited, left, joined] = ids.map(|id| id.parse::<ConversationId>().unwrap());
        let change = |seq, conversation, effect| Change { conversation, seq: Seq(seq), effect };
        let changes = [
            change(12, visited, Effect::Joins([ann].into())),
            change(14, left, Effect::Leaves([ann].into())),
            change(16, visited, Effect::Leaves([ann].into())),
            change(18, joined, Effect::Joins([ann].into())),
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
