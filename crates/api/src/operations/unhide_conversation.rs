use axum::extract::State;
use axum::http::StatusCode;
use relay_protocol::rest::Problem;
use relay_types::ConversationId;

use crate::error::ApiError;
use crate::extract::{Caller, PathId};
use crate::state::App;

/// Lists a hidden conversation again.
#[utoipa::path(
    delete, path = "/v1/conversations/{id}/hidden", operation_id = "unhideConversation", tag = "conversations",
    security(("access_token" = [])), params(("id" = ConversationId, Path, description = "Which.")),
    responses(
        (status = 204, description = "It is listed."),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn unhide_conversation(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<ConversationId>,
) -> Result<StatusCode, ApiError> {
    app.deps.conversations.set_hidden(caller.user, id, false).await?;
    Ok(StatusCode::NO_CONTENT)
}
