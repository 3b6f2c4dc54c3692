use axum::extract::State;
use axum::http::StatusCode;
use relay_protocol::rest::{Problem, SetRoleRequest};
use relay_types::{ConversationId, UserId};

use crate::error::ApiError;
use crate::extract::{Body, Caller, PathMember};
use crate::flush::flush;
use crate::state::App;

/// Gives a member another role. For the owner; `owner` hands the group over and makes the caller an admin.
#[utoipa::path(
    put, path = "/v1/conversations/{id}/members/{user_id}/role", operation_id = "setRole", tag = "conversations",
    security(("access_token" = [])), request_body = SetRoleRequest,
    params(("id" = ConversationId, Path, description = "Which."), ("user_id" = UserId, Path, description = "Whose.")),
    responses(
        (status = 204, description = "They have the role."),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn set_role(
    State(app): State<App>,
    caller: Caller,
    PathMember(id, user): PathMember<ConversationId, UserId>,
    Body(request): Body<SetRoleRequest>,
) -> Result<StatusCode, ApiError> {
    let decided = app.deps.conversations.set_role(caller.user, id, user, request.role, app.now_ms()).await?;
    flush(&app, &decided.touched).await?;
    Ok(StatusCode::NO_CONTENT)
}
