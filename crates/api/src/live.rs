//! Whether a token's session still lives: asked of the store, remembered for a moment.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use relay_types::SessionId;

/// Sessions remembered: 24 bytes each.
const MAX_SESSIONS: usize = 50_000;

/// Sessions seen live a moment ago. Only the good news is remembered, so that a refusal is never stale.
pub(crate) struct LiveSessions {
    keep: Duration,
    seen: Mutex<HashMap<SessionId, Instant>>,
}

impl LiveSessions {
    pub(crate) fn new(keep: Duration) -> Self {
        Self { keep, seen: Mutex::default() }
    }

    pub(crate) fn is_known_live(&self, session: SessionId) -> bool {
        self.seen.lock().get(&session).is_some_and(|at| at.elapsed() < self.keep)
    }

    pub(crate) fn remember(&self, session: SessionId) {
        let mut seen = self.seen.lock();
        if seen.len() >= MAX_SESSIONS {
            seen.retain(|_, at| at.elapsed() < self.keep);
            if seen.len() >= MAX_SESSIONS {
                seen.clear();
            }
        }
        seen.insert(session, Instant::now());
    }

    pub(crate) fn forget(&self, session: SessionId) {
        self.seen.lock().remove(&session);
    }

    /// For when sessions ended that only the store can name; rare, and costs each session one look-up.
    pub(crate) fn forget_all(&self) {
        self.seen.lock().clear();
    }
}
