use axum::extract::State;
use axum::http::StatusCode;
use relay_protocol::rest::Problem;
use relay_types::SessionId;

use crate::error::ApiError;
use crate::extract::{Caller, PathId};
use crate::flush::flush;
use crate::state::App;

/// Ends one of the caller's sessions; its sockets close.
#[utoipa::path(
    delete, path = "/v1/auth/sessions/{id}", operation_id = "revokeSession", tag = "auth", security(("access_token" = [])),
    params(("id" = SessionId, Path, description = "Which.")),
    responses(
        (status = 204, description = "The session has ended."),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn revoke_session(
    State(app): State<App>,
    caller: Caller,
    PathId(session): PathId<SessionId>,
) -> Result<StatusCode, ApiError> {
    let touched = app.deps.sessions.revoke(caller.user, session, app.now_ms()).await?;
    app.session_cache.forget(session);
    flush(&app, &touched).await?;
    Ok(StatusCode::NO_CONTENT)
}
