//! The jobs behind the chat: projecting the log, keeping users' consumers right, relaying the outbox, the index of words, maintenance.
//!
//! Each tolerates any event twice and any restart. None is needed for a message to be accepted or delivered live.
//! Start reading in [`persist`].

pub mod audit;
mod config;
pub mod erase;
pub mod index;
pub mod maintenance;
pub mod metrics;
pub mod outbox;
pub mod persist;
pub mod read_marks;
pub mod reconcile;

pub use config::{Role, WorkerConfig};
