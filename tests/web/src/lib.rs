//! The web client in real browsers: the stack that serves it, for its tests and for the bench.

mod control;
mod stack;

pub use control::Control;
pub use stack::WebStack;
