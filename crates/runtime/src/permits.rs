//! Permits by key: what one person does at once is bounded, however many do something.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

type Queues<K> = Arc<Mutex<HashMap<K, Queue>>>;

/// Gives each key so many permits at once; further ones wait. Keys that nobody uses or waits for are forgotten.
#[derive(Debug)]
pub struct Permits<K: Eq + Hash + Clone> {
    at_once: usize,
    queues: Queues<K>,
}

#[derive(Debug)]
struct Queue {
    semaphore: Arc<Semaphore>,
    /// Holders and those who wait.
    interested: usize,
}

/// A permit, until it is dropped.
#[derive(Debug)]
pub struct Permit<K: Eq + Hash + Clone> {
    _permit: OwnedSemaphorePermit,
    _interest: Interest<K>,
}

#[derive(Debug)]
struct Interest<K: Eq + Hash + Clone> {
    queues: Queues<K>,
    key: K,
}

impl<K: Eq + Hash + Clone> Drop for Interest<K> {
    fn drop(&mut self) {
        let mut queues = self.queues.lock();
        let Some(queue) = queues.get_mut(&self.key) else { return };
        queue.interested -= 1;
        if queue.interested == 0 {
            queues.remove(&self.key);
        }
    }
}

impl<K: Eq + Hash + Clone> Permits<K> {
    /// So many permits of each key at once.
    pub fn new(at_once: usize) -> Self {
        Self { at_once: at_once.clamp(1, Semaphore::MAX_PERMITS), queues: Arc::default() }
    }

    /// Waits for a permit, at most `limit`.
    ///
    /// # Cancel safety
    /// Cancel safe: its place in the queue is lost.
    pub async fn acquire(&self, key: K, limit: Duration) -> Option<Permit<K>> {
        let semaphore = {
            let mut queues = self.queues.lock();
            let queue =
                queues.entry(key.clone()).or_insert_with(|| Queue { semaphore: Arc::new(Semaphore::new(self.at_once)), interested: 0 });
            queue.interested += 1;
            Arc::clone(&queue.semaphore)
        };
        let interest = Interest { queues: Arc::clone(&self.queues), key };
        let permit = tokio::time::timeout(limit, semaphore.acquire_owned()).await.ok()?.ok()?;
        Some(Permit { _permit: permit, _interest: interest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_key_waits_and_another_does_not() {
        let permits = Permits::new(2);
        let soon = Duration::from_secs(1);
        let (first, second) = (permits.acquire("a", soon).await, permits.acquire("a", soon).await);
        assert!(first.is_some() && second.is_some() && permits.acquire("a", soon).await.is_none());
        assert!(permits.acquire("b", soon).await.is_some());
        let (third, ()) = tokio::join!(permits.acquire("a", soon), async { drop(first) });
        assert!(third.is_some(), "a permit that is given back goes to who waits");
        drop((second, third));
        assert!(permits.queues.lock().is_empty(), "nobody is remembered");
    }
}
