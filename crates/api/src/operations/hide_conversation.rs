use axum::extract::State;
use axum::http::StatusCode;
use relay_protocol::rest::Problem;
use relay_types::ConversationId;

use crate::error::ApiError;
use crate::extract::{Caller, PathId, enforce};
use crate::flush::flush;
use crate::state::App;

/// Leaves a conversation out of the caller's list until there is a message in it that is newer.
#[utoipa::path(
    put, path = "/v1/conversations/{id}/hidden", operation_id = "hideConversation", tag = "conversations",
    security(("access_token" = [])), params(("id" = ConversationId, Path, description = "Which.")),
    responses(
        (status = 204, description = "It is hidden."),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn hide_conversation(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<ConversationId>,
) -> Result<StatusCode, ApiError> {
    let rate = app.config.limits.conversation_settings_per_user;
    enforce(&app, "conversation-settings", rate, &caller.user.to_string()).await?;
    let decided = app.deps.conversations.set_hidden(caller.user, id, true, app.now_ms()).await?;
    flush(&app, &decided.touched).await?;
    Ok(StatusCode::NO_CONTENT)
}
