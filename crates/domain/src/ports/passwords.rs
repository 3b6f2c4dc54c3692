//! Passwords: hashing and comparing them.

use std::fmt;

use async_trait::async_trait;

/// A password as stored: a PHC string with its own salt and costs. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

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
