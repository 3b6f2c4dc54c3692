//! WebSockets and streams of events on one side, the log on the other.
//!
//! Owns sockets, the hub that fans events out to them, the ring of recent events, catching up, and the order of sends.
//! Writes no message to the database; knows no driver. Start reading in [`session`], then [`hub`], then [`resume`].

mod activity;
mod authority;
mod checkpoints;
mod commands;
mod config;
mod drain;
mod entrance;
mod ephemeral;
mod events;
mod fresh_heads;
mod gateway;
mod hub;
mod keeper;
mod lanes;
mod log_clock;
pub mod metrics;
mod outbound;
mod presence;
mod receipts;
mod replay_cache;
mod resume;
mod ring;
mod roster;
mod session;
mod state;
mod streams;
mod tail;
mod transport;
mod upgrade;

pub use config::GatewayConfig;
pub use gateway::{Deps, Gateway};
pub use relay_posting::LogRoom;
