//! What is allowed, and what the rules need from the world.
//!
//! [`conversation`] decides who may change what, [`void`] which messages count, [`erasure`] what is left of erased ones, [`search`] which texts answer a query. [`ports`] names what applications need from adapters; only those
//! traits are async. Nothing here knows NATS, Postgres or HTTP.

pub mod conversation;
pub mod erasure;
pub mod ports;
pub mod search;
pub mod void;

pub use conversation::{Change, ChangeDenied};
