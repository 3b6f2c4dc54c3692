use axum::Json;
use axum::extract::State;
use relay_protocol::ErrorCode;
use relay_protocol::rest::{FindUserQuery, Problem, UserProfile};

use crate::error::ApiError;
use crate::extract::{Caller, Params};
use crate::state::App;

/// The user with exactly this handle.
#[utoipa::path(
    get, path = "/v1/users", operation_id = "findUser", tag = "users", security(("access_token" = [])), params(FindUserQuery),
    responses(
        (status = 200, description = "The user.", body = UserProfile),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn find_user(
    State(app): State<App>,
    _caller: Caller,
    Params(query): Params<FindUserQuery>,
) -> Result<Json<UserProfile>, ApiError> {
    let found = app.deps.accounts.find_by_handle(&query.handle).await?;
    found.map(Json).ok_or_else(|| ApiError::plain(ErrorCode::UnknownUser))
}
