//! Access tokens that are renewed.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use relay_protocol::rest::{Secret, TokenResponse};
use tokio::sync::Mutex;

use crate::error::{ClientError, StoreError};
use crate::http::ApiClient;
use crate::token_provider::TokenProvider;

/// Renew this long before the end, so that a token does not run out on its way.
const RENEW_BEFORE: Duration = Duration::from_secs(30);

/// Keeps tokens over restarts.
#[async_trait]
pub trait TokenKeeper: Send + Sync {
    /// Stores the newest tokens; called before they are used.
    async fn keep_tokens(&self, tokens: &TokenResponse) -> Result<(), StoreError>;
}

/// Renews by refresh token, one renewal at a time; whoever asks meanwhile gets its outcome.
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

    /// Of unknown age: good for what its own end and this device's clock say is left of it. If that is wrong, the server
    /// refuses it and it is renewed then.
    fn restored(tokens: TokenResponse, now: SystemTime) -> Self {
        let valid = Duration::from_secs(tokens.expires_in_s);
        let ends = expiry(&tokens.access_token).map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
        let left = ends.and_then(|ends| ends.duration_since(now).ok()).unwrap_or_default().min(valid);
        let margin = RENEW_BEFORE.min(valid / 2);
        Self { tokens, renew_at: Instant::now() + left.saturating_sub(margin) }
    }
}

/// The `exp` of a JWT. Only a hint when to renew; what a token is worth is the server's to say.
fn expiry(token: &Secret) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Claims {
        exp: u64,
    }
    let payload = URL_SAFE_NO_PAD.decode(token.0.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Claims>(&payload).ok().map(|claims| claims.exp)
}

impl RefreshingTokens {
    /// From a log-in or refresh that has just been answered.
    pub fn new(api: ApiClient, tokens: TokenResponse, keeper: Option<Arc<dyn TokenKeeper>>) -> Self {
        Self { api, keeper, current: Arc::new(Mutex::new(Current::fresh(tokens))) }
    }

    /// From tokens of an earlier run. They are renewed when the access token has run out, or the server says so: a renewal at
    /// every start is one more that a killed process may lose.
    pub fn restored(api: ApiClient, tokens: TokenResponse, keeper: Option<Arc<dyn TokenKeeper>>) -> Self {
        Self { api, keeper, current: Arc::new(Mutex::new(Current::restored(tokens, SystemTime::now()))) }
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
        // The exchange goes on in its own task, so that a caller who gives up between the server's answer and our storing it
        // does not make the next one ask again.
        #[expect(clippy::disallowed_methods, reason = "a client library has no supervisor; the task ends with one request")]
        let renewal = tokio::spawn(async move {
            let mut tokens = api.refresh(&current.tokens.refresh_token).await?;
            let access = tokens.access_token.clone();
            if let Some(keeper) = keeper
                && let Err(error) = keeper.keep_tokens(&tokens).await
            {
                // The stored token stays good as long as its successor is not used, so that one is not used. Were it, the next
                // run would come with a token that ends the session.
                tracing::warn!(error = &error as &(dyn std::error::Error + 'static), "the renewed tokens could not be stored");
                tokens.refresh_token = current.tokens.refresh_token.clone();
            }
            *current = Current::fresh(tokens);
            Ok(access)
        });
        renewal.await.unwrap_or(Err(ClientError::NoToken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(expires_at: u64) -> TokenResponse {
        let payload = URL_SAFE_NO_PAD.encode(format!(r#"{{"exp":{expires_at},"sub":"x"}}"#));
        TokenResponse {
            user_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            session_id: "01ARZ3NDEKTSV4RRFFQ69G5FAA".parse().unwrap(),
            access_token: Secret(format!("e30.{payload}.c2ln")),
            expires_in_s: 900,
            refresh_token: Secret("r".to_owned()),
        }
    }

    #[test]
    fn restored_tokens_are_used_while_they_are_good() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let left = |tokens| Current::restored(tokens, now).renew_at.saturating_duration_since(Instant::now()).as_secs_f64().round();
        assert!((left(tokens(1_000_600)) - 570.0).abs() < 2.0);
        assert!(left(tokens(1_000_020)) < 1.0, "about to run out");
        assert!(left(tokens(900_000)) < 1.0, "long over");
        assert!(left(tokens(9_000_000)) <= 870.0, "a clock that is wrong is believed for one token's life");
        let opaque = TokenResponse { access_token: Secret("opaque".to_owned()), ..tokens(1_000_600) };
        assert!(left(opaque) < 1.0);
    }

    /// Nobody listens on port 1: whoever renews gets an error, and whoever does not gets the token.
    #[tokio::test]
    async fn a_restored_token_that_is_good_is_not_renewed() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let api = ApiClient::new("http://127.0.0.1:1").unwrap();
        let good = RefreshingTokens::restored(api.clone(), tokens(now + 600), None);
        let token = good.access_token(None).await.unwrap();
        assert!(good.access_token(Some(&token)).await.is_err(), "refused by the server, it is renewed");
        let over = RefreshingTokens::restored(api, tokens(now - 1), None);
        assert!(over.access_token(None).await.is_err());
    }
}
