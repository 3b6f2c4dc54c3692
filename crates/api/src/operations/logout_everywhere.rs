use axum::extract::State;
use axum::http::StatusCode;
use relay_protocol::rest::Problem;

use crate::deps::App;
use crate::extract::Caller;
use crate::flush::flush;
use crate::refusal::Refusal;

/// Ends every session of the caller's, this one too; their sockets close.
#[utoipa::path(
    delete, path = "/v1/auth/sessions", operation_id = "logoutEverywhere", tag = "auth", security(("access_token" = [])),
    responses(
        (status = 204, description = "No session is left."),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn logout_everywhere(State(app): State<App>, caller: Caller) -> Result<StatusCode, Refusal> {
    let touched = app.deps.sessions.revoke_all(caller.user, app.now_ms()).await?;
    app.live.forget_all();
    flush(&app, &touched).await?;
    Ok(StatusCode::NO_CONTENT)
}
