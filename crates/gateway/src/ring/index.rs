//! Where in the ring each conversation's events are, and each user's own, so that a reconnect costs what it replays and not what everybody else said
//! meanwhile.
//!
//! An entry is named by its *ordinal*: how many entries the ring had ever taken before it. It stays when older ones go.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use relay_protocol::EventOwner;

/// What the index costs per entry at most: the ordinal in two lists that may be half empty, and a conversation or user of
/// whom there is nothing else.
pub(super) const INDEX_BYTES: usize = 4 * size_of::<u64>() + 2 * (size_of::<EventOwner>() + size_of::<VecDeque<u64>>()) + 64;

/// See the module.
#[derive(Default)]
pub(super) struct Index {
    by_owner: HashMap<EventOwner, VecDeque<u64>>,
    /// The entries that change who is in a conversation.
    changes: VecDeque<u64>,
}

impl Index {
    /// A new entry, the last of all.
    pub(super) fn push(&mut self, ordinal: u64, owner: Option<EventOwner>, changes_members: bool) {
        if let Some(owner) = owner {
            self.by_owner.entry(owner).or_default().push_back(ordinal);
        }
        if changes_members {
            self.changes.push_back(ordinal);
        }
    }

    /// The oldest entry goes.
    pub(super) fn evict(&mut self, ordinal: u64, owner: Option<EventOwner>) {
        if let Some(owner) = owner
            && let Some(ordinals) = self.by_owner.get_mut(&owner)
        {
            forget(ordinals, ordinal);
            if ordinals.is_empty() {
                self.by_owner.remove(&owner);
            }
        }
        forget(&mut self.changes, ordinal);
    }

    /// The owner's entries from an ordinal on, ascending.
    pub(super) fn of(&self, owner: EventOwner, from: u64) -> impl DoubleEndedIterator<Item = u64> + '_ {
        self.by_owner.get(&owner).into_iter().flat_map(move |ordinals| since(ordinals, from))
    }

    /// The entries that change who is in a conversation, from an ordinal on, ascending.
    pub(super) fn changes(&self, from: u64) -> impl Iterator<Item = u64> + '_ {
        since(&self.changes, from)
    }

    /// The entries of several owners from an ordinal on, ascending. Costs what is taken of it, and one look per owner.
    pub(super) fn merged(&self, owners: impl Iterator<Item = EventOwner>, from: u64) -> impl Iterator<Item = u64> + '_ {
        let mut lists: Vec<_> = Vec::new();
        let mut next = BinaryHeap::new();
        for owner in owners {
            let Some(ordinals) = self.by_owner.get(&owner) else { continue };
            let mut list = since(ordinals, from);
            if let Some(first) = list.next() {
                next.push(Reverse((first, lists.len())));
                lists.push(list);
            }
        }
        std::iter::from_fn(move || {
            let Reverse((ordinal, at)) = next.pop()?;
            if let Some(following) = lists.get_mut(at).and_then(Iterator::next) {
                next.push(Reverse((following, at)));
            }
            Some(ordinal)
        })
    }

    /// How many entries each list names, for tests.
    #[cfg(test)]
    pub(super) fn named(&self) -> (usize, usize) {
        (self.by_owner.values().map(VecDeque::len).sum(), self.changes.len())
    }
}

/// Forgets the first, and gives back room that a busier time took.
fn forget(ordinals: &mut VecDeque<u64>, ordinal: u64) {
    ordinals.pop_front_if(|first| *first == ordinal);
    if ordinals.capacity() > 4 * ordinals.len() + 16 {
        ordinals.shrink_to(2 * ordinals.len());
    }
}

fn since(ordinals: &VecDeque<u64>, from: u64) -> impl DoubleEndedIterator<Item = u64> + '_ {
    let start = ordinals.partition_point(|ordinal| *ordinal < from);
    ordinals.range(start..).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_of_many_conversations_merges_in_order_and_forgets_with_the_ring() {
        let ids = ["01ARZ3NDEKTSV4RRFFQ69G5FAA", "01ARZ3NDEKTSV4RRFFQ69G5FAB", "01ARZ3NDEKTSV4RRFFQ69G5FAC"];
        let [a, b] = [ids[0], ids[1]].map(|id| EventOwner::Conversation(id.parse().unwrap()));
        let c = EventOwner::User(ids[2].parse().unwrap());
        let mut index = Index::default();
        for (ordinal, owner) in [Some(a), Some(b), None, Some(a), Some(c), Some(b), Some(a)].into_iter().enumerate() {
            index.push(ordinal as u64, owner, ordinal % 2 == 0);
        }
        assert_eq!(index.merged([a, b].into_iter(), 1).collect::<Vec<_>>(), [1, 3, 5, 6]);
        assert_eq!(index.of(a, 0).collect::<Vec<_>>(), [0, 3, 6]);
        assert_eq!(index.changes(1).collect::<Vec<_>>(), [2, 4, 6]);
        index.evict(0, Some(a));
        index.evict(1, Some(b));
        assert_eq!(index.merged([a, b, c].into_iter(), 0).collect::<Vec<_>>(), [3, 4, 5, 6]);
        assert_eq!(index.named(), (4, 3));
    }
}
