//! The owner of every task: each has a name, a stop signal, a restart policy and a state that probes can see.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::health::{Component, Health};

/// What happens when a task ends before it is told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// The process stops: better gone than half alive.
    StopProcess,
    /// It is started again after a delay that doubles from 100 ms to this cap, and begins anew after a minute's calm.
    Backoff {
        /// The longest delay.
        cap: Duration,
    },
}

/// What a task gets.
#[derive(Clone)]
pub struct Task {
    /// Cancelled when the task is to finish.
    pub stop: CancellationToken,
    /// The task's state; it calls `up()` once it is at work.
    pub health: Component,
}

/// Spawns and watches tasks.
#[derive(Clone)]
pub struct Supervisor {
    tracker: TaskTracker,
    stop: CancellationToken,
    health: Health,
    /// The first essential task that ended by itself, and why.
    failure: Arc<Mutex<Option<String>>>,
}

impl Supervisor {
    pub(crate) fn new(stop: CancellationToken, health: Health) -> Self {
        Self { tracker: TaskTracker::new(), stop, health, failure: Arc::default() }
    }

    /// Starts a task under a unique name. `run` is called again for each restart.
    pub fn spawn<F, Fut>(&self, name: impl Into<String>, restart: Restart, run: F)
    where
        F: Fn(Task) -> Fut + Send + 'static,
        Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let name = name.into();
        let task = Task { stop: self.stop.child_token(), health: self.health.component(name.clone()) };
        let (process_stop, failure) = (self.stop.clone(), Arc::clone(&self.failure));
        self.tracker.spawn(async move {
            let mut delay = FIRST_DELAY;
            loop {
                let started = Instant::now();
                let ended = run(task.clone()).await;
                if task.stop.is_cancelled() {
                    if let Err(error) = ended {
                        tracing::warn!(task = name, error = %chain(&error), "task failed while stopping");
                    }
                    return;
                }
                let reason = ended.map_or_else(|error| chain(&error), |()| "ended early".to_owned());
                task.health.down(reason.clone());
                metrics::counter!("relay_task_restarts_total", "task" => name.clone()).increment(1);
                let Restart::Backoff { cap } = restart else {
                    tracing::error!(task = name, reason, "essential task ended; stopping the process");
                    failure.lock().get_or_insert_with(|| format!("{name} ended: {reason}"));
                    process_stop.cancel();
                    return;
                };
                if started.elapsed() > CALM {
                    delay = FIRST_DELAY;
                }
                tracing::warn!(task = name, reason, delay_ms = delay.as_millis(), "task ended; restarting");
                tokio::select! {
                    () = tokio::time::sleep(delay) => {}
                    () = task.stop.cancelled() => return,
                }
                delay = (delay * 2).min(cap);
            }
        });
    }

    /// Which essential task ended by itself, if one did: the process then has failed, however cleanly it stops.
    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.lock().clone()
    }

    /// The signal that stops every task.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Registers a part that is not a task, such as a connection.
    pub fn component(&self, name: impl Into<String>) -> Component {
        self.health.component(name)
    }

    /// Runs something short in the background, without a restart policy: shutdown waits for it.
    pub fn spawn_detached<Fut>(&self, future: Fut)
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn(future);
    }

    /// Waits until every task has finished, at most `deadline` after the stop signal. Says whether all did.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn finished(&self, deadline: Duration) -> bool {
        self.stop.cancelled().await;
        self.tracker.close();
        tokio::time::timeout(deadline, self.tracker.wait()).await.is_ok()
    }
}

const FIRST_DELAY: Duration = Duration::from_millis(100);
/// A task that ran this long before it failed starts with the shortest delay again.
const CALM: Duration = Duration::from_mins(1);

/// An error with its causes on one line.
fn chain(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
