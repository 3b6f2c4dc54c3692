use axum::Json;
use axum::extract::State;
use relay_protocol::ErrorCode;
use relay_protocol::rest::{Problem, Settings};

use crate::error::ApiError;
use crate::extract::Caller;
use crate::state::App;

/// What the caller has set for all their devices.
#[utoipa::path(
    get, path = "/v1/users/me/settings", operation_id = "getSettings", tag = "users", security(("access_token" = [])),
    responses(
        (status = 200, description = "All settings.", body = Settings),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_settings(State(app): State<App>, caller: Caller) -> Result<Json<Settings>, ApiError> {
    let settings = app.deps.settings.settings(caller.user).await?;
    settings.map(Json).ok_or_else(|| ApiError::plain(ErrorCode::UnknownUser))
}
