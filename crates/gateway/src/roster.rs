//! What one user may see: the intervals of the log during which they were in each conversation.

use std::collections::BTreeMap;

use relay_domain::ports::Membership;
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
            Effect::Begins(members) if members.contains(&user) => self.join(conversation, shard, seq),
            Effect::Joins(joined) if *joined == user => self.join(conversation, shard, seq),
            Effect::Leaves(left) if *left == user => {
                for stay in &mut self.stays {
                    if stay.conversation == conversation && stay.left.is_none() && stay.joined < seq {
                        stay.left = Some(seq);
                    }
                }
                false
            }
            Effect::None | Effect::Begins(_) | Effect::Joins(_) | Effect::Leaves(_) => false,
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

/// Where somebody was before these changes of theirs, in order, by conversation: whoever leaves first was in, whoever joins
/// first was not.
pub(crate) fn before<'a>(changes: impl Iterator<Item = (ConversationId, &'a Effect)>) -> BTreeMap<ConversationId, bool> {
    let mut was_in = BTreeMap::new();
    for (conversation, effect) in changes {
        was_in.entry(conversation).or_insert(matches!(effect, Effect::Leaves(_)));
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
        assert!(!roster.apply(ann, room, shard, Seq(5), &Effect::Joins(bob)));
        assert!(roster.apply(ann, room, shard, Seq(6), &Effect::Joins(ann)));
        assert!(!roster.apply(ann, room, shard, Seq(6), &Effect::Joins(ann)), "the same event twice changes nothing");
        roster.apply(ann, room, shard, Seq(9), &Effect::Leaves(ann));
        assert!(roster.apply(ann, room, shard, Seq(12), &Effect::Begins(Box::new([ann, bob]))));
        let seen: Vec<u64> = (1..15).filter(|seq| roster.sees(room, Seq(*seq))).collect();
        assert_eq!(seen, [6, 7, 8, 9, 12, 13, 14]);
        assert_eq!(roster.present(room).map(|stay| stay.joined), Some(Seq(12)));
        roster.forget_before(shard, Seq(9));
        assert!(!roster.sees(room, Seq(8)));
    }
}
