//! How often one socket is written to.
//!
//! A write costs the same few microseconds for one frame as for many, here and at the client. A socket that gets many frames
//! a second has several of them in each write; one that gets few has each at once.

use std::time::Duration;

use tokio::time::Instant;

/// The time between writes to a busy socket: what a frame waits at most.
const EVERY: Duration = Duration::from_millis(20);
/// So many writes may come before that applies: an ack behind its message, a burst of answers.
const BURST: u32 = 8;

/// One socket's writes.
#[derive(Debug)]
pub(super) struct WritePace {
    /// When the next write is due if all before it had been `EVERY` apart.
    due: Instant,
}

impl WritePace {
    /// Nothing was written yet.
    pub(super) fn new(now: Instant) -> Self {
        Self { due: now }
    }

    /// Counts a write that is wanted now, and says when it may happen.
    pub(super) fn next(&mut self, now: Instant) -> Instant {
        self.due = self.due.max(now) + EVERY;
        now.max(self.due - EVERY * BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_writes_are_not_delayed_and_many_are_spread() {
        let mut now = Instant::now();
        let mut pace = WritePace::new(now);
        for _ in 0..100 {
            assert_eq!(pace.next(now), now, "a write every 20 ms");
            now += EVERY;
        }
        let began = now;
        for write in 0..100 {
            let at = pace.next(now);
            assert!(at - now <= EVERY, "a frame waits for one write at most");
            assert!(write >= BURST - 1 || at == began, "write {write} is within the burst");
            now = at;
        }
        let took = now - began;
        assert!(took >= EVERY * (100 - BURST) && took <= EVERY * 100, "{took:?}");
    }
}
