//! The REST API: accounts, sessions, conversations, history, and sending without a socket.
//!
//! Owns HTTP: routes, status codes, limits per request, the served documents. Decides nothing about chat and names no
//! driver; it works through the ports of `relay-domain`. Start reading in [`mod@router`], then any file in `operations`.

pub mod asyncapi;
mod codes;
mod config;
mod deps;
mod error;
mod extract;
mod flush;
mod history_completion;
mod introductions;
mod member_intervals;
pub mod metrics;
mod middleware;
pub mod openapi;
mod openapi_base;
mod operations;
mod page;
mod publish;
mod rate_headers;
mod read_your_writes;
mod router;
mod routes;
mod scheduler;
mod session_cache;
mod shared;
mod state;
mod web_client;

pub use config::{Config, LimitsConfig, Rate};
pub use deps::Deps;
pub use openapi::{Documents, documents};
pub use router::router;
pub use scheduler::Scheduler;
