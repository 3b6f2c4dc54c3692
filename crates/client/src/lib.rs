//! The Rust SDK: REST calls, one WebSocket or stream of events, and on top of both a client that stays connected.
//!
//! Owns reconnecting, the persisted outbox, positions, duplicate and gap detection, and the client's side of the wire.
//! It decides nothing that the server decides, and it prints and logs no message text and no token.
//! Start reading in [`realtime`] (most programs need only [`RealtimeClient`] and [`ApiClient`]), then [`ws`], which tests
//! use when they have to misbehave.

pub mod backoff;
pub mod clock;
pub mod error;
mod event_stream;
pub mod http;
pub mod outbox;
pub mod realtime;
pub mod store;
pub mod token_provider;
pub mod tokens;
pub mod tracker;
pub mod ws;

pub use error::{ClientError, SendError, StoreError};
pub use http::ApiClient;
pub use realtime::{Closed, Counter, Event, EventStream, RealtimeClient, RealtimeConfig, SendHandle, State, Stats, Transport};
pub use store::{ClientStore, FileStore, MemoryStore, QueuedPin, QueuedReaction, QueuedSend, Saved};
pub use token_provider::{StaticToken, TokenProvider};
pub use tokens::{RefreshingTokens, TokenKeeper};
pub use ws::{CloseInfo, Connection, HelloError, Incoming, SocketOptions};

/// Chooses the TLS implementation of this process, once; a choice made earlier by the program stands.
pub fn install_tls() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // An error means that the program installed a provider itself, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
