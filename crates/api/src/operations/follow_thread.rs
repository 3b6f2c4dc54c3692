use axum::extract::State;
use axum::http::StatusCode;
use relay_protocol::rest::Problem;
use relay_protocol::threads::FollowThreadRequest;
use relay_types::{ConversationId, MessageId};

use super::projected;
use crate::error::ApiError;
use crate::extract::{Body, Caller, PathMessage, enforce};
use crate::flush::flush;
use crate::state::App;

/// Follows the thread under a message, or no longer. Who sent its root and who replies follows it without this; a reply after one ended
/// that follows it again. The caller's other devices are told (`THREAD_MARK_MOVED`), and nobody else is. A person follows the 1,000
/// threads in which they last took part. Once more changes nothing.
#[utoipa::path(
    put, path = "/v1/conversations/{id}/messages/{message_id}/thread", operation_id = "followThread", tag = "messages",
    security(("access_token" = [])),
    params(("id" = ConversationId, Path, description = "Where."), ("message_id" = MessageId, Path, description = "The root.")),
    request_body = FollowThreadRequest,
    responses(
        (status = 204, description = "It is so."),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn follow_thread(
    State(app): State<App>,
    caller: Caller,
    PathMessage(conversation, root): PathMessage,
    Body(request): Body<FollowThreadRequest>,
) -> Result<StatusCode, ApiError> {
    let rate = app.config.limits.conversation_settings_per_user;
    enforce(&app, "conversation-settings", rate, &caller.user.to_string()).await?;
    projected(&app, caller.user, conversation).await?;
    let address = app.deps.threads.follow_thread(caller.user, conversation, root, request.following, app.now_ms()).await?;
    flush(&app, &[address]).await?;
    Ok(StatusCode::NO_CONTENT)
}
