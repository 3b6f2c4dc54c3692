//! Postgres: what was decided (accounts, relations, the outbox) and the projection of the log.
//!
//! Owns every SQL statement and the migrator. Decides nothing itself: rules come from `relay-domain` and are asked
//! inside the transaction that holds the lock. Knows neither the log nor HTTP.
//!
//! [`Store`] implements the ports of `relay_domain::ports`, one file per aggregate. Start reading in [`Store`], then
//! `projection.rs` (the persist worker's writes) and `resume.rs` (what sockets that catch up read). The tables, with what
//! each is for, are in `migrations/`.

mod accounts;
mod backfill;
mod config;
mod conversations;
mod convert;
mod delivery_marks;
mod drafts;
mod durability;
mod ephemeral;
mod erasures;
mod error;
mod event_row;
mod history;
mod members;
mod migrate;
mod outbox;
mod postings;
mod presence;
mod projection;
mod read_marks;
mod receipts;
mod reseed;
mod resume;
mod retirement;
mod roles;
mod scheduled;
mod search;
mod session_use;
mod sessions;
mod settings;
mod shares;
mod spans;
mod store;
mod sync;
mod threads;
mod unread;

pub use backfill::Backfilled;
pub use config::PostgresConfig;
pub use durability::Durability;
pub use erasures::ErasureRequest;
pub use migrate::{MigrateError, SchemaState, migrate, migrate_with};
pub use outbox::TroubledRow;
pub use roles::{Role, RolePasswords, tables_without_grants};
pub use store::{ConnectError, Store};
pub use unread::{UnreadPage, WrongCount};
