use axum::extract::State;
use axum::http::StatusCode;
use relay_protocol::rest::Problem;
use relay_types::{ConversationId, MessageId};

use super::projected;
use crate::error::ApiError;
use crate::extract::{Caller, PathMessage, enforce};
use crate::flush::flush_soon;
use crate::state::App;

/// Hides a message from the caller alone, for good, on all of their devices, which are told (`MESSAGE_HIDDEN`). Everybody else goes on
/// seeing it. Once more changes nothing.
#[utoipa::path(
    put, path = "/v1/conversations/{id}/messages/{message_id}/hidden", operation_id = "hideMessage", tag = "messages",
    security(("access_token" = [])),
    params(("id" = ConversationId, Path, description = "Where."), ("message_id" = MessageId, Path, description = "Which.")),
    responses(
        (status = 204, description = "It is hidden."),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn hide_message(
    State(app): State<App>,
    caller: Caller,
    PathMessage(conversation, message): PathMessage,
) -> Result<StatusCode, ApiError> {
    enforce(&app, "hidden-messages", app.config.limits.hidden_messages_per_user, &caller.user.to_string()).await?;
    projected(&app, caller.user, conversation).await?;
    if let Some(address) = app.deps.conversations.hide_message(caller.user, conversation, message, app.now_ms()).await? {
        flush_soon(&app, address).await;
    }
    Ok(StatusCode::NO_CONTENT)
}
