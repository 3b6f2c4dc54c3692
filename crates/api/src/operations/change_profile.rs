use axum::Json;
use axum::extract::State;
use relay_protocol::ErrorCode;
use relay_protocol::rest::{ChangeProfileRequest, Problem, UserProfile};

use crate::error::ApiError;
use crate::extract::{Body, Caller, enforce};
use crate::flush::flush;
use crate::state::App;

/// Changes how the caller is shown to others. Their other devices are told (`PROFILE_CHANGED`).
#[utoipa::path(
    patch, path = "/v1/users/me", operation_id = "changeProfile", tag = "users", security(("access_token" = [])),
    request_body = ChangeProfileRequest,
    responses(
        (status = 200, description = "The caller, as others see them now.", body = UserProfile),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn change_profile(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<ChangeProfileRequest>,
) -> Result<Json<UserProfile>, ApiError> {
    enforce(&app, "profile", app.config.limits.profile_changes_per_user, &caller.user.to_string()).await?;
    let changed = app.deps.accounts.change_profile(caller.user, &request.display_name, app.now_ms()).await?;
    let (profile, touched) = changed.ok_or_else(|| ApiError::plain(ErrorCode::UnknownUser))?;
    flush(&app, &touched).await?;
    Ok(Json(profile))
}
