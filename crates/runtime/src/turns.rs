//! Turns by key: what one person does at once is bounded, however many do something.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

type Queues<K> = Arc<Mutex<HashMap<K, Queue>>>;

/// Gives each key so many turns at once; further ones wait. Keys that nobody uses or waits for are forgotten.
#[derive(Debug)]
pub struct Turns<K: Eq + Hash + Clone> {
    at_once: usize,
    queues: Queues<K>,
}

#[derive(Debug)]
struct Queue {
    places: Arc<Semaphore>,
    /// Holders and those who wait.
    interested: usize,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub struct Turn<K: Eq + Hash + Clone> {
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

impl<K: Eq + Hash + Clone> Turns<K> {
    /// So many turns of each key at once.
    pub fn new(at_once: usize) -> Self {
        Self { at_once: at_once.clamp(1, Semaphore::MAX_PERMITS), queues: Arc::default() }
    }

    /// Waits for a turn, at most `limit`.
    ///
    /// # Cancel safety
    /// Cancel safe: the place in the queue is lost.
    pub async fn turn(&self, key: K, limit: Duration) -> Option<Turn<K>> {
        let places = {
            let mut queues = self.queues.lock();
            let queue =
                queues.entry(key.clone()).or_insert_with(|| Queue { places: Arc::new(Semaphore::new(self.at_once)), interested: 0 });
            queue.interested += 1;
            Arc::clone(&queue.places)
        };
        let interest = Interest { queues: Arc::clone(&self.queues), key };
        let permit = tokio::time::timeout(limit, places.acquire_owned()).await.ok()?.ok()?;
        Some(Turn { _permit: permit, _interest: interest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_key_waits_and_another_does_not() {
        let turns = Turns::new(2);
        let soon = Duration::from_secs(1);
        let (first, second) = (turns.turn("a", soon).await, turns.turn("a", soon).await);
        assert!(first.is_some() && second.is_some() && turns.turn("a", soon).await.is_none());
        assert!(turns.turn("b", soon).await.is_some());
        let (third, ()) = tokio::join!(turns.turn("a", soon), async { drop(first) });
        assert!(third.is_some(), "a turn that is given back goes to who waits");
        drop((second, third));
        assert!(turns.queues.lock().is_empty(), "nobody is remembered");
    }
}
