//! A TCP proxy that misbehaves on command: latency and jitter, a rate, slices, partitions, half-open links, resets, flipped
//! bytes, each per direction and while connections live.
//!
//! It stands where a kernel's network emulation would, and needs no privilege. It knows nothing of what passes through it.
//! Start reading in [`FaultProxy`]; [`Faults`] says what can go wrong; `pump.rs` makes it so.

mod faults;
mod proxy;
mod pump;

pub use faults::{Direction, Faults};
pub use proxy::FaultProxy;
