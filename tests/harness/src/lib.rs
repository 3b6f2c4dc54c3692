//! Real servers per test: nats-server, Postgres, Valkey and our own processes, isolated and in parallel.
//!
//! Owns starting a whole RelayHub for one test or one for many ([`Harness::shared`]), people to use it with, every way of hurting a process, and waiting for a
//! state. It contains no assertions about RelayHub: those are in the tests. Start reading in [`builder`], then [`harness`].
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! let h = relay_harness::Harness::builder().gateways(2).start().await?;
//! let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
//! let chat = ann.api.create_direct(bob.id()).await?;
//! h.gateway(0).kill();
//! h.gateway(0).restart().await?;
//! h.finish().await
//! # }
//! ```

pub mod builder;
mod config;
mod database;
pub mod harness;
mod logs;
mod shared;
mod tool;
pub mod user;
pub mod wait;

pub use builder::HarnessBuilder;
pub use harness::Harness;
pub use relay_dev_servers::DocumentTools;
pub use user::{Account, Device, User};
pub use wait::{try_wait_for, wait_for};
