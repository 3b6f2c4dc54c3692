//! Valkey: what may vanish at any time. Rate limits, and who is there.
//!
//! Owns the connection to Valkey and the fallback for its absence. Nothing here is a source of truth: every answer can
//! be given without Valkey, only less sharply. Start reading in [`limiter`]; [`window`] is the arithmetic.

mod config;
mod delays;
pub mod limiter;
mod local;
pub mod metrics;
mod presence;
mod window;

pub use config::ValkeyConfig;
pub use limiter::{ConnectError, ValkeyLimiter};
pub use presence::ValkeyPresence;
