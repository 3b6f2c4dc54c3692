//! What the process knows about its own parts, for `/readyz`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// How a part is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ComponentState {
    /// Not yet at work.
    Starting,
    /// At work.
    Up,
    /// Not at work; the process is not ready.
    Down {
        /// Why.
        reason: String,
    },
    /// Not at work, but the process can do without it for now.
    Degraded {
        /// Why.
        reason: String,
    },
}

#[derive(Default)]
struct Inner {
    components: Mutex<BTreeMap<String, ComponentState>>,
    draining: AtomicBool,
}

/// The state of every part of the process.
#[derive(Clone, Default)]
pub struct Health {
    inner: Arc<Inner>,
}

/// One part's handle on its own state.
#[derive(Clone)]
pub struct Component {
    name: String,
    health: Health,
}

impl Health {
    /// Registers a part as starting.
    pub fn component(&self, name: impl Into<String>) -> Component {
        let component = Component { name: name.into(), health: self.clone() };
        component.set(ComponentState::Starting);
        component
    }

    /// From now on the process is not ready, whatever its parts say.
    pub fn start_draining(&self) {
        self.inner.draining.store(true, Ordering::Release);
    }

    /// Whether the process is going away.
    pub fn is_draining(&self) -> bool {
        self.inner.draining.load(Ordering::Acquire)
    }

    /// Whether traffic should be sent here, and every part's state.
    pub fn report(&self) -> (bool, BTreeMap<String, ComponentState>) {
        let components = self.inner.components.lock().clone();
        let all_up = components.values().all(|state| matches!(state, ComponentState::Up | ComponentState::Degraded { .. }));
        (all_up && !components.is_empty() && !self.is_draining(), components)
    }
}

impl Component {
    /// At work.
    pub fn up(&self) {
        self.set(ComponentState::Up);
    }

    /// Not at work.
    pub fn down(&self, reason: impl Into<String>) {
        self.set(ComponentState::Down { reason: reason.into() });
    }

    /// Not at work, though the process can do without.
    pub fn degraded(&self, reason: impl Into<String>) {
        self.set(ComponentState::Degraded { reason: reason.into() });
    }

    fn set(&self, state: ComponentState) {
        let mut components = self.health.inner.components.lock();
        let known = components.entry(self.name.clone()).or_insert(ComponentState::Starting);
        if *known != state {
            tracing::info!(component = %self.name, ?state, "component state");
            *known = state;
        }
    }
}
