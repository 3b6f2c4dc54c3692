//! Everything that talks to NATS: connecting, appending with acknowledgement, following, work queues, users' durable
//! consumers, signing keys, and the topology.
//!
//! Decides nothing about chat. Start reading in [`log`] (appending) and [`tail`] (following).

pub mod activity;
pub mod audit;
mod batch;
mod config;
mod connect;
pub mod consumers;
pub mod cursors;
mod decode;
pub mod ephemeral;
pub mod erase;
mod gather;
pub mod keys;
pub mod log;
pub mod log_reader;
pub mod metrics;
mod publish;
pub mod queue;
pub mod receipts;
pub mod state;
pub mod tail;
pub mod topology;
mod unstored;
mod user_consumer;

pub use config::{BatchConfig, NatsConfig, TopologyConfig};
pub use connect::{Bus, ConnectError};
