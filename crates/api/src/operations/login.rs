use axum::Json;
use axum::extract::State;
use relay_domain::ports::NewSession;
use relay_protocol::ErrorCode;
use relay_protocol::rest::{LoginRequest, Problem, Secret, TokenResponse};
use relay_types::SessionId;

use super::MAX_PASSWORD;
use crate::deps::App;
use crate::extract::{Body, ClientAddress, enforce};
use crate::flush::flush;
use crate::refusal::Refusal;

/// Opens a session for a device. An unknown handle and a wrong password get the same answer after the same work.
#[utoipa::path(
    post, path = "/v1/auth/login", operation_id = "login", tag = "auth", request_body = LoginRequest,
    responses(
        (status = 200, description = "The device's tokens.", body = TokenResponse),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn login(
    State(app): State<App>,
    address: ClientAddress,
    Body(request): Body<LoginRequest>,
) -> Result<Json<TokenResponse>, Refusal> {
    if request.password.0.len() > MAX_PASSWORD {
        return Err(Refusal::new(ErrorCode::InvalidField, format!("password has at most {MAX_PASSWORD} bytes")));
    }
    let limits = &app.config.limits;
    enforce(&app, "login-address", limits.logins_per_address, &address.limit_key()).await?;
    enforce(&app, "login-handle", limits.logins_per_handle, request.handle.as_str()).await?;

    let (user, stored) = app.deps.accounts.credentials(&request.handle).await?.map(|c| (c.user, c.password_hash)).unzip();
    let verified = app.deps.passwords.verify(request.password.0, stored).await?;
    let user = user.filter(|_| verified).ok_or_else(|| Refusal::plain(ErrorCode::BadCredentials))?;

    let now_ms = app.now_ms();
    let refresh = app.deps.tokens.refresh()?;
    let ends = app.deps.tokens.session_ends(now_ms);
    let session = NewSession {
        session: SessionId::new(app.deps.ids.next_ulid()),
        user,
        device_name: request.device_name,
        refresh: refresh.hash,
        refresh_expires_at_ms: ends.refresh_ms,
        ends_at_ms: ends.session_ms,
        at_ms: now_ms,
        max_sessions: app.config.max_sessions,
    };
    let touched = app.deps.sessions.open(&session).await?;
    if !touched.is_empty() {
        app.live.forget_all();
    }
    flush(&app, &touched).await?;
    let access = app.deps.tokens.access(user, session.session, now_ms)?;
    Ok(Json(TokenResponse {
        user_id: user,
        session_id: session.session,
        access_token: Secret(access.token),
        expires_in_s: access.expires_in_s,
        refresh_token: Secret(refresh.token),
    }))
}
