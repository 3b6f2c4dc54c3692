//! Tokens: making them, and saying who one speaks for.

use std::fmt;

use relay_types::{SessionId, TimestampMs, UserId};

/// What a valid access token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessClaims {
    /// Who.
    pub user: UserId,
    /// Which of their devices.
    pub session: SessionId,
    /// When the token ends.
    pub expires_at_ms: TimestampMs,
}

/// Why a token was refused. Says no more than the caller may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Malformed, forged, of another kind, issuer or audience, or signed with an unknown key.
    #[error("the token is not valid")]
    Invalid,
    /// Signed by us, and not valid now by this server's clock: it was once, or will be. A fresh one may do.
    #[error("the token is not valid any more, or not yet")]
    Expired,
}

/// Checks access tokens against the current signing keys. Synchronous: keys are held in memory and replaced from outside.
pub trait TokenVerifier: Send + Sync {
    /// Who the token speaks for.
    fn verify(&self, token: &str) -> Result<AccessClaims, TokenError>;
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

/// The SHA-256 of a refresh token: all that is stored of one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RefreshHash(pub [u8; 32]);

impl fmt::Debug for RefreshHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Chance that makes the next refresh token out of the last. Worth nothing without that token, and forgotten when the next
/// one is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RefreshNonce(pub [u8; 32]);

impl fmt::Debug for RefreshNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// When a device has to log in again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionEnds {
    /// Unless it refreshes before.
    pub refresh_ms: TimestampMs,
    /// Whatever it does.
    pub session_ms: TimestampMs,
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
