use axum::extract::State;
use axum::http::StatusCode;
use relay_protocol::rest::{Problem, RenameRequest};
use relay_types::ConversationId;

use crate::error::ApiError;
use crate::extract::{Body, Caller, PathId};
use crate::flush::flush;
use crate::state::App;

/// Gives a group another title. For admins and the owner.
#[utoipa::path(
    patch, path = "/v1/conversations/{id}", operation_id = "renameConversation", tag = "conversations",
    security(("access_token" = [])), params(("id" = ConversationId, Path, description = "Which.")), request_body = RenameRequest,
    responses(
        (status = 204, description = "The group is renamed."),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn rename_conversation(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<ConversationId>,
    Body(request): Body<RenameRequest>,
) -> Result<StatusCode, ApiError> {
    let decided = app.deps.conversations.rename(caller.user, id, &request.title, app.now_ms()).await?;
    flush(&app, &decided.touched).await?;
    Ok(StatusCode::NO_CONTENT)
}
