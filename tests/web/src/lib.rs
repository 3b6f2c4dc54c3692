//! The web client in real browsers: the stack that serves it, for its tests and for the bench.

mod control;
mod load;
mod site;
mod stack;

pub use control::Control;
pub use site::Site;
pub use stack::WebStack;
