//! The sessions that sockets here belong to.

use std::collections::HashSet;
use std::time::Instant;

use relay_protocol::CloseCode;
use relay_types::SessionId;

use super::Hub;
use crate::outbound::Closing;

impl Hub {
    /// Of every live socket.
    pub(crate) fn sessions(&self) -> HashSet<SessionId> {
        // Hashed without the lock.
        let all: Vec<SessionId> = self.state.lock().users.values().flat_map(|user| &user.sockets).map(|socket| socket.session).collect();
        all.into_iter().collect()
    }

    /// Every live socket's task looks whether the gateway is draining.
    pub(crate) fn wake_all(&self) {
        for socket in self.state.lock().users.values().flat_map(|user| &user.sockets) {
            socket.outbound.wake.notify_one();
        }
    }

    /// Whether the session is known to be over.
    pub(crate) fn is_revoked(&self, session: SessionId) -> bool {
        self.state.lock().revoked.contains(session)
    }

    /// The sessions are over: their sockets close. Those that cannot be prolonged are not let in again either.
    pub(crate) fn end_sessions(&self, sessions: &HashSet<SessionId>, code: CloseCode) {
        if sessions.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        if code == CloseCode::SessionRevoked {
            let now = Instant::now();
            for session in sessions {
                state.revoked.insert(*session, now);
            }
        }
        for socket in state.users.values().flat_map(|user| &user.sockets).filter(|socket| sessions.contains(&socket.session)) {
            socket.outbound.close(Closing { code, retry_after_ms: None });
        }
    }
}
