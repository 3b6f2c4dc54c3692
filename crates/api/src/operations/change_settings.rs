use axum::Json;
use axum::extract::State;
use relay_protocol::ErrorCode;
use relay_protocol::presence::{Availability, PresenceAudience};
use relay_protocol::rest::{ChangeSettingsRequest, Problem, Settings};

use crate::error::ApiError;
use crate::extract::{Body, Caller, enforce};
use crate::flush::flush;
use crate::state::App;

/// Changes what is named of the caller's settings. Their other devices are told (`SETTINGS_CHANGED`).
#[utoipa::path(
    patch, path = "/v1/users/me/settings", operation_id = "changeSettings", tag = "users", security(("access_token" = [])),
    request_body = ChangeSettingsRequest,
    responses(
        (status = 200, description = "All settings, as they are now.", body = Settings),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn change_settings(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<ChangeSettingsRequest>,
) -> Result<Json<Settings>, ApiError> {
    enforce(&app, "settings", app.config.limits.settings_changes_per_user, &caller.user.to_string()).await?;
    // Kept for a newer version, it would be taken for the most careful one without a word.
    let unknown =
        matches!(request.presence_to, Some(PresenceAudience::Unknown(_))) || matches!(request.availability, Some(Availability::Unknown(_)));
    if unknown {
        return Err(ApiError::new(ErrorCode::InvalidField, "a setting has a value that is not known"));
    }
    let changed = app.deps.settings.change_settings(caller.user, request, app.now_ms()).await?;
    let (settings, touched) = changed.ok_or_else(|| ApiError::plain(ErrorCode::UnknownUser))?;
    flush(&app, &touched).await?;
    Ok(Json(settings))
}
