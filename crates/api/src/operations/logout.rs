use axum::extract::State;
use axum::http::StatusCode;
use relay_domain::ports::RevokeError;
use relay_protocol::ErrorCode;
use relay_protocol::rest::Problem;

use crate::error::ApiError;
use crate::extract::Leaving;
use crate::flush::flush;
use crate::state::App;

/// Ends the caller's own session; its sockets close. Once more, after an answer that was lost, succeeds again.
#[utoipa::path(
    post, path = "/v1/auth/logout", operation_id = "logout", tag = "auth", security(("access_token" = [])),
    responses(
        (status = 204, description = "The session has ended."),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn logout(State(app): State<App>, Leaving(caller): Leaving) -> Result<StatusCode, ApiError> {
    app.session_cache.forget(caller.session);
    let touched = match app.deps.sessions.revoke(caller.user, caller.session, app.now_ms()).await {
        // Forgotten long after it ended.
        Err(RevokeError::UnknownSession) => return Err(ApiError::plain(ErrorCode::SessionRevoked)),
        other => other?,
    };
    // Another request may have remembered it in between.
    app.session_cache.forget(caller.session);
    flush(&app, &touched).await?;
    Ok(StatusCode::NO_CONTENT)
}
