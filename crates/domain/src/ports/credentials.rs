//! Making and checking the secrets people and devices hold.

use std::fmt;

use async_trait::async_trait;
use relay_types::{SessionId, TimestampMs, UserId};

use super::{PasswordHash, RefreshHash, RefreshNonce};

/// Why no password was hashed or compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// As many hashes as allowed are being computed, and the wait for a turn was too long.
    #[error("too many passwords are being hashed")]
    Busy,
    /// The password is a common one, or made of the names given.
    #[error("the password is easily guessed")]
    Guessable,
    /// The stored hash cannot be read, or the hasher failed.
    #[error("the password hasher failed")]
    Failed,
}

/// Hashes passwords. Deliberately slow, so never on the threads that serve.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// The hash to store of a new password of somebody with these names, unless it is easily guessed.
    ///
    /// # Cancel safety
    /// Cancel safe; a hash that has begun is computed to its end.
    async fn hash(&self, password: String, names: Vec<String>) -> Result<PasswordHash, HashError>;

    /// Whether the password is the one. `None` (no such account) takes as long and says no.
    ///
    /// # Cancel safety
    /// Cancel safe, as [`Self::hash`].
    async fn verify(&self, password: String, stored: Option<PasswordHash>) -> Result<bool, HashError>;
}

/// A fresh access token.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// The JWT.
    pub token: String,
    /// For how many seconds it is valid.
    pub expires_in_s: u64,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("token", &"[redacted]").field("expires_in_s", &self.expires_in_s).finish()
    }
}

/// A fresh refresh token.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// What the device keeps.
    pub token: String,
    /// What is stored.
    pub hash: RefreshHash,
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken([redacted])")
    }
}

/// The token could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("could not make a token")]
pub struct MintError;

/// Makes tokens, and publishes what verifies them.
pub trait TokenMint: Send + Sync {
    /// A signed access token, valid from `now_ms`.
    fn access(&self, user: UserId, session: SessionId, now_ms: TimestampMs) -> Result<AccessToken, MintError>;

    /// A refresh token: 256 bits from the operating system.
    fn refresh(&self) -> Result<RefreshToken, MintError>;

    /// Chance for the next refresh token.
    fn nonce(&self) -> Result<RefreshNonce, MintError>;

    /// The token that takes the place of `presented`: always the same for one nonce. `None` when `presented` cannot be ours.
    fn next_refresh(&self, presented: &str, nonce: &RefreshNonce) -> Option<RefreshToken>;

    /// What is stored of a presented refresh token; `None` when it cannot be one of ours.
    fn refresh_hash(&self, presented: &str) -> Option<RefreshHash>;

    /// When a refresh token made now ends, and when a session begun now ends for good.
    fn session_ends(&self, now_ms: TimestampMs) -> SessionEnds;

    /// The public keys as a JSON Web Key Set.
    fn jwks(&self) -> String;
}

/// When a device has to log in again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionEnds {
    /// Unless it refreshes before.
    pub refresh_ms: TimestampMs,
    /// Whatever it does.
    pub session_ms: TimestampMs,
}
