//! Requests to servers outside, whose addresses strangers choose.
//!
//! It owns where a request may go, and what an answer may cost: names are resolved once, every address is checked, the connection goes to
//! a checked address, and each redirect begins anew. It does not own what is asked for, what answers mean, or when to try again.
//! Nothing is taken from the environment: no proxy, no cookies, no stored connection.
//! Start reading in [`fetch`].

mod address;
mod config;
mod error;
pub mod fetch;
mod names;
mod target;

pub use address::is_public;
pub use config::{Allowed, OutboundConfig};
pub use error::OutboundError;
pub use fetch::{Fetched, Limits, Outbound};
pub use names::{Names, SystemNames};
