use axum::extract::State;
use axum::http::StatusCode;
use relay_protocol::rest::Problem;
use relay_types::{ConversationId, UserId};

use crate::error::ApiError;
use crate::extract::{Caller, PathMember};
use crate::flush::flush;
use crate::state::App;

/// Puts someone out of a group, withdraws their invitation, or leaves it (one's own id). Admins put out members; the owner anyone.
#[utoipa::path(
    delete, path = "/v1/conversations/{id}/members/{user_id}", operation_id = "removeMember", tag = "conversations",
    security(("access_token" = [])),
    params(("id" = ConversationId, Path, description = "Which."), ("user_id" = UserId, Path, description = "Who.")),
    responses(
        (status = 204, description = "They are out, and see nothing that follows."),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn remove_member(
    State(app): State<App>,
    caller: Caller,
    PathMember(id, user): PathMember<ConversationId, UserId>,
) -> Result<StatusCode, ApiError> {
    let decided = app.deps.conversations.remove_member(caller.user, id, user, app.now_ms()).await?;
    flush(&app, &decided.touched).await?;
    Ok(StatusCode::NO_CONTENT)
}
