use axum::extract::State;
use axum::http::StatusCode;
use relay_protocol::rest::Problem;
use relay_protocol::threads::MarkThreadReadRequest;
use relay_types::{ConversationId, MessageId};

use super::projected_to;
use crate::error::ApiError;
use crate::extract::{Body, Caller, PathMessage, enforce};
use crate::flush::flush_soon;
use crate::state::App;

/// Moves the caller's mark in a thread that they follow forward; never back, never beyond the newest reply. It is their own affair: their
/// other devices are told (`THREAD_MARK_MOVED`), at once or, if that was said of the thread less than 5 s ago, then; nobody else is. In a
/// thread that they do not follow nothing changes.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/messages/{message_id}/thread/read", operation_id = "markThreadRead", tag = "messages",
    security(("access_token" = [])),
    params(("id" = ConversationId, Path, description = "Where."), ("message_id" = MessageId, Path, description = "The root.")),
    request_body = MarkThreadReadRequest,
    responses(
        (status = 204, description = "The mark is at least there, or at the newest reply."),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn mark_thread_read(
    State(app): State<App>,
    caller: Caller,
    PathMessage(conversation, root): PathMessage,
    Body(request): Body<MarkThreadReadRequest>,
) -> Result<StatusCode, ApiError> {
    enforce(&app, "read-marks", app.config.limits.read_marks_per_user, &caller.user.to_string()).await?;
    projected_to(&app, caller.user, conversation, request.seq).await?;
    if let Some(address) = app.deps.threads.mark_thread_read(caller.user, conversation, root, request.seq, app.now_ms()).await? {
        flush_soon(&app, address).await;
    }
    Ok(StatusCode::NO_CONTENT)
}
