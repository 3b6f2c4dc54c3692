use axum::extract::State;
use axum::http::StatusCode;
use relay_domain::ports::{HashError, PasswordChange};
use relay_protocol::ErrorCode;
use relay_protocol::rest::{ChangePasswordRequest, Problem};

use super::{given_password, new_password};
use crate::error::ApiError;
use crate::extract::{Body, Caller, guess, guessed_right, not_guessed};
use crate::flush::flush;
use crate::state::App;

/// Changes the caller's password. The caller's other sessions end; their sockets close. May be repeated.
#[utoipa::path(
    post, path = "/v1/auth/password", operation_id = "changePassword", tag = "auth", security(("access_token" = [])),
    request_body = ChangePasswordRequest,
    responses(
        (status = 204, description = "The new password holds, and no other session is left."),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn change_password(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<ChangePasswordRequest>,
) -> Result<StatusCode, ApiError> {
    given_password(&request.current_password.0)?;
    new_password(&request.new_password.0)?;
    let wrong = || ApiError::plain(ErrorCode::BadCredentials);
    let (known, profile) = app.deps.accounts.password_of(caller.user).await?.ok_or_else(wrong)?;
    // Whoever holds a stolen session must not learn the password by trying.
    let (rule, key) = (app.config.limits.login_failures.rule("password"), caller.user.to_string());
    guess(&app, rule, &key).await?;
    let passwords = &app.deps.passwords;
    let verified = passwords.verify(request.current_password.0, Some(known.clone())).await;
    if matches!(verified, Err(HashError::Busy)) {
        not_guessed(&app, rule, &key).await;
    }
    let new = if verified? {
        passwords.hash(request.new_password.0, vec![profile.handle.to_string(), profile.display_name.to_string()]).await?
    } else if passwords.verify(request.new_password.0, Some(known.clone())).await? {
        // A repetition: it was changed, and the answer did not arrive.
        known.clone()
    } else {
        return Err(wrong());
    };
    guessed_right(&app, rule, &key).await;
    let change = PasswordChange { user: caller.user, known, new, keep: caller.session, at_ms: app.now_ms() };
    let touched = app.deps.accounts.change_password(&change).await?.ok_or_else(wrong)?;
    app.session_cache.forget_all();
    flush(&app, &touched).await?;
    Ok(StatusCode::NO_CONTENT)
}
