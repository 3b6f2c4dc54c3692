use axum::Json;
use axum::extract::State;
use relay_domain::ports::{RotateError, Rotation};
use relay_protocol::ErrorCode;
use relay_protocol::rest::{Problem, RefreshRequest, Secret, TokenResponse};

use crate::error::ApiError;
use crate::extract::{Body, ClientAddress, enforce};
use crate::flush::{flush, flush_soon};
use crate::state::App;

/// Exchanges a refresh token for new tokens. The same one again gets the same answer until the new one is used, because an
/// answer may be lost; after that it ends the session, because two hold it.
#[utoipa::path(
    post, path = "/v1/auth/refresh", operation_id = "refresh", tag = "auth", request_body = RefreshRequest,
    responses(
        (status = 200, description = "The device's new tokens.", body = TokenResponse),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn refresh(
    State(app): State<App>,
    address: ClientAddress,
    Body(request): Body<RefreshRequest>,
) -> Result<Json<TokenResponse>, ApiError> {
    enforce(&app, "refresh", app.config.limits.logins_per_address, &address.limit_key()).await?;
    let presented = app.deps.tokens.refresh_hash(&request.refresh_token.0).ok_or(RotateError::Invalid)?;
    let now_ms = app.now_ms();
    let nonce = app.deps.tokens.nonce()?;
    let next = app.deps.tokens.next_refresh(&request.refresh_token.0, &nonce).ok_or(RotateError::Invalid)?;
    let refresh_expires_at_ms = app.deps.tokens.session_ends(now_ms).refresh_ms;
    let rotation = Rotation { presented, replacement: next.hash, nonce, refresh_expires_at_ms, at_ms: now_ms };
    let rotated = match app.deps.sessions.rotate(&rotation).await {
        Err(RotateError::Reused { touched }) => {
            app.session_cache.forget_all();
            flush(&app, &touched).await?;
            return Err(ApiError::plain(ErrorCode::RefreshReused));
        }
        other => other?,
    };
    if let Some(told) = rotated.told {
        flush_soon(&app, told).await;
    }
    let next = app.deps.tokens.next_refresh(&request.refresh_token.0, &rotated.nonce).ok_or(RotateError::Invalid)?;
    let access = app.deps.tokens.access(rotated.user, rotated.session, now_ms)?;
    Ok(Json(TokenResponse {
        user_id: rotated.user,
        session_id: rotated.session,
        access_token: Secret(access.token),
        expires_in_s: access.expires_in_s,
        refresh_token: Secret(next.token),
    }))
}
