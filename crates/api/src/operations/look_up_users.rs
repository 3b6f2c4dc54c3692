use axum::Json;
use axum::extract::State;
use relay_protocol::rest::{LookUpUsersRequest, Problem, UserList};

use super::some_people;
use crate::error::ApiError;
use crate::extract::{Body, Caller};
use crate::state::App;

/// Users by id, many at once: the names of members who have left, for instance.
#[utoipa::path(
    post, path = "/v1/users/lookup", operation_id = "lookUpUsers", tag = "users", security(("access_token" = [])),
    request_body = LookUpUsersRequest,
    responses(
        (status = 200, description = "Those who exist.", body = UserList),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn look_up_users(
    State(app): State<App>,
    _caller: Caller,
    Body(request): Body<LookUpUsersRequest>,
) -> Result<Json<UserList>, ApiError> {
    Ok(Json(UserList { users: app.deps.accounts.profiles(&some_people(request.user_ids)?).await? }))
}
