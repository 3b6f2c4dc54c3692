//! Who a token speaks for.

use std::time::Duration;

use async_trait::async_trait;
use relay_types::{SessionId, TimestampMs, UserId};

use super::StoreError;

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

/// Sessions whose devices are connected.
#[async_trait]
pub trait SessionUse: Send + Sync {
    /// Notes that these sessions are in use, and counts them as that for `hold` from now on. Returns those that are live, each
    /// with how long it has left.
    ///
    /// # Cancel safety
    /// Cancel safe; the note may or may not have been made.
    async fn in_use(&self, sessions: &[SessionId], hold: Duration) -> Result<Vec<(SessionId, Duration)>, StoreError>;
}
