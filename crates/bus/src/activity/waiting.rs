//! What waits to be told, and what was told less than a minute ago.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use relay_protocol::activity::{ACTIVITY_EVERY_MS, Deed};
use relay_types::{ConversationId, ShardId, TimestampMs, UserId};
use tokio::time::Instant;

/// Between two events of one key.
const EVERY: Duration = Duration::from_millis(ACTIVITY_EVERY_MS);
/// Keys that are remembered: a gateway's 50,000 sockets, each with its coming and what its device has, and some readings.
const MOST_KEYS: usize = 131_072;

/// What becomes one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    /// Coming and going.
    Here(UserId),
    /// What devices have of a shard.
    Delivered(UserId, ShardId),
    /// What was read of a conversation.
    Read(UserId, ConversationId),
}

impl Key {
    const fn of(user: UserId, what: Deed) -> Self {
        match what {
            Deed::UserConnected | Deed::UserDisconnected => Self::Here(user),
            Deed::MessageDelivered { shard, .. } => Self::Delivered(user, shard),
            Deed::MessageRead { conversation_id, .. } => Self::Read(user, conversation_id),
        }
    }

    const fn user(self) -> UserId {
        match self {
            Self::Here(user) | Self::Delivered(user, _) | Self::Read(user, _) => user,
        }
    }
}

/// To be told now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    key: Key,
    pub(super) user: UserId,
    pub(super) what: Deed,
    pub(super) at_ms: TimestampMs,
}

#[derive(Debug, Default)]
struct Place {
    told: Option<Deed>,
    waits: Option<(Deed, TimestampMs)>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    places: HashMap<Key, Place>,
    /// Nothing was told of them lately.
    fresh: VecDeque<Key>,
    /// Of these something was; when their minute is over.
    resting: VecDeque<(Instant, Key)>,
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Something happened. What says no more than what was told, or waits, is one with it.
    pub(super) fn add(&mut self, user: UserId, what: Deed, at_ms: TimestampMs) {
        let key = Key::of(user, what);
        let full = self.places.len() >= MOST_KEYS;
        match self.places.entry(key) {
            Entry::Occupied(mut place) => {
                let Place { told, waits } = place.get_mut();
                if told.is_some_and(|told| !says_more(what, told)) {
                    // Back to what was told: what came between is over.
                    if matches!(key, Key::Here(_)) {
                        *waits = None;
                    }
                } else if waits.is_none_or(|(earlier, _)| says_more(what, earlier)) && waits.replace((what, at_ms)).is_none() {
                    return;
                }
                metrics::counter!("relay_activity_conflated_total").increment(1);
            }
            Entry::Vacant(_) if full => metrics::counter!("relay_activity_dropped_total").increment(1),
            Entry::Vacant(place) => {
                place.insert(Place { told: None, waits: Some((what, at_ms)) });
                self.fresh.push_back(key);
            }
        }
    }

    /// Up to `most` that are to be told now. They count as told.
    pub(super) fn take_due(&mut self, now: Instant, most: usize) -> Vec<Due> {
        let mut due = Vec::new();
        while due.len() < most {
            let rested = || self.resting.pop_front_if(|(until, _)| *until <= now).map(|(_, key)| key);
            let Some(key) = self.fresh.pop_front().or_else(rested) else { break };
            let Some(place) = self.places.get_mut(&key) else { continue };
            let Some((what, at_ms)) = place.waits.take() else {
                // A minute without news.
                self.places.remove(&key);
                continue;
            };
            place.told = Some(what);
            self.resting.push_back((now + EVERY, key));
            due.push(Due { key, user: key.user(), what, at_ms });
        }
        due
    }

    /// These could not be told: they are due again, unless more was said meanwhile.
    pub(super) fn give_back(&mut self, due: impl Iterator<Item = Due>) {
        for Due { key, what, at_ms, .. } in due {
            let Some(place) = self.places.get_mut(&key) else { continue };
            place.told = None;
            place.waits.get_or_insert((what, at_ms));
            self.fresh.push_back(key);
        }
    }

    /// Everything that was not told.
    pub(super) fn into_rest(self) -> Vec<Due> {
        let rest = self.places.into_iter().filter_map(|(key, place)| place.waits.map(|waits| (key, waits)));
        rest.map(|(key, (what, at_ms))| Due { key, user: key.user(), what, at_ms }).collect()
    }
}

/// Whether it says something that the other one does not.
fn says_more(what: Deed, other: Deed) -> bool {
    match (what, other) {
        (Deed::MessageDelivered { seq, .. }, Deed::MessageDelivered { seq: other, .. })
        | (Deed::MessageRead { seq, .. }, Deed::MessageRead { seq: other, .. }) => seq > other,
        (what, other) => what != other,
    }
}

#[cfg(test)]
mod tests {
    use relay_types::Seq;

    use super::*;

    fn user(n: u32) -> UserId {
        format!("{n:026}").parse().unwrap()
    }

    fn has(seq: u64) -> Deed {
        Deed::MessageDelivered { shard: ShardId(0), seq: Seq(seq) }
    }

    fn told(waiting: &mut Waiting, now: Instant) -> Vec<(Deed, TimestampMs)> {
        waiting.take_due(now, 100).into_iter().map(|due| (due.what, due.at_ms)).collect()
    }

    #[test]
    fn one_event_a_minute_says_the_greatest() {
        let (mut waiting, began) = (Waiting::default(), Instant::now());
        waiting.add(user(1), has(5), 1);
        assert_eq!(told(&mut waiting, began), [(has(5), 1)], "the first is told at once");
        for seq in [7, 9, 8, 3, 9] {
            waiting.add(user(1), has(seq), TimestampMs::try_from(seq).unwrap());
        }
        assert_eq!(told(&mut waiting, began + EVERY - Duration::from_millis(1)), []);
        assert_eq!(told(&mut waiting, began + EVERY), [(has(9), 9)]);
        waiting.add(user(1), has(9), 20);
        assert_eq!(told(&mut waiting, began + EVERY * 2), [], "nothing new");
        assert!(waiting.is_empty() && waiting.resting.is_empty(), "a minute without news is forgotten");
    }

    #[test]
    fn who_comes_and_goes_within_a_minute_is_told_of_as_they_are_in_the_end() {
        let (mut waiting, began) = (Waiting::default(), Instant::now());
        let (came, went) = (Deed::UserConnected, Deed::UserDisconnected);
        waiting.add(user(1), came, 1);
        assert_eq!(told(&mut waiting, began), [(came, 1)]);
        for at in 2..10 {
            waiting.add(user(1), if at % 2 == 0 { went } else { came }, at);
        }
        assert_eq!(told(&mut waiting, began + EVERY), [], "they are still there");
        waiting.add(user(1), went, 11);
        waiting.add(user(2), came, 12);
        assert_eq!(told(&mut waiting, began + EVERY), [(went, 11), (came, 12)], "each person has a minute of their own");
    }

    #[test]
    fn what_was_not_taken_is_told_later_and_the_newest_of_it() {
        let (mut waiting, began) = (Waiting::default(), Instant::now());
        waiting.add(user(1), has(5), 1);
        waiting.add(user(2), has(6), 2);
        let due = waiting.take_due(began, 100);
        waiting.add(user(2), has(8), 3);
        waiting.give_back(due.into_iter());
        assert_eq!(told(&mut waiting, began), [(has(5), 1), (has(8), 3)]);
        assert_eq!(told(&mut waiting, began + EVERY), [], "not twice");
        waiting.add(user(1), has(10), 4);
        assert_eq!(waiting.into_rest().len(), 1);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut waiting = Waiting::default();
        for n in 0..u32::try_from(MOST_KEYS).unwrap() + 10 {
            waiting.add(user(n), has(1), 0);
        }
        assert_eq!((waiting.places.len(), waiting.fresh.len()), (MOST_KEYS, MOST_KEYS));
    }
}
