//! What lets senders send, or not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

/// Whether senders go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Open,
    Paused,
    Over,
}

/// Senders go on while this is open.
#[derive(Clone)]
pub struct Gate {
    phase: watch::Sender<Phase>,
    inside: Arc<AtomicUsize>,
}

/// Somebody may send until this is dropped, also if the gate has closed meanwhile.
pub struct Pass(Arc<AtomicUsize>);

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Gate {
    pub fn new() -> Self {
        Self { phase: watch::Sender::new(Phase::Open), inside: Arc::default() }
    }

    pub fn set(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// How many hold a pass. Zero after the gate was closed: nobody sends any more.
    pub fn inside(&self) -> usize {
        self.inside.load(Ordering::SeqCst)
    }

    /// Waits until it is open; `None` when the run is over.
    pub async fn pass(&self) -> Option<Pass> {
        let mut phase = self.phase.subscribe();
        loop {
            phase.wait_for(|phase| *phase != Phase::Paused).await.ok()?;
            // Counted first and looked at once more: whoever closes it then either is seen here or sees this.
            self.inside.fetch_add(1, Ordering::SeqCst);
            let pass = Pass(Arc::clone(&self.inside));
            let now = *phase.borrow();
            match now {
                Phase::Open => return Some(pass),
                Phase::Paused => drop(pass),
                Phase::Over => return None,
            }
        }
    }
}
