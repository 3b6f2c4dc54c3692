use axum::Json;
use axum::extract::State;
use relay_protocol::rest::{AddMemberRequest, Conversation, Problem};
use relay_types::ConversationId;

use crate::deps::App;
use crate::extract::{Body, Caller, PathId};
use crate::flush::flush;
use crate::refusal::Refusal;

/// Brings someone into a group. For admins and the owner. Someone who is in it already stays as they are.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/members", operation_id = "addMember", tag = "conversations",
    security(("access_token" = [])), params(("id" = ConversationId, Path, description = "Which.")), request_body = AddMemberRequest,
    responses(
        (status = 200, description = "The group with its new member.", body = Conversation),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn add_member(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<ConversationId>,
    Body(request): Body<AddMemberRequest>,
) -> Result<Json<Conversation>, Refusal> {
    let max = app.config.max_group_members;
    let decided = app.deps.conversations.add_member(caller.user, id, request.user_id, max, app.now_ms()).await?;
    flush(&app, &decided.touched).await?;
    Ok(Json(decided.value))
}
