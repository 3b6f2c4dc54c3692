use axum::Json;
use axum::extract::State;
use relay_domain::ports::{HashError, NewSession};
use relay_protocol::ErrorCode;
use relay_protocol::rest::{LoginRequest, Problem, Secret, TokenResponse};
use relay_types::SessionId;

use super::given_password;
use crate::error::ApiError;
use crate::extract::{Body, ClientAddress, enforce, enforce_untold, guess, guessed_right, not_guessed};
use crate::flush::{flush, flush_soon};
use crate::state::App;

/// Opens a session for a device. An unknown handle, a wrong password and a disabled account get the same answer after the same
/// work. Wrong passwords are answered with growing delays for whoever tries them, and not for the account's owner elsewhere.
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
) -> Result<Json<TokenResponse>, ApiError> {
    given_password(&request.password.0)?;
    let (limits, network, now_ms) = (&app.config.limits, address.limit_key(), app.now_ms());
    enforce(&app, "login-address", limits.logins_per_address, &network).await?;
    let found = app.deps.accounts.credentials(&request.handle, &network, now_ms).await?;
    // Before the password is looked at, so that many guesses at once do not pass; and after the store answered, so that its
    // absence is not taken for a guess.
    let (rule, key) = (limits.login_failures.rule("login"), format!("{}|{network}", request.handle));
    guess(&app, rule, &key).await?;
    if !found.as_ref().is_some_and(|found| found.known_network) {
        let admitted = enforce_untold(&app, "login-handle", limits.logins_per_handle, request.handle.as_str()).await;
        if admitted.is_err() {
            not_guessed(&app, rule, &key).await;
        }
        admitted?;
    }
    let verified = app.deps.passwords.verify(request.password.0, found.as_ref().map(|found| found.password_hash.clone())).await;
    if matches!(verified, Err(HashError::Busy)) {
        not_guessed(&app, rule, &key).await;
    }
    let verified = verified?;
    let found = found.filter(|found| verified && !found.disabled).ok_or_else(|| ApiError::plain(ErrorCode::BadCredentials))?;
    guessed_right(&app, rule, &key).await;

    let refresh = app.deps.tokens.refresh()?;
    let ends = app.deps.tokens.session_ends(now_ms);
    let session = NewSession {
        session: SessionId::new(app.deps.ids.next_ulid()),
        user: found.user,
        password_hash: found.password_hash,
        network,
        device_name: request.device_name,
        device_kind: request.device_kind,
        refresh: refresh.hash,
        refresh_expires_at_ms: ends.refresh_ms,
        ends_at_ms: ends.session_ms,
        at_ms: now_ms,
        max_sessions: app.config.max_sessions,
    };
    let opened = app.deps.sessions.open(&session).await?;
    if !opened.touched.is_empty() {
        app.session_cache.forget_all();
    }
    flush(&app, &opened.touched).await?;
    flush_soon(&app, opened.told).await;
    let access = app.deps.tokens.access(session.user, session.session, now_ms)?;
    Ok(Json(TokenResponse {
        user_id: session.user,
        session_id: session.session,
        access_token: Secret(access.token),
        expires_in_s: access.expires_in_s,
        refresh_token: Secret(refresh.token),
    }))
}
