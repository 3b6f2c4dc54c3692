//! Who and what stays out of batches: one publication that the log has already makes it refuse a whole batch, and everybody's
//! messages then go out one by one.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use relay_domain::ports::{Apart, SendKey};
use relay_types::UserId;

/// How long somebody publishes singly whose repetition had a batch refused, and how long a key that failed is remembered.
const APART_FOR: Duration = Duration::from_secs(60);
/// Entries at most; beyond, the oldest are forgotten, which costs a refused batch at worst.
const MOST: usize = 50_000;

/// What this process has seen go wrong lately.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    people: Recently<UserId, ()>,
    keys: Recently<SendKey, Apart>,
}

impl Repeats {
    /// A publication of theirs was in the log already, and had a batch refused.
    pub(crate) fn repeated(&self, author: UserId) {
        self.people.remember(author, (), Instant::now());
    }

    /// It was tried, with this result, and may come again.
    pub(crate) fn tried(&self, key: SendKey, why: Apart) {
        self.keys.remember(key, why, Instant::now());
    }

    /// It is known to be stored.
    pub(crate) fn stored(&self, key: &SendKey) {
        self.keys.forget(key);
    }

    /// What became of it when it was tried before.
    pub(crate) fn before(&self, key: &SendKey) -> Apart {
        self.keys.get(key, Instant::now()).unwrap_or(Apart::NotTried)
    }

    /// Whether it was tried lately, and had its room taken then.
    pub(crate) fn was_tried(&self, key: &SendKey) -> bool {
        self.keys.get(key, Instant::now()).is_some()
    }

    /// Whether it may be in a batch, as far as is known here.
    pub(crate) fn may_join(&self, key: &SendKey) -> bool {
        let now = Instant::now();
        self.people.get(&key.sender, now).is_none() && self.keys.get(key, now).is_none()
    }
}

#[derive(Debug)]
struct Recently<K, V>(Mutex<HashMap<K, (Instant, V)>>);

impl<K, V> Default for Recently<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Copy> Recently<K, V> {
    fn remember(&self, what: K, how: V, now: Instant) {
        let mut all = self.0.lock();
        if all.len() >= MOST {
            for kept_for in [APART_FOR, APART_FOR / 2, Duration::ZERO] {
                all.retain(|_, (since, _)| now.duration_since(*since) < kept_for);
                if all.len() < MOST {
                    break;
                }
            }
        }
        all.insert(what, (now, how));
    }

    fn forget(&self, what: &K) {
        let mut all = self.0.lock();
        if !all.is_empty() {
            all.remove(what);
        }
    }

    fn get(&self, what: &K, now: Instant) -> Option<V> {
        let mut all = self.0.lock();
        if all.is_empty() {
            return None;
        }
        let (since, how) = *all.get(what)?;
        if now.duration_since(since) < APART_FOR {
            return Some(how);
        }
        all.remove(what);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_remembered_is_forgotten_after_a_minute_and_when_there_is_too_much() {
        let (recently, now) = (Recently::default(), Instant::now());
        recently.remember(7_usize, (), now);
        assert!(recently.get(&7, now + APART_FOR / 2).is_some() && recently.get(&8, now).is_none());
        assert!(recently.get(&7, now + APART_FOR).is_none());
        assert!(recently.0.lock().is_empty());
        for n in 0..2 * MOST {
            recently.remember(n, (), now + APART_FOR);
        }
        assert!(recently.0.lock().len() <= MOST);
        assert!(recently.get(&(2 * MOST - 1), now + APART_FOR).is_some(), "the newest is there");
    }
}
