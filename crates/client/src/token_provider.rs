//! Where access tokens come from.

use async_trait::async_trait;
use relay_protocol::rest::Secret;

use crate::error::ClientError;

/// A source of access tokens.
#[async_trait]
pub trait TokenProvider: Send + Sync {
    /// A token to use now. `refused` is one that the server would not take: the answer differs from it, or is an error.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn access_token(&self, refused: Option<&Secret>) -> Result<Secret, ClientError>;
}

/// One token that is never renewed. For tests and short jobs.
#[derive(Debug, Clone)]
pub struct StaticToken(pub Secret);

#[async_trait]
impl TokenProvider for StaticToken {
    async fn access_token(&self, refused: Option<&Secret>) -> Result<Secret, ClientError> {
        if refused == Some(&self.0) { Err(ClientError::NoToken) } else { Ok(self.0.clone()) }
    }
}
