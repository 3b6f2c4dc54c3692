use axum::Json;
use axum::extract::State;
use relay_protocol::ErrorCode;
use relay_protocol::rest::{Problem, UserProfile};
use relay_types::UserId;

use crate::error::ApiError;
use crate::extract::{Caller, PathId};
use crate::state::App;

/// A user by id.
#[utoipa::path(
    get, path = "/v1/users/{id}", operation_id = "getUser", tag = "users", security(("access_token" = [])),
    params(("id" = UserId, Path, description = "Who.")),
    responses(
        (status = 200, description = "The user.", body = UserProfile),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_user(State(app): State<App>, _caller: Caller, PathId(id): PathId<UserId>) -> Result<Json<UserProfile>, ApiError> {
    let found = app.deps.accounts.profile(id).await?;
    found.map(Json).ok_or_else(|| ApiError::plain(ErrorCode::UnknownUser))
}
