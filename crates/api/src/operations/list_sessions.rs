use axum::Json;
use axum::extract::State;
use relay_protocol::rest::{DeviceSession, Problem, SessionList};

use crate::error::ApiError;
use crate::extract::Caller;
use crate::state::App;

/// The caller's live sessions, newest first.
#[utoipa::path(
    get, path = "/v1/auth/sessions", operation_id = "listSessions", tag = "auth", security(("access_token" = [])),
    responses(
        (status = 200, description = "The sessions.", body = SessionList),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_sessions(State(app): State<App>, caller: Caller) -> Result<Json<SessionList>, ApiError> {
    let records = app.deps.sessions.list(caller.user, app.now_ms()).await?;
    let sessions = records
        .into_iter()
        .map(|record| DeviceSession {
            session_id: record.session,
            device_name: record.device_name,
            device_kind: record.device_kind,
            created_at_ms: record.created_at_ms,
            last_used_at_ms: record.last_used_at_ms,
            current: record.session == caller.session,
        })
        .collect();
    Ok(Json(SessionList { sessions }))
}
