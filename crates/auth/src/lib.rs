//! Passwords, access tokens, refresh tokens and signing keys.
//!
//! Owns the cryptography of who someone is; owns no storage and no HTTP. Secrets never appear in `Debug` or in logs.
//! Start reading in [`keys`] (files, rotation), then [`mint`] (making tokens) and [`ring`] (checking them).

mod claims;
mod config;
mod guessable;
pub mod jwks;
pub mod keys;
pub mod mint;
pub mod password;
pub mod ring;
pub mod rotation;

pub use config::TokenConfig;
pub use jwks::{JwksError, PublicKeys};
pub use keys::{KeyError, SigningKeys};
pub use mint::Mint;
pub use password::{Argon2Hasher, PasswordConfig};
pub use ring::KeyRing;
