//! What the supervisor tells the other commands, in a file.

use std::fs::File;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use relay_dev_servers::{Probe, Service, process};
use serde::{Deserialize, Serialize};

use crate::layout::{Layout, write_private};

/// A process that stays recognisable after its pid was given to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The process id.
    pub pid: u32,
    /// When it started, in clock ticks after boot.
    pub start: u64,
}

impl Identity {
    /// Of a process that runs.
    pub fn of(pid: u32) -> Option<Self> {
        process::start_time(pid).map(|start| Self { pid, start })
    }

    /// Whether it still is that process.
    pub fn is_alive(self) -> bool {
        process::is_same(self.pid, self.start)
    }
}

/// How far the supervisor is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// Not everything is healthy yet.
    Starting,
    /// Everything was healthy.
    Ready,
    /// It gave up.
    Failed {
        /// Why.
        reason: String,
    },
    /// It is stopping everything.
    Stopping,
}

/// One process under supervision.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServiceState {
    /// Its name.
    pub name: String,
    /// `None` while it does not run.
    pub identity: Option<Identity>,
    /// How to ask for its health.
    pub probe: Probe,
    /// When it was last started, in milliseconds since 1970.
    pub since_ms: u64,
    /// How often it was started again after it had died.
    pub restarts: u32,
}

impl ServiceState {
    /// A service as it is now.
    pub fn of(service: &Service, since_ms: u64, restarts: u32) -> Self {
        let identity = service.pid().and_then(Identity::of);
        Self { name: service.name().to_owned(), identity, probe: service.probe().clone(), since_ms, restarts }
    }
}

/// Where people and tools connect.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Urls {
    /// The web client, where it is served.
    #[serde(default)]
    pub web: Option<String>,
    pub api: String,
    pub gateway: String,
    pub nats: String,
    pub nats_monitor: String,
    /// Per process: `http://…` of the operators' listener.
    pub admin: Vec<(String, String)>,
}

/// The file's content.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// How far it is.
    #[serde(flatten)]
    pub phase: Phase,
    /// The supervisor itself.
    pub supervisor: Identity,
    /// In start order.
    pub services: Vec<ServiceState>,
    /// Where to connect.
    pub urls: Urls,
    /// The directory of the programs that run.
    pub bin_dir: std::path::PathBuf,
}

impl State {
    /// The last one written, by a supervisor that may be gone.
    pub fn load(layout: &Layout) -> anyhow::Result<Option<Self>> {
        let path = layout.state();
        match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map(Some).with_context(|| format!("{} is damaged; remove it", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("could not read {}", path.display())),
        }
    }

    /// The state of a supervisor that lives.
    pub fn load_live(layout: &Layout) -> anyhow::Result<Option<Self>> {
        Ok(Self::load(layout)?.filter(|state| state.supervisor.is_alive()))
    }

    /// Writes it, complete or not at all.
    pub fn save(&self, layout: &Layout) -> anyhow::Result<()> {
        write_private(&layout.state(), &serde_json::to_string_pretty(self)?)
    }
}

/// The lock that makes its holder the supervisor; `None` while another holds it.
pub fn try_lock(layout: &Layout) -> anyhow::Result<Option<File>> {
    let path = layout.lock();
    let file = File::create(&path).with_context(|| format!("could not create {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(error).with_context(|| format!("could not lock {}", path.display())),
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
