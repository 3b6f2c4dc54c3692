use axum::Json;
use axum::extract::State;
use relay_protocol::ErrorCode;
use relay_protocol::rest::{Problem, UserProfile};

use crate::error::ApiError;
use crate::extract::Caller;
use crate::state::App;

/// The caller.
#[utoipa::path(
    get, path = "/v1/users/me", operation_id = "me", tag = "users", security(("access_token" = [])),
    responses(
        (status = 200, description = "The caller.", body = UserProfile),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn me(State(app): State<App>, caller: Caller) -> Result<Json<UserProfile>, ApiError> {
    let found = app.deps.accounts.profile(caller.user).await?;
    found.map(Json).ok_or_else(|| ApiError::plain(ErrorCode::UnknownUser))
}
