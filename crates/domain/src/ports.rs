//! Ports: what applications need from adapters. Each names conditions, never a technology.

mod log;
mod resume;
mod roster;
mod sessions;

pub use log::{AppendError, Appended, LogAddress, LogClock, LogReadError, MessageLog, TraceParent};
pub use resume::{EventRange, JoinSnapshot, Membership, OriginalSend, ResumeStore, SendKey, StoreError};
pub use roster::{CursorError, DeliveryCursors};
pub use sessions::{AccessClaims, TokenError, TokenVerifier};
