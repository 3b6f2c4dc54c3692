use axum::extract::State;
use axum::http::StatusCode;
use relay_domain::ports::RevokeError;
use relay_protocol::ErrorCode;
use relay_protocol::rest::Problem;

use crate::error::ApiError;
use crate::extract::Leaving;
use crate::flush::flush;
use crate::state::App;

/// Ends every session of the caller's, this one too; their sockets close.
#[utoipa::path(
    delete, path = "/v1/auth/sessions", operation_id = "logoutEverywhere", tag = "auth", security(("access_token" = [])),
    responses(
        (status = 204, description = "No session is left."),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn logout_everywhere(State(app): State<App>, Leaving(caller): Leaving) -> Result<StatusCode, ApiError> {
    if app.deps.sessions.is_live(caller.user, caller.session, app.now_ms()).await? {
        let touched = app.deps.sessions.revoke_all(caller.user, app.now_ms()).await?;
        app.session_cache.forget_all();
        flush(&app, &touched).await?;
        return Ok(StatusCode::NO_CONTENT);
    }
    // Perhaps a repetition: "over" is said when the log has it. It ends no other session, since the token may be a thief's.
    match app.deps.sessions.revoke(caller.user, caller.session, app.now_ms()).await {
        Ok(touched) => flush(&app, &touched).await?,
        Err(RevokeError::UnknownSession) => {}
        Err(error) => return Err(error.into()),
    }
    Err(ApiError::plain(ErrorCode::SessionRevoked))
}
