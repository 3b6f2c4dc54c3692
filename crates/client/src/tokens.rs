//! Where access tokens come from, and how they are renewed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use relay_protocol::rest::{Secret, TokenResponse};
use tokio::sync::Mutex;

use crate::error::{ClientError, StoreError};
use crate::http::ApiClient;

/// Renew this long before the end, so that a token does not run out on its way.
const RENEW_BEFORE: Duration = Duration::from_secs(30);

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

/// Keeps tokens over restarts.
#[async_trait]
pub trait TokenKeeper: Send + Sync {
    /// Stores the newest tokens; called before they are used.
    async fn keep_tokens(&self, tokens: &TokenResponse) -> Result<(), StoreError>;
}

/// Renews by refresh token, one renewal at a time.
pub struct RefreshingTokens {
    api: ApiClient,
    keeper: Option<Arc<dyn TokenKeeper>>,
    current: Arc<Mutex<Current>>,
}

struct Current {
    tokens: TokenResponse,
    renew_at: Instant,
}

impl Current {
    fn fresh(tokens: TokenResponse) -> Self {
        let valid = Duration::from_secs(tokens.expires_in_s);
        // A token that lives shorter than the margin is used for half its life.
        let margin = RENEW_BEFORE.min(valid / 2);
        Self { tokens, renew_at: Instant::now() + valid.saturating_sub(margin) }
    }
}

impl RefreshingTokens {
    /// From a log-in or refresh that has just been answered.
    pub fn new(api: ApiClient, tokens: TokenResponse, keeper: Option<Arc<dyn TokenKeeper>>) -> Self {
        Self { api, keeper, current: Arc::new(Mutex::new(Current::fresh(tokens))) }
    }

    /// From tokens of an earlier run, whose age is unknown: they are renewed at first use.
    pub fn restored(api: ApiClient, tokens: TokenResponse, keeper: Option<Arc<dyn TokenKeeper>>) -> Self {
        Self { api, keeper, current: Arc::new(Mutex::new(Current { tokens, renew_at: Instant::now() })) }
    }
}

#[async_trait]
impl TokenProvider for RefreshingTokens {
    async fn access_token(&self, refused: Option<&Secret>) -> Result<Secret, ClientError> {
        let mut current = Arc::clone(&self.current).lock_owned().await;
        if Instant::now() < current.renew_at && refused != Some(&current.tokens.access_token) {
            return Ok(current.tokens.access_token.clone());
        }
        let (api, keeper) = (self.api.clone(), self.keeper.clone());
        // A refresh token works once. The exchange goes on in its own task, so that a caller who gives up between the
        // server's answer and our storing it does not lose the session.
        #[expect(clippy::disallowed_methods, reason = "a client library has no supervisor; the task ends with one request")]
        let renewal = tokio::spawn(async move {
            let tokens = api.refresh(&current.tokens.refresh_token).await?;
            if let Some(keeper) = keeper {
                keeper.keep_tokens(&tokens).await?;
            }
            let access = tokens.access_token.clone();
            *current = Current::fresh(tokens);
            Ok(access)
        });
        renewal.await.unwrap_or(Err(ClientError::NoToken))
    }
}
