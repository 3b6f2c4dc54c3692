//! The sessions of the sockets here: they count as used, and no socket outlives its session.
//!
//! A revocation comes through the log and needs none of this. A session that ends by its time says nothing: Postgres is asked when
//! that is, and while Postgres is away the ends that are known hold.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use relay_domain::ports::{SessionUse, StoreError};
use relay_protocol::CloseCode;
use relay_runtime::Task;
use relay_types::SessionId;
use tokio::time::Instant;

use crate::hub::Hub;

/// How often the sockets are looked at: how late one may be closed.
const EVERY: Duration = Duration::from_secs(5);
/// A session that goes on is said to be in use this often, half of it at random.
const AGAIN: Duration = Duration::from_mins(4);
/// For how long that holds: until it is said again, with patience for a database that is away for a while.
const HOLD: Duration = Duration::from_mins(10);
/// Sessions in one question.
const BATCH: usize = 500;

/// What is known of a session.
#[derive(Debug, Clone, Copy)]
struct Known {
    ends_at: Instant,
    ask_at: Instant,
}

/// See the module.
pub(crate) struct Keeper {
    hub: Arc<Hub>,
    sessions: Arc<dyn SessionUse>,
    known: HashMap<SessionId, Known>,
}

impl Keeper {
    pub(crate) fn new(hub: Arc<Hub>, sessions: Arc<dyn SessionUse>) -> Self {
        Self { hub, sessions, known: HashMap::new() }
    }

    /// Looks after the sessions until told to stop.
    pub(crate) async fn run(mut self, task: Task) -> anyhow::Result<()> {
        task.health.up();
        loop {
            tokio::select! {
                () = task.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(EVERY) => {}
            }
            // Not the gateway's health: chat goes on without it.
            if let Err(error) = self.look().await {
                tracing::debug!(reason = error.reason, "which sessions go on cannot be asked now");
                metrics::counter!("relay_session_checks_failed_total").increment(1);
            }
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let connected: HashSet<SessionId> = self.hub.sessions();
        self.known.retain(|session, _| connected.contains(session));
        let now = Instant::now();
        let due: Vec<SessionId> =
            connected.into_iter().filter(|session| self.known.get(session).is_none_or(|known| known.is_due(now))).collect();
        for batch in due.chunks(BATCH) {
            match self.sessions.in_use(batch, HOLD).await {
                Ok(live) => self.heard(batch, &live),
                Err(error) => {
                    self.end_without_asking(Instant::now());
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn heard(&mut self, asked: &[SessionId], live: &[(SessionId, Duration)]) {
        let now = Instant::now();
        for (session, left) in live {
            let ask_at = now + AGAIN / 2 + (AGAIN / 2).mul_f64(rand::random::<f64>());
            self.known.insert(*session, Known { ends_at: now + *left, ask_at });
        }
        let live: HashSet<SessionId> = live.iter().map(|(session, _)| *session).collect();
        let over = asked.iter().copied().filter(|session| !live.contains(session)).collect();
        self.end(&over, CloseCode::SessionRevoked);
    }

    /// Ends that are due while nobody can say whether the session was prolonged: with a fresh token its device will know.
    fn end_without_asking(&mut self, now: Instant) {
        let over = self.known.iter().filter(|(_, known)| known.ends_at <= now).map(|(session, _)| *session).collect();
        self.end(&over, CloseCode::TokenExpired);
    }

    fn end(&mut self, sessions: &HashSet<SessionId>, code: CloseCode) {
        self.known.retain(|session, _| !sessions.contains(session));
        self.hub.end_sessions(sessions, code);
    }
}

impl Known {
    fn is_due(&self, now: Instant) -> bool {
        now >= self.ask_at || now >= self.ends_at
    }
}
