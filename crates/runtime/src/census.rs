//! Counting who holds what: connections of an address, sockets of a person.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;

/// Counts holders by key. As large as what is held: a key without a holder is forgotten.
#[derive(Debug)]
pub struct Census<K: Eq + Hash + Clone>(Arc<Mutex<HashMap<K, usize>>>);

impl<K: Eq + Hash + Clone> Default for Census<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash + Clone> Clone for Census<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Eq + Hash + Clone> Census<K> {
    /// Counts one more of `key`; `None` when it has `most` already.
    pub fn enter(&self, key: K, most: usize) -> Option<Counted<K>> {
        let mut counts = self.0.lock();
        let count = counts.get(&key).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        counts.insert(key.clone(), count + 1);
        drop(counts);
        Some(Counted { census: self.clone(), key })
    }

    /// How many keys have a holder.
    pub fn keys(&self) -> usize {
        self.0.lock().len()
    }
}

/// One that is counted, until it is dropped.
#[derive(Debug)]
pub struct Counted<K: Eq + Hash + Clone> {
    census: Census<K>,
    key: K,
}

impl<K: Eq + Hash + Clone> Drop for Counted<K> {
    fn drop(&mut self) {
        let mut counts = self.census.0.lock();
        match counts.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                counts.remove(&self.key);
            }
        }
    }
}

/// What one subscriber has of addresses: an IPv4 address, or an IPv6 /64.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_at_most_so_many_and_is_forgotten_with_its_last() {
        let census = Census::default();
        let first = census.enter("a", 2);
        let second = census.enter("a", 2);
        assert!(first.is_some() && second.is_some() && census.enter("a", 2).is_none());
        assert!(census.enter("b", 2).is_some(), "another key is not concerned");
        drop(first);
        let third = census.enter("a", 2);
        assert!(third.is_some());
        drop((second, third));
        assert_eq!(census.keys(), 0);
    }

    #[test]
    fn a_subscriber_is_one() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.2"), of("192.0.2.1"));
    }
}
