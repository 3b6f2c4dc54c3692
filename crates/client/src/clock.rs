//! The server's time, and keys minted with it.

use std::time::Instant;

use relay_types::{ClientId, TimestampMs};
use ulid::Ulid;

/// How far behind the server's last word the estimate stays. A key must never be minted ahead of the server: two clocks of
/// ordinary quality drift apart by far less than this between two pongs.
const BEHIND_MS: i64 = 1_000;

/// What the server's clock says, by its last word and the time that has passed here since. The device's own wall clock,
/// which may be anything, has no part in it.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServerClock {
    heard: Option<(TimestampMs, Instant)>,
}

impl ServerClock {
    /// The server said `server_time_ms`, and it arrived at `at`.
    pub const fn hear(&mut self, server_time_ms: TimestampMs, at: Instant) {
        self.heard = Some((server_time_ms, at));
    }

    /// An estimate that lies behind the server's clock; `None` before its first word.
    pub fn estimate_ms(&self, now: Instant) -> Option<TimestampMs> {
        let (said, at) = self.heard?;
        let since = i64::try_from(now.saturating_duration_since(at).as_millis()).unwrap_or(i64::MAX);
        Some(said.saturating_add(since).saturating_sub(BEHIND_MS))
    }

    /// A fresh key for a send: a ULID when the server's time is known, else a random word, which tells the server nothing
    /// about its age and costs it a look-up.
    pub fn mint_client_id(&self, now: Instant) -> Option<ClientId> {
        let random = rand::random::<u128>();
        let text = match self.estimate_ms(now).and_then(|ms| u64::try_from(ms).ok()) {
            Some(ms) => Ulid::from_parts(ms, random).to_string(),
            None => format!("r-{random:032x}"),
        };
        // Both forms are always valid keys; an option spares this crate a panic that cannot happen.
        text.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn keys_lie_behind_the_server_and_rise_with_its_time() {
        let mut clock = ServerClock::default();
        let start = Instant::now();
        let before = clock.mint_client_id(start).unwrap();
        assert!(before.minted_at_ms().is_none(), "no time is known yet");
        clock.hear(1_000_000, start);
        let at = |after_ms| clock.mint_client_id(start + Duration::from_millis(after_ms)).unwrap().minted_at_ms().unwrap();
        assert_eq!(at(0), 999_000);
        assert_eq!(at(5_000), 1_004_000);
    }

    #[test]
    fn keys_differ() {
        let mut clock = ServerClock::default();
        let now = Instant::now();
        clock.hear(1_000_000, now);
        let keys: std::collections::HashSet<_> = (0..1000).filter_map(|_| clock.mint_client_id(now)).collect();
        assert_eq!(keys.len(), 1000);
    }
}
