//! Whether a token's session still lives: asked of the store, remembered for a moment.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use relay_types::{SessionId, UserId};

/// Sessions remembered: 48 bytes each.
const MAX_SESSIONS: usize = 50_000;

/// Sessions seen live a moment ago. Only the good news is remembered, so that a refusal is never stale.
pub(crate) struct SessionCache {
    keep: Duration,
    /// With whose it is: a session lives for its own user only.
    seen: Mutex<HashMap<SessionId, (UserId, Instant)>>,
}

impl SessionCache {
    pub(crate) fn new(keep: Duration) -> Self {
        Self { keep, seen: Mutex::default() }
    }

    pub(crate) fn is_known_live(&self, user: UserId, session: SessionId) -> bool {
        self.seen.lock().get(&session).is_some_and(|(whose, at)| *whose == user && at.elapsed() < self.keep)
    }

    pub(crate) fn remember(&self, user: UserId, session: SessionId) {
        let mut seen = self.seen.lock();
        if seen.len() >= MAX_SESSIONS {
            seen.retain(|_, (_, at)| at.elapsed() < self.keep);
            if seen.len() >= MAX_SESSIONS {
                seen.clear();
            }
        }
        seen.insert(session, (user, Instant::now()));
    }

    pub(crate) fn forget(&self, session: SessionId) {
        self.seen.lock().remove(&session);
    }

    /// For when sessions ended that only the store can name; rare, and costs each session one look-up.
    pub(crate) fn forget_all(&self) {
        self.seen.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_types::{IdGen as _, SystemIds};

    #[test]
    fn a_session_is_live_for_its_own_user_only() {
        let ids = SystemIds::default();
        let (ann, bob, session) = (UserId::new(ids.next_ulid()), UserId::new(ids.next_ulid()), SessionId::new(ids.next_ulid()));
        let cache = SessionCache::new(Duration::from_secs(60));
        cache.remember(ann, session);
        assert!(cache.is_known_live(ann, session));
        assert!(!cache.is_known_live(bob, session));
    }
}
