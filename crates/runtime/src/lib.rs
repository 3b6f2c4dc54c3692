//! What every process needs and no chat word enters: configuration, telemetry, health, supervised tasks, shutdown.
//!
//! Start reading in [`run()`]; [`Boot`] is what a binary gets, [`Supervisor`] owns every task, [`Health`] answers probes.

mod admin;
mod alloc;
mod boot;
pub mod census;
mod config;
pub mod descriptors;
mod exit;
pub mod failpoint;
mod health;
pub mod http;
pub mod listen;
pub mod metrics;
mod origins;
pub mod permits;
mod process_pause;
mod secrets;
mod supervisor;
mod telemetry;
pub mod trace;
mod wire;

pub use boot::{Boot, ProcessConfig, run};
pub use config::{Check, ConfigError, ConfigFile, LogConfig, LogFormat, SECTIONS, unchecked};
pub use exit::{EXIT_CONFIG, EXIT_INTERNAL, EXIT_UNAVAILABLE, MissingServer};
pub use health::{Component, ComponentState, Health};
pub use origins::{OriginError, Origins, WebConfig};
pub use process_pause::{PauseDetector, since_boot};
pub use secrets::query_holds_secret;
pub use supervisor::{Restart, Supervisor, Task};
pub use tokio_util::sync::CancellationToken;
