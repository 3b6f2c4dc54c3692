//! Whether the projection is away: one verdict for all sockets, by one task that tries a connection of its own.
//!
//! Only a connection that cannot be made counts. A question that hangs while the database is there says nothing to other sockets.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use relay_domain::ports::{ResumeStore, StoreError};
use relay_runtime::Task;
use tokio::sync::{Notify, watch};

/// For a connection to be made.
const REACH_LIMIT: Duration = Duration::from_secs(2);
/// While it is away, it is tried this often.
const AGAIN: Duration = Duration::from_secs(1);
/// Between two tries at least, however many suspect it.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest wait for a verdict: the try before, the pause and the try itself.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, Default)]
struct State {
    away: bool,
    /// How many of the suspicions this is the answer to: it was tried after they came.
    answered: u64,
}

/// See the module.
pub(crate) struct Verdict {
    store: Arc<dyn ResumeStore>,
    state: watch::Sender<State>,
    /// Suspicions so far.
    came: AtomicU64,
    wake: Notify,
}

impl Verdict {
    pub(crate) fn new(store: Arc<dyn ResumeStore>) -> Self {
        Self { store, state: watch::Sender::default(), came: AtomicU64::new(0), wake: Notify::new() }
    }

    pub(crate) fn is_away(&self) -> bool {
        self.state.borrow().away
    }

    /// Waits until it is away.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn away(&self) {
        // The sender lives as long as this.
        let _ = self.state.subscribe().wait_for(|state| state.away).await;
    }

    /// Has it tried soon.
    pub(crate) fn suspect(&self) -> u64 {
        let mine = self.came.fetch_add(1, Ordering::AcqRel) + 1;
        self.wake.notify_one();
        mine
    }

    /// Whether it is away, as tried after this was called.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn look(&self) -> bool {
        let mine = self.suspect();
        let mut seen = self.state.subscribe();
        let answer = tokio::time::timeout(LOOK_LIMIT, seen.wait_for(|state| state.answered >= mine)).await;
        matches!(answer, Ok(Ok(state)) if state.away)
    }

    /// Runs `question` while it is there. `None`: it is away. What takes `patience` is a reason to try it.
    ///
    /// # Cancel safety
    /// As the question.
    pub(crate) async fn unless_away<T>(&self, patience: Duration, question: impl Future<Output = T>) -> Option<T> {
        let suspicion = async {
            tokio::time::sleep(patience).await;
            self.suspect();
            std::future::pending::<std::convert::Infallible>().await
        };
        tokio::select! {
            biased;
            () = self.away() => None,
            answer = question => Some(answer),
            never = suspicion => match never {},
        }
    }

    /// Tries it when somebody suspects it, and while it is away, until told to stop.
    pub(crate) async fn run(&self, task: Task) -> anyhow::Result<()> {
        // Not the gateway's health: chat goes on without it.
        task.health.up();
        loop {
            tokio::select! {
                () = task.stop.cancelled() => return Ok(()),
                () = self.wake.notified() => {}
                () = tokio::time::sleep(AGAIN), if self.is_away() => {}
            }
            self.try_it().await;
            tokio::select! {
                () = task.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    async fn try_it(&self) {
        let answered = self.came.load(Ordering::Acquire);
        let late = |_| Err(StoreError::new("no connection within two seconds".to_owned()));
        let reached = tokio::time::timeout(REACH_LIMIT, self.store.reach()).await.unwrap_or_else(late);
        let away = reached.is_err();
        match &reached {
            Err(error) if !self.is_away() => tracing::info!(reason = error.reason, "the projection is away: catching up without it"),
            Ok(()) if self.is_away() => tracing::info!("the projection is back"),
            Ok(()) | Err(_) => {}
        }
        metrics::gauge!("relay_projection_away").set(if away { 1.0 } else { 0.0 });
        self.state.send_replace(State { away, answered });
    }
}
