//! What systemd does in production: a process that ended by itself is started again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use relay_dev_servers::RelayProcess;

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Restarts what should run and does not, unless a fault holds it down.
#[derive(Default)]
pub struct Supervisor {
    watched: Mutex<Vec<Arc<RelayProcess>>>,
    held: Mutex<BTreeSet<String>>,
    restarts: AtomicU64,
}

impl Supervisor {
    /// From now on this process should run.
    pub fn watch(&self, process: Arc<RelayProcess>) {
        self.watched.lock().push(process);
    }

    /// A fault has the process: its absence is meant.
    pub fn hold(&self, name: &str) {
        self.held.lock().insert(name.to_owned());
    }

    /// The fault is over.
    pub fn release(&self, name: &str) {
        self.held.lock().remove(name);
    }

    /// How often a process had ended by itself.
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Runs until dropped.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn run(&self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let down: Vec<Arc<RelayProcess>> = {
                let held = self.held.lock();
                self.watched.lock().iter().filter(|process| !held.contains(process.name()) && !process.is_running()).cloned().collect()
            };
            for process in down {
                tracing::info!(process = process.name(), exit = ?process.last_exit(), "ended by itself; started again");
                self.restarts.fetch_add(1, Ordering::Relaxed);
                if let Err(error) = process.spawn() {
                    tracing::warn!(process = process.name(), %error, "does not start");
                }
            }
        }
    }
}
